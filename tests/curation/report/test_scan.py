from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import ReleaseError
from curation.release import open_release
from curation.report import scan as module
from curation.report.scan import EDGES, Tally, rows_by_id, scan_release, smallest_ids


def test_every_row_is_counted_once(run: Any) -> None:
    scan = scan_release(run.release)
    rows = run.release.stats["totals"]["released"]
    assert scan.sources == {"messages": rows}
    sums = {
        measure: sum(int(tally.counts.sum()) for tally in found.values()) for measure, found in scan.tallies.items()
    }
    # Of three negatives one has no score.
    once = ("length", "lid_score", "positive_score", "gap")
    assert sums == {**dict.fromkeys(once, rows), "negative_score": 2 * rows}


def test_lengths_are_those_of_the_language_in_characters(run: Any) -> None:
    scan = scan_release(run.release)
    for code in ("jpn_Jpan", "arb_Arab", "amh_Ethi"):
        texts = [
            row
            for split in ("train", "test")
            for row in run.release.read("full", split=split, language=code)["positive"].to_pylist()
        ]
        expected, _ = np.histogram([len(text) for text in texts], bins=EDGES["length"])
        assert scan.tallies["length"][code].counts.tolist() == expected.tolist()


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
    assert _plain(cut) == _plain(whole)
    assert (
        smallest_ids(run.release, "tha_Thai", 2, split="train")
        == sorted(run.release.read("full", split="train", language="tha_Thai")["id"].to_pylist())[:2]
    )


def _plain(scan: module.Scan) -> list[Any]:
    return [
        (measure, code, tally.counts.tolist(), tally.least, tally.greatest)
        for measure, tallies in scan.tallies.items()
        for code, tally in tallies.items()
    ]


@pytest.mark.parametrize(
    ("values", "places"),
    [([], []), ([-5.0, 0.0, 0.049], [0, 0, 0]), ([0.05, 0.5], [1, 10]), ([0.99, 1.0, 99.0], [19, 19, 19])],
)
def test_what_lies_outside_counts_in_the_nearest_bin(values: list[float], places: list[int]) -> None:
    counts = Tally.of(np.array(values), "lid_score").counts
    assert counts.tolist() == [places.count(place) for place in range(20)]


@pytest.mark.parametrize(
    ("values", "quantiles"),
    [
        ([], [None, None, None]),
        ([1.0] * 9, [1.0, 1.0, 1.0]),
        ([0.52] * 4 + [0.58] * 4, [0.52, 0.55, 0.58]),
        ([-3.0, 0.5, 7.0], [-3.0, 0.53, 7.0]),
    ],
)
def test_quantiles_are_linear_within_bins_and_never_beyond_the_values(
    values: list[float], quantiles: list[float | None]
) -> None:
    tally = Tally.of(np.array(values), "lid_score")
    assert [tally.quantile(share, "lid_score") for share in (0.0, 0.5, 1.0)] == pytest.approx(quantiles, nan_ok=False)


@given(st.lists(st.floats(0, 50_000), min_size=1), st.lists(st.floats(0, 50_000)))
def test_tallies_add_up(first: list[float], second: list[float]) -> None:
    whole = Tally.of(np.array(first + second), "length")
    parts = Tally.of(np.array(first), "length") + Tally.of(np.array(second), "length")
    assert (parts.counts.tolist(), parts.least, parts.greatest) == (whole.counts.tolist(), whole.least, whole.greatest)
    quantiles = [parts.quantile(share, "length") for share in (0.0, 0.1, 0.5, 0.9, 1.0)]
    assert quantiles == sorted(quantiles)  # type: ignore[type-var]


def test_rows_are_found_by_id_and_what_is_not_there_is_passed_over(run: Any) -> None:
    ids = smallest_ids(run.release, "heb_Hebr", 3, split="train")
    rows = rows_by_id(run.release, "heb_Hebr", [*reversed(ids), "f" * 32], split="train", columns=["id", "positive"])
    assert [row["id"] for row in rows] == ids
    assert set(rows[0]) == {"id", "positive"}


def test_a_row_that_stands_there_twice_is_found_once(tmp_path: Path, make_run: Any, sentences: Any) -> None:
    run = make_run(tmp_path, {"tha_Thai": sentences["tha_Thai"]})
    expected = smallest_ids(run.release, "tha_Thai", 4, split="train")
    rows = rows_by_id(run.release, "tha_Thai", expected, split="train")
    for file in (run.release.path / "full").rglob("*.parquet"):
        table = pq.read_table(file)
        again = table.set_column(
            table.schema.get_field_index("copy"),
            table.schema.field("copy"),
            pa.repeat(pa.scalar(1, pa.int32()), table.num_rows),
        )
        pq.write_table(pa.concat_tables([table, again]), file, row_group_size=3)
    assert smallest_ids(run.release, "tha_Thai", 4, split="train") == expected
    assert rows_by_id(run.release, "tha_Thai", expected, split="train") == rows


def test_a_release_without_scores_has_no_score_measures(tmp_path: Path, make_run: Any, sentences: Any) -> None:
    run = make_run(tmp_path, {"fra_Latn": sentences["fra_Latn"]})
    for file in (run.release.path / "full").rglob("*.parquet"):
        table = pq.read_table(file)
        pq.write_table(
            table.select([name for name in table.column_names if "score" not in name and name != "source"]), file
        )
    scan = scan_release(open_release(run.release.path))
    assert list(scan.tallies) == ["length"]
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
