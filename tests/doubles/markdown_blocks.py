"""The blocks of code of the documents, and the commands in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"( *)(`{3,}|~{3,})(.*)")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code.

    Attributes:
        page: the page, relative to the root of the repository.
        line: number of the line of its fence, from 1.
        indent: spaces before the fence.
        language: what the fence says; empty if nothing.
        text: what it holds.
    """

    page: str
    line: int
    indent: int
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The lines of a block for the shell, those that go on in the next line joined with it."""
        return re.sub(r"\\\n", "", self.text).splitlines()

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(path: Path) -> str:
    """Return the name of a page, relative to the root of the repository."""
    return path.relative_to(ROOT).as_posix()


def blocks_of(path: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order.

    Raises:
        ValueError: nothing closes a fence.
    """
    blocks = []
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    for number, line in lines:
        if opened := _FENCE.fullmatch(line):
            fence, held = opened.group(2), []
            for _, inner in lines:
                if inner.strip() == fence:
                    break
                held.append(f"{inner}\n")
            else:
                raise ValueError(f"{path}:{number}: nothing closes this block")
            text = "".join(held)
            blocks.append(Block(name_of(path), number, len(opened.group(1)), opened.group(3).strip(), text))
    return blocks


def indented_lines(path: Path) -> list[int]:
    """Return the numbers of lines that are code by their indentation alone, in a list or not."""
    text = path.read_text(encoding="utf-8")
    for block in blocks_of(path):
        text = text.replace(block.text, "\n" * block.text.count("\n"), 1)
    lines = ["", *text.splitlines()]
    return [n for n, line in enumerate(lines) if line.startswith("    ") and line.strip() and not lines[n - 1].strip()]


BLOCKS = [block for path in DOCUMENTS for block in blocks_of(path)]
