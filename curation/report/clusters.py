"""Clusters of duplicates: how large they are, how alike their members, and what was merged into the largest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.ledger import LEDGER_SCHEMA
from curation.release import Release
from curation.report.dropped import SAMPLE_CHARS, ledger_batches, shown_row
from curation.report.scan import batches_of, rows_by_id
from curation.report.visible import clip

CLUSTERS = 10
MEMBERS = 6

_COLUMNS = ("id", "cluster_size", "copy")
_SHOWN = ("id", "source", "anchor", "positive")
_SIMILARITIES = np.round(np.linspace(0, 1, 51), 2)
# Sizes above 2^31 do not exist: a size is an int32.
_SIZE_BINS = 32


def cluster_numbers(release: Release, *, ledger: Path | None, hidden: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the report says about duplicates, as JSON values.

    - `sizes`: records by the number of rows that they stand for, in doubling bins; each record once, however often it
      is repeated
    - `similarity`: how alike merged near duplicates were to the record that stayed, as `edges` and `counts`; None
      without a ledger
    - `largest`: up to ten records that stand for the most rows, each with up to six `members` that were merged into
      it: the least similar first, since these are the ones to doubt

    Args:
        release: the release.
        ledger: folder of the run's ledgers; without it there are no members.
        hidden: sources whose texts must not be shown.

    Raises:
        CurationError: if a shard or a ledger cannot be read.
    """
    counts, top = np.zeros(_SIZE_BINS, dtype=np.int64), _Top()
    for split in release.splits:
        for language, batch in batches_of(release, split, _COLUMNS):
            if "cluster_size" not in batch.column_names:
                continue
            once = batch.filter(pc.equal(batch["copy"], 0)) if "copy" in batch.column_names else batch
            sizes = once["cluster_size"].to_numpy()
            counts += np.bincount(np.ceil(np.log2(sizes)).astype(np.int64), minlength=_SIZE_BINS)
            top.add(split, language, once["id"], sizes)
    members = _Members([key for *_, key in top.found])
    for batch in ledger_batches(ledger, hidden) if ledger else ():
        members.add(batch)
    return {
        "sizes": [_bin(power, int(count)) for power, count in enumerate(counts) if count],
        "similarity": {"edges": _SIMILARITIES.tolist(), "counts": members.similarities.tolist()} if ledger else None,
        "largest": [{**row, "members": members.of(row["id"])} for row in _largest(release, top)],
    }


def _bin(power: int, records: int) -> dict[str, int]:
    """Return a bin of sizes: 1, 2, 3 to 4, 5 to 8 and so on."""
    return {"from": 2 ** (power - 1) + 1 if power else 1, "to": 2**power, "records": records}


class _Top:
    """The records with the greatest clusters, as (minus the size, split, language, id), sorted; no single rows."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str, str, str]] = []

    def add(self, split: str, language: str, ids: pa.ChunkedArray, sizes: npt.NDArray[np.int32]) -> None:
        # All that tie with the last that fits: which of them stays goes by their ids.
        last = np.partition(sizes, -CLUSTERS)[-CLUSTERS] if len(sizes) > CLUSTERS else 0
        least = max(2, int(last))
        places = np.flatnonzero(sizes >= least)
        keys = ids.take(pa.array(places)).to_pylist()
        more = ((-int(sizes[place]), split, language, key) for place, key in zip(places, keys, strict=True))
        self.found = sorted({*self.found, *more}, key=lambda item: (item[0], item[3]))[:CLUSTERS]


def _largest(release: Release, top: _Top) -> Iterator[dict[str, Any]]:
    for size, split, language, key in top.found:
        for row in rows_by_id(release, language, [key], split=split, columns=_SHOWN):
            texts = {"query": clip(row["anchor"], SAMPLE_CHARS), "positive": clip(row["positive"], SAMPLE_CHARS)}
            yield {"id": key, "language": language, "source": row["source"], "size": -size, **texts}


class _Members:
    """Ledger rows that were merged into some records: of each record the least similar, of all the similarities."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = pa.array(ids, pa.string())
        self._found: dict[str, list[dict[str, Any]]] = {key: [] for key in ids}
        self.similarities = np.zeros(len(_SIMILARITIES) - 1, dtype=np.int64)

    def add(self, batch: pa.Table) -> None:
        merged = batch.filter(pc.equal(batch["decision"], "merged"))
        near = merged.filter(pc.equal(merged["reason"], "near_duplicate"))["score"].drop_null().to_numpy()
        self.similarities += np.histogram(near, _SIMILARITIES)[0]
        for row in merged.filter(pc.is_in(merged["other_id"], self._ids)).select(LEDGER_SCHEMA.names).to_pylist():
            self._found[row["other_id"]] = _least([*self._found[row["other_id"]], row])

    def of(self, key: str) -> list[dict[str, Any]]:
        return [{**shown_row(row), "reason": row["reason"]} for row in self._found[key]]


def _least(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the least similar of some rows; those that are alike by what they are, not by measure, come last."""
    return sorted(map(dict, rows), key=_likeness)[:MEMBERS]


def _likeness(row: Mapping[str, Any]) -> tuple[bool, float, str, int]:
    return row["score"] is None, row["score"] or 0.0, row["id"], row["row"]
