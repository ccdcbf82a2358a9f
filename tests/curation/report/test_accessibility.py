"""The page of a release in 300 languages, judged by axe-core in a real browser.

axe-core is fetched by npm for the test alone; where there is no npm, network or Chromium, the test is skipped.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curation.config.mining import Mining
from curation.mining.stage import mine_records
from curation.records import RECORD_SCHEMA
from curation.report import write_report
from language_configs import languages

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

AXE = "axe-core@4.14.1"
LANGUAGES, MOST_BYTES = 300, 3_000_000
RUN = """
axe.run(document, {resultTypes: ["violations"]}).then(found => {
  const brief = found.violations.map(v => ({
    id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 300))
  }));
  parent.postMessage(JSON.stringify({
    width: innerWidth, dark: matchMedia("(prefers-color-scheme: dark)").matches, violations: brief
  }), "*");
});
"""
# A window of Chromium is at least 500 pixels wide, a frame may be narrower.
FRAME = """<!DOCTYPE html><html lang="en"><title>frame</title><body>
<iframe src="{name}" style="border: 0; width: {width}px; height: 1000px"></iframe>
<script>
addEventListener("message", (event) => {
  const text = document.createElement("pre");
  text.id = "found";
  text.textContent = event.data;
  document.body.replaceChildren(text);
});
</script></body></html>
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, make_run: Any, sentences: Any, run: Any) -> Path:
    """Return the page of a release in 300 languages in which every section has something to show."""
    folder = tmp_path_factory.mktemp("page")
    known = [code for code in languages() if not code.endswith("_Zzzz")][:LANGUAGES]
    texts = list(sentences.values())
    of_each = {code: texts[number % len(texts)] for number, code in enumerate(known)} | dict(sentences)
    made = make_run(folder, of_each, each=8, change=full_of_facts)
    (made.release.path / "gate").mkdir()
    (made.release.path / "gate" / "verdict.json").write_text(json.dumps(VERDICT), encoding="utf-8")
    html = folder / "report.html"
    write_report(made.release, ledger=made.ledger, html=html, json=None, baseline=run.release)
    return html


def full_of_facts(records: pa.Table) -> pa.Table:
    """Mine negatives among the passages of a language, and say that every second record stands for several rows."""
    base = records.select([*RECORD_SCHEMA.names, "split"]).to_pylist()
    for row in base:
        row |= {"task": "retrieval", "query_language": row["positive_language"], "query": row["positive"][::2]}
        row |= {"group": row["id"], "negatives": []}
    schema = RECORD_SCHEMA.append(pa.field("split", pa.string(), nullable=False))
    mined = mine_records(pa.Table.from_pylist(base, schema), Mining(num_negatives=3, skip_rank=0), seed=0).records
    sizes = pa.array([1 + number % 3 for number in range(mined.num_rows)], pa.int32())
    return mined.append_column(pa.field("cluster_size", pa.int32(), nullable=False), sizes)


@pytest.mark.slow
def test_it_is_small_and_needs_nothing_else(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) < MOST_BYTES
    assert text.count('<tr data-search="') >= LANGUAGES
    assert not re.findall(r"(?:src|href)=\"(?!#)[^\"]+", text)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(360, False), (800, True), (1400, False)])
def test_axe_finds_nothing_serious(width: int, dark: bool, page: Path, axe: str, tmp_path: Path) -> None:
    text = re.sub(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", page.read_text(encoding="utf-8"))
    judged = tmp_path / "judged.html"
    judged.write_text(text.replace("</body>", f"<script>{axe}</script><script>{RUN}</script></body>"), encoding="utf-8")
    found = violations(judged, width, tmp_path, dark=dark)
    assert not [each for each in found if each["impact"] in ("serious", "critical")], found


@pytest.mark.slow
def test_axe_is_told_of_what_is_wrong(axe: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    body = "<img src=''><button></button>"
    broken.write_text(f"<html><body>{body}<script>{axe}</script><script>{RUN}</script></body></html>")
    assert {"image-alt", "button-name"} <= {each["id"] for each in violations(broken, 800, tmp_path)}


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the script of axe-core."""
    npm, browser = shutil.which("npm"), shutil.which("chromium")
    if npm is None or browser is None:
        pytest.skip("npm and Chromium are needed")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "install", "--silent", "--ignore-scripts", "--prefix", str(folder), AXE]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("axe-core cannot be fetched")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Path, width: int, folder: Path, *, dark: bool = False) -> list[dict[str, Any]]:
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    command += [
        "--disable-background-networking",
        "--disable-component-update",
        f"--user-data-dir={folder / 'profile'}",
    ]
    # 0 is dark to Blink, 1 light.
    command.append(f"--blink-settings=preferredColorScheme={int(not dark)}")
    frame = folder / f"frame-{width}.html"
    frame.write_text(FRAME.replace("{name}", page.name).replace("{width}", str(width)), encoding="utf-8")
    command += ["--window-size=1500,1000", "--virtual-time-budget=120000", "--dump-dom", frame.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=280)
    match = re.search(r"<pre id=\"found\">(.*?)</pre>", done.stdout, re.DOTALL)
    assert match is not None, done.stderr[-1000:]
    found: dict[str, Any] = json.loads(html.unescape(match[1]))
    assert (found["width"], found["dark"]) == (width, dark)
    violations: list[dict[str, Any]] = found["violations"]
    return violations
