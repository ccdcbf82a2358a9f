from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from curation.config import RunConfig
from curation.errors import ConfigError
from pipelines.runners.places import check_languages, check_places, is_local, local_places

WORK = "gs://bucket/work"


def config(path: Any = "gs://b/x.jsonl", source: dict[str, Any] | None = None, **sections: Any) -> RunConfig:
    declared = {"name": "one", "format": "jsonl", "path": path, "licence": "MIT", "task": "retrieval"}
    return RunConfig.model_validate({"name": "toy", "sources": [declared | (source or {})], **sections})


@pytest.mark.parametrize(
    ("place", "local"),
    [
        ("out/work", True),
        ("/mnt/x", True),
        ("../données/pairs.jsonl", True),
        ("file:///x", True),
        ("local://x", True),
        ("memory://x", True),
        ("package:django/conf/locale/*/LC_MESSAGES/*.po", True),
        ("gs://b/x", False),
        ("s3://b/資料/*.parquet", False),
        ("https://h/x?y=/z", False),
        ("hdfs://n/x", False),
    ],
)
def test_what_is_on_this_machine(place: str, local: bool) -> None:
    assert is_local(place) is local


REVISION = "0" * 40
HUB = {"format": "hub", "path": "org/name", "revision": REVISION}
MOSES = {"format": "moses", "path": "gs://b/x.en", "positive_path": "x.de"}
SET = {"task": "Tatoeba", "format": "text", "path": ["gs://b/e.txt", "e.txt"]}
TEACHER = f"intfloat/multilingual-e5-small@{REVISION}"
CASES: dict[str, tuple[RunConfig, list[str]]] = {
    "a bucket": (config(), []),
    "a file": (config("pairs.jsonl"), ["sources.one.path"]),
    "one of several": (config(["gs://b/x.jsonl", "y.jsonl"]), ["sources.one.path"]),
    "a package": (config("package:django/x.po"), ["sources.one.path"]),
    "the hub": (config(source=HUB), []),
    "a folder as from the hub": (config(source=HUB | {"path": "folder", "revision": ""}), ["sources.one.path"]),
    "the other side": (config(source=MOSES), ["sources.one.positive_path"]),
    "evaluation": (config(decontaminate={"sets": [SET]}), ["decontaminate.sets.0.path"]),
    "an earlier release": (config(dedup={"against": ["releases/1"]}), ["dedup.against"]),
    "a parent, which only the launcher reads": (config(release={"parent": "releases/1"}), []),
    "a model of one's own": (config(identify={"model": "model.bin"}), ["identify.model"]),
    "a model of one's own that is not used": (config(identify={"model": "model.bin", "enabled": False}), []),
    "glotlid": (config(identify={"model": "glotlid"}), []),
    "a teacher of the hub": (config(mining={"teacher": TEACHER}), []),
    "a teacher's folder": (config(mining={"teacher": "models/e5"}), ["mining.teacher.model"]),
    "vectors": (config(mining={"teacher": "vectors:v/*.parquet"}), ["mining.teacher.model"]),
    "no mining": (config(mining={"teacher": "models/e5", "enabled": False}), []),
    "a reader": (
        config(mining={"teacher": TEACHER, "cross_encoder": {"model": "models/c"}}),
        ["mining.cross_encoder.model"],
    ),
    "a cache": (config(mining={"cache": "cache"}), ["mining.cache"]),
    "a cache on a bucket": (config(mining={"cache": "gs://b/cache"}), []),
}


@pytest.mark.parametrize("name", CASES)
def test_what_the_workers_would_not_see(name: str) -> None:
    declared, keys = CASES[name]
    assert [place.key for place in local_places(declared, WORK)] == keys
    assert [place.key for place in local_places(declared, "out/work")] == ["--work", *keys]


def test_the_first_place_is_named_with_what_to_do() -> None:
    paths = [f"{number}.jsonl" for number in range(9)]
    with pytest.raises(ConfigError) as caught:
        check_places("elsewhere", config(paths), "out/work")
    text = str(caught.value)
    assert "where: --work" in text
    assert "next: --work gs://BUCKET/FOLDER" in text
    assert "--work out/work; sources.one.path 0.jsonl" in text
    assert "and 5 more" in text


@pytest.mark.parametrize("where", ["here", "sharing"])
def test_local_files_are_fine_where_the_workers_see_them(where: Any) -> None:
    check_places(where, config("pairs.jsonl"), "out/work")


def test_language_files_must_be_where_the_workers_are() -> None:
    check_languages("here", "my-languages", in_image=False)
    check_languages("elsewhere", None, in_image=False)
    check_languages("elsewhere", "my-languages", in_image=True)
    for where in ("elsewhere", "sharing"):
        with pytest.raises(ConfigError, match="your language files") as caught:
            check_languages(where, "my-languages", in_image=False)  # type: ignore[arg-type]
        assert "my-languages" in str(caught.value)
        assert "--languages_in_image" in str(caught.value)


# Keys whose values name files. Each is either looked at above, or read by the launching program alone.
LOOKED_AT = {"path", "positive_path", "against", "cache", "model"}
LAUNCHER_ONLY = {"parent", "withdrawn"}
NO_PLACE = {"columns", "locales", "revision"}


def keys_about_files(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[str]:
    """Return the keys below a section whose description speaks of files, folders or paths."""
    found: set[str] = set()
    if model in seen:
        return found
    seen.add(model)
    for name, field in model.model_fields.items():
        words = set((field.description or "").lower().replace(".", " ").replace(",", " ").split())
        if words & {"folder", "folders", "path", "files", "file"} and "str" in str(field.annotation):
            found.add(name)
        for inner in _sections(field.annotation):
            found |= keys_about_files(inner, seen)
    return found


def _sections(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {section for inner in getattr(annotation, "__args__", ()) for section in _sections(inner)}


def test_no_new_key_about_files_is_forgotten() -> None:
    found = keys_about_files(RunConfig, set())
    assert found >= {"path", "positive_path", "against", "cache", "model", "parent", "withdrawn"}
    assert found <= LOOKED_AT | LAUNCHER_ONLY | NO_PLACE
