"""Which rules took so much of a language that the rule, or the source, is to be suspected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.config.model import Alarms
from curation.funnel import KEPT
from curation.ledger import LEDGER_SCHEMA, first_of_each

SAMPLES = 20
_CELL = ("stage", "reason", "source", "language")
# Untranslated, fuzzy and obsolete messages are dropped by the reader: they are sound, and no rule's mistake.
_UNJUDGED = ("read", "dropped")
_Cells = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A rule that took more than it may.

    Attributes:
        stage: stage of the rule.
        reason: its name in the ledger.
        sources: names of the sources whose rows were judged together.
        language: language of the rows; empty where all rows of a source were judged.
        rows: such rows that entered the stage.
        removed: how many of them the rule took.
        max_drop_share: greatest share that it may take.
    """

    stage: str
    reason: str
    sources: tuple[str, ...]
    language: str
    rows: int
    removed: int
    max_drop_share: float

    @property
    def share(self) -> float:
        """Share of the rows that the rule took."""
        return self.removed / self.rows

    @property
    def of(self) -> str:
        """Whose rows they are, in words."""
        one = self.sources[0] if len(self.sources) == 1 else f"{len(self.sources)} small sources"
        return f"{self.language or 'all languages'} from {one}"

    def to_json(self) -> dict[str, Any]:
        """Return the alarm as JSON values, with its share."""
        return asdict(self) | {"sources": list(self.sources), "share": round(self.share, 6)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Alarm:
        """Return the alarm that `to_json` wrote."""
        values = {name: value[name] for name in cls.__slots__}
        return cls(**{**values, "sources": tuple(value["sources"])})


def judge(counts: pa.Table, stage: str, options: Alarms) -> list[Alarm]:
    """Return the alarms of one stage.

    A rule is judged by the share that it took of the rows of one language of one source. The sources that have fewer
    than `min_rows` rows of a language are judged together. So no rule takes more than it may of a language as a whole
    either, but for those of its rows that are too few to be judged even together. What it took without knowing a
    language (rows that cannot be read, texts in no clear language) can be part of none: such a rule is judged by its
    share of all rows of the source as well.

    Args:
        counts: what the stage kept and took, as `curation.funnel` counts it.
        stage: name of the stage.
        options: the section `alarms` of the config.

    Returns:
        The alarms, the one with the most rows first. It is a function of the sums in `counts` alone.
    """
    cells = _sum(counts, ("source", "language"))
    judged = counts.filter(pc.not_equal(counts["decision"], KEPT))
    if stage == _UNJUDGED[0]:
        judged = judged.filter(pc.not_equal(judged["decision"], _UNJUDGED[1]))
    taken = _sum(judged, ("reason", "source", "language"))
    found: list[Alarm] = []
    for reason in sorted({reason for reason, _, _ in taken}):
        removed = {(source, language): rows for (name, source, language), rows in taken.items() if name == reason}
        rule = _Rule(stage, reason, options)
        groups = [*rule.of_sources(cells, removed), *rule.of_languages(cells, removed)]
        found += [alarm for alarm in groups if alarm.rows >= options.min_rows and alarm.share > alarm.max_drop_share]
    return sorted(found, key=lambda alarm: (-alarm.removed, alarm.reason, alarm.language, alarm.sources))


def _sum(counts: pa.Table, keys: Sequence[str]) -> dict[Any, int]:
    sums: dict[Any, int] = {}
    for row in counts.to_pylist():
        key = tuple(row[name] for name in keys)
        sums[key] = sums.get(key, 0) + row["rows"]
    return dict(sorted(sums.items()))


@dataclass(frozen=True, slots=True)
class _Rule:
    stage: str
    reason: str
    options: Alarms

    def of_languages(self, cells: _Cells, removed: _Cells) -> Iterator[Alarm]:
        """Yield what the rule took of each language: of each large source, and of the small ones together."""
        small: dict[str, list[str]] = {}
        for (source, language), rows in cells.items():
            if not _is_language(language):
                continue
            limit = self._limit(source, language)
            if rows >= self.options.min_rows:
                yield self._alarm((source,), language, rows, removed.get((source, language), 0), limit)
            # A small source that may lose more than others has no part in what they answer for.
            elif limit <= self._limit("", language):
                small.setdefault(language, []).append(source)
        for language, sources in small.items():
            rows, lost = (sum(counts.get((source, language), 0) for source in sources) for counts in (cells, removed))
            yield self._alarm(tuple(sources), language, rows, lost, self._limit("", language))

    def of_sources(self, cells: _Cells, removed: _Cells) -> Iterator[Alarm]:
        """Yield what the rule took of each source of which it took rows without a language."""
        for name in sorted({source for source, language in removed if not _is_language(language)}):
            rows, lost = (sum(n for (source, _), n in counts.items() if source == name) for counts in (cells, removed))
            yield self._alarm((name,), "", rows, lost, self._limit(name, ""))

    def _alarm(self, sources: tuple[str, ...], language: str, rows: int, removed: int, limit: float) -> Alarm:
        return Alarm(self.stage, self.reason, sources, language, rows, removed, limit)

    def _limit(self, source: str, language: str) -> float:
        """Return the greatest share that the rule may take: the first exception that fits says it, or the default."""
        here = {"stage": self.stage, "reason": self.reason, "source": source}
        for exception in self.options.exceptions:
            is_language = exception.language is None or language in exception.languages
            if is_language and all(getattr(exception, name) in (None, value) for name, value in here.items()):
                return exception.max_drop_share
        return self.options.max_drop_share


def _is_language(code: str) -> bool:
    return code != "" and not code.startswith("und_")


def describe(alarm: Alarm) -> str:
    """Return an alarm as a sentence without a full stop."""
    rule = f"{alarm.stage}/{alarm.reason}"
    shares = f"{alarm.share:.1%}, at most {alarm.max_drop_share:.1%} allowed"
    return f"{rule} took {alarm.removed:,} of {alarm.rows:,} rows of {alarm.of} ({shares})"


def samples(alarms: Sequence[Alarm], ledgers: Iterable[pa.Table]) -> list[list[dict[str, Any]]]:
    """Return for each alarm the `SAMPLES` rows with the smallest ids: ids are hashes, so this is a fair draw.

    Args:
        alarms: alarms of any stages.
        ledgers: pieces of the ledgers, in any order; one is looked at at a time.

    Returns:
        Ledger rows, with texts as in the data; whoever shows them must take care of control and direction characters.
    """
    rules = {(alarm.stage, alarm.reason) for alarm in alarms}
    best = LEDGER_SCHEMA.empty_table()
    for ledger in ledgers:
        # A quick look first: most rows were not taken by these rules.
        likely = ledger.filter(pc.is_in(ledger["reason"], pa.array(sorted({reason for _, reason in rules}))))
        best = first_of_each(pa.concat_tables([best, likely]), _CELL, SAMPLES)
    cells: dict[tuple[str, str], list[dict[str, Any]]] = {rule: [] for rule in rules}
    for row in best.to_pylist():
        cells.get((row["stage"], row["reason"]), []).append(_finite(row))
    return [_first(alarm, cells[alarm.stage, alarm.reason]) for alarm in alarms]


def _first(alarm: Alarm, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    covered = [r for r in rows if r["source"] in alarm.sources and alarm.language in ("", r["language"])]
    return sorted(covered, key=lambda row: (row["id"], row["file"], row["row"]))[:SAMPLES]


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with scores that JSON can say."""
    for name in ("score", "threshold"):
        if row[name] is not None:
            row[name] = round(row[name], 6) if np.isfinite(row[name]) else None
    return row
