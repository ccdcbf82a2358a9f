"""The ways in which a planted copy differs from its original."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

# From a text, a text to take material from, and a source of randomness to the copy.
Edit: TypeAlias = Callable[[str, str, np.random.Generator], str]

# Largest share of a text that one edit touches. One changed character changes five 5-grams, so that the similarity of
# copies spreads from about 0.5 to 1.
CHARACTERS, WORDS, SPAN = 0.04, 0.12, 0.25

_WIDE = {ordinary: ordinary + 0xFEE0 for ordinary in range(0x21, 0x7F)}


def _up_to(share: float, size: int, generator: np.random.Generator) -> int:
    return 1 + int(generator.random() * share * size)


def _characters(text: str, donor: str, generator: np.random.Generator) -> str:
    """Replace, double or drop characters."""
    chars = list(text)
    for _ in range(_up_to(CHARACTERS, len(text), generator)):
        place, kind = int(generator.integers(len(chars))), int(generator.integers(3))
        chars[place] = (donor[place % len(donor)], chars[place] * 2, "")[kind]
    return "".join(chars)


def _words(text: str, donor: str, generator: np.random.Generator) -> str:
    """Replace or drop words; where there are few spaces, a word is three characters."""
    space = " " if text.count(" ") * 20 > len(text) else ""
    words, other = ((t.split(" ") if space else [t[i : i + 3] for i in range(0, len(t), 3)]) for t in (text, donor))
    for _ in range(_up_to(WORDS, len(words), generator)):
        place = int(generator.integers(len(words)))
        words[place] = other[place % len(other)] if generator.random() < 0.5 else ""
    return space.join(words)


def _drop(text: str, _donor: str, generator: np.random.Generator) -> str:
    """Drop a span."""
    size = _up_to(SPAN, len(text), generator)
    start = int(generator.integers(len(text) - size + 1))
    return text[:start] + text[start + size :]


def _append(text: str, donor: str, generator: np.random.Generator) -> str:
    """Append the beginning of another text."""
    return f"{text} {donor[: _up_to(SPAN, len(text), generator)]}"


def _mixed(text: str, donor: str, generator: np.random.Generator) -> str:
    """Edit twice."""
    first, second = (_ONCE[int(i)] for i in generator.choice(len(_ONCE), 2, replace=False))
    return second(first(text, donor, generator) or text, donor, generator)


def _case(text: str, _donor: str, generator: np.random.Generator) -> str:
    return text.upper() if generator.random() < 0.5 else text.swapcase()


def _full_width(text: str, _donor: str, _generator: np.random.Generator) -> str:
    return text.translate(_WIDE)


def _decomposed(text: str, _donor: str, _generator: np.random.Generator) -> str:
    return unicodedata.normalize("NFD", text)


def _exact(text: str, _donor: str, _generator: np.random.Generator) -> str:
    return text


_ONCE: tuple[Edit, ...] = (_characters, _words, _drop, _append)
_FORM: tuple[Edit, ...] = (_case, _full_width, _decomposed, _exact)  # of most texts the n-grams stay the same
_EDITS: tuple[Edit, ...] = (*_ONCE, *_ONCE, _mixed, _mixed, *_FORM)


def edited(text: str, donor: str, generator: np.random.Generator) -> str:
    """Return a copy of a text with one kind of edit; the text itself if nothing would be left.

    Args:
        text: the text, not empty.
        donor: a text to take material from, not empty.
        generator: decides which kind of edit, where and how much.
    """
    return _EDITS[int(generator.integers(len(_EDITS)))](text, donor, generator) or text
