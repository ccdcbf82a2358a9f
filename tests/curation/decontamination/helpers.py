"""Evaluation texts for tests, and a reference that compares everything with everything."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from curation.config.model import Decontaminate
from curation.decontamination.index import MIN_NGRAMS, Index, build_index
from curation.decontamination.letters import letters
from curation.decontamination.match import Matches, best, find_matches
from curation.decontamination.sets import TEXTS_SCHEMA
from curation.decontamination.texts import distinct_texts
from curation.dedup.columns import folded
from curation.ngrams import codepoints

Found = dict[int, tuple[int, float, str]]
"""Rule, score and evaluation text by training row."""


def evaluation(texts: Sequence[str], **origin: str) -> pa.Table:
    fixed = {"task": "T", "split": "test", "language": "", "file": "f.txt", "column": "text"} | origin
    columns: dict[str, object] = {name: [value] * len(texts) for name, value in fixed.items()}
    columns |= {"row": list(range(1, len(texts) + 1)), "text": list(texts)}
    return pa.table([columns[name] for name in TEXTS_SCHEMA.names], schema=TEXTS_SCHEMA)


def index_of(texts: Sequence[str], options: Decontaminate) -> Index:
    return build_index(distinct_texts(evaluation(texts)), options)


def found(index: Index, train: Sequence[str], options: Decontaminate, exact: int | None = 15) -> Found:
    matches = best(find_matches(folded(list(train)), index, options, exact_min_letters=exact))
    return by_row(matches, index)


def by_row(matches: Matches, index: Index) -> Found:
    texts = index.texts.texts.take(pa.array(matches.text)).to_pylist()
    rows = zip(matches.row.tolist(), matches.rule.tolist(), matches.score.tolist(), texts, strict=True)
    return {row: (rule, score, text) for row, rule, score, text in rows}


def reference(texts: Sequence[str], train: Sequence[str], options: Decontaminate, exact: int = 15) -> Found:
    """Find the same by comparing every training text with every evaluation text, as the documents define it."""
    wanted = list(dict.fromkeys(folded(list(texts)).to_pylist()))
    result: Found = {}
    for row, text in enumerate(folded(list(train)).to_pylist()):
        hits = [hit for number, other in enumerate(wanted) for hit in _hits(text, number, other, options, exact)]
        if hits:
            rule, negative, number = min(hits)
            result[row] = (rule, -negative, wanted[number])
    return result


def _hits(text: str, number: int, other: str, options: Decontaminate, exact: int) -> list[tuple[int, float, int]]:
    hits: list[tuple[int, float, int]] = []
    if text == other and _letters(other) >= exact:
        hits.append((0, -1.0, number))
    size = options.passage_chars
    last = len(other) - size
    passages = [other[at : at + size] for at in [*range(0, last, size), last]] if last >= size else [other]
    for passage in passages:
        wanted = _ngrams(passage)
        if len(wanted) < MIN_NGRAMS:
            continue
        for window in _windows(text, 4 * size):
            held = _ngrams(window)
            both = len(held & wanted)
            contained, near = both / len(wanted), both / len(held | wanted)
            if (
                len(passages) == 1
                and _letters(passage) >= options.near_min_letters
                and near >= _at(options.near_threshold)
            ):
                hits.append((1, -near, number))
            if _letters(passage) >= options.containment_min_letters and contained >= _at(options.containment_threshold):
                hits.append((2, -contained, number))
    return hits


def _at(threshold: float | None) -> float:
    return 2.0 if threshold is None else threshold


def _windows(text: str, size: int) -> list[str]:
    if len(text) <= size:
        return [text]
    last = len(text) - size
    return [text[start : start + size] for start in [*range(0, last, size // 2), last]]


def _ngrams(text: str) -> set[str]:
    return {text[at : at + 5] for at in range(max(len(text) - 4, min(len(text), 1)))}


def _letters(text: str) -> int:
    return int(letters(codepoints(pa.array([text], pa.large_string())))[0])
