"""What the documents show is true: configs parse, verbs exist, the paths that they name are there."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from pathlib import Path

import pytest
from markdown_blocks import BLOCKS, DOCUMENTS, ROOT, Block, blocks_of, indented_lines, name_of

from curation.cli.main import cli
from curation.config import parse_config

_LANGUAGES = {"bash", "dockerfile", "json", "python", "text", "yaml", "yml"}
# A line of a block for the shell that calls the program, with what may stand before it.
_CURATE = re.compile(r"^ *(?:[A-Z_]+=\S+ )?curate ([a-z-]+)(.*)")


def _calls(path: Path) -> list[tuple[str, str]]:
    commands = [line for block in blocks_of(path) if block.language == "bash" for line in block.commands]
    return [found.groups() for line in commands if (found := _CURATE.match(line))]  # type: ignore[misc]


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_block_says_its_language(path: Path) -> None:
    assert {block.language for block in blocks_of(path)} <= _LANGUAGES
    # The site shows a fence in a list, and code by indentation there, as running text.
    assert not [str(block) for block in blocks_of(path) if block.indent]
    assert not indented_lines(path)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "yaml"], ids=str)
def test_every_config_in_the_documents_is_valid(block: Block) -> None:
    assert parse_config(block.text).sources


@pytest.mark.parametrize("path", [*(ROOT / "examples").glob("*.yml"), ROOT / "curation" / "quickstart.yml"], ids=str)
def test_every_example_is_valid(path: Path) -> None:
    assert parse_config(path.read_text(encoding="utf-8")).sources


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_verb_and_option_in_the_documents_exists(path: Path) -> None:
    for verb, rest in _calls(path):
        command = cli.get_command(None, verb)  # type: ignore[arg-type]
        assert command is not None, verb
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
        words = list(takewhile(lambda word: word != "--", shlex.split(rest, comments=True)))
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert given <= known, (verb, given - known)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "howto").glob("*.md")), ids=name_of)
def test_a_common_task_takes_one_page_and_three_commands(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
    assert 1 <= len(_calls(path)) <= 3


def test_the_citation_file_is_one() -> None:
    from cffconvert import Citation

    Citation((ROOT / "CITATION.cff").read_text(encoding="utf-8")).validate()
