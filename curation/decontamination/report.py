"""What the evaluation sets and the training data had in common, by task, split and language."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.decontamination.stage import REASONS
from curation.decontamination.texts import EvaluationTexts
from curation.ngrams import Int64s

_KEYS = ("task", "split", "language")


def contamination(texts: EvaluationTexts, ledger: pa.Table) -> list[dict[str, Any]]:
    """Count what was found of each part of the evaluation.

    A text that stands in several tasks counts in each of them, and so does a record that was dropped because of it:
    the numbers of several tasks do not add up. A record counts for the one text that the ledger names.

    Args:
        texts: the evaluation texts.
        ledger: (reason, other_id) of the rows of the stage `decontaminate`.

    Returns:
        One entry for each task, split and language, in that order: `texts`, how many texts it has; `hit`, how many
        of them a dropped record was nearest to; `dropped`, how many records that were, and by `reasons`.
    """
    found = pc.index_in(ledger["other_id"], value_set=texts.references()).combine_chunks()
    text = found.to_numpy(zero_copy_only=False).astype(np.int64)
    names = pa.array(list(REASONS.values()))
    reason = pc.index_in(ledger["reason"], value_set=names).to_numpy().astype(np.int64)
    dropped = np.zeros((len(texts), len(names)), dtype=np.int64)
    np.add.at(dropped, (text, reason), 1)
    part = texts.origins.select(_KEYS).append_column("text", pa.array(texts.text))
    return [_entry(key, members, dropped) for key, members in _parts(part)]


def _parts(table: pa.Table) -> list[tuple[tuple[str, ...], Int64s]]:
    """Return each task, split and language, sorted, with its distinct texts."""
    grouped = table.group_by(list(_KEYS)).aggregate([("text", "distinct")])
    rows = zip(*(grouped[key].to_pylist() for key in _KEYS), grouped["text_distinct"], strict=True)
    return sorted(((tuple(key), members.values.to_numpy()) for *key, members in rows), key=lambda item: item[0])


def _entry(key: tuple[str, ...], members: Int64s, dropped: Int64s) -> dict[str, Any]:
    of_part = dropped[members]
    by_reason = {name: int(rows) for name, rows in zip(REASONS.values(), of_part.sum(axis=0), strict=True) if rows}
    counts = {"texts": len(members), "hit": int(of_part.any(axis=1).sum()), "dropped": int(of_part.sum())}
    return dict(zip(_KEYS, key, strict=True)) | counts | {"reasons": by_reason}
