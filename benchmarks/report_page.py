"""How long the report of a release in 300 languages takes to open: `python -m benchmarks.report_page`.

The page of the tests, in which every section has something to show, is opened by headless Chromium, and so is a page
that holds nothing but the same table of languages, bare: what the browser itself needs for so many rows.
Each time is from the start of the navigation until the page is loaded and laid out; medians of five, in turns.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 5
ROOT = Path(__file__).parents[1]
CLOCK = """<script>
addEventListener("load", () => {
  const laidOut = document.body.offsetHeight;
  document.title = "opened " + performance.now();
});
</script></body>"""


def main() -> None:
    """Print size and times of both pages, and their ratio."""
    sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("", "curation/report", "curation/release")]
    from full_page import write_full_page

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = write_full_page(folder)
        pages = {"report": ours, "table": plain_table(ours, folder / "table.html")}
        times: dict[str, list[float]] = {page: [] for page in pages}
        for page in list(pages) * RUNS:
            times[page].append(opened(pages[page], folder))
        for page, path in pages.items():
            print(f"{page:<8} {path.stat().st_size / 1e6:6.2f} MB {statistics.median(times[page]):8.0f} ms")
        print(f"ratio {statistics.median(times['report']) / statistics.median(times['table']):.2f}")


def plain_table(page: Path, target: Path) -> Path:
    """Write nothing but the table of languages of a page, without pictures, style and script."""
    match = re.search(r"<table[^>]*id=\"language-table\".*?</table>", page.read_text(encoding="utf-8"), re.DOTALL)
    assert match is not None
    bare = re.sub(r"<(\w+)[^>]*>", r"<\1>", re.sub(r"<svg.*?</svg>(?=</td>)", "", match[0], flags=re.DOTALL))
    head = "<!DOCTYPE html><html><head><meta charset='utf-8'><title></title></head>"
    target.write_text(f"{head}<body>{bare}</body></html>", encoding="utf-8")
    return target


def opened(page: Path, folder: Path) -> float:
    """Return the milliseconds that a page takes to open."""
    clocked = folder / f"clocked-{page.name}"
    text = re.sub(r"<meta http-equiv=[^>]*>", "", page.read_text(encoding="utf-8"))
    clocked.write_text(text.replace("</body>", CLOCK), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    command += [
        "--disable-background-networking",
        "--disable-component-update",
        f"--user-data-dir={folder / 'profile'}",
    ]
    command += ["--window-size=1300,900", "--dump-dom", clocked.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    match = re.search(r"<title>opened ([\d.]+)</title>", done.stdout)
    assert match is not None, done.stderr[-1000:]
    return float(match[1])


if __name__ == "__main__":
    main()
