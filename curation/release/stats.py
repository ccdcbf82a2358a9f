"""The numbers of a run: the funnel, and where each language's and source's rows went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation.release import layout

STATS_SCHEMA = "curation-stats/1"


@dataclass(frozen=True, slots=True)
class StageCount:
    """Rows of one stage.

    Attributes:
        stage: name of the stage.
        rows_in: rows that entered.
        rows_out: records that went on.
    """

    stage: str
    rows_in: int
    rows_out: int


def compute_stats(
    counts: Sequence[StageCount],
    lost: pa.Table,
    shards: pa.Table,
    quota: pa.Table,
    released: pa.Table,
    contamination: Sequence[Mapping[str, Any]] = (),
    alarms: Sequence[Mapping[str, Any]] = (),
    connected: Mapping[str, Any] | None = None,
    recipes: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the statistics of a run as JSON values.

    Args:
        counts: rows of each stage, in order.
        lost: (stage, decision, reason, source, language) of ledger rows, with their number in `rows`; without that
            column each row counts once.
        shards: the files of the release, as `write_shards` returns them.
        quota: training rows allotted to each language, task and source, as `curation.quota.plan` plans them.
        released: records of the release by source and language, as `curation.funnel` counts them: each once, while
            the shards count it as often as it is repeated.
        contamination: what was found of the evaluation sets, as `curation.decontamination.report` counts it.
        alarms: rules that took too much of a language, as `curation.alarms` finds them.
        connected: the connected groups that the splits were drawn by, as `curation.split` describes them.
        recipes: sources whose rows are in the release without their texts; these count as `recipe`, not as released.
    """
    groups = _count(lost, ["stage", "decision", "reason", "source", "language"])
    splits, hidden = _released(shards), _hidden(shards)
    records = _sum_records(released)
    return {
        "schema": STATS_SCHEMA,
        "totals": _totals(counts, groups, splits, sum(hidden.values())) | {"recipe": sum(hidden.values())},
        "funnel": [_funnel_row(count, groups) for count in counts],
        "reasons": _sum_by(groups, ("stage", "decision", "reason")),
        "sources": _sum_by(groups, ("source", "stage", "decision", "reason")),
        "languages": _languages(groups, records, splits, hidden, _allotted(quota)),
        "quota": quota.filter(pc.greater(pc.add(quota["asked"], quota["given"]), 0)).to_pylist(),
        "source_languages": _source_languages(groups, released, recipes),
        "alarms": list(alarms),
        "contamination": list(contamination),
        "splits": dict(connected or {}),
    }


def _allotted(quota: pa.Table) -> dict[str, int]:
    sums = quota.group_by("language", use_threads=False).aggregate([("given", "sum")])
    return dict(zip(sums["language"].to_pylist(), sums["given_sum"].to_pylist(), strict=True))


def _count(lost: pa.Table, keys: list[str]) -> list[dict[str, Any]]:
    how = ("rows", "sum") if "rows" in lost.column_names else ([], "count_all")
    counted = lost.group_by(keys, use_threads=False).aggregate([how])
    rows: list[dict[str, Any]] = counted.rename_columns([*keys, "rows"]).to_pylist()
    return rows


def _released(shards: pa.Table) -> dict[tuple[str, str], int]:
    released: dict[tuple[str, str], int] = {}
    for entry in shards.to_pylist():
        shard = layout.parse_shard(entry["path"])
        if shard is not None and shard[0] == "data":
            key = (shard[1], shard[2])
            released[key] = released.get(key, 0) + entry["rows"]
    return released


def _hidden(shards: pa.Table) -> dict[str, int]:
    """Return the rows without texts of each language."""
    hidden: dict[str, int] = {}
    for entry in shards.to_pylist():
        found = layout.parse_recipe(entry["path"])
        if found is not None:
            hidden[found[0]] = hidden.get(found[0], 0) + entry["rows"]
    return hidden


def _totals(
    counts: Sequence[StageCount],
    groups: Sequence[Mapping[str, Any]],
    released: Mapping[tuple[str, str], int],
    hidden: int,
) -> dict[str, int]:
    rows = sum(released.values())
    totals = {"read": counts[0].rows_in, "released": rows, "repeated": rows + hidden - counts[-1].rows_out}
    for decision in ("dropped", "merged", "quarantined"):
        totals[decision] = sum(group["rows"] for group in groups if group["decision"] == decision)
    for split in layout.SPLITS:
        totals[split] = sum(rows for (_, name), rows in released.items() if name == split)
    return totals


def _funnel_row(count: StageCount, groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"stage": count.stage, "in": count.rows_in, "out": count.rows_out}
    for decision in ("dropped", "merged", "quarantined"):
        row[decision] = sum(g["rows"] for g in groups if (g["stage"], g["decision"]) == (count.stage, decision))
    return row


def _sum_by(groups: Sequence[Mapping[str, Any]], keys: tuple[str, ...]) -> list[dict[str, Any]]:
    sums: dict[tuple[str, ...], int] = {}
    for group in groups:
        key = tuple(group[name] for name in keys)
        sums[key] = sums.get(key, 0) + group["rows"]
    return [dict(zip(keys, key, strict=True)) | {"rows": sums[key]} for key in sorted(sums)]


def _source_languages(
    groups: Sequence[Mapping[str, Any]], released: pa.Table, recipes: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the same as `_languages` for each language of each source, and for the rows without a language."""
    kept = {(row["source"], row["language"]): row["rows"] for row in released.to_pylist()}
    lost: dict[tuple[str, str], list[Mapping[str, Any]]] = {key: [] for key in kept}
    for group in groups:
        lost.setdefault((group["source"], group["language"]), []).append(group)
    return [_source_language(key, kept.get(key, 0), lost[key], key[0] in recipes) for key in sorted(lost)]


def _source_language(
    key: tuple[str, str], kept: int, lost: Sequence[Mapping[str, Any]], is_recipe: bool
) -> dict[str, Any]:
    rules = _lost(lost)
    rows = {"read": kept + sum(rules.values()), "released": 0 if is_recipe else kept, "lost": rules}
    rows |= {"recipe": kept} if is_recipe else {}
    return {"source": key[0], "language": key[1], **rows}


def _lost(groups: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    lost: dict[str, int] = {}
    for group in groups:
        rule = f"{group['stage']}/{group['reason']}"
        lost[rule] = lost.get(rule, 0) + group["rows"]
    return dict(sorted(lost.items()))


def _sum_records(released: pa.Table) -> dict[str, int]:
    """Return the released records of each language, however often each stands in the release."""
    summed = released.group_by("language", use_threads=False).aggregate([("rows", "sum")])
    return dict(zip(summed["language"].to_pylist(), summed["rows_sum"].to_pylist(), strict=True))


def _languages(
    groups: Sequence[Mapping[str, Any]],
    records: Mapping[str, int],
    released: Mapping[tuple[str, str], int],
    hidden: Mapping[str, int],
    quota: Mapping[str, int],
) -> dict[str, dict[str, Any]]:
    codes = {group["language"] for group in groups} | {code for code, _ in released} | set(hidden)
    table: dict[str, dict[str, Any]] = {}
    for code in sorted(code for code in codes if code):
        lost = _lost([group for group in groups if group["language"] == code])
        rows = {split: released.get((code, split), 0) for split in layout.SPLITS}
        total, without = sum(rows.values()), hidden.get(code, 0)
        read = records.get(code, 0) + sum(lost.values())
        table[code] = {"read": read, "released": total, **rows, "quota": quota.get(code)}
        table[code] |= {"recipe": without} if without else {}
        table[code]["lost"] = lost
    return table
