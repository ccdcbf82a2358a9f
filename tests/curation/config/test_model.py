from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ValidationError

from curation.config.model import JsonlSource, RunConfig


def sections(schema: dict[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    yield "RunConfig", schema
    yield from schema["$defs"].items()  # type: ignore[attr-defined]


def test_every_knob_is_documented() -> None:
    for name, section in sections(RunConfig.model_json_schema()):
        for key, knob in section.get("properties", {}).items():  # type: ignore[attr-defined]
            if key != "format":
                assert knob.get("description") or "$ref" in knob, f"{name}.{key}"


def test_every_section_refuses_unknown_keys() -> None:
    for name, section in sections(RunConfig.model_json_schema()):
        assert section.get("additionalProperties") is False, name


def test_sections_cannot_be_changed() -> None:
    source = {"name": "a", "format": "jsonl", "path": "x", "licence": "MIT", "task": "sts"}
    config: BaseModel = RunConfig.model_validate({"name": "x", "sources": [source]})
    with pytest.raises(ValidationError):
        config.seed = 3  # type: ignore[attr-defined]
    assert RunConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("field", ["query_language", "positive_language", "candidate_languages"])
@pytest.mark.parametrize("code", ["ts", "lua", "cs", "sh", "asm"])
def test_a_code_of_two_languages_is_refused_where_it_may_be_either(field: str, code: str) -> None:
    given = {"name": "s", "format": "jsonl", "path": "x.jsonl", "licence": "CC0-1.0"}
    value = [code] if field == "candidate_languages" else code
    with pytest.raises(ValueError, match=f"`{code}` means two languages: say .*_Zzzz"):
        JsonlSource.model_validate({**given, "task": "code", field: value})
    JsonlSource.model_validate({**given, "task": "retrieval", field: value})
    for clear in ("python", "lua_Zzzz", "lua_Latn", "en"):
        JsonlSource.model_validate({**given, "task": "code", "positive_language": clear})
