"""Alarms in a run: looks at stages as they finish, and says what was found so that somebody can act on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.alarms import Alarm, describe, judge, samples
from curation.config.model import Alarms, Filters
from curation.errors import AlarmError
from curation.files import write_json, write_text
from curation.report.visible import clip, visible
from pipelines.engine import Checks
from pipelines.store import StageStore

ALARMS_SCHEMA = "curation-alarms/1"
_SAID, _SHOWN, _SHOWN_CHARS = 3, 5, 60


@dataclass(frozen=True)
class AlarmFiles:
    """Where the alarms of a run are written, in full.

    Attributes:
        run: folder of the run.
    """

    run: Path

    @property
    def json(self) -> Path:
        """For programs."""
        return self.run / "alarms.json"

    @property
    def page(self) -> Path:
        """For people."""
        return self.run / "alarms.md"

    def remove(self) -> None:
        """Remove what an earlier run has left."""
        for path in (self.json, self.page):
            path.unlink(missing_ok=True)

    def write(self, alarms: Sequence[Alarm], rows: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        """Write alarms and the samples of each; control and direction characters become symbols."""
        shown = [[{name: _safe(value) for name, value in row.items()} for row in of_alarm] for of_alarm in rows]
        found = [alarm.to_json() | {"samples": each} for alarm, each in zip(alarms, shown, strict=True)]
        write_json(self.json, {"schema": ALARMS_SCHEMA, "alarms": found})
        write_text(self.page, "\n".join(_page(alarms, shown, self.run)))


def checks_of(options: Alarms, files: AlarmFiles) -> Checks:
    """Return the checks that end a run at the first stage with an alarm; none where alarms do not end a run."""

    def look(place: StageStore) -> None:
        if alarms := judge(place.groups(), place.stage, options):
            rows = samples(alarms, place.ledger_parts())
            files.write(alarms, rows)
            raise _error(alarms, rows, files)

    return dict.fromkeys(options.stages, look) if options.on_alarm == "fail" else {}


def find_alarms(options: Alarms, places: Sequence[StageStore], files: AlarmFiles) -> list[Alarm]:
    """Return the alarms of finished stages, in the order of the stages, and write them where there are some."""
    if options.on_alarm == "ignore":
        return []
    judged = [place for place in places if place.stage in options.stages]
    found = [(alarms, place) for place in judged if (alarms := judge(place.groups(), place.stage, options))]
    flat = [alarm for alarms, _ in found for alarm in alarms]
    if flat:
        files.write(flat, [rows for alarms, place in found for rows in samples(alarms, place.ledger_parts())])
    return flat


def _error(alarms: Sequence[Alarm], rows: Sequence[Sequence[Mapping[str, Any]]], files: AlarmFiles) -> AlarmError:
    more = len(alarms) - _SAID
    lines = [describe(alarm) for alarm in alarms[:_SAID]] + ([f"and {more:,} more"] if more > 0 else [])
    lines += ["for example", *(f"  {_line(row)}" for row in rows[0][:_SHOWN])]
    count = "A rule took" if len(alarms) == 1 else f"{len(alarms):,} times a rule took"
    return AlarmError(
        f"{count} more of a language than the config allows",
        where=f"{files.page} and {files.json.name}",
        why="\n    ".join(lines),
        hint="\n    ".join(_advice(alarms[0], rows[0], files.run)),
    )


def _advice(alarm: Alarm, rows: Sequence[Mapping[str, Any]], run: Path) -> Iterator[str]:
    """Yield what to do about an alarm; finished stages are found again, whichever it is."""
    yield f"look:    curate explain {rows[0]['id']} --run {run}"
    yield f"mend:    {_knob(alarm)}"
    names = {"stage": alarm.stage, "reason": alarm.reason, "language": alarm.language}
    names |= {"source": alarm.sources[0]} if len(alarm.sources) == 1 else {}
    given = ", ".join(f"{name}: {value}" for name, value in names.items() if value)
    yield f"allow:   alarms: {{exceptions: [{{{given}}}]}}"
    yield "go on:   --set alarms.on_alarm=warn"


def _knob(alarm: Alarm) -> str:
    source = f"the source {alarm.sources[0]}" if len(alarm.sources) == 1 else "the sources"
    if alarm.stage == "filter":
        return f"{source}, or filters.{alarm.reason}" if alarm.reason in Filters.model_fields else source
    if alarm.stage == "identify":
        knob = "identify.min_score" if alarm.reason == "undetermined" else "identify.on_mismatch"
        return f"the languages that {source} declares, or {knob}"
    return f"{source}, or the section {alarm.stage}" if alarm.stage == "decontaminate" else source


def _line(row: Mapping[str, Any]) -> str:
    texts = [clip(visible(row[side]), _SHOWN_CHARS) for side in ("query", "positive") if row[side]]
    return f"{' | '.join(texts) or clip(visible(row['detail']), 2 * _SHOWN_CHARS)}{_measured(row)}"


def _measured(row: Mapping[str, Any]) -> str:
    numbers = [f"{name} {row[name]:,.6g}" for name in ("score", "threshold") if row[name] is not None]
    return f"  ({', '.join(numbers)})" if numbers else ""


def _safe(value: Any) -> Any:
    return visible(value) if isinstance(value, str) else value


def _page(alarms: Sequence[Alarm], rows: Sequence[Sequence[Mapping[str, Any]]], run: Path) -> Iterator[str]:
    """Yield the lines of the page; what comes from data stands in indented blocks, where nothing is markup."""
    yield "# Alarms\n"
    yield "A rule took so much of a language that the rule, or the source, is to be suspected. The samples are the"
    yield "records with the smallest ids, which makes them a fair draw.\n"
    for alarm, of_alarm in zip(alarms, rows, strict=True):
        yield f"## {alarm.stage}/{alarm.reason}: {alarm.of}\n"
        yield f"{describe(alarm)}.\n"
        yield from (f"    {line}" for line in _advice(alarm, of_alarm, run))
        yield ""
        for row in of_alarm:
            yield f"    {row['id']}  {row['source']}, {row['file']}:{row['row']}{_measured(row)}"
            yield from (f"      {row[name]}" for name in ("query", "positive", "detail") if row[name])
            yield ""
