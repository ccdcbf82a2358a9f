"""Heuristic filters of sides and pairs, text by text, in the manner of Gopher, C4 and OpusFilter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import regex
from datatrove.pipeline.filters.gopher_repetition_filter import find_all_duplicate, find_duplicates

_LETTERS = regex.compile(r"[\p{L}\p{M}]+")
_DIGITS = regex.compile(r"\p{N}+")
_BLANK = regex.compile(r"\s+")
_LATIN = regex.compile(r"\p{Latin}+")
_WORD = regex.compile(r"[\w\p{M}]+")
_MIXED = regex.compile(r"\b(?=\w*\p{Latin})(?=\w*[\p{Cyrillic}\p{Greek}])\w+\b")
_BAD = regex.compile(r"[\p{Cn}\p{Co}\p{Cs}]+")
_MOJIBAKE = regex.compile("\ufffd|Ã[\u0080-\u00bf]|â€[\u0080-\u2122]|Ð[\u0080-\u00bf]")
_ADDRESS = regex.compile(r"https?://\S+|www\.\S+|[\w.+-]+@[\w-]+\.[\w.]+")
_MARKUP = regex.compile(r"<[^<>]{1,200}>|&\w{2,8};|\[/?\w+\]|\{\{|\}\}|\\[a-z]+\{|\*\*|``")
_PLACEHOLDER = regex.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
_NUMBER = regex.compile(r"\p{Nd}{2,}")
_PHONE = regex.compile(r"\+\d[\d ()/-]{7,}\d")
# Scripts that are written together are one.
_SCRIPTS = {
    **{name: regex.compile(rf"\p{{{name}}}+") for name in ("Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Thai")},
    **{name: regex.compile(rf"\p{{{name}}}+") for name in ("Devanagari", "Georgian", "Hangul")},
    "Japanese": regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]+"),
}
_LONGEST_WORD = 80
_KEPT_ANSWERS = 1 << 17

MOST_LENGTH_RATIO, MOST_COPIED = 6.0, 0.9


def _covered(pattern: regex.Pattern, text: str) -> int:
    return sum(map(len, pattern.findall(text)))


@lru_cache(maxsize=_KEPT_ANSWERS)
def fault_of_side(text: str) -> str:
    """Return the name of the first filter that a text fails, empty if it passes all."""
    visible = len(_BLANK.sub("", text))
    if not 2 <= len(text) <= 20_000 or not visible:
        return "length"
    letters, digits = _covered(_LETTERS, text), _covered(_DIGITS, text)
    words = _WORD.findall(text)
    lines = text.split("\n")
    tests = (
        ("mojibake", len(_MOJIBAKE.findall(text)) > 0),
        ("bad_characters", _covered(_BAD, text) > 0.05 * visible),
        ("letters", letters < 0.25 * visible),
        ("digits", digits > 0.7 * visible),
        ("symbols", visible - letters - digits > 0.7 * visible),
        ("addresses", _covered(_ADDRESS, text) > 0.6 * visible),
        ("markup", _covered(_MARKUP, text) > 0.4 * visible),
        ("repetition", len(words) >= 20 and find_all_duplicate(words, 5) > 0.6 * visible),
        ("lines", len(lines) > 3 and find_duplicates(lines)[1] > 0.5 * len(text)),
        ("long_word", " " in text and max(map(len, words), default=0) > _LONGEST_WORD),
        ("scripts", _foreign_share(text, letters) > 0.5),
        ("mixed_words", len(_MIXED.findall(text)) > 0.6 * max(len(words), 1)),
    )
    return next((name for name, fails in tests if fails), "")


def _foreign_share(text: str, letters: int) -> float:
    """Return the share of letters in other scripts than the one with the most of them."""
    if text.isascii() or not letters:
        return 0.0
    counts = {name: count for name, pattern in _SCRIPTS.items() if (count := _covered(pattern, text))}
    if len(counts) < 2:
        return 0.0
    most = max(counts, key=counts.__getitem__)
    return sum(count for name, count in counts.items() if name not in (most, "Latin")) / letters


def fault_of_pair(query: str, positive: str) -> str:
    """Return the name of the first filter that a pair fails, empty if it passes all."""
    longer, shorter = sorted((len(query) + 10, len(positive) + 10), reverse=True)
    if longer > MOST_LENGTH_RATIO * shorter:
        return "length_ratio"
    if _copied(query, positive) > MOST_COPIED:
        return "copy"
    markup = [_covered(_MARKUP, text) / len(text) for text in (query, positive)]
    if abs(markup[0] - markup[1]) > 0.3:
        return "markup_difference"
    for name, pattern, least in (
        ("placeholders", _PLACEHOLDER, 0.5),
        ("numbers", _NUMBER, 0.3),
        ("sites", _ADDRESS, 0.2),
    ):
        if _agreement(pattern.findall(query), pattern.findall(positive)) < least:
            return name
    return ""


def _copied(query: str, positive: str) -> float:
    """Return the Jaccard similarity of the sets of words, of characters where there are few words."""
    first, second = query.casefold().split(), positive.casefold().split()
    ours, theirs = (set(first), set(second)) if min(len(first), len(second)) > 3 else (set(query), set(positive))
    return len(ours & theirs) / max(len(ours | theirs), 1) if query != positive else 1.0


def _agreement(ours: Sequence[str], theirs: Sequence[str]) -> float:
    if not ours and not theirs:
        return 1.0
    first, second = set(ours), set(theirs)
    return 2 * len(first & second) / (len(first) + len(second)) if first and second else 0.5


def mask_phones(text: str) -> str:
    """Replace telephone numbers."""
    return _PHONE.sub("<phone>", text) if "+" in text else text
