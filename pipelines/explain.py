"""The full path of one record: what every stage decided about it, with score and threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.config import RunConfig
from curation.errors import CurationError
from curation.langid import min_scores
from curation.licences.licensing import apply_licences
from curation.release import layout, open_release
from filters.pii import MASKED_COLUMN
from filters.roles import declared_roles
from filters.score import SCORES_COLUMN
from filters.stage import judgements
from pipelines.plan import read_config, read_plan
from pipelines.store import StageStore

_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """What one stage decided.

    Attributes:
        stage: name of the stage.
        decision: kept, dropped, merged or quarantined.
        reason: the rule that decided, empty where the record was kept.
        details: measurements as {name, score, threshold}; score and threshold may be None.
    """

    stage: str
    decision: str
    reason: str
    details: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The path of one record.

    Attributes:
        id: its id.
        outcome: released, dropped, merged or quarantined; or not finished.
        record: its texts, languages and origin, as far as known.
        steps: one for each stage that saw it, in order.
    """

    id: str
    outcome: str
    record: dict[str, Any]
    steps: tuple[Step, ...]


def explain(record_id: str, run: Path) -> Explanation:
    """Find out what happened to a record.

    Of a run that an alarm ended, this is known for the records that had left by then.

    Args:
        record_id: 32 hexadecimal digits, or any beginning of them that is unique.
        run: folder of a run.

    Raises:
        CurationError: if the folder holds no run that came so far, or no such record.
    """
    stages, config = read_plan(run).places, read_config(run)
    reached = tuple(place for place in stages if _ledger_file(run, place.stage).exists())
    is_finished = reached == stages
    ledger = _ledger(run, stages, reached)
    whole_id = _whole_id(record_id, run, ledger, is_finished=is_finished)
    ends = ledger.filter(pc.equal(ledger["id"], whole_id)).to_pylist()
    merged = ledger.filter(pc.equal(ledger["other_id"], whole_id)).to_pylist()
    seen = _rows(reached[: len(stages) - 1], whole_id) or (_released_row(run, whole_id) if is_finished else None)
    lost = next((row for row in ends if row["reason"] != "repeated_record" or not seen), None)
    row = seen or lost
    if row is None:
        raise _unknown(record_id, run, is_finished=is_finished)
    quota = _quota(run, row) if is_finished else None
    view = _View(row, config, merged, [end for end in ends if end is not lost], quota)
    outcome = lost["decision"] if lost else "released" if is_finished else "not finished"
    return Explanation(whole_id, outcome, _record(row), tuple(_steps(reached, view, lost)))


@dataclass(frozen=True, slots=True)
class _View:
    """What the descriptions of the stages draw on."""

    row: _Row
    config: RunConfig
    merged: Sequence[_Row]
    repeats: Sequence[_Row]
    quota: int | None


def _steps(stages: Sequence[StageStore], view: _View, lost: _Row | None) -> Iterator[Step]:
    for stage in (place.stage for place in stages):
        if lost is not None and stage == lost["stage"]:
            yield Step(stage, lost["decision"], lost["reason"], tuple(_loss(lost)))
            return
        yield Step(stage, "kept", "", tuple(_KEPT[stage](view)))


def _detail(name: str, score: object = None, threshold: object = None) -> dict[str, Any]:
    return {"name": name, "score": score, "threshold": threshold}


def _loss(lost: _Row) -> Iterator[dict[str, Any]]:
    yield _detail(lost["reason"], lost["score"], lost["threshold"])
    if lost["other_id"]:
        yield _detail(f"lost to {lost['other_id']}")
    if lost["detail"]:
        yield _detail(lost["detail"])


def _kept_read(view: _View) -> Iterator[dict[str, Any]]:
    yield _detail(f"from {view.row['source']}, {view.row['file']}:{view.row['row']}")


def _kept_distinct(view: _View) -> Iterator[dict[str, Any]]:
    for repeat in view.repeats:
        yield _detail(f"also at {repeat['file']}:{repeat['row']}")


def _kept_identify(view: _View) -> Iterator[dict[str, Any]]:
    options = view.config.identify
    source = next(source for source in view.config.sources if source.name == view.row["source"])
    for side in ("query", "positive"):
        language, score = view.row[f"{side}_language"], view.row.get(f"{side}_lid_score")
        if source.format == "gettext" or getattr(source, f"{side}_language") is not None:
            name = f"{side} is {language} as declared; another language would have to reach the threshold"
            yield _detail(name, score, options.min_veto_score)
        else:
            least = options.min_score
            if least is None and not language.startswith("und_"):
                texts, candidates = [view.row[side]], source.candidate_languages
                least = float(min_scores([language], texts, model=options.model, candidates=candidates)[0])
            yield _detail(f"{side} is {language} as identified", score, least)


def _kept_filter(view: _View) -> Iterator[dict[str, Any]]:
    if SCORES_COLUMN in view.row:
        for each in judgements(view.row, view.config.filters, declared_roles(view.config.sources)):
            name = f"{each.place} ({each.text}): {each.name} {each.direction.replace('_', ' ')}"
            yield _detail(name, each.score, each.bound)
    if view.row.get(MASKED_COLUMN):
        yield _detail("values of personal data that were masked", view.row[MASKED_COLUMN])


def _kept_boilerplate(view: _View) -> Iterator[dict[str, Any]]:
    bound = view.config.filters.boilerplate.max_queries
    yield _detail("the positive has no more different queries in its source", None, bound)


def _kept_dedup(stage: str, threshold: Callable[[RunConfig], float]) -> Callable[[_View], Iterator[dict[str, Any]]]:
    def details(view: _View) -> Iterator[dict[str, Any]]:
        losers = [loser for loser in view.merged if loser["stage"] == stage]
        if not losers:
            yield _detail("no other record is so similar", None, threshold(view.config))
        for loser in losers:
            yield _detail(f"kept instead of {loser['id']}", loser["score"], loser["threshold"])

    return details


def _kept_decontaminate(view: _View) -> Iterator[dict[str, Any]]:
    options = view.config.decontaminate
    tasks = ", ".join(dict.fromkeys(item.task for item in options.sets))
    yield _detail(f"neither side equals a text of {tasks}")
    for what, threshold in (
        ("neither side is so similar to one", options.near_threshold),
        ("neither side holds so much of one", options.containment_threshold),
    ):
        if threshold is not None:
            yield _detail(what, None, threshold)


def _kept_known(view: _View) -> Iterator[dict[str, Any]]:
    yield _detail("no record of an earlier release is so similar", None, view.config.dedup.threshold)


def _kept_group(view: _View) -> Iterator[dict[str, Any]]:
    yield _detail(f"in the connected group {view.row['component']}")


def _kept_split(view: _View) -> Iterator[dict[str, Any]]:
    yield _detail(f"in {view.row['split']}, with all of its connected group")


def _kept_mine(view: _View) -> Iterator[dict[str, Any]]:
    row, highest = view.row, view.config.mining.max_score
    yield _detail("score of the positive", row.get("positive_score"))
    if row.get("positive_rank") is not None:
        yield _detail(
            "rank of the positive among the passages", row["positive_rank"], view.config.mining.max_positive_rank
        )
    looked_at = {rule: count for rule, count in (row.get("candidates") or {}).items() if count}
    if looked_at:
        yield _detail(
            "candidates: " + ", ".join(f"{rule.replace('_', ' ')} {count:,}" for rule, count in looked_at.items())
        )
    texts, scores = row.get("negatives") or [], row.get("negative_scores") or []
    origins = row.get("negative_origins") or [""] * len(texts)
    for text, score, origin in zip(texts, scores, origins, strict=False):
        said = f"{origin} negative: {text}".strip()
        yield _detail(said, score, highest if isinstance(highest, float) else None)
    for identifier, score in zip(row.get("possible_ids") or [], row.get("possible_scores") or [], strict=False):
        yield _detail(f"as near as the positive, perhaps right: the positive of {identifier}", score)


def _kept_preselect(view: _View) -> Iterator[dict[str, Any]]:
    # A record that the release holds has a new rank, among those that were mined.
    if view.row.get("quota_limit") is not None:
        yield _detail("rank among the records that could be mined", view.row.get("quota_rank"), view.row["quota_limit"])


def _kept_balance(view: _View) -> Iterator[dict[str, Any]]:
    if view.row.get("quota_rank") is not None:
        where = f"{view.row['language']} of {view.row['source']}"
        yield _detail(f"rank in {where}, below the quota", view.row["quota_rank"], view.quota)
    if view.row.get("copies", 1) > 1:
        yield _detail("times that it is repeated to fill the quota", view.row["copies"])


def _kept_shard(view: _View) -> Iterator[dict[str, Any]]:
    place = f"{view.row['language']}/{view.row['split']}-*.parquet"
    is_recipe = view.row["source"] in apply_licences(view.config).recipes
    yield _detail(f"in recipe/{place}, without its texts" if is_recipe else f"in data/{place}")


_KEPT: dict[str, Callable[[_View], Iterator[dict[str, Any]]]] = {
    "read": _kept_read,
    "distinct": _kept_distinct,
    "identify": _kept_identify,
    # The scores stand beside their bounds, at the next stage.
    "score": lambda _: iter(()),
    "filter": _kept_filter,
    "boilerplate": _kept_boilerplate,
    "exact_dedup": _kept_dedup("exact_dedup", lambda _: 1.0),
    "near_dedup": _kept_dedup("near_dedup", lambda config: config.dedup.threshold),
    "known": _kept_known,
    "decontaminate": _kept_decontaminate,
    "group": _kept_group,
    "split": _kept_split,
    "preselect": _kept_preselect,
    "mine": _kept_mine,
    "balance": _kept_balance,
    "shard": _kept_shard,
}


def _record(row: _Row) -> dict[str, Any]:
    names = ("query", "positive", "language", "source", "licence", "task", "file", "row")
    return {name: row[name] for name in names if name in row}


def _ledger_file(run: Path, stage: str) -> Path:
    return run / "ledger" / f"{stage}.parquet"


def _ledger(run: Path, stages: Sequence[StageStore], reached: Sequence[StageStore]) -> pa.Table:
    """Return the ledgers of the stages that were reached: the first ones, without a gap."""
    if not reached or list(reached) != list(stages[: len(reached)]):
        missing = next(file for place in stages if not (file := _ledger_file(run, place.stage)).exists())
        raise CurationError("The run is not finished", where=str(missing), hint="run the same command again")
    return pa.concat_tables([pq.read_table(_ledger_file(run, place.stage)) for place in reached])


def _quota(run: Path, row: _Row) -> int | None:
    """Return the training rows that the record's language has from its source."""
    names = ("language", "task", "source")
    cells = open_release(run / "release").stats["quota"]
    return next((cell["given"] for cell in cells if all(cell[name] == row.get(name) for name in names)), None)


def _whole_id(given: str, run: Path, ledger: pa.Table, *, is_finished: bool) -> str:
    found = {value for value in ledger["id"].to_pylist() if value.startswith(given)}
    if given not in found and is_finished:
        release = open_release(run / "release")
        for split in release.splits:
            ids = release.read("full", split=split, columns=["id"])["id"]
            found |= set(ids.filter(pc.starts_with(ids, given)).to_pylist())
        for file in release.recipes():
            ids = pq.read_table(release.path / file.path, columns=["id"])["id"]
            found |= set(ids.filter(pc.starts_with(ids, given)).to_pylist())
    if len(given) < 4 or not found:
        raise _unknown(given, run, is_finished=is_finished)
    if len(found) > 1 and given not in found:
        raise CurationError(f"{len(found)} records have ids that begin with {given!r}", hint="give more digits")
    return given if given in found else found.pop()


def _rows(stages: Sequence[StageStore], record_id: str) -> dict[str, Any] | None:
    """Return the record as the last of these stages that saw it left it."""
    for place in reversed(stages):
        done = place.done()
        for part in done.parts if done else ():
            records = place.records(part.name)
            found = records.filter(pc.equal(records["id"], record_id))
            if found.num_rows:
                return dict(found.to_pylist()[0])
    return None


def _released_row(run: Path, record_id: str) -> dict[str, Any] | None:
    """Find a record in the release itself, for runs whose work folder was deleted."""
    release = open_release(run / "release")
    for split in release.splits:
        table = release.read("full", split=split)
        found = table.filter(pc.equal(table["id"], record_id)).to_pylist()
        if found:
            row = found[0]
            negatives = [row[name] for name in row if name.startswith("negative_") and name[9:].isdigit()]
            return {**row, "query": row["anchor"], "negatives": negatives, "split": split}
    for file in release.recipes():
        place = layout.parse_recipe(file.path)
        table = pq.read_table(release.path / file.path)
        found = table.filter(pc.equal(table["id"], record_id)).to_pylist()
        if found and place is not None:
            return {**found[0], "split": place[1]}
    return None


def _unknown(record_id: str, run: Path, *, is_finished: bool) -> CurationError:
    hint = "ids stand in the column `id` of release/full and of ledger/, 32 hexadecimal digits each"
    if is_finished:
        return CurationError(f"No record has the id {record_id!r}", where=str(run), hint=hint)
    why = "the run is not finished: only records that left before it ended are known"
    return CurationError(f"No record that has left has the id {record_id!r}", where=str(run), why=why, hint=hint)
