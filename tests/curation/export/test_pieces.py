from __future__ import annotations

from pathlib import Path

import pytest

from curation.export import pieces, shards
from curation.export.options import Options
from curation.export.pieces import read_pieces
from curation.export.plan import survey
from curation.release import open_release


@pytest.mark.parametrize("limit", [1, 2_000, 16 << 20])
def test_pieces_are_small_and_together_all_rows_in_order(
    limit: int, mixed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "_PIECE_BYTES", limit)
    monkeypatch.setattr(shards, "_BATCH_BYTES", limit)
    release = open_release(mixed)
    plan = survey(release, Options(), splits=("train",), read=("train",), scores=False)
    found = list(read_pieces(plan, "tha_Thai", "train", ["id", "no such column"]))
    assert all(set(rows["source"].to_pylist()) == {dataset.source} for dataset, rows in found)
    ids = [each for _, rows in found for each in rows["id"].to_pylist()]
    assert ids == release.read("full", split="train", language="tha_Thai")["id"].to_pylist()
    assert len(found) == (len(ids) if limit == 1 else len(found)) >= 4
