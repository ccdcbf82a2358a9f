from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curation.report import mining
from curation.report.mining import mining_numbers


def mined(run: Any) -> list[dict[str, Any]]:
    """Return the rows of `full` with their split."""
    splits = run.release.splits
    return [{**row, "split": split} for split in splits for row in run.release.read("full", split=split).to_pylist()]


def test_a_release_without_mining_has_no_numbers(tmp_path: Path, make_run: Any, sentences: Any) -> None:
    assert mining_numbers(make_run(tmp_path, sentences).release) is None


def test_everything_is_counted_once(mined_run: Any) -> None:
    rows, numbers = mined(mined_run), mining_numbers(mined_run.release)
    assert numbers is not None
    assert numbers["records"] == len(rows)
    assert numbers["self_matches"] == sum(row["self_match"] for row in rows)
    assert numbers["possible"]["candidates"] == sum(len(row["possible_ids"]) for row in rows)
    assert numbers["possible"]["records"] == sum(bool(row["possible_ids"]) for row in rows)
    assert numbers["origins"] == dict(sorted(Counter(o for row in rows for o in row["negative_origins"]).items()))
    verdicts: Counter[str] = Counter()
    for row in rows:
        verdicts.update(row["candidates"])
    [of_source] = numbers["rules"]
    assert of_source["counts"] == {rule: count for rule, count in sorted(verdicts.items()) if count}
    [shortages] = numbers["shortages"]
    assert sum(shortages["counts"].values()) == len(rows)


def test_hubs_are_the_passages_that_are_negatives_most_often(mined_run: Any) -> None:
    rows, numbers = mined(mined_run), mining_numbers(mined_run.release)
    uses: Counter[str] = Counter()
    for row in rows:
        uses.update(i for i, o in zip(row["negative_ids"], row["negative_origins"], strict=True) if o == "lexical")
    assert numbers is not None
    hubs, counts = numbers["hubs"], np.array(list(uses.values()))
    assert (hubs["passages"], hubs["greatest"], hubs["sampled"]) == (len(uses), counts.max(), 1.0)
    assert hubs["mean"] == pytest.approx(counts.mean(), abs=1e-4)
    assert hubs["skewness"] == pytest.approx(((counts - counts.mean()) ** 3).mean() / counts.std() ** 3, abs=1e-4)
    most = hubs["most_used"][0]
    assert {i[:16] for i, count in uses.items() if count == counts.max()} >= {most["id"]}
    assert sum(entry["passages"] for entry in hubs["bins"]) == len(uses)


def test_languages_of_negatives_and_what_the_teacher_knows(mined_run: Any) -> None:
    rows, numbers = mined(mined_run), mining_numbers(mined_run.release)
    pairs = Counter((row["query_language"], language) for row in rows for language in row["negative_languages"])
    assert numbers is not None
    assert {(cell["query"], cell["negative"]): cell["negatives"] for cell in numbers["languages"]} == pairs
    for teacher in numbers["teachers"]:
        ranks = [
            row["positive_rank"]
            for row in rows
            if row["positive_language"] == teacher["language"] and row["split"] != "train" and row["positive_rank"]
        ]
        assert teacher["held_out"] == len(ranks) > 0
        assert teacher["recall_1"] == pytest.approx(np.mean([rank == 1 for rank in ranks]), abs=1e-4)
        assert teacher["mrr"] == pytest.approx(np.mean([1 / rank for rank in ranks]), abs=1e-4)


def test_above_a_bound_a_fair_sample_of_passages_is_counted(mined_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mining, "MOST_PASSAGES", 20)
    numbers = mining_numbers(mined_run.release)
    assert numbers is not None
    assert 0 < numbers["hubs"]["passages"] <= 20
    assert 1 / numbers["hubs"]["sampled"] in (2, 4, 8, 16, 32)
