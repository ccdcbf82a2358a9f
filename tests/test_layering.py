"""Imports point one way, and heavy libraries are imported only where they are used."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What each package may import of ours. `curation.cli` is on top of all of them, and nothing imports it.
ALLOWED = {
    "language_configs": {"language_configs"},
    "curation": {"curation", "language_configs"},
    "filters": {"filters", "curation", "language_configs"},
    "pipelines": {"pipelines", "filters", "curation", "language_configs"},
    "hub_upload": {"hub_upload", "filters", "curation", "language_configs"},
    "curation/cli": {"curation", "filters", "language_configs", "pipelines", "hub_upload"},
}
OURS = set(ALLOWED) - {"curation/cli"}
ENGINES_AND_HUB = {"apache_beam", "datatrove", "huggingface_hub", "mteb", "ray"}
HEAVY = {"apache_beam", "datasets", "datatrove", "fasttext", "mteb", "sentence_transformers", "torch", "transformers"}


def modules(package: str) -> Iterator[Path]:
    for path in sorted((ROOT / package).rglob("*.py")):
        if package == "curation/cli" or not path.is_relative_to(ROOT / "curation" / "cli"):
            yield path


def imports(path: Path, *, top_level: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    for path in modules(package):
        for name in imports(path):
            first = name.partition(".")[0]
            assert first not in OURS or first in ALLOWED[package], f"{path} imports {name}"
            assert package == "curation/cli" or not name.startswith("curation.cli"), f"{path} imports {name}"


@pytest.mark.parametrize("package", ["language_configs", "curation", "filters"])
def test_the_core_knows_no_engine_and_no_hub(package: str) -> None:
    for path in modules(package):
        assert not {name.partition(".")[0] for name in imports(path)} & ENGINES_AND_HUB, path


def test_the_command_line_imports_nothing_heavy_at_once() -> None:
    for path in modules("curation/cli"):
        assert not {name.partition(".")[0] for name in imports(path, top_level=True)} & HEAVY, path


def test_help_answers_at_once() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "curation.cli", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert not loaded & (HEAVY | {"pyarrow", "numpy", "scipy"})


def test_help_takes_less_than_half_a_second_warm() -> None:
    command = [sys.executable, "-m", "curation.cli", "--help"]
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.5


@pytest.mark.parametrize("package", sorted(OURS))
def test_every_module_has_a_docstring(package: str) -> None:
    for path in modules(package):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
