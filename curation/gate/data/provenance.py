"""What the manifest and the statistics say of where the rows come from."""

from __future__ import annotations

from curation.config.gate import Gate
from curation.gate.verdict import Check, compare
from curation.release import Release


def check_quarantine(release: Release, options: Gate) -> Check:
    """Few rows were put in quarantine."""
    totals = release.stats["totals"]
    share = totals["quarantined"] / max(totals["read"], 1)
    return compare("data.quarantine", "data", "share of rows in quarantine", share, "<=", options.max_quarantine_share)


def check_licences(release: Release) -> Check:
    """Every source has a licence."""
    without = [name for name, source in release.manifest["sources"].items() if not source.get("licence")]
    return compare(
        "data.licences", "data", "sources without a licence", len(without), "==", 0, detail=", ".join(without)
    )
