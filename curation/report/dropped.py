"""What each rule took away, with samples from the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import CurationError
from curation.ledger import LEDGER_SCHEMA
from curation.report.visible import clip

SAMPLES = 5
SAMPLE_CHARS = 240

_BATCH_ROWS = 65_536
_RULE = ("stage", "decision", "reason")
_ORDER = [(name, "ascending") for name in (*_RULE, "id", "file", "row")]
_SHOWN = ("id", "source", "language", "file", "row", "query", "positive", "score", "threshold", "other_id", "detail")


def dropped_by_rule(reasons: Sequence[Mapping[str, Any]], ledger: Path | None) -> list[dict[str, Any]]:
    """Return what each rule dropped, merged or put in quarantine.

    Args:
        reasons: stage, decision, reason and rows of each rule (`reasons` of the statistics).
        ledger: folder of the run's ledgers; without it there are no samples.

    Returns:
        The rules in the order given, each with up to five samples: the rows with the smallest ids.

    Raises:
        CurationError: if a ledger cannot be read.
    """
    samples = _by_rule(_samples(ledger)) if ledger else {}
    return [{**reason, "samples": samples.get(_key(reason), [])} for reason in reasons]


def _samples(ledger: Path) -> pa.Table:
    best = LEDGER_SCHEMA.empty_table()
    for file in sorted(ledger.glob("*.parquet")):
        try:
            for batch in pq.ParquetFile(file).iter_batches(batch_size=_BATCH_ROWS, columns=LEDGER_SCHEMA.names):
                best = _first_of_each(pa.concat_tables([best, pa.table(batch).cast(LEDGER_SCHEMA)]))
        except (OSError, pa.ArrowException, ValueError) as error:
            hint = "run `curate run` with the same --out again: it writes the ledgers anew"
            raise CurationError("A ledger cannot be read", where=str(file), why=str(error), hint=hint) from error
    return best


def _first_of_each(rows: pa.Table) -> pa.Table:
    """Return the first `SAMPLES` rows of each rule, by id."""
    ordered = rows.sort_by(_ORDER)
    names = [ordered[name].combine_chunks().dictionary_encode() for name in _RULE]
    keys = np.stack([name.indices.to_numpy() for name in names])
    starts = np.flatnonzero(np.any(np.diff(keys, axis=1, prepend=-1), axis=0))
    lengths = np.diff(np.append(starts, ordered.num_rows))
    places = np.arange(ordered.num_rows) - np.repeat(starts, lengths)
    return ordered.filter(pa.array(places < SAMPLES))


def _by_rule(rows: pa.Table) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        found.setdefault(_key(row), []).append({name: _shown(row[name]) for name in _SHOWN})
    return found


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in _RULE)


def _shown(value: object) -> object:
    if isinstance(value, str):
        return clip(value, SAMPLE_CHARS)
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value
