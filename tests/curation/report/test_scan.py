from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.errors import ReleaseError
from curation.release import open_release
from curation.report import scan as module
from curation.report.scan import EDGES, quantile, rows_by_id, scan_release, smallest_ids


def test_every_row_is_counted_once(run: Any) -> None:
    scan = scan_release(run.release)
    rows = run.release.stats["totals"]["released"]
    assert scan.sources == {"messages": rows}
    sums = {measure: sum(int(counts.sum()) for counts in found.values()) for measure, found in scan.counts.items()}
    # Of three negatives one has no score.
    assert sums == {"length": rows, "lid_score": rows, "positive_score": rows, "negative_score": 2 * rows}


def test_lengths_are_those_of_the_language_in_characters(run: Any) -> None:
    scan = scan_release(run.release)
    for code in ("jpn_Jpan", "arb_Arab", "amh_Ethi"):
        texts = [
            row
            for split in ("train", "test")
            for row in run.release.read("full", split=split, language=code)["positive"].to_pylist()
        ]
        expected, _ = np.histogram([len(text) for text in texts], bins=EDGES["length"])
        assert scan.counts["length"][code].tolist() == expected.tolist()


def test_the_counted_side_is_the_one_in_the_language_of_the_shard() -> None:
    batch = pa.table(
        {
            "anchor": ["Kedi", "Kedi"],
            "positive": ["The cat sleeps", "Le chat"],
            "positive_language": ["eng_Latn", "tur_Latn"],
        }
    )
    assert module._measures(batch, "tur_Latn")["length"].tolist() == [4, 7]


def test_batches_change_nothing(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = scan_release(run.release)
    monkeypatch.setattr(module, "_BATCH_ROWS", 3)
    cut = scan_release(run.release)
    assert {m: {c: v.tolist() for c, v in f.items()} for m, f in cut.counts.items()} == {
        m: {c: v.tolist() for c, v in f.items()} for m, f in whole.counts.items()
    }
    assert (
        smallest_ids(run.release, "tha_Thai", 2, split="train")
        == sorted(run.release.read("full", split="train", language="tha_Thai")["id"].to_pylist())[:2]
    )


@pytest.mark.parametrize(
    ("values", "counts"),
    [([], [0, 0, 0]), ([-5.0, 0.0], [2, 0, 0]), ([1.0, 1.99, 2.0], [0, 2, 1]), ([3.0, 99.0], [0, 0, 2])],
)
def test_histogram_puts_what_lies_outside_into_the_nearest_bin(values: list[float], counts: list[int]) -> None:
    assert module._histogram(np.array(values), [0, 1, 2, 3]).tolist() == counts


def test_quantiles_are_linear_within_bins() -> None:
    counts = np.zeros(len(EDGES["lid_score"]) - 1, np.int64)
    assert quantile(counts, "lid_score", 0.5) is None
    counts[10:12] = 4
    assert [quantile(counts, "lid_score", share) for share in (0.1, 0.5, 0.9)] == [0.51, 0.55, 0.59]


def test_rows_are_found_by_id_and_what_is_not_there_is_passed_over(run: Any) -> None:
    ids = smallest_ids(run.release, "heb_Hebr", 3, split="train")
    rows = rows_by_id(run.release, "heb_Hebr", [*reversed(ids), "f" * 32], split="train", columns=["id", "positive"])
    assert [row["id"] for row in rows] == ids
    assert set(rows[0]) == {"id", "positive"}


def test_a_release_without_scores_has_no_score_measures(tmp_path: Path, make_run: Any, sentences: Any) -> None:
    run = make_run(tmp_path, {"fra_Latn": sentences["fra_Latn"]})
    for file in (run.release.path / "full").rglob("*.parquet"):
        table = pq.read_table(file)
        pq.write_table(
            table.select([name for name in table.column_names if "score" not in name and name != "source"]), file
        )
    scan = scan_release(open_release(run.release.path))
    assert list(scan.counts) == ["length"]
    assert not scan.sources


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_shard_is_named(tmp_path: Path, damage: str, make_run: Any, sentences: Any) -> None:
    run = make_run(tmp_path, {"ell_Grek": sentences["ell_Grek"]})
    shard = run.release.path / "full/ell_Grek/train-00000-of-00001.parquet"
    data = shard.read_bytes()
    shard.unlink()
    if damage == "cut":
        shard.write_bytes(data[: len(data) // 2])
    with pytest.raises(ReleaseError, match=r"ell_Grek/train-00000-of-00001\.parquet"):
        scan_release(open_release(run.release.path))
