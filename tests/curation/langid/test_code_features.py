from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.langid.code_features import MAX_CHARS, SHAPES, Vocabulary, features_of, pair_key, shape_of, tokens_of


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", ["\n", "\n"]),
        ("x := 3.5", ["\n", "x", ":=", "3.5", "\n"]),
        ("if (a){\n\treturn;\n}", ["\n", "if", "(", "a", ")", "{", "\n\t", "return", ";", "\n", "}", "\n"]),
        ("a  \r\n  b", ["\n", "a", "\n  ", "b", "\n"]),
        ("f<-x|>g()", ["\n", "f", "<-", "x", "|>", "g", "(", ")", "\n"]),
        ('größe = "ж"', ["\n", "größe", "=", '"', "ж", '"', "\n"]),
        ("⍋data", ["\n", "⍋", "data", "\n"]),
    ],
)
def test_text_is_cut_into_tokens(text: str, tokens: list[str]) -> None:
    assert tokens_of(text) == tokens


def test_only_the_beginning_is_read() -> None:
    assert tokens_of("a " * MAX_CHARS + "b") == tokens_of("a " * (MAX_CHARS // 2))


@pytest.mark.parametrize(
    ("token", "shape"),
    [
        ("\n        ", "<indent>"),
        ("12", "<number>"),
        ("~~", "<sign>"),
        ("⍋", "<foreign sign>"),
        ("größe", "<foreign word>"),
        ("x", "<letter>"),
        ("_", "<letter>"),
        ("items", "<lower>"),
        ("ITEMS", "<UPPER>"),
        ("Items", "<Capital>"),
        ("getItems", "<camelCase>"),
        ("get_items", "<with_underscore>"),
    ],
)
def test_an_unknown_token_is_known_by_its_shape(token: str, shape: str) -> None:
    assert SHAPES[shape_of(token)] == shape
    assert SHAPES[Vocabulary(SHAPES)[token]] == shape


def test_features_are_tokens_and_pairs_each_once() -> None:
    vocabulary = Vocabulary([*SHAPES, "\n", "def", "("])
    newline, define, lower = vocabulary["\n"], vocabulary["def"], vocabulary["total"]
    pairs = np.sort(pair_key(np.array([define, newline]), np.array([lower, define])))
    features, bounds = features_of(["def total", "", "def def def", "("], vocabulary, pairs)
    rows = [features[begin:end].tolist() for begin, end in pairwise(bounds)]
    size = len(vocabulary)
    of_pair = {int(key): size + place for place, key in enumerate(pairs)}
    line_start, named = of_pair[newline << 32 | define], of_pair[define << 32 | lower]
    assert rows == [
        sorted([newline, define, lower, line_start, named]),
        [newline],
        sorted([newline, define, line_start]),
        sorted([newline, vocabulary["("]]),
    ]


def test_without_texts_or_pairs_there_is_little() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert [part.tolist() for part in features_of([], Vocabulary(SHAPES), none)] == [[], [0]]
    assert [part.tolist() for part in features_of(["x"], Vocabulary(SHAPES), none)][1] == [0, 2]


@given(st.text())
def test_every_token_has_an_index(text: str) -> None:
    vocabulary = Vocabulary(SHAPES)
    assert all(0 <= vocabulary[token] < len(SHAPES) for token in tokens_of(text))
