"""Records to connect, what must connect them by brute force, and the rounds done in this process over any cut."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import Any

import pyarrow as pa

from curation.dedup.linking import meet, pair_up
from curation.grouping import linking, with_components
from curation.hashing import content_id
from curation.records import LABELLED, RECORD_SCHEMA

THRESHOLD = 0.8


def records(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Build records from what matters here: query, positive, and perhaps document, source and task."""
    base = dict.fromkeys(RECORD_SCHEMA.names, "") | {"negatives": [], "row": 0, "source": "s", "task": "bitext"}
    whole = [base | {"id": content_id(str(number)), "row": number} | row for number, row in enumerate(rows)]
    return pa.Table.from_pylist(whole, schema=RECORD_SCHEMA)


def connect(table: pa.Table, threshold: float | None = THRESHOLD, *, cut: int = 1) -> pa.Table:
    """Return the records with their components, by id, found in so many partitions."""
    parts = [table.take(pa.array(range(home, table.num_rows, cut), pa.int64())) for home in range(cut)]
    sent = [_start(part, threshold, home, cut) for home, part in enumerate(parts)]
    for work in _rounds(threshold, cut):
        sent = [work(_for(sent, home), parts[home], home) for home in range(cut)]
    found = [with_components(part, _for(sent, home)).records for home, part in enumerate(parts)]
    return pa.concat_tables(found).sort_by("id")


def _start(part: pa.Table, threshold: float | None, home: int, cut: int) -> pa.Table:
    if threshold is None:
        return linking.key_rows(part, home=home, partitions=cut)
    return linking.text_rows(part, home=home, partitions=cut)


def _rounds(threshold: float | None, cut: int) -> list[Any]:
    last = [lambda rows, part, _: linking.connect(rows, part), lambda rows, part, _: linking.decide(rows, part)]
    if threshold is None:
        return last
    options = linking.comparison(threshold)
    band, describe = (
        partial(work, threshold=threshold, partitions=cut) for work in (linking.band_rows, linking.describe)
    )
    return [
        lambda rows, part, home: linking.represent(rows, part, home=home),
        lambda rows, part, home: band(rows, part, home=home),
        lambda rows, part, home: meet(rows, part, home=home),
        lambda rows, part, home: describe(rows, part, home=home),
        lambda rows, part, _: pair_up(rows, part, options),
        lambda rows, part, home: linking.show(rows, part, home=home),
        lambda rows, part, home: linking.verify(rows, part, threshold, home=home),
        lambda rows, part, home: linking.share(rows, part, home=home, partitions=cut),
        *last,
    ]


def _for(sent: Sequence[pa.Table], home: int) -> pa.Table:
    rows = pa.concat_tables(sent)
    return rows.filter(pa.compute.equal(rows["to"], home)).combine_chunks()


def fold(text: str) -> str:
    """Return a text as it is compared; written apart from the code that is tested."""
    return unicodedata.normalize("NFKC", text).lower()


@cache
def shingles(text: str) -> frozenset[str]:
    """Return the 5-grams of a text, or the text itself where it is shorter."""
    folded = fold(text)
    return frozenset(folded[start : start + 5] for start in range(max(len(folded) - 4, 1)))


def are_similar(left: str, right: str, threshold: float) -> bool:
    """Say whether the Jaccard similarity of two texts reaches a threshold."""
    one, other = shingles(left), shingles(right)
    if min(len(one), len(other)) < threshold * max(len(one), len(other)):
        return False
    common = len(one & other)
    return common / (len(one) + len(other) - common) >= threshold


def texts_of(row: dict[str, Any]) -> set[str]:
    """Return the texts by which a record is connected."""
    return {fold(row["query"])} | (set() if row["task"] in LABELLED else {fold(row["positive"])})


def are_connected(one: dict[str, Any], other: dict[str, Any], threshold: float | None) -> bool:
    """Say whether two records share a text, a document or a group, or have similar texts."""
    if one["group"] and one["group"] == other["group"]:
        return True
    if one["document"] and (one["source"], one["document"]) == (other["source"], other["document"]):
        return True
    pairs = itertools.product(texts_of(one), texts_of(other))
    return any(a == b or (threshold is not None and are_similar(a, b, threshold)) for a, b in pairs)


def brute_force(rows: Sequence[dict[str, Any]], threshold: float | None) -> set[frozenset[str]]:
    """Return the components as sets of ids, by flooding."""
    left, found = list(rows), set()
    while left:
        component, edge = [], [left.pop()]
        while edge:
            row = edge.pop()
            component.append(row["id"])
            edge += [other for other in left if are_connected(row, other, threshold)]
            left = [other for other in left if other not in edge]
        found.add(frozenset(component))
    return found


def components_of(table: pa.Table) -> set[frozenset[str]]:
    """Return the components of a table with the column `component` as sets of ids."""
    members: dict[str, set[str]] = {}
    for identifier, name in zip(table["id"].to_pylist(), table["component"].to_pylist(), strict=True):
        members.setdefault(name, set()).add(identifier)
    return {frozenset(ids) for ids in members.values()}
