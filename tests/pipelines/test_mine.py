"""The stage `mine` in whole runs, with real models of the real library."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file
from tiny_models import SENTENCES, build_cross_encoder, build_static
from toys import Silent

from curation.config import parse_config
from curation.errors import CurationError
from curation.release import open_release
from pipelines.run import RunOptions, run

LANGUAGES = ("eng", "hin", "tam", "tha", "mya", "zho", "jpn", "kor", "arb", "heb", "amh", "kat", "rus")
EACH = 12
CONFIG = """
name: tiny
sources:
  - {name: pairs, format: jsonl, path: pairs.jsonl, licence: CC0-1.0, task: retrieval,
     query_language: {column: lang}, positive_language: {column: lang}}
  - {name: labels, format: jsonl, path: labels.jsonl, licence: CC0-1.0, task: classification,
     query_language: eng, positive_language: eng, columns: {label: label}, on_shortage: keep}
identify: {enabled: false}
filters: {profile: lenient, boilerplate: {max_queries: null}, same_language: null}
dedup: {exact: false, near: false}
# The pairs of a language differ in numbers only: drawn whole, a language would have one of the splits to itself.
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
    folder = tmp_path_factory.mktemp("tiny")
    pairs = [
        {"query": f"{text[: 4 + number]} {number}?", "positive": f"{text} {number * 7}", "lang": language}
        for language, text in zip(LANGUAGES, SENTENCES, strict=True)
        for number in range(EACH)
    ]
    labels = [
        {"query": f"the boat number {number} is {what}", "positive": f"something {what}", "label": what}
        for number in range(20)
        for what in ("late", "early", "lost")
    ]
    for name, rows in {"pairs": pairs, "labels": labels}.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    build_static(folder / "model", seed=11)
    build_cross_encoder(folder / "reader", seed=12)
    (folder / "config.yml").write_text(CONFIG, encoding="utf-8")
    return folder


def mined(base: Path, out: Path, *overrides: str, workers: int = 1) -> list[dict[str, Any]]:
    config = parse_config(CONFIG, overrides=overrides)
    run(config, base, out, RunOptions(workers=workers), Silent())
    release = open_release(out / "release")
    return [
        {**row, "split": split} for split in release.splits for row in release.read("full", split=split).to_pylist()
    ]


def digest(out: Path) -> dict[str, str]:
    files = [*(out / "release").rglob("*.parquet"), *(out / "ledger").rglob("*.parquet")]
    return {str(file.relative_to(out)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def texts(row: dict[str, Any]) -> list[str]:
    return [row[f"negative_{number}"] for number in (1, 2, 3)]


def test_a_model_of_the_library_mines_within_languages(base: Path, tmp_path: Path) -> None:
    rows = mined(base, tmp_path)
    pairs = [row for row in rows if row["source"] == "pairs"]
    assert {row["positive_language"] for row in pairs} == {row["language"] for row in pairs}
    for row in pairs:
        assert row["teacher"].startswith("model@")
        assert set(row["negative_languages"]) == {row["language"]}
        assert row["positive"] not in texts(row)
        assert row["positive_rank"] is not None
    assert Counter(o for row in pairs for o in row["negative_origins"])["dense"] > len(pairs)


def test_labels_get_negatives_of_other_classes(base: Path, tmp_path: Path) -> None:
    rows = [row for row in mined(base, tmp_path) if (row["source"], row["split"]) == ("labels", "train")]
    assert rows
    for row in rows:
        own = [n for n, o in zip(texts(row), row["negative_origins"], strict=True) if o == "dense"]
        assert own
        assert all(text.startswith("something ") and row["label"] not in text for text in own)


def test_quotas_of_two_pools(base: Path, tmp_path: Path) -> None:
    pools = "mining.pools=[{scope: positive_language, negatives: 2}, {scope: other_languages, negatives: 1}]"
    rows = mined(base, tmp_path, pools, "mining.max_positive_ratio=null")
    rows = [row for row in rows if row["source"] == "pairs" and row["split"] == "train"]
    assert rows
    whole = [row for row in rows if row["mined"] == 3]
    assert len(whole) >= 10
    for row in whole:
        assert [language == row["language"] for language in row["negative_languages"]] == [True, True, False]


@pytest.mark.parametrize(
    "overrides",
    [
        ("mining.candidates=hybrid",),
        pytest.param(("mining.candidates=lexical",), marks=pytest.mark.slow),
        pytest.param(("mining.anchor=both",), marks=pytest.mark.slow),
        pytest.param(("mining.csls=3", "mining.hub_cap=4"), marks=pytest.mark.slow),
        pytest.param(("mining.cross_encoder={model: reader}",), marks=pytest.mark.slow),
        pytest.param(("mining.sampling=random", "mining.skip_survivors=1"), marks=pytest.mark.slow),
        pytest.param(("mining.fallback={min_recall: 1.0}",), marks=pytest.mark.slow),
        pytest.param(
            ("mining.max_score={of: positive, quantile: 0.9}", "mining.min_score={of: random, quantile: 0.1}"),
            marks=pytest.mark.slow,
        ),
        ("mining.teacher={model: model, store: int8, truncate_dim: 16, query_prompt: 'find: '}",),
    ],
    ids=str,
)
def test_every_option_gives_a_whole_release_that_does_not_depend_on_the_cut(
    base: Path, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    rows = mined(base, tmp_path / "a", *overrides)
    assert all(len(row["negative_ids"]) == 3 and all(texts(row)) for row in rows)
    mined(base, tmp_path / "b", *overrides, "engine.partitions=1")
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


@pytest.mark.slow
def test_weak_languages_are_mined_by_words(base: Path, tmp_path: Path) -> None:
    rows = mined(base, tmp_path, "mining.fallback={min_recall: 1.0}")
    recalls = {row["language"]: row["teacher_recall"] for row in rows if row["source"] == "pairs"}
    # Twelve pairs are too few to say anything; the labels are enough, and English with them.
    assert {language for language, recall in recalls.items() if recall is not None} == {"eng_Latn"}
    english = {row["teacher"] for row in rows if row["language"] == "eng_Latn"}
    assert english == ({"lexical"} if recalls["eng_Latn"] < 1.0 else {row["teacher"] for row in rows} - {"lexical"})


@pytest.mark.slow
def test_another_model_under_the_same_name_is_another_teacher(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    for name in ("pairs.jsonl", "labels.jsonl"):
        (folder / name).write_bytes((base / name).read_bytes())
    out, found = tmp_path / "out", []
    for seed in (11, 99, 11):
        build_static(folder / "model", seed=seed)
        found.append([row["negative_ids"] for row in mined(folder, out)])
    assert found[0] == found[2] != found[1]


@pytest.mark.slow
def test_more_records_embed_only_what_is_new(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    lines = (base / "pairs.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "labels.jsonl").write_bytes((base / "labels.jsonl").read_bytes())
    build_static(folder / "model", seed=11)
    (folder / "pairs.jsonl").write_text("".join(lines[:-5]), encoding="utf-8")
    mined(folder, tmp_path / "out")
    before = {path for path in (tmp_path / "out/work/mining/embeddings").rglob("*") if path.is_file()}
    (folder / "pairs.jsonl").write_text("".join(lines), encoding="utf-8")
    mined(folder, tmp_path / "out")
    mined(folder, tmp_path / "fresh")
    assert before <= {path for path in (tmp_path / "out/work/mining/embeddings").rglob("*") if path.is_file()}
    assert digest(tmp_path / "out") == digest(tmp_path / "fresh")


SLOW = [pytest.param(delay, marks=pytest.mark.slow) for delay in (0.2, 1.0, 3.0)]


@pytest.mark.parametrize("delay", SLOW)
def test_a_run_that_is_killed_ends_the_same_when_it_is_run_again(base: Path, tmp_path: Path, delay: float) -> None:
    mined(base, tmp_path / "whole")
    command = [sys.executable, "-m", "curation.cli", "run", str(base / "config.yml"), "--out", str(tmp_path / "killed")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if any((tmp_path / "killed" / "work").glob("mine-*")):
            time.sleep(delay)
            break
        time.sleep(0.02)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # Its children go when they have heard of it, and hold the folder's lock until then.
    time.sleep(1.0)
    mined(base, tmp_path / "killed")
    assert digest(tmp_path / "killed") == digest(tmp_path / "whole")


def test_a_model_that_is_not_there_is_named_before_anything_runs(base: Path, tmp_path: Path) -> None:
    with pytest.raises(CurationError, match="no teacher is called 'models/none'"):
        mined(base, tmp_path, "mining.teacher=models/none")
    assert not (tmp_path / "work").exists()


def without_unknown_characters(model: Path) -> None:
    """Take from a model the vector of characters that it does not know."""
    [file] = model.rglob("*.safetensors")
    tensors = load_file(file)
    for weights in tensors.values():
        weights[0] = 0.0
    save_file(tensors, file)


@pytest.mark.slow
def test_a_text_without_a_vector_goes_to_quarantine(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    without_unknown_characters(build_static(folder / "model", seed=11, prompts={}))
    lines = (base / "pairs.jsonl").read_text(encoding="utf-8")
    lines += json.dumps({"query": "ꙮꙮꙮ", "positive": "Нечто о глазах", "lang": "rus"}, ensure_ascii=False) + "\n"
    (folder / "pairs.jsonl").write_text(lines, encoding="utf-8")
    (folder / "labels.jsonl").write_bytes((base / "labels.jsonl").read_bytes())
    mined(folder, tmp_path / "out", "filters.min_letter_share=null")
    ledger = pq.read_table(tmp_path / "out/ledger").to_pylist()
    [lost] = [row for row in ledger if row["query"] == "ꙮꙮꙮ"]
    assert (lost["stage"], lost["decision"], lost["reason"]) == ("mine", "quarantined", "not_embeddable")
