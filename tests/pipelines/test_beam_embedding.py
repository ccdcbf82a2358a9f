"""The teacher as a step of its own: the same release, each text once, on the machines that were asked for."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tiny_models import SENTENCES, build_static
from toys import Silent
from worlds import record, table

from curation.config import parse_config
from curation.config.mining import Mining
from curation.errors import CurationError
from curation.mining.inputs import find_teachers
from curation.mining.policies import Policies
from curation.mining.teachers.load import _load
from curation.mining.teachers.sentence_transformer import SentenceTransformerTeacher
from curation.outcome import Outcome
from curation.quota.counts import count_rows, merge_counts
from pipelines.beam import BeamEngine, beam_options
from pipelines.graph import Counting, Mine
from pipelines.run import RunOptions, run
from pipelines.stages import Graph, MapStage, Piece, SourceStage
from pipelines.store import Store

LANGUAGES = ("eng", "hin", "tam", "tha", "mya", "zho", "jpn", "kor", "arb", "heb", "amh", "kat", "rus")
EACH = 30
NOUNS = (
    *("anchor", "bridge", "candle", "dragon", "engine", "forest", "garden", "harbour"),
    *("island", "jungle", "kettle", "lantern", "mirror", "needle", "orchard"),
)
CONFIG = """
name: tiny
sources:
  - {name: pairs, format: jsonl, path: pairs.jsonl, licence: CC0-1.0, task: bitext,
     query_language: eng, positive_language: {column: lang}}
identify: {enabled: false}
filters: {profile: lenient, boilerplate: {max_queries: null}, same_language: null}
dedup: {exact: false, near: false}
split: {validation: 0.1, test: 0.1, near_duplicates: false}
engine: {partitions: 3}
gate: {enabled: false}
mining:
  teacher: {model: model, batch_size: 16}
  num_negatives: 3
  max_score: null
  max_positive_ratio: 1.0
  skip_rank: 0
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return sentences in English, each with a translation in every language; some differ in case alone."""
    folder = tmp_path_factory.mktemp("tiny")
    rows = [
        {"query": f"the boat number {number % 25}", "positive": f"{text} {number * 7 // 2 * 2}", "lang": language}
        for language, text in zip(LANGUAGES, SENTENCES, strict=True)
        for number in range(EACH)
    ]
    rows += [{**row, "positive": row["positive"].upper(), "query": row["query"] + "?"} for row in rows[::9]]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "pairs.jsonl").write_text(text, encoding="utf-8")
    build_static(folder / "model", seed=11)
    return folder


def mined(base: Path, out: Path, *overrides: str, engine: str = "beam", options: tuple[str, ...] = ()) -> None:
    config = parse_config(CONFIG, overrides=overrides)
    run(config, base, out, RunOptions(engine=engine, engine_options=options), Silent())  # type: ignore[arg-type]


def digest(out: Path) -> dict[str, str]:
    files = [*(out / "release").rglob("*.parquet"), *(out / "ledger").rglob("*.parquet")]
    return {str(file.relative_to(out)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


class Asked(Counter[tuple[str, str]]):
    """How often each text was embedded in each role."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    embed, found = SentenceTransformerTeacher.embed, Asked()

    def counting(self: SentenceTransformerTeacher, texts: list[str], role: Any) -> Any:
        found.update((text, role) for text in texts)
        return embed(self, texts, role)

    monkeypatch.setattr(SentenceTransformerTeacher, "embed", counting)
    yield found
    _load.cache_clear()


FALLBACK = "mining.fallback={min_recall: 0.9}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("mining.teacher={model: model, store: int8}", "mining.candidates=hybrid", "engine.partitions=1"),
        ("mining.teacher={model: model, store: bfloat16, query_prompt: '', passage_prompt: ''}", "mining.anchor=both"),
        (FALLBACK, "balance.budget=100", "mining.anchor=positive"),
    ],
    ids=str,
)
def test_the_release_is_that_of_datatrove(base: Path, tmp_path: Path, overrides: tuple[str, ...], asked: Asked) -> None:
    mined(base, tmp_path / "beam", *overrides)
    assert set(asked.values()) == {1}
    mined(base, tmp_path / "datatrove", *overrides, engine="datatrove")
    assert digest(tmp_path / "beam") == digest(tmp_path / "datatrove")
    assert len(digest(tmp_path / "beam")) > 5


@dataclass(frozen=True)
class Count(Counting, MapStage):
    name: str = "count"

    @property
    def settings(self) -> dict[str, Any]:
        return {}

    def apply(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        return Outcome.keep(records)


@dataclass(frozen=True)
class Pairs(SourceStage):
    """Sentences in English, each with a translation in every language; some positives differ in case alone."""

    name: str = "pairs"

    @property
    def settings(self) -> dict[str, Any]:
        return {}

    def read(self, rank: int, world: int) -> Iterator[Piece]:
        rows = pairs()
        mine = rows.take(pa.array(range(rank, rows.num_rows, world), pa.int64()))
        yield Piece(Outcome.keep(mine), mine.num_rows)


def pairs() -> pa.Table:
    """Return records of which a third was not chosen for mining."""
    rows = [
        record(
            number * len(LANGUAGES) + place,
            f"The boat number {number % 25}",
            (text[:3] + NOUNS[number // 2], text[:3] + NOUNS[number // 2].upper())[number % 2],
            positive_language=f"{language}_Xxxx",
            language=f"{language}_Xxxx",
            split=("train", "validation")[number % 10 == 0],
        )
        for number in range(EACH)
        for place, (language, text) in enumerate(zip(LANGUAGES, SENTENCES, strict=True))
    ]
    made = table(*rows)
    ranks = [None if row["split"] == "validation" else row["row"] % 3 for row in rows]
    made = made.append_column("component", made["group"])
    made = made.append_column("quota_rank", pa.array(ranks, pa.int64()))
    return made.append_column("quota_limit", pa.array([2] * len(rows), pa.int64()))


def graph(base: Path, cache: Path | None = None, **options: Any) -> Graph:
    values = {"num_negatives": 3, "max_score": None, "max_positive_ratio": None, "skip_rank": 0, **options}
    teacher = {"model": "model", "batch_size": 16, **values.pop("teacher", {})}
    asked = Mining.model_validate({**values, "teacher": teacher, "on_shortage": "keep"})
    found = find_teachers(asked, base)
    policies = Policies(asked.on_shortage, {})
    return Graph((Pairs(), Count(), Mine(found.options, policies, 7, found.digests, cache, "count")), "code")


def by_beam(
    graph: Graph, folder: Path, options: tuple[str, ...] = (), partitions: int = 3
) -> tuple[pa.Table, dict[str, int]]:
    """Run a graph, and return what was mined, in order of id, and the counters of the stage."""
    engine, store = BeamEngine(partitions, 64, options), Store.at(folder)
    places = list(store.places(graph.digests()).values())
    result = engine.build(beam_options(options), graph, places, range(3)).run()
    result.wait_until_finish()
    counters = {counter.key.metric.name: counter.committed for counter in result.metrics().query()["counters"]}
    parts = [places[2].records(part.name) for part in places[2].written(partitions)]
    assert len(parts) == partitions
    return pa.concat_tables(parts).sort_by("id"), counters


def alone(graph: Graph) -> pa.Table:
    """Return what the stage makes of all records at once, with the model at hand."""
    mine = graph.stages[2]
    assert isinstance(mine, Mine)
    side = mine.side_table(merge_counts([count_rows(pairs())]))
    return mine.reduce(pairs().sort_by("id"), side).records.sort_by("id")


OPTIONS = [
    {},
    {"teacher": {"store": "int8"}, "anchor": "both"},
    {"teacher": {"store": "bfloat16", "query_prompt": "", "passage_prompt": ""}, "anchor": "positive"},
    {"fallback": {"min_recall": 0.2}, "pools": [{"scope": "all"}], "max_pool_rows": 150},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_vectors_from_elsewhere_give_the_same_negatives(
    base: Path, tmp_path: Path, options: dict[str, Any], asked: Asked
) -> None:
    made = graph(base, **options)
    found, counters = by_beam(made, tmp_path)
    assert set(asked.values()) == {1}
    assert counters["embedded"] == asked.total() <= counters["texts"] * 2
    assert counters["num_inferences"] >= asked.total() // 16
    assert "embedded late" not in counters
    assert found.equals(alone(made))
    assert found.num_rows > 200


def test_each_sentence_is_embedded_once_for_all_its_languages(base: Path, tmp_path: Path, asked: Asked) -> None:
    by_beam(graph(base), tmp_path, partitions=5)
    queries = [text for text, role in asked if role == "query"]
    assert len(queries) == len(set(pairs()["query"].to_pylist())) == 25


def test_texts_that_share_a_prompt_share_a_vector(base: Path, tmp_path: Path, asked: Asked) -> None:
    by_beam(graph(base, teacher={"query_prompt": "", "passage_prompt": ""}, anchor="both"), tmp_path)
    assert {role for _, role in asked} == {"passage"}


def test_what_the_cache_holds_is_not_embedded_again(base: Path, tmp_path: Path, asked: Asked) -> None:
    _, first = by_beam(graph(base, tmp_path / "cache"), tmp_path / "first")
    before = asked.total()
    assert first["embedded"] == before > 200
    found, counters = by_beam(graph(base, tmp_path / "cache", top_k=50), tmp_path / "second")
    assert asked.total() == before
    assert counters["embedded"] == 0
    assert found.equals(alone(graph(base, top_k=50)))


def test_a_text_that_nobody_asked_for_is_embedded_late_and_counted(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = Mine.texts
    monkeypatch.setattr(Mine, "texts", lambda self, records, side: texts(self, records, side)[5:])
    found, counters = by_beam(graph(base), tmp_path)
    assert counters["embedded late"] > 0
    assert found.equals(alone(graph(base)))


def test_a_teacher_that_fails_ends_the_run_with_its_paragraph(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: SentenceTransformerTeacher, texts: list[str], role: str) -> None:
        raise CurationError("the teacher failed", where="mining.teacher", why="out of memory", hint="take less")

    monkeypatch.setattr(SentenceTransformerTeacher, "embed", fail)
    with pytest.raises(CurationError, match=r"the teacher failed[\s\S]*why: out of memory\n  next: take less"):
        BeamEngine(2, 64).run(graph(base), Store.at(tmp_path), Silent())
    place = Store.at(tmp_path).stage("mine", graph(base).digests()["mine"])
    assert place.done() is None


ACCELERATOR = "type:nvidia-l4;count:1;install-nvidia-driver"
MACHINES = (
    f"--teacher_accelerator={ACCELERATOR}",
    "--teacher_min_ram=16GB",
    "--mining_min_ram=32GB",
    "--worker_min_ram=4GB",
)


def proto(base: Path, folder: Path, options: tuple[str, ...]) -> Any:
    made = graph(base)
    places = list(Store.at(folder).places(made.digests()).values())
    return BeamEngine(3, 64, options).build(beam_options(options), made, places, range(3)).to_runner_api()


def hints_by_step(pipeline: Any) -> dict[str, dict[str, bytes]]:
    """Return the resource hints of the environment of each step that runs code of ours."""
    components, found = pipeline.components, {}
    for step in components.transforms.values():
        if step.spec.urn == "beam:transform:pardo:v1":
            hints = components.environments[step.environment_id].resource_hints
            found[step.unique_name] = {urn.split(":")[2]: bytes(value) for urn, value in hints.items()}
    return found


def test_hints_are_in_the_pipeline(base: Path, tmp_path: Path) -> None:
    found = hints_by_step(proto(base, tmp_path, MACHINES))
    for step, hints in found.items():
        if step.startswith("mine: embed/"):
            assert hints == {"accelerator": ACCELERATOR.encode(), "min_ram_bytes": b"16000000000"}, step
        else:
            wanted = b"32000000000" if step.startswith("mine: reduce") else b"4000000000"
            assert hints == {"min_ram_bytes": wanted}, step
    assert {"mine: embed/order", "mine: embed/send", "mine: reduce", "pairs"} <= set(found)
    assert any("BeamML_RunInference" in step for step in found)


def test_with_a_gpu_all_processes_share_one_copy_of_the_model(base: Path, tmp_path: Path) -> None:
    found, counters = by_beam(graph(base), tmp_path, MACHINES)
    assert counters["embedded"] > 200
    assert found.equals(alone(graph(base)))


def test_without_options_there_are_no_hints(base: Path, tmp_path: Path) -> None:
    assert not any(hints_by_step(proto(base, tmp_path, ())).values())


def test_nothing_between_steps_is_pickled(base: Path, tmp_path: Path) -> None:
    components = proto(base, tmp_path, MACHINES).components
    coders = {each.unique_name: coder_names(components, each.coder_id) for each in components.pcollections.values()}
    steps = ("mine: route", "mine: embed", "mine: join", "mine: meet")
    moved = {name: names for name, names in coders.items() if any(step in name for step in steps)}
    assert len(moved) == 9
    for name, names in moved.items():
        assert names.startswith("ListCoder" if "_GlobalWindows" in name else "kv:v1 varint:v1"), name
        assert names.endswith(("ArrowTableCoder", "ListCoder")), name


def coder_names(components: Any, coder_id: str) -> str:
    """Return the names of a coder and its parts; of one that Python alone knows, that of its class."""
    coder = components.coders[coder_id]
    name = coder.spec.urn.removeprefix("beam:coder:")
    if name.startswith("pickled_python"):
        name = re.sub(r"^\W*|\$.*", "", coder.spec.payload.decode("latin-1"), flags=re.DOTALL)
    return " ".join([name, *(coder_names(components, part) for part in coder.component_coder_ids)])


def test_words_and_vectors_made_elsewhere_need_no_step() -> None:
    for model, passes in (("lexical", 0), ("vectors:some/*.parquet", 0), ("models/ours", 64)):
        mine = Mine(Mining.model_validate({"teacher": model}), Policies("pad", {}), 0, {}, None, "split")
        assert mine.texts_a_pass == passes
