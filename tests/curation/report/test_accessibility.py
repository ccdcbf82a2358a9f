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

import pytest
from full_page import LANGUAGES, write_full_page

AXE = "axe-core@4.14.1"
MOST_BYTES = 3_000_000
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
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page."""
    return write_full_page(tmp_path_factory.mktemp("page"))


@pytest.mark.soak
def test_it_is_small_and_needs_nothing_else(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) < MOST_BYTES
    assert text.count('<tr data-search="') >= LANGUAGES
    assert not re.findall(r"(?:src|href)=\"(?!#)[^\"]+", text)


@pytest.mark.soak
@pytest.mark.parametrize(("width", "dark"), [(360, False), (800, True), (1400, False)])
def test_axe_finds_nothing_serious(width: int, dark: bool, page: Path, axe: str, tmp_path: Path) -> None:
    text = re.sub(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", page.read_text(encoding="utf-8"))
    judged = tmp_path / "judged.html"
    judged.write_text(text.replace("</body>", f"<script>{axe}</script><script>{RUN}</script></body>"), encoding="utf-8")
    found = violations(judged, width, tmp_path, dark=dark)
    assert not [each for each in found if each["impact"] in ("serious", "critical")], found


@pytest.mark.soak
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
