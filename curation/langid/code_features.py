"""What the classifier of code sees of a text: its tokens, and the pairs of tokens that follow each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

# Some forty lines of code; more costs time and changes few answers.
MAX_CHARS = 2000

# Line starts with their indentation, words, numbers, runs of at most three operators, and any other sign alone.
# Every alternative is bounded and none overlaps itself, so that the time is linear in the text.
_TOKEN = re.compile(r"\n[ \t]{0,16}|[^\W\d]\w{0,63}|\d[\w.]{0,63}|[-+*/<>=!&|:.~^%?@#$\\]{1,3}|[^\w\s]")

# What stands for a token that the vocabulary lacks; these come first in every vocabulary.
SHAPES = (
    "<indent>",
    "<number>",
    "<sign>",
    "<foreign sign>",
    "<foreign word>",
    "<letter>",
    "<lower>",
    "<UPPER>",
    "<Capital>",
    "<camelCase>",
    "<with_underscore>",
)
_INDEX = {shape: index for index, shape in enumerate(SHAPES)}

Ids = npt.NDArray[np.int64]


class Vocabulary(dict[str, int]):
    """The index of each known token; an unknown one has the index of its shape."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__({word: index for index, word in enumerate(words)})

    def __missing__(self, token: str) -> int:
        return shape_of(token)


def tokens_of(text: str) -> list[str]:
    """Return the tokens of the first `MAX_CHARS` characters, with a line start before them and one after them."""
    return _TOKEN.findall(f"\n{text[:MAX_CHARS]}\n")


def shape_of(token: str) -> int:
    """Return the index in `SHAPES` of what a token looks like."""
    return _INDEX[_shape(token)]


def _shape(token: str) -> str:
    first = token[0]
    if first == "\n":
        return "<indent>"
    if first.isdigit():
        return "<number>"
    if not token.isascii():
        return "<foreign word>" if first.isalpha() else "<foreign sign>"
    if not (first.isalpha() or first == "_"):
        return "<sign>"
    return _word_shape(token)


def _word_shape(word: str) -> str:
    if len(word) == 1:
        return "<letter>"
    if "_" in word:
        return "<with_underscore>"
    if word.islower():
        return "<lower>"
    if word.isupper():
        return "<UPPER>"
    return "<Capital>" if word[1:].islower() else "<camelCase>"


def pair_key(left: Ids, right: Ids) -> Ids:
    """Return one number for each pair of token indices; shapes (n,)."""
    return left << 32 | right


def features_of(texts: Sequence[str], vocabulary: Mapping[str, int], pairs: Ids) -> tuple[Ids, Ids]:
    """Return the distinct features of each text.

    Args:
        texts: strings, shape (n,).
        vocabulary: the index of each of v tokens.
        pairs: keys of the known pairs of tokens in rising order, shape (p,).

    Returns:
        Features as numbers below v + p, those of each text in rising order, text after text, shape (m,); and the
        bounds of the texts in them, shape (n + 1,).
    """
    tokens = [tokens_of(text) for text in texts]
    lengths = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
    ids = np.fromiter(map(vocabulary.__getitem__, chain.from_iterable(tokens)), dtype=np.int64, count=lengths.sum())
    rows = np.repeat(np.arange(len(tokens)), lengths)
    size = len(vocabulary) + len(pairs)
    keys = pair_key(ids[:-1], ids[1:])
    places = np.searchsorted(pairs, keys).clip(max=max(len(pairs) - 1, 0))
    found = (pairs[places] == keys) & (rows[:-1] == rows[1:]) if len(pairs) else np.zeros(len(keys), dtype=bool)
    together = np.concatenate(
        [rows * size + ids, rows[:-1][found] * size + len(vocabulary) + places[found]],
    )
    distinct = np.unique(together)
    return distinct % size, np.searchsorted(distinct, np.arange(len(tokens) + 1) * size)
