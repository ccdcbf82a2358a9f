from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.export.names import counted, dataset_names

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,120}")


@pytest.mark.parametrize(
    ("source", "language", "name"),
    [
        ("django", "swh_Latn", "django_swh_Latn"),
        ("faq.v1", "tha_Thai", "faq_v1_tha_Thai"),
        ("../../etc/passwd", "deu_Latn", "x______etc_passwd_deu_Latn"),
        ("-rf", "deu_Latn", "x-rf_deu_Latn"),
        ("погода", "rus_Cyrl", "x_______rus_Cyrl"),
        ("", "rus_Cyrl", "x_rus_Cyrl"),
    ],
)
def test_a_name_is_safe_and_says_what_it_is(source: str, language: str, name: str) -> None:
    assert dataset_names([(source, language)]) == {(source, language): name}


def test_names_that_would_be_one_file_are_told_apart() -> None:
    names = dataset_names([("a.b", "deu_Latn"), ("A_B", "deu_Latn"), ("ab", "deu_Latn")])
    assert len({name.lower() for name in names.values()}) == 3
    assert names["ab", "deu_Latn"] == "ab_deu_Latn"


@given(st.lists(st.tuples(st.text(), st.sampled_from(["deu_Latn", "tha_Thai"])), max_size=20))
def test_names_are_safe_distinct_and_free_of_order(keys: list[tuple[str, str]]) -> None:
    names = dataset_names(keys)
    assert set(names) == set(keys)
    assert all(SAFE.fullmatch(name) for name in names.values())
    assert len({name.lower() for name in names.values()}) == len(names)
    assert dataset_names(reversed(keys)) == names


@pytest.mark.parametrize(("number", "words"), [(0, "0 rows"), (1, "1 row"), (2000, "2,000 rows")])
def test_what_is_counted(number: int, words: str) -> None:
    assert counted(number, "row") == words
