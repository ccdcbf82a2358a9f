"""The numbers and samples of the report, as JSON values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.alarms import Alarm, describe, samples
from curation.funnel import steps
from curation.release import Release
from curation.release.changelog import latest_entry
from curation.report.clusters import cluster_numbers
from curation.report.comparison import compare_with
from curation.report.dropped import SAMPLE_CHARS, dropped_by_rule, ledger_batches, shown_row
from curation.report.mining import mining_numbers
from curation.report.negatives import negative_samples
from curation.report.quota import quota_numbers
from curation.report.scan import EDGES, Scan, Tally, rows_by_id, scan_release, total
from curation.report.verdict import gate_numbers
from curation.report.visible import clip

REPORT_SCHEMA = "curation-report/1"

_QUANTILES = {"least": 0.0, "p10": 0.1, "median": 0.5, "p90": 0.9, "greatest": 1.0}
_TAKERS = 30
_COUNTED = ("read", "released", "train", "validation", "test")


def build_report(release: Release, *, ledger: Path | None = None, baseline: Release | None = None) -> dict[str, Any]:
    """Return everything that the report says.

    Args:
        release: the release.
        ledger: folder of the run's ledgers; without it, rules have counts but no samples.
        baseline: an earlier release to compare with.

    Returns:
        JSON values, the same for the same releases and ledger. Texts are as in the data, cut to 240 characters;
        whoever shows them must take care of control and direction characters.

    Raises:
        CurationError: if a shard or a ledger cannot be read.
    """
    stats, scan = release.stats, scan_release(release)
    gate, stages = gate_numbers(release.verdict), [row["stage"] for row in stats.get("funnel", [])]
    hidden = release.manifest.get("licence", {}).get("recipes", [])
    rules = dropped_by_rule(_in_order(stats.get("reasons", []), stats.get("funnel", [])), ledger, hidden)
    return {
        "schema": REPORT_SCHEMA,
        "release": _identity(release),
        "verdict": gate["verdict"],
        "checks": gate["checks"],
        "training": gate["training"],
        "alarms": _alarms(stats.get("alarms", []), ledger, hidden),
        "totals": stats.get("totals", {}),
        "funnel": stats.get("funnel", []),
        "languages": _languages(stats.get("languages", {}), stages, scan, gate["accuracy"]),
        "quota": quota_numbers(stats.get("quota", []), release.manifest["config"].get("balance", {})),
        "source_languages": stats.get("source_languages", []),
        "takers": _takers(stats.get("source_languages", []), stages, release.manifest["config"].get("alarms")),
        "rules": _with_survivors(release, rules),
        "clusters": cluster_numbers(release, ledger=ledger, hidden=hidden),
        "splits": stats.get("splits", {}),
        "contamination": stats.get("contamination", []),
        "mining": mining_numbers(release),
        "negatives": negative_samples(release, _trained(stats.get("languages", {}))),
        "distributions": _distributions(scan),
        "licence": stats.get("licence"),
        "comparison": compare_with(release, baseline) if baseline else None,
        "changelog": latest_entry(release).splitlines(),
        "sources": _sources(release.manifest["sources"], stats.get("sources", []), scan),
    }


def _identity(release: Release) -> dict[str, Any]:
    manifest, settings = release.manifest, release.manifest["config"]
    described = {name: settings.get("release", {}).get(name, "") for name in ("title", "description")}
    known = {name: manifest.get(name) for name in ("name", "version", "seed", "parent", "code", "versions")}
    files = release.files
    return {
        **known,
        **described,
        "manifest_sha256": release.digest,
        "files": len(files),
        "bytes": sum(file.bytes for file in files),
        "languages": len(release.languages),
        "splits": release.splits,
        "teacher": settings.get("mining", {}).get("teacher", {}).get("model"),
    }


def _in_order(reasons: Sequence[Mapping[str, Any]], funnel: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rules in the order of their stages, in each the one with the most rows first."""
    places = {row["stage"]: place for place, row in enumerate(funnel)}
    return sorted(reasons, key=lambda reason: (places.get(reason["stage"], len(places)), -reason["rows"]))


def _trained(languages: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    return {code: row["train"] for code, row in languages.items() if row.get("train")}


def _alarms(alarms: Sequence[Mapping[str, Any]], ledger: Path | None, hidden: Sequence[str]) -> list[dict[str, Any]]:
    """Return the alarms in words too, each with twenty samples where the ledger is at hand."""
    found = [Alarm.from_json(alarm) for alarm in alarms]
    rows = samples(found, ledger_batches(ledger, hidden) if ledger and found else ())
    return [
        {**alarm.to_json(), "text": describe(alarm), "samples": [shown_row(row) for row in of_alarm]}
        for alarm, of_alarm in zip(found, rows, strict=True)
    ]


def _takers(
    parts: Sequence[Mapping[str, Any]], stages: Sequence[str], options: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Return the rules that took the greatest shares of a language in a source, of those that alarms judge."""
    if options is None:
        return []
    found = [
        {"source": part["source"], "language": part["language"], "stage": step["stage"], "reason": reason}
        | {"rows": step["in"], "removed": rows, "share": round(rows / step["in"], 6)}
        for part in parts
        if part["language"]
        for step in steps(part, stages)
        if step["stage"] in options["stages"] and step["in"] >= options["min_rows"]
        for reason, rows in step["lost"].items()
    ]
    return sorted(found, key=lambda row: (-row["share"], -row["removed"], row["language"], row["source"]))[:_TAKERS]


def _languages(
    languages: Mapping[str, Mapping[str, Any]],
    stages: Sequence[str],
    scan: Scan,
    accuracy: Mapping[str, float | None],
) -> list[dict[str, Any]]:
    """Return the languages, the largest first."""
    names = language_names(languages)
    rows = [
        {
            "code": code,
            "name": names[code],
            **{name: row.get(name, 0) for name in _COUNTED},
            "quota": row.get("quota"),
            "accuracy": accuracy.get(code),
            "lost": dict(row.get("lost", {})),
            "funnel": steps(row, stages) if stages else [],
            "distributions": _distributions_of(code, scan),
        }
        for code, row in languages.items()
    ]
    return sorted(rows, key=lambda row: (-row["released"], -row["read"], row["code"]))


def language_names(codes: Iterable[str]) -> dict[str, str]:
    """Return the English name of each language; the code itself where it is in no table."""
    from language_configs import languages

    known = languages()
    return {code: known[code].name if code in known else code for code in codes}


def _distributions_of(code: str, scan: Scan) -> dict[str, Any]:
    found = {measure: tallies[code] for measure, tallies in scan.tallies.items() if code in tallies}
    return {measure: _summary(tally, measure) for measure, tally in found.items() if tally.counts.any()}


def _summary(tally: Tally, measure: str) -> dict[str, Any]:
    quantiles = {name: tally.quantile(share, measure) for name, share in _QUANTILES.items()}
    return {"counts": tally.counts.tolist(), **quantiles}


def _distributions(scan: Scan) -> dict[str, Any]:
    return {
        measure: {"edges": list(EDGES[measure]), **_summary(total(tallies.values(), measure), measure)}
        for measure, tallies in scan.tallies.items()
    }


def _with_survivors(release: Release, rules: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each merged sample the record that it was merged into, where that is in the release."""
    wanted: dict[str, set[str]] = {}
    for rule in rules:
        for sample in rule["samples"] if rule["decision"] == "merged" else ():
            wanted.setdefault(sample["language"], set()).add(sample["other_id"])
    found = {row["id"]: _pair(row) for code in wanted for row in _find(release, code, sorted(wanted[code]))}
    return [
        {**rule, "samples": [{**sample, "other": found.get(sample["other_id"])} for sample in rule["samples"]]}
        for rule in rules
    ]


def _find(release: Release, language: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    columns = ["id", "anchor", "positive"]
    return [row for split in release.splits for row in rows_by_id(release, language, ids, split=split, columns=columns)]


def _pair(row: Mapping[str, Any]) -> dict[str, str]:
    return {"query": clip(row["anchor"], SAMPLE_CHARS), "positive": clip(row["positive"], SAMPLE_CHARS)}


def _sources(
    sources: Mapping[str, Mapping[str, Any]], losses: Sequence[Mapping[str, Any]], scan: Scan
) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            **{key: source.get(key) for key in ("licence", "task", "instruction", "languages")},
            "files": len(source.get("inputs", [])),
            "bytes": sum(item.get("bytes", 0) for item in source.get("inputs", [])),
            "lost": sum(loss["rows"] for loss in losses if loss["source"] == name),
            "released": scan.sources[name],
        }
        for name, source in sorted(sources.items())
    ]
