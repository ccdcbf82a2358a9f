"""What the documents show is true: configs parse, verbs exist, the paths that they name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from curation.cli.main import cli
from curation.config import parse_config

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
CONFIGS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("text", CONFIGS)
def test_every_config_in_the_documents_is_valid(text: str) -> None:
    assert parse_config(text).sources


@pytest.mark.parametrize("code", [code for code in SNIPPETS if "assert" in code])
def test_what_the_documents_assert_is_true(code: str) -> None:
    exec(code, {})


@pytest.mark.parametrize("path", [*(ROOT / "examples").glob("*.yml"), ROOT / "curation" / "quickstart.yml"], ids=str)
def test_every_example_is_valid(path: Path) -> None:
    assert parse_config(path.read_text(encoding="utf-8")).sources


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_verb_and_option_in_the_documents_exists(path: Path) -> None:
    commands = re.findall(r"^ +curate ([a-z-]+)([^\n#]*)", path.read_text(encoding="utf-8"), re.MULTILINE)
    for verb, rest in commands:
        command = cli.get_command(None, verb)  # type: ignore[arg-type]
        assert command is not None, verb
        known = {option for parameter in command.params for option in parameter.opts}
        given = set(re.findall(r"(?<!\S)--[a-z]+(?:-[a-z]+)*", rest.partition(" -- ")[0]))
        assert given <= known, (verb, given - known)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "howto").glob("*.md")), ids=lambda path: path.name)
def test_a_common_task_takes_one_page_and_three_commands(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert 1 <= len(re.findall(r"^ +(?:[A-Z_]+=\S+ )?curate ", text, re.MULTILINE)) <= 3


def test_the_citation_file_is_one() -> None:
    from cffconvert import Citation

    Citation((ROOT / "CITATION.cff").read_text(encoding="utf-8")).validate()
