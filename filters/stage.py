"""The stage `filter`: decides from stored scores which records go on, and tells why the others do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Filters
from curation.ledger import ledger_rows
from curation.outcome import Outcome
from filters.base import SIDES, Direction, Place, Scores, rejects
from filters.columns import Bools, Floats, Integers
from filters.pii import handle_pii
from filters.registry import FILTERS
from filters.roles import Roles, bounds_of, role_of
from filters.score import REASON_SUFFIX, SCORES_COLUMN
from language_configs.bounds import Bounds, Role

STAGE = "filter"
EMPTY = "empty"
DOCUMENTS = "datatrove."

_KEPT, _EMPTY = -1, -2
# Every visible character counts in one of these.
_SHARES = ("letter_share", "digit_share", "symbol_share")
_ALWAYS_KEPT = 1.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one filter says about one text or pair.

    Attributes:
        name: the filter.
        place: query, positive or pair.
        text: language and role whose bounds hold.
        direction: of the bound.
        score: what was measured, None where there was nothing to judge.
        bound: what it is compared with.
    """

    name: str
    place: Place
    text: str
    direction: Direction
    score: float | None
    bound: float


def filter_records(records: pa.Table, options: Filters, roles: Roles) -> Outcome:
    """Judge `records` by their stored scores, each by itself.

    A side is judged by the bounds of its language and role, a pair by those of the side that it counts for. Of what
    is kept, personal data is masked as `options.pii` says.

    Args:
        records: `RECORD_SCHEMA` with the column `filter_scores` and any further ones, shape (n,).
        options: the section `filters` of the config.
        roles: the roles of the texts of every source.

    Returns:
        The records that pass, and a ledger row for each other one. Its reason is the first filter that it fails, by
        the name of its bound, or `empty` where a side holds no text; the detail says of which text.
    """
    texts = {side: _texts(records, side, options, roles) for side in SIDES}
    scores = records.column(SCORES_COLUMN).combine_chunks()
    checks = list(_checks(records, scores, texts, options))
    failed = np.full(records.num_rows, _KEPT, dtype=np.int64)
    for number, check in enumerate(checks):
        failed[(failed == _KEPT) & rejects(check.direction, check.scores, check.bounds)] = number
    failed[_empty(scores)] = _EMPTY
    kept = failed == _KEPT
    looked_at = {side: texts[side].in_roles(options.pii.roles)[kept] for side in SIDES}
    numeric = {side: _stored(scores, side, "digit_share")[kept] > 0 for side in SIDES}
    passed = handle_pii(records.filter(pa.array(kept)), options.pii, looked_at, numeric, stage=STAGE)
    return Outcome.join(passed.records, passed.ledger, _dropped(records, checks, failed))


def judgements(row: Mapping[str, Any], options: Filters, roles: Roles) -> list[Judgement]:
    """Return what each filter that is switched on says about one record, in the order in which they judge.

    Args:
        row: a record with its `filter_scores`, as Python values.
        options: the section `filters` of the config.
        roles: the roles of the texts of every source.
    """
    texts = {place: _text(row, place, roles) for place in (*SIDES, "pair")}
    found = []
    for each in FILTERS:
        for place in each.places:
            language, role = texts[place]
            bound = getattr(bounds_of(options, language, role), each.name)
            if bound is not None:
                score = row[SCORES_COLUMN][place].get(each.score.name)
                found.append(Judgement(each.name, place, f"{language} {role}", each.direction, score, float(bound)))
    for each_document in options.datatrove:
        for side in SIDES:
            score = row[SCORES_COLUMN][side].get(each_document.filter)
            name, text = DOCUMENTS + each_document.filter, " ".join(texts[side])
            found.append(Judgement(name, side, text, "at_least", score, _ALWAYS_KEPT))
    return found


def _text(row: Mapping[str, Any], place: Place, roles: Roles) -> tuple[str, Role]:
    side = ("positive" if row["language"] == row["positive_language"] else "query") if place == "pair" else place
    language = row[f"{side}_language"]
    return language, role_of(roles[row["source"]][SIDES.index(side)], language)


@dataclass(frozen=True, slots=True)
class _Check:
    """One filter on one place of all records: scores and bounds have the shape (n,), NaN where it is off."""

    name: str
    place: Place
    direction: Direction
    scores: Scores
    bounds: Floats
    texts: _Texts
    reasons: pa.Array | None = None

    def details(self, rows: Integers) -> list[str]:
        """Say which text of some records it is about, and why, where the filter says so."""
        texts = [f"{self.place} ({self.texts.groups[number].text})" for number in self.texts.numbers[rows]]
        if self.reasons is None:
            return texts
        reasons = self.reasons.take(pa.array(rows)).to_pylist()
        return [f"{text}: {self.name}: {reason}" for text, reason in zip(texts, reasons, strict=True)]


@dataclass(frozen=True, slots=True)
class _Group:
    """Texts in one language and role: the bounds are the same for all of them."""

    language: str
    role: Role
    bounds: Bounds

    @property
    def text(self) -> str:
        return f"{self.language} {self.role}"

    def bound(self, name: str) -> float:
        value = getattr(self.bounds, name)
        return np.nan if value is None else float(value)


@dataclass(frozen=True, slots=True)
class _Texts:
    """The groups of the texts of one place, and the number of each text's, shape (n,)."""

    groups: Sequence[_Group]
    numbers: Integers

    def bounds(self, name: str) -> Floats:
        """Return the bound of each text, shape (n,)."""
        return np.array([group.bound(name) for group in self.groups], dtype=np.float64)[self.numbers]

    def in_roles(self, roles: Sequence[Role]) -> Bools:
        """Return which texts have one of some roles, shape (n,)."""
        return np.array([group.role in roles for group in self.groups], dtype=np.bool_)[self.numbers]


def _checks(
    records: pa.Table, scores: pa.StructArray, sides: Mapping[Place, _Texts], options: Filters
) -> Iterator[_Check]:
    texts = {**sides, "pair": _counted(records, sides["query"], sides["positive"])}
    for each in FILTERS:
        for place in each.places:
            bounds = texts[place].bounds(each.name)
            if not np.isnan(bounds).all():
                found = _stored(scores, place, each.score.name)
                yield _Check(each.name, place, each.direction, found, bounds, texts[place])
    for name in (each.filter for each in options.datatrove):
        for side in SIDES:
            found, reasons = _stored(scores, side, name), _field(scores, side, name + REASON_SUFFIX)
            bounds = np.full(len(found), _ALWAYS_KEPT)
            yield _Check(DOCUMENTS + name, side, "at_least", found, bounds, texts[side], reasons)


def _texts(records: pa.Table, side: Place, options: Filters, roles: Roles) -> _Texts:
    columns = [records.column(name).combine_chunks().dictionary_encode() for name in (f"{side}_language", "source")]
    languages, sources = (column.dictionary.to_pylist() for column in columns)
    indices = [column.indices.to_numpy(zero_copy_only=False).astype(np.int64) for column in columns]
    keys, numbers = np.unique(indices[0] * len(sources) + indices[1], return_inverse=True)
    groups = []
    for key in keys.tolist():
        language, source = languages[key // len(sources)], sources[key % len(sources)]
        role = role_of(roles[source][SIDES.index(side)], language)
        groups.append(_Group(language, role, bounds_of(options, language, role)))
    return _Texts(groups, numbers)


def _counted(records: pa.Table, query: _Texts, positive: _Texts) -> _Texts:
    """Return, for each pair, the group of the side whose language the record counts for."""
    counts = pc.equal(records.column("language"), records.column("positive_language")).to_numpy()
    groups = [*query.groups, *positive.groups]
    return _Texts(groups, np.where(counts, positive.numbers + len(query.groups), query.numbers))


def _stored(scores: pa.StructArray, place: Place, name: str) -> Scores:
    values: Scores = _field(scores, place, name).to_numpy(zero_copy_only=False)
    return values


def _field(scores: pa.StructArray, place: Place, name: str) -> pa.Array:
    return scores.field(place).field(name)


def _empty(scores: pa.StructArray) -> Bools:
    """Return which records have a side without visible characters, shape (n,): no share of anything is above 0."""
    query, positive = (np.maximum.reduce([_stored(scores, side, name) for name in _SHARES]) == 0 for side in SIDES)
    empty: Bools = query | positive
    return empty


def _dropped(records: pa.Table, checks: Sequence[_Check], failed: Integers) -> pa.Table:
    """Write the ledger rows; `failed` is the number of a check, `_EMPTY`, or `_KEPT`."""
    rows = np.flatnonzero(failed != _KEPT)
    scores, bounds = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    reasons, details = np.full(len(rows), EMPTY, dtype=object), np.full(len(rows), "", dtype=object)
    for number in np.unique(failed[rows][failed[rows] >= 0]).tolist():
        check, here = checks[number], failed[rows] == number
        scores[here], bounds[here] = check.scores[rows[here]], check.bounds[rows[here]]
        reasons[here], details[here] = check.name, check.details(rows[here])
    return ledger_rows(
        records.take(pa.array(rows)),
        stage=STAGE,
        decision="dropped",
        reason=pa.array(reasons, pa.string()),
        score=_nullable(scores),
        threshold=_nullable(bounds),
        detail=pa.array(details, pa.string()),
    )


def _nullable(values: npt.NDArray[np.floating]) -> pa.Array:
    return pa.array(values, from_pandas=True)
