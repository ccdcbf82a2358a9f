from __future__ import annotations

import pytest

from curation.errors import ConfigError
from curation.mining.teachers.cross_encoder import CrossEncoderOptions
from curation.mining.teachers.options import TeacherOptions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": 0}, r"max_tokens[\s\S]*mining\.teacher\.max_tokens[\s\S]*it is 0"),
        ({"truncate_dim": -1}, r"truncate_dim[\s\S]*it is -1"),
        ({"batch_size": 0}, r"batch_size[\s\S]*it is 0"),
        ({"dtype": "float64"}, r"float64[\s\S]*mining\.teacher\.dtype[\s\S]*bfloat16"),
        ({"query_prompt": "", "query_prompt_name": "q"}, r"two prompts for query[\s\S]*''[\s\S]*'q'"),
        ({"passage_prompt": "p", "passage_prompt_name": "p"}, r"two prompts for passage"),
    ],
)
def test_a_value_that_cannot_be_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TeacherOptions("a/folder", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"max_tokens": 0}, {"batch_size": -3}, {"dtype": "int8"}])
def test_a_value_that_no_cross_encoder_can_have_is_named(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=rf"mining\.cross_encoder\.{next(iter(options))}"):
        CrossEncoderOptions("a/folder", **options)  # type: ignore[arg-type]


def test_options_are_keys() -> None:
    assert {TeacherOptions("a"): 1}[TeacherOptions("a", batch_size=64)] == 1
    assert TeacherOptions("a") != TeacherOptions("a", query_prompt="")
