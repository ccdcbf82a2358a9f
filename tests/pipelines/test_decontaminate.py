"""The stage `decontaminate` in a whole run: what it drops, what the release then says, and what is done again."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toys import Silent

from curation.config import RunConfig, parse_config
from curation.errors import ConfigError, SourceError
from curation.release import open_release
from curation.report import write_report
from pipelines.explain import explain
from pipelines.run import RunOptions, plan_run, run

CONFIG = """\
name: decontaminated
sources:
  - name: messages
    format: tsv
    path: train.tsv
    licence: CC0-1.0
    task: bitext
    query_language: eng_Latn
    positive_language: deu_Latn
    header: false
    columns: {query: "0", positive: "1"}
    mteb_tasks: [Tatoeba, BUCC.v2]
  - name: more
    format: tsv
    path: more.tsv
    licence: CC0-1.0
    task: bitext
    query_language: eng_Latn
    positive_language: deu_Latn
    header: false
    columns: {query: "0", positive: "1"}
identify: {enabled: false}
split: {test: 0.1}
mining: {num_negatives: 1}
engine: {partitions: 2}
decontaminate:
  sets:
    - task: STS-X
      split: dev
      format: parquet
      path: eval/*.parquet
      columns: [left, right]
      language: {column: lang}
    - {task: Retrieval-Y, format: jsonl, path: eval/queries.jsonl.gz, columns: [text], language: en}
    - {task: Labels-Z, format: text, path: eval/labels.txt}
"""
SENTENCES = [
    ("The committee will meet on Thursday to discuss number {}.", "Der Ausschuss trifft sich am Donnerstag, Punkt {}."),
    ("She bought {} tickets for the concert in the old harbour.", "Sie kaufte {} Karten für das Konzert im Hafen."),
    ("A storm destroyed {} houses near the northern coast.", "Ein Sturm zerstörte {} Häuser an der Nordküste."),
    ("Room {} is reserved for the visitors from Helsinki.", "Zimmer {} ist für die Gäste aus Helsinki reserviert."),
]
PLANTED = {
    "evaluation_exact": ("Photosynthesis turns Light into chemical energy.", "Kurz gesagt: Blätter sind Kraftwerke."),
    "evaluation_near_duplicate": (
        "Why do cats purr at night?",
        "Die Donau mündet nach 2850 Kilometern ins Schwarze Meer!",
    ),
    "evaluation_containment": (
        "Tell me about glaciers, please.",
        "Wie jeder weiß, formen Gletscher über Jahrtausende tiefe Täler in den Alpen, und daran ändert niemand etwas.",
    ),
}
WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("decontaminate")
    (base / "eval").mkdir()
    left = [
        "Photosynthesis turns light into chemical energy.",
        "Die Donau mündet nach 2850 Kilometern ins Schwarze Meer.",
    ]
    right = ["Yes.", "Formen Gletscher über Jahrtausende tiefe Täler in den Alpen"]
    table = pa.table({"left": left, "right": right, "lang": ["en", "de"]})
    pq.write_table(table, base / "eval" / "sts.parquet")
    queries = [{"text": left[0]}, {"text": "How far is the moon from the earth?"}]
    with gzip.open(base / "eval" / "queries.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in queries)
    (base / "eval" / "labels.txt").write_text("Ja\n\nNein\nOK\n" * 50, encoding="utf-8")
    unlike = [f"{a} {b}" for a in WORDS for b in WORDS]
    rows = [(e.format(n), d.format(n)) for e, d in SENTENCES for n in unlike[:40]]
    rows += [("Is this true?", "Ja"), ("Are you sure about it?", "OK"), *PLANTED.values()]
    (base / "train.tsv").write_text("".join(f"{q}\t{p}\n" for q, p in rows), encoding="utf-8")
    (base / "more.tsv").write_text("One more sentence\tNoch ein Satz\n", encoding="utf-8")
    return base


@pytest.fixture(scope="module")
def settings() -> RunConfig:
    return parse_config(CONFIG)


@pytest.fixture(scope="module")
def out(folder: Path, settings: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("out") / "run"
    run(settings, folder, target, RunOptions(), Silent())
    return target


def ledger(out: Path) -> dict[str, dict[str, Any]]:
    return {row["reason"]: row for row in pq.read_table(out / "ledger" / "decontaminate.parquet").to_pylist()}


def test_what_was_planted_is_dropped_and_nothing_else(out: Path) -> None:
    found = ledger(out)
    assert {reason: (row["query"], row["positive"]) for reason, row in found.items()} == PLANTED
    assert found["evaluation_exact"]["other_id"] == "STS-X:dev:sts.parquet:1:left"
    assert found["evaluation_exact"]["detail"] == "query: photosynthesis turns light into chemical energy."
    near = found["evaluation_near_duplicate"]
    assert (near["other_id"], near["threshold"]) == ("STS-X:dev:sts.parquet:2:left", 0.8)
    assert 0.8 <= near["score"] < 1.0
    assert near["detail"].startswith("positive: die donau")
    assert found["evaluation_containment"]["other_id"] == "STS-X:dev:sts.parquet:2:right"
    assert found["evaluation_containment"]["score"] == 1.0


def test_short_answers_that_equal_labels_stay(out: Path) -> None:
    released = open_release(out / "release").read("data", split="train")["positive"].to_pylist()
    released += open_release(out / "release").read("data", split="test")["positive"].to_pylist()
    assert {"Ja", "OK"} <= set(released)


def test_the_statistics_tell_each_task_split_and_language(out: Path) -> None:
    release = open_release(out / "release")
    exact, near, contained = ({"evaluation_" + name: 1} for name in ("exact", "near_duplicate", "containment"))
    english = {"task": "STS-X", "split": "dev", "language": "eng_Latn", "texts": 2, "hit": 1, "dropped": 1}
    assert release.stats["contamination"] == [
        {"task": "Labels-Z", "split": "test", "language": "", "texts": 3, "hit": 0, "dropped": 0, "reasons": {}},
        {"task": "Retrieval-Y", "split": "test", "language": "eng_Latn", "texts": 2, "hit": 1, "dropped": 1}
        | {"reasons": exact},
        {"task": "STS-X", "split": "dev", "language": "deu_Latn", "texts": 2, "hit": 2, "dropped": 2}
        | {"reasons": near | contained},
        english | {"reasons": exact},
    ]
    evaluation = release.manifest["evaluation"]
    assert [(item["task"], item["split"]) for item in evaluation] == [
        ("STS-X", "dev"),
        ("Retrieval-Y", "test"),
        ("Labels-Z", "test"),
    ]
    assert [file["file"] for item in evaluation for file in item["files"]] == [
        "sts.parquet",
        "queries.jsonl.gz",
        "labels.txt",
    ]
    assert release.manifest["mteb_training_datasets"] == {"names": ["BUCC.v2", "Tatoeba"], "undeclared": ["more"]}


def test_the_report_shows_it(out: Path, tmp_path: Path) -> None:
    page, numbers = tmp_path / "report.html", tmp_path / "report.json"
    release = open_release(out / "release")
    write_report(release, ledger=out / "ledger", html=page, json=numbers)
    assert json.loads(numbers.read_text())["contamination"] == release.stats["contamination"]
    assert "Retrieval-Y" in page.read_text()


def test_explain_tells_of_the_stage(out: Path) -> None:
    lost = ledger(out)["evaluation_containment"]
    last = explain(lost["id"], out).steps[-1]
    assert (last.stage, last.decision, last.reason) == ("decontaminate", "dropped", "evaluation_containment")
    assert last.details[0] == {"name": "evaluation_containment", "score": 1.0, "threshold": 0.8}
    kept = open_release(out / "release").read("full", split="train")["id"][0].as_py()
    step = next(step for step in explain(kept, out).steps if step.stage == "decontaminate")
    assert step.decision == "kept"
    assert step.details[0]["name"] == "neither side equals a text of STS-X, Retrieval-Y, Labels-Z"


def digests(out: Path) -> dict[str, str]:
    files = [path for name in ("release", "ledger") for path in (out / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
@pytest.mark.parametrize("options", [RunOptions(workers=2), RunOptions(engine="beam")], ids=str)
def test_every_engine_and_cut_gives_the_same_bytes(
    folder: Path, settings: RunConfig, out: Path, tmp_path: Path, options: RunOptions
) -> None:
    engine = settings.engine.model_copy(update={"partitions": 3, "batch_rows": 16})
    run(settings.model_copy(update={"engine": engine}), folder, tmp_path, options, Silent())
    assert digests(tmp_path) == digests(out)


def test_a_changed_evaluation_file_redoes_the_stage_and_what_follows(
    folder: Path, settings: RunConfig, out: Path
) -> None:
    assert all(stage["cached"] for stage in plan_run(settings, folder, out, RunOptions())["stages"])
    labels = folder / "eval" / "labels.txt"
    before = labels.read_bytes()
    labels.write_bytes(before + b"perhaps\n")
    stages = plan_run(settings, folder, out, RunOptions())["stages"]
    labels.write_bytes(before)
    names = [stage["stage"] for stage in stages if not stage["cached"]]
    assert names == ["decontaminate", "group", "split", "mine", "balance", "shard"]


def test_without_evaluation_sets_there_is_no_stage(folder: Path, settings: RunConfig) -> None:
    nothing = settings.model_copy(update={"decontaminate": type(settings.decontaminate)()})
    plan = plan_run(nothing, folder, None, RunOptions())
    assert "decontaminate" not in [stage["stage"] for stage in plan["stages"]]


def test_a_file_that_is_not_there_is_named_before_anything_runs(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"No file matches nowhere\.txt"):
        plan_run(parse_config(CONFIG.replace("eval/labels.txt", "nowhere.txt")), folder, None, RunOptions())


def test_a_broken_evaluation_file_ends_the_run(folder: Path, tmp_path: Path) -> None:
    (folder / "eval" / "broken.txt").write_bytes(b"fine\nnot \xff fine\n")
    with pytest.raises(SourceError, match="cannot be read") as caught:
        run(parse_config(CONFIG.replace("labels.txt", "broken.txt")), folder, tmp_path, RunOptions(), Silent())
    assert caught.value.where.endswith("broken.txt:2 (evaluation set `Labels-Z`)")
