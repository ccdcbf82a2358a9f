"""The page of a release in 300 languages in which every section has something to show."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from synthetic_runs import SENTENCES, make_run, mine, put_verdict

from curation.report import write_report
from language_configs import languages

LANGUAGES = 300
CHECKS = [
    {"id": "data.schema", "kind": "data", "status": "pass", "severity": "block"},
    {"id": "data.noise", "kind": "data", "status": "fail", "severity": "block", "language": "heb_Hebr",
     "metric": "share", "value": 0.31, "threshold": 0.05, "op": "<=", "detail": "a third of it"},
    {"id": "signal.gain", "kind": "signal", "status": "fail", "severity": "warn"},
    {"id": "signal.baseline", "kind": "signal", "status": "skipped", "severity": "block", "detail": "no baseline"},
]  # fmt: skip
METRICS = {
    "losses": [{"step": step, "loss": 5 - step / 100} for step in range(0, 300, 10)],
    "grid": [
        {"depth": depth, "dim": dim, "rank": rank, "accuracy": 0.1 * depth + dim / 200 + rank / 400}
        for depth in (0, 1, 2)
        for dim in (16, 32, 64)
        for rank in (8, 16)
    ],
    "held_out": {"accuracy": 0.52, "shuffled": 0.1, "untrained": 0.2, "lexical": 0.22},
    "languages": {"heb_Hebr": {"accuracy": 0.41}},
}
SUSPECTS = [
    {"language": "heb_Hebr", "id": "0" * 32, "anchor": "Changes saved.", "positive": "השינויים", "margin": -0.4}
]
VERDICT = {"status": "fail", "checks": CHECKS, "metrics": METRICS, "suspects": SUSPECTS}


def write_full_page(folder: Path) -> Path:
    """Write a run in 300 languages, compared with one in fifteen, and return its report."""
    known = [code for code in languages() if not code.endswith("_Zzzz")][:LANGUAGES]
    texts = list(SENTENCES.values())
    of_each = {code: texts[number % len(texts)] for number, code in enumerate(known)} | SENTENCES
    for name in ("before", "now"):
        (folder / name).mkdir()
    baseline = make_run(folder / "before", SENTENCES, each=4)
    made = make_run(folder / "now", of_each, each=8, change=_mined_with_clusters)
    html = folder / "report.html"
    release = put_verdict(made.release.path, VERDICT)
    write_report(release, ledger=made.ledger, html=html, json=None, baseline=baseline.release)
    return html


def _mined_with_clusters(records: pa.Table) -> pa.Table:
    """Mine negatives, and say that two in three records stand for several rows."""
    mined = mine(records)
    sizes = pa.array([1 + number % 3 for number in range(mined.num_rows)], pa.int32())
    return mined.append_column(pa.field("cluster_size", pa.int32(), nullable=False), sizes)
