"""The stage `decontaminate`: drops the records that hold a text of an evaluation set, in their query or positive."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Decontaminate
from curation.decontamination.index import Index, build_index
from curation.decontamination.match import Matches, Rule, best, find_matches
from curation.decontamination.sets import EvaluationInput
from curation.decontamination.texts import load_texts
from curation.dedup.columns import folded
from curation.ledger import ledger_rows
from curation.ngrams import Int64s
from curation.outcome import Outcome

STAGE = "decontaminate"
REASONS = {
    Rule.EXACT: "evaluation_exact",
    Rule.NEAR: "evaluation_near_duplicate",
    Rule.CONTAINED: "evaluation_containment",
}
_SIDES = ("query", "positive")
_EXCERPT_CHARS = 120


def settings(options: Decontaminate, inputs: Sequence[EvaluationInput]) -> dict[str, object]:
    """Return everything that the result depends on, as JSON values; where the files lie is no part of it."""
    declared = [item.declared.model_dump(exclude={"path"}) for item in inputs]
    files = [list(item.fingerprints) for item in inputs]
    return {"options": options.model_dump(exclude={"sets"}), "sets": declared, "files": files}


class IndexCache:
    """Keeps the index that was built last: every task of a process needs the same one, and none may carry it along."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key = ""
        self._index: Index | None = None

    def get(self, options: Decontaminate, inputs: Sequence[EvaluationInput]) -> Index:
        """Return the index of these evaluation sets, by the digests of their files.

        Raises:
            SourceError: if a file cannot be read.
        """
        key = json.dumps(settings(options, inputs), sort_keys=True)
        with self._lock:
            if self._index is None or self._key != key:
                # Let go of the old one first: both need not fit into memory.
                self._index = None
                self._index, self._key = build_index(load_texts(inputs), options), key
            return self._index


INDEXES = IndexCache()


def drop_contaminated(records: pa.Table, index: Index, options: Decontaminate) -> Outcome:
    """Drop the records whose query or positive holds an evaluation text.

    Each record is judged by itself: batch boundaries change nothing. The ledger names the match of the surest rule
    (exact, near duplicate, containment), of those the one with the highest score, then the query's, then the first
    text's; as `other_id` the place of the evaluation text (see `EvaluationTexts.references`), as `detail` the side
    and the beginning of that text.

    Args:
        records: `RECORD_SCHEMA` and any further columns, shape (n,).
        index: the evaluation texts.
        options: the section `decontaminate` of the config.
    """
    found, sides = _matches(records, index, options)
    thresholds = np.array([1.0, options.near_threshold or np.nan, options.containment_threshold or np.nan])
    ledger = ledger_rows(
        records.take(pa.array(found.row)),
        stage=STAGE,
        decision="dropped",
        reason=[REASONS[Rule(rule)] for rule in found.rule],
        score=pa.array(found.score),
        threshold=pa.array(thresholds[found.rule]),
        other_id=index.texts.references(found.text),
        detail=_details(index, found.text, sides),
    )
    stays = np.ones(records.num_rows, dtype=bool)
    stays[found.row] = False
    return Outcome.join(records.filter(pa.array(stays)), ledger)


def _matches(records: pa.Table, index: Index, options: Decontaminate) -> tuple[Matches, Int64s]:
    """Return the match of each record that has one, rows rising, and the side that it concerns, int64 (m,)."""
    exact = (options.exact_min_letters_query, options.exact_min_letters_positive)
    parts = [
        best(find_matches(folded(records[side]), index, options, exact_min_letters=letters))
        for side, letters in zip(_SIDES, exact, strict=True)
    ]
    both = Matches.join(parts)
    sides = np.repeat(np.arange(len(parts)), [len(part.row) for part in parts])
    order = np.lexsort((sides, -both.score, both.rule, both.row))
    chosen = order[np.flatnonzero(np.diff(both.row[order], prepend=-1))]
    return both.take(chosen), sides[chosen]


def _details(index: Index, text: Int64s, sides: Int64s) -> pa.Array:
    names = pa.array(_SIDES).take(pa.array(sides))
    excerpts = pc.utf8_slice_codeunits(index.texts.texts.take(pa.array(text)), 0, _EXCERPT_CHARS).cast(pa.string())
    return pc.binary_join_element_wise(names, excerpts, ": ")
