from __future__ import annotations

import pytest

from curation.config import parse_config
from curation.config.model import Filters
from filters.roles import bounds_of, declared_roles, role_of
from language_configs import resolve
from language_configs.bounds import ROLES, Bounds, profile

SOURCE = "name: x\nsources: [{name: a, format: parquet, path: p, licence: MIT, task: %s}]"


@pytest.mark.parametrize(
    ("task", "roles"),
    [
        ("retrieval", ("query", "passage")),
        ("bitext", ("sentence", "sentence")),
        ("sts", ("sentence", "sentence")),
        ("clustering", ("passage", "title")),
        ("classification", ("passage", "title")),
        ("code", ("query", "code")),
        ("retrieval, positive_role: title", ("query", "title")),
        ("bitext, query_role: passage, positive_role: passage", ("passage", "passage")),
    ],
)
def test_roles_are_declared_or_those_of_the_task(task, roles):
    assert declared_roles(parse_config(SOURCE % task).sources) == {"a": roles}


@pytest.mark.parametrize(
    ("language", "role"),
    [
        ("python_Zzzz", "code"),
        ("sql_Zzzz", "code"),
        ("deu_Latn", "title"),
        ("und_Zzzz", "title"),
        ("zxx_Zzzz", "title"),
        ("", "title"),
    ],
)
def test_text_in_a_programming_language_is_code(language, role):
    assert role_of("title", language) == role


@pytest.mark.parametrize("role", ROLES)
def test_without_settings_the_language_table_decides(role):
    assert bounds_of(Filters(), "deu_Latn", role) == resolve("deu_Latn").bounds(role)
    assert bounds_of(Filters(), "und_Thai", role) == profile("standard")[role]
    assert bounds_of(Filters(profile="strict"), "und_Thai", role) == profile("strict")[role]


def test_settings_go_from_all_to_role_to_language_to_language_and_role():
    options = {"max_chars": 10, "max_repetition": None}
    options["roles"] = {"title": {"max_chars": 20, "min_chars": 3}}
    options["languages"] = {"sr": {"all": {"max_chars": 30}, "title": {"max_chars": 40}}}
    filters = Filters.model_validate(options)
    expected = {
        ("deu_Latn", "sentence"): 10,
        ("deu_Latn", "title"): 20,
        ("srp_Cyrl", "sentence"): 30,
        ("srp_Latn", "title"): 40,
    }
    assert {key: bounds_of(filters, *key).max_chars for key in expected} == expected
    assert bounds_of(filters, "srp_Cyrl", "title") == Bounds(min_chars=3, max_chars=40, max_repetition=None).over(
        resolve("srp_Cyrl").bounds("title")
    )
