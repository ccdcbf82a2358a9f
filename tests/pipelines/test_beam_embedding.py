"""The teacher as a step of its own: the same release, each text once, on the machines that were asked for."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_models import SENTENCES, build_static
from toys import Silent

from curation.config import parse_config
from curation.errors import CurationError
from curation.licences.licensing import apply_licences
from curation.mining.teachers.load import _load
from curation.mining.teachers.sentence_transformer import SentenceTransformerTeacher
from pipelines.beam import BeamEngine, beam_options
from pipelines.graph import build_graph, find_inputs
from pipelines.run import RunOptions, run
from pipelines.stages import Graph
from pipelines.store import Store

LANGUAGES = ("eng", "hin", "tam", "tha", "mya", "zho", "jpn", "kor", "arb", "heb", "amh", "kat", "rus")
EACH = 30
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


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("mining.teacher={model: model, store: int8}", "mining.candidates=hybrid", "engine.partitions=1"),
        ("mining.teacher={model: model, store: bfloat16, query_prompt: '', passage_prompt: ''}", "mining.anchor=both"),
        (FALLBACK, "balance.total_rows=120", "mining.anchor=positive"),
    ],
    ids=str,
)
def test_the_release_is_that_of_datatrove(base: Path, tmp_path: Path, overrides: tuple[str, ...], asked: Asked) -> None:
    mined(base, tmp_path / "beam", *overrides)
    assert set(asked.values()) == {1}
    mined(base, tmp_path / "datatrove", *overrides, engine="datatrove")
    assert digest(tmp_path / "beam") == digest(tmp_path / "datatrove")
    assert len(digest(tmp_path / "beam")) > 5
