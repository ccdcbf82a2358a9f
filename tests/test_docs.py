"""What the documents show is true: configs parse, verbs exist, the paths that they name are there."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from pathlib import Path

import pytest
from document_commands import ELSEWHERE, is_run, runs_elsewhere
from document_texts import check_of
from markdown_blocks import BLOCKS, DOCUMENTS, ROOT, Block, blocks_of, indented_lines, name_of

from curation.cli.main import cli
from curation.config import parse_config

_LANGUAGES = {"bash", "dockerfile", "json", "python", "text", "yaml", "yml"}
_LEAST = """\
name: my-pairs
sources: [{name: pairs, format: tsv, path: pairs.tsv, licence: CC0-1.0, task: bitext}]
"""
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


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_block_is_run_by_a_test(block: Block) -> None:
    by_language = {"yaml": True, "yml": True, "bash": is_run(block), "python": is_run(block)}
    runners = [by_language.get(block.language, False), check_of(block) is not None, bool(runs_elsewhere(block))]
    assert runners.count(True) == 1, "a new block needs a line in document_commands.py or document_texts.py"


@pytest.mark.parametrize(("page", "language", "held", "test"), ELSEWHERE)
def test_what_runs_elsewhere_is_there(page: str, language: str, held: str, test: str) -> None:
    assert any(block.page == page and block.language == language and held in block.text for block in BLOCKS)
    text = (ROOT / test).read_text(encoding="utf-8")
    assert test == "tests/test_docs.py" or Path(page).name in text or held in text


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "yaml"], ids=str)
def test_every_config_in_the_documents_is_valid(block: Block) -> None:
    assert parse_config(block.text).sources


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "yml"], ids=str)
def test_every_part_of_a_config_is_valid(block: Block) -> None:
    config = parse_config(_LEAST + block.text)
    assert config != parse_config(_LEAST)


@pytest.mark.parametrize("block", [block for block in BLOCKS if runs_elsewhere(block) == "tests/test_docs.py"], ids=str)
def test_what_the_documents_assert_is_true(block: Block) -> None:
    exec(block.text, {})


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
