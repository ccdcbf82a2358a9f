"""Takes the pictures of docs/report.md: the report of a run in headless Chromium, at three widths.

    python tools/screenshots.py RUN

RUN is the folder of a run; Chromium must be installed. The pictures of the documents are those of the quickstart, with
an earlier version of itself for a parent.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

IMAGES = Path(__file__).parents[1] / "docs" / "images"
# Width and height in pixels, the section that is in view (the whole page where empty), and whether the page is dark.
VIEWS = {
    "report-wide": (1300, 1250, "", False),
    "report-medium": (820, 900, "languages", True),
    "report-narrow": (390, 900, "clusters", False),
}


def take(page: Path, name: str, folder: Path) -> None:
    """Write one picture: docs/images/NAME.png."""
    width, height, section, dark = VIEWS[name]
    shown = folder / f"{name}.html"
    shown.write_text(only(page.read_text(encoding="utf-8"), section), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={folder}", f"--window-size={width},{height}", "--virtual-time-budget=5000"]
    # 0 is dark to Blink, 1 light.
    command += [f"--blink-settings=preferredColorScheme={int(not dark)}", f"--screenshot={IMAGES / name}.png"]
    subprocess.run([*command, shown.as_uri()], check=True, capture_output=True, timeout=120)  # noqa: S603 - our own page


def only(text: str, section: str) -> str:
    """Return a page that shows nothing but a section: headless pictures of a page that was scrolled are blank."""
    if not section:
        return text
    rule = f"header.top, nav, footer, main > section:not([aria-labelledby={section}]) {{ display: none }}"
    # The page's own policy lets no other style in.
    return re.sub(r"<meta http-equiv=[^>]*>", "", text).replace("</head>", f"<style>{rule}</style></head>")


def main() -> None:
    """Take all pictures of a run's report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a run")
    page = parser.parse_args().run.absolute() / "report.html"
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in VIEWS:
            take(page, name, Path(folder))


if __name__ == "__main__":
    main()
