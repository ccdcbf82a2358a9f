"""What the documents show as output is what the program says."""

from __future__ import annotations

from pathlib import Path

import pytest
from document_texts import CHECKS, check_of
from markdown_blocks import BLOCKS, Block


@pytest.mark.parametrize("block", [block for block in BLOCKS if check_of(block)], ids=str)
def test_the_program_says_it(block: Block, tmp_path: Path) -> None:
    check = check_of(block)
    assert check is not None
    check(block, tmp_path)


@pytest.mark.parametrize(("page", "start"), CHECKS)
def test_nothing_is_checked_that_is_not_shown(page: str, start: str) -> None:
    assert any(block.page == page and block.text.startswith(start) for block in BLOCKS)
