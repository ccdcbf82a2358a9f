from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from small_release import TEXTS, row, write_ledger, write_release
from test_release import config

from curation.release import Release
from curation.release.changelog import OLDER_CHARS, latest_entry, older_entries, render_changelog
from curation.release.diff import diff_releases

LANGUAGES = sorted(TEXTS)
ROWS = [row(number, LANGUAGES[number % 11]) for number in range(22)]
STATS = {"totals": {"released": 22}, "languages": {code: {"released": 2} for code in LANGUAGES}}


def changelog(tmp_path: Path, parent: dict[str, Any], new: dict[str, Any], **release: Any) -> tuple[str, Release]:
    old = write_release(tmp_path / "old", ROWS, **parent)
    later = write_release(tmp_path / "new", new.pop("rows", ROWS), **new)
    ledger = write_ledger(tmp_path / "ledger", {"filter": [(row(0)["id"], "min_chars | <b>")]})
    return render_changelog(config(**release), STATS, diff_releases(old, later, later_ledger=ledger), old), old


def test_the_first_release() -> None:
    text = render_changelog(config(version="1.0.0", date="2026-11-28"), STATS)
    assert text == "# Changelog\n\n## 1.0.0 (2026-11-28)\n\nFirst release: 22 pairs in 11 languages.\n"


def test_what_is_new_stands_above_what_was(tmp_path: Path) -> None:
    parent = {"others": {"CHANGELOG.md": "# Changelog\n\n## 1.2.3\n\nFirst release.\n"}}
    new = {"rows": [*ROWS[1:8], ROWS[8] | {"licence": "MIT"}, *ROWS[9:], row(70, "tha_Thai")]}
    new |= {"config": {"name": "weather", "seed": 7}, "code": "1", "versions": {"numpy": "3"}}
    text, old = changelog(tmp_path, parent, new, version="1.3.0")
    assert text.startswith(
        f"# Changelog\n\n## 1.3.0\n\nAfter weather 1.2.3 (`{old.digest[:12]}`): 1 added, 1 removed, 1"
    )
    for words in (
        "Now 22 pairs in 11 languages. A minor change: records were added and removed and changed, and the schema",
        "| tha\\_Thai | 1 | 0 | 0 |",
        "| news | 1 | 1 | 1 |",
        r"| filter/min\_chars \| \<b\> | 1 |",
        "| licence | 1 |",
        "- seed: 0 → 7",
        "Also changed: the code, numpy nothing → 3.",
    ):
        assert words in text
    assert text.endswith("\n\n## 1.2.3\n\nFirst release.\n")
    assert text.count("# Changelog") == 1


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ROWS[1:], "records were removed, and"),
        ([*ROWS, row(90)], "records were added, and"),
        ([*ROWS[1:], ROWS[0] | {"licence": "MIT"}], "records were changed, and"),
        ([*ROWS[1:], row(90)], "records were added and removed, and"),
    ],
    ids=str,
)
def test_a_minor_change_is_what_happened(tmp_path: Path, rows: list[dict[str, Any]], words: str) -> None:
    text, _ = changelog(tmp_path, {}, {"rows": rows}, version="1.3.0")
    assert f"A minor change: {words} the schema is as it was." in text


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("## 2.0\n\nНовое.\n\n## 1.0\n\nFirst.\n", "## 2.0\n\nНовое."),
        ("# Changelog\n\n## 2.0\n\n新しい。\n\n## 1.0\n\nFirst.\n", "## 2.0\n\n新しい。"),
        ("## 2.0", "## 2.0"),
        ("nothing", ""),
        ("", ""),
    ],
    ids=repr,
)
def test_the_latest_entry(tmp_path: Path, text: str, entry: str) -> None:
    assert latest_entry(write_release(tmp_path, ROWS[:1], others={"CHANGELOG.md": text})) == entry


def test_a_parent_without_a_changelog(tmp_path: Path) -> None:
    text, _ = changelog(tmp_path, {}, {})
    assert "0 added, 0 removed, 0 changed" in text


HOSTILE = "\u202e\x1b[31m<script>alert(1)</script> \\\\<img src=x> ![track](http://x/y.png) \\<b> שלום"


def test_a_strangers_changelog_is_harmless(tmp_path: Path) -> None:
    text, _ = changelog(tmp_path, {"others": {"CHANGELOG.md": HOSTILE}, "name": HOSTILE}, {})
    for bad in ("\u202e", "\x1b", " <script>", " \\\\<img", " ![track]"):
        assert bad not in text
    assert "שלום" in text
    assert "\\\\\\<img" in text


@example("!![[")
@given(st.text(alphabet="<\\!['a\n\u202e# "))
def test_nothing_in_older_entries_is_active_and_twice_is_once(text: str) -> None:
    once = older_entries(text)
    # What is taken out leaves a mark: its neighbours must not come together.
    plain = once.replace("\\\\", "·")
    assert "<" not in plain.replace("\\<", "·")
    assert "![" not in plain.replace("\\![", "·")
    assert older_entries(once) == once.removeprefix("# Changelog").strip()


def test_a_long_changelog_is_cut_at_a_line(tmp_path: Path) -> None:
    entries = "".join(f"## 1.0.{number}\n\nСнова стало лучше.\n\n" for number in range(10_000))
    cut = older_entries(entries)
    assert OLDER_CHARS - 100 < len(cut) < OLDER_CHARS + 100
    assert cut.endswith("\n\n(Older entries are left out.)")
    again = older_entries(f"## 2.0.0\n\nNew.\n\n{cut}")
    assert again.count("left out") == 1


@pytest.mark.parametrize("data", [b"\xff\xfe broken", b"\r\nx\r\ny", b""])
def test_bytes_that_are_no_text(tmp_path: Path, data: bytes) -> None:
    old = write_release(tmp_path / "old", ROWS)
    (old.path / "CHANGELOG.md").write_bytes(data)
    later = write_release(tmp_path / "new", ROWS)
    text = render_changelog(config(), STATS, diff_releases(old, later), old)
    text.encode()
    assert "\r" not in text
