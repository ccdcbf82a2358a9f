from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from curation.errors import ConfigError, CurationError
from curation.sources import SourceFile, list_files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "data/b.jsonl",
        "data/a.jsonl",
        "data/sub/a.jsonl",
        "other/a.jsonl",
        "[odd] *.jsonl",
        "data/.hidden.jsonl",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "displays"),
    [
        ("data/a.jsonl", ["a.jsonl"]),
        ("data/*.jsonl", ["a.jsonl", "b.jsonl"]),
        ("./data/*.jsonl", ["a.jsonl", "b.jsonl"]),
        ("data/**/*.jsonl", ["a.jsonl", "b.jsonl", "sub/a.jsonl"]),
        ("*/a.jsonl", ["data/a.jsonl", "other/a.jsonl"]),
        (["data/b.jsonl", "data/a.jsonl"], ["a.jsonl", "b.jsonl"]),
        (["other/a.jsonl", "data/a.jsonl"], ["data/a.jsonl", "other/a.jsonl"]),
        (["data/*.jsonl", "data/sub/*.jsonl"], ["a.jsonl", "b.jsonl", "sub/a.jsonl"]),
        (["data/*.jsonl", "data/a.jsonl", "./data/a.jsonl"], ["a.jsonl", "b.jsonl"]),
        ("[odd] *.jsonl", ["[odd] *.jsonl"]),
        ("data/[ab].jsonl", ["a.jsonl", "b.jsonl"]),
    ],
)
def test_local_files(path: object, displays: list[str], tree: Path, declare: Callable[..., Any]) -> None:
    files = list_files(declare("jsonl", path), tree)
    assert [file.display for file in files] == displays
    assert all(Path(file.path).is_file() and Path(file.path).is_absolute() for file in files)


def test_displays_do_not_tell_where_the_files_lie(tree: Path, declare: Callable[..., Any]) -> None:
    absolute = list_files(declare("jsonl", f"{tree}/data/**/*.jsonl"), Path("/"))
    assert absolute == list_files(declare("jsonl", "data/**/*.jsonl"), tree)
    assert list_files(declare("jsonl", "../other/*.jsonl"), tree / "data")[0].display == "a.jsonl"


@pytest.mark.parametrize(
    "path", ["nothing/*.jsonl", "data", "data/", "package:django/nothing/*.po", "memory://nothing/*.x"]
)
def test_nothing_found_says_what_was_looked_for(path: str, tree: Path, declare: Callable[..., Any]) -> None:
    with pytest.raises(CurationError) as caught:
        list_files(declare("jsonl", path), tree)
    assert "No file matches" in caught.value.what
    assert path in caught.value.what
    assert any(place in caught.value.why for place in ("nothing", str(tree), "django"))


def test_each_pattern_of_a_list_must_match(tree: Path, declare: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="gone"):
        list_files(declare("jsonl", ["data/*.jsonl", "gone.jsonl"]), tree)


def test_an_empty_list_is_refused(declare: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="names no files"):
        list_files(declare("jsonl", []), tmp_path)


@pytest.mark.parametrize(
    "path",
    [
        "package:django/../secret.po",
        "package:django/conf/../../x.po",
        "package:django//etc/passwd",
        "package:django",
        "package:django.conf/*.po",
        "package:/etc/*",
        "package:no_such_package/*.po",
        "package:json.decoder/*",
    ],
)
def test_package_paths_stay_inside_an_installed_package(path: str, declare: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        list_files(declare("gettext", path), tmp_path)


def test_package_files_are_found_without_importing(
    declare: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "bomb_on_import"
    (package / "locale").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "locale" / "de.jsonl").write_text("{}")
    monkeypatch.syspath_prepend(str(tmp_path))
    files = list_files(declare("jsonl", "package:bomb_on_import/locale/*.jsonl"), tmp_path)
    assert files == [SourceFile("tested", str(package / "locale" / "de.jsonl"), "locale/de.jsonl")]
    assert "bomb_on_import" not in sys.modules


def test_urls(declare: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("b", "a", "deep/c"):
        with fsspec.open(f"memory://urls/{name}.jsonl", "wb") as stream:
            stream.write(b"{}")
    displays = [file.display for file in list_files(declare("jsonl", "memory://urls/**/*.jsonl"), tmp_path)]
    assert displays == ["a.jsonl", "b.jsonl", "deep/c.jsonl"]
    assert [file.display for file in list_files(declare("jsonl", "memory://urls/a.jsonl"), tmp_path)] == ["a.jsonl"]


def test_http_is_one_file_whose_query_stays_secret(declare: Callable[..., Any], tmp_path: Path) -> None:
    url = "https://host.example/data/x.jsonl?token=secret"
    assert list_files(declare("jsonl", url), tmp_path) == [SourceFile("tested", url, "x.jsonl")]


@pytest.mark.parametrize("url", ["zip://x.jsonl::memory://a.zip", "nosuchscheme://x/*.jsonl"])
def test_urls_that_are_not_read(url: str, declare: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(CurationError) as caught:
        list_files(declare("jsonl", url), tmp_path)
    assert caught.value.hint
