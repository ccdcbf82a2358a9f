"""What each rule took away, with samples from the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.errors import CurationError
from curation.ledger import LEDGER_SCHEMA, first_of_each
from curation.report.visible import clip

SAMPLES = 5
SAMPLE_CHARS = 240

_BATCH_ROWS = 65_536
_RULE = ("stage", "decision", "reason")
_QUOTING = ("query", "positive", "detail")
_SHOWN = ("id", "source", "language", "file", "row", "query", "positive", "score", "threshold", "other_id", "detail")


def dropped_by_rule(
    reasons: Sequence[Mapping[str, Any]], ledger: Path | None, hidden: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return what each rule dropped, merged or put in quarantine.

    Args:
        reasons: stage, decision, reason and rows of each rule (`reasons` of the statistics).
        ledger: folder of the run's ledgers; without it there are no samples.
        hidden: sources whose texts must not be shown.

    Returns:
        The rules in the order given, each with up to five samples: the rows with the smallest ids.

    Raises:
        CurationError: if a ledger cannot be read.
    """
    samples = _by_rule(_samples(ledger, hidden)) if ledger else {}
    return [{**reason, "samples": samples.get(_key(reason), [])} for reason in reasons]


def ledger_batches(ledger: Path, hidden: Sequence[str] = ()) -> Iterator[pa.Table]:
    """Yield the rows of all ledgers in a folder, a batch at a time.

    Args:
        ledger: the folder.
        hidden: sources whose texts must not be shown: the report goes out with the release. Their rows have none, and
            no detail, which may quote some.

    Raises:
        CurationError: if a ledger cannot be read.
    """
    for file in sorted(ledger.glob("*.parquet")):
        try:
            for batch in pq.ParquetFile(file).iter_batches(batch_size=_BATCH_ROWS, columns=LEDGER_SCHEMA.names):
                yield _hide(pa.table(batch).cast(LEDGER_SCHEMA), hidden)
        except (OSError, pa.ArrowException, ValueError) as error:
            hint = "run `curate run` with the same --out again: it writes the ledgers anew"
            raise CurationError("A ledger cannot be read", where=str(file), why=str(error), hint=hint) from error


def _hide(rows: pa.Table, hidden: Sequence[str]) -> pa.Table:
    is_hidden = pc.is_in(rows["source"], pa.array(hidden, pa.string()))
    for name in _QUOTING if hidden else ():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(name), pc.if_else(is_hidden, "", rows[name]))
    return rows


def _samples(ledger: Path, hidden: Sequence[str]) -> pa.Table:
    best = LEDGER_SCHEMA.empty_table()
    for batch in ledger_batches(ledger, hidden):
        best = first_of_each(pa.concat_tables([best, batch]), _RULE, SAMPLES)
    return best


def _by_rule(rows: pa.Table) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        found.setdefault(_key(row), []).append(shown_row(row))
    return found


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in _RULE)


def shown_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the report shows of a ledger row."""
    return {name: _shown(row[name]) for name in _SHOWN}


def _shown(value: object) -> object:
    if isinstance(value, str):
        return clip(value, SAMPLE_CHARS)
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value
