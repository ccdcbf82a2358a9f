"""The reader of blocks sees what a page hides: code by indentation, fences in lists, fences that nothing closes."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_blocks import ROOT, blocks_of, indented_lines


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("markdown_blocks.ROOT", tmp_path)
    return tmp_path / "page.md"


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("Words.\n\n```bash\ncurate doctor\n```\n", [(3, 0, "bash", "curate doctor\n")]),
        ("```\na\n\n    b\n```\n\n~~~text\n```\n~~~\n", [(1, 0, "", "a\n\n    b\n"), (7, 0, "text", "```\n")]),
        ("1. One\n\n   ```yaml\n   name: x\n   ```\n", [(3, 3, "yaml", "   name: x\n")]),
        ("    not a fence\n", []),
    ],
)
def test_blocks(page: Path, text: str, blocks: list[tuple[int, int, str, str]]) -> None:
    page.write_text(text, encoding="utf-8")
    assert [(block.line, block.indent, block.language, block.text) for block in blocks_of(page)] == blocks


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Words:\n\n    curate doctor\n    curate langs\n", [3]),
        ("1. Words:\n\n       curate doctor\n", [3]),
        ("* a point\n  that goes on\n    further in\n", []),
        ("```text\na\n\n    b\n```\n\n    c\n", [7]),
        ("```text\n    b\n```\n\n    b\n", [5]),
    ],
)
def test_code_by_indentation(page: Path, text: str, lines: list[int]) -> None:
    page.write_text(text, encoding="utf-8")
    assert indented_lines(page) == lines


def test_a_fence_that_nothing_closes(page: Path) -> None:
    page.write_text("```bash\ncurate doctor\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"page\.md:1"):
        blocks_of(page)


def test_lines_that_go_on_are_one_command() -> None:
    (block,) = [each for each in blocks_of(ROOT / "docs" / "running.md") if each.text.startswith("sbatch")]
    assert len(block.commands) == 1
