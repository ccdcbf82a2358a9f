from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.errors import ConfigError, CurationError
from curation.export import Options, build, export_release
from curation.export.registry import VIEWS
from curation.files import sha256_file
from curation.release import open_release


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("view", VIEWS)
def test_an_export_says_what_it_is_and_is_the_same_bytes_again(view: str, mixed: Path, tmp_path: Path) -> None:
    options = Options(languages=("tha_Thai", "kat_Geor"))
    export = export_release(mixed, view, tmp_path / "a" / "out", options)
    value = json.loads((export.path / "export.json").read_text(encoding="utf-8"))
    assert value == export.value
    assert value["release"] == {"name": "toy", "version": "1.0.0", "manifest_sha256": open_release(mixed).digest}
    found = {path for path in bytes_of(export.path) if path != "export.json"}
    assert {entry["path"] for entry in value["files"]} == found
    assert all(sha256_file(export.path / entry["path"]) == entry["sha256"] for entry in value["files"])
    export_release(mixed, view, tmp_path / "b", options)
    assert bytes_of(tmp_path / "a" / "out") == bytes_of(tmp_path / "b")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}
    assert not list((tmp_path / "a").glob(".*"))


@pytest.mark.parametrize("view", ["sentence-transformers", "ml-embed", "flagembedding", "tevatron"])
def test_the_rows_of_each_dataset_are_those_of_the_release(
    view: str, mixed: Path, tmp_path: Path, expected: Callable[..., Any]
) -> None:
    export = export_release(mixed, view, tmp_path / "out")
    wanted = {name: len(rows) for name, rows in expected(mixed).items()}
    assert {each["name"]: each["rows"] for each in export.value["datasets"]} == wanted
    assert sum(entry.get("rows", 0) for entry in export.value["files"]) == sum(wanted.values())


def test_an_earlier_export_is_replaced_only_by_force(mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    export_release(mixed, "tevatron", out, Options(languages=("kor_Hang",)))
    before = bytes_of(out)
    with pytest.raises(ConfigError, match="an earlier export"):
        export_release(mixed, "flagembedding", out)
    assert bytes_of(out) == before
    export_release(mixed, "flagembedding", out, Options(languages=("kor_Hang",)), replace=True)
    assert json.loads((out / "export.json").read_bytes())["view"] == "flagembedding"
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


@pytest.mark.parametrize("damage", ["a stranger's file", "no export.json", "another export.json", "a link"])
def test_what_is_not_ours_is_never_replaced(damage: str, mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_release(mixed, "tevatron", out, Options(languages=("kor_Hang",)))
    if damage == "a stranger's file":
        (out / "train" / "thesis.txt").write_text("the only copy")
    elif damage == "no export.json":
        (out / "export.json").unlink()
    elif damage == "another export.json":
        (out / "export.json").write_text('{"files": [], "schema": "x"}')
    else:
        out.rename(tmp_path / "elsewhere")
        out.symlink_to(tmp_path / "elsewhere")
    before = bytes_of(out)
    with pytest.raises(ConfigError, match="--out"):
        export_release(mixed, "tevatron", out, replace=True)
    assert bytes_of(out) == before


def test_an_export_that_cannot_take_its_place_gives_the_place_back(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(languages=("kor_Hang",))
    export_release(mixed, "tevatron", tmp_path / "out", options)
    before, rename = bytes_of(tmp_path / "out"), Path.rename

    def fail_once(self: Path, target: Path) -> Path:
        if self.name.endswith(".tmp") and Path(target).name == "out":
            raise OSError("stale file handle")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_once)
    with pytest.raises(OSError, match="stale"):
        export_release(mixed, "flagembedding", tmp_path / "out", options, replace=True)
    assert bytes_of(tmp_path / "out") == before


@pytest.mark.parametrize("where", ["export", ".", ".."])
def test_an_export_does_not_lie_in_a_release(where: str, mixed: Path) -> None:
    with pytest.raises(ConfigError, match="cannot lie in its release"):
        export_release(mixed, "tevatron", mixed / where)


def test_an_export_that_fails_leaves_what_was_there(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(languages=("kor_Hang",))
    export_release(mixed, "tevatron", tmp_path / "out", options)
    before = bytes_of(tmp_path / "out")

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(build, "write_json", fail)
    with pytest.raises(OSError, match="no space"):
        export_release(mixed, "flagembedding", tmp_path / "out", options, replace=True)
    assert bytes_of(tmp_path / "out") == before
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


# Python's own reader of JSON lines, which guesses no types, and Arrow's of Parquet: any text, in every view.
@given(texts=st.lists(st.text(min_size=1), min_size=3, max_size=9, unique=True))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("view", ["sentence-transformers", "ml-embed", "flagembedding", "tevatron"])
def test_any_text_comes_back(
    view: str, texts: list[str], make_release: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [
        {"id": str(n), "query": text, "positive": text, "negatives": texts[:3], "language": "deu_Latn"}
        | {"source": "s", "task": "retrieval", "split": "train"}
        for n, text in enumerate([*texts, "plain"])
    ]
    out = tmp_path_factory.mktemp("any") / "out"
    export_release(make_release(rows, negatives=3), view, out)
    wanted = sorted((row["query"], row["positive"], *row["negatives"]) for row in rows)
    assert sorted(_READ[view](out)) == wanted


def _parquet(folder: Path) -> list[tuple[str, ...]]:
    import pyarrow.parquet as pq

    (file,) = folder.rglob("*.parquet")
    return [tuple(row.values())[:5] for row in pq.read_table(file).to_pylist()]


def _flag(folder: Path) -> list[tuple[str, ...]]:
    lines = (folder / "train" / "s_deu_Latn.jsonl").read_text(encoding="utf-8").splitlines()
    return [(row["query"], *row["pos"], *row["neg"]) for row in map(json.loads, lines)]


def _tevatron(folder: Path) -> list[tuple[str, ...]]:
    lines = (folder / "train" / "s_deu_Latn.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        (row["query"], *(p["text"] for p in row["positive_passages"] + row["negative_passages"]))
        for row in map(json.loads, lines)
    ]


_READ: dict[str, Callable[[Path], list[tuple[str, ...]]]] = {
    "sentence-transformers": _parquet,
    "ml-embed": _parquet,
    "flagembedding": _flag,
    "tevatron": _tevatron,
}


def test_a_view_that_is_not_there_is_named(mixed: Path, tmp_path: Path) -> None:
    with pytest.raises(CurationError, match="no view 'st'"):
        export_release(mixed, "st", tmp_path / "out")
