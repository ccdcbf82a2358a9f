"""Damage as it occurs in collected pairs, planted into clean ones: what the filters must find."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import regex

from language_configs import resolve

# English, the other text, and the code of its language.
Pair = tuple[str, str, str]
Plant = Callable[[Pair, random.Random, Sequence[Pair]], "tuple[str, str] | None"]

_LATIN_TO_CYRILLIC = str.maketrans("aeopcxyiABEKMHOPCTX", "аеорсхуіАВЕКМНОРСТХ")
_CYRILLIC_TO_LATIN = str.maketrans("аеорсхуіАВЕКМНОРСТХ", "aeopcxyiABEKMHOPCTX")
_PASSAGE_LETTERS = 24


@dataclass(frozen=True, slots=True)
class Damage:
    """One kind of damage.

    Attributes:
        name: what has happened.
        plant: returns the damaged (English, other text), or None for pairs that cannot be damaged so.
        filters: those that are meant to find it.
        goal: least share of damaged pairs that are found; None where the finding is only reported.
    """

    name: str
    plant: Plant
    filters: tuple[str, ...]
    goal: float | None


def planted(damage: Damage, pairs: Sequence[Pair], count: int, seed: int) -> Iterator[Pair]:
    """Yield at most `count` damaged pairs, drawn at random."""
    draw = random.Random(seed)
    found = 0
    for pair in draw.sample(pairs, len(pairs)):
        damaged = damage.plant(pair, draw, pairs)
        if damaged is not None and damaged != pair[:2]:
            yield (*damaged, pair[2])
            found += 1
        if found == count:
            return


def _mojibake(pair: Pair, draw: random.Random, _: Sequence[Pair]) -> tuple[str, str] | None:
    codec = draw.choice(("latin-1", "cp1252"))
    return None if pair[1].isascii() else (pair[0], pair[1].encode().decode(codec, errors="ignore"))


def _lost_character(pair: Pair, draw: random.Random, _: Sequence[Pair]) -> tuple[str, str]:
    place = draw.randrange(len(pair[1]))
    return pair[0], f"{pair[1][:place]}\ufffd{pair[1][place + 1 :]}"


def _private_characters(pair: Pair, draw: random.Random, _: Sequence[Pair]) -> tuple[str, str]:
    return pair[0], "".join("\ue123" if draw.random() < 0.15 else c for c in pair[1]) + "\ue123\ue124\ue125"


def _escaped_twice(pair: Pair, _draw: random.Random, _: Sequence[Pair]) -> tuple[str, str]:
    return pair[0], f"&amp;quot;{pair[1]}&amp;quot;"


def _copy(pair: Pair, _draw: random.Random, _: Sequence[Pair]) -> tuple[str, str]:
    return pair[0], pair[0]


def _half_translated(pair: Pair, _draw: random.Random, _: Sequence[Pair]) -> tuple[str, str] | None:
    words, own = pair[0].split(), pair[1].split()
    kept = " ".join(words[len(words) // 5 :])
    return None if sum(c.islower() for c in kept) < 2 * _PASSAGE_LETTERS else (pair[0], f"{own[0]} {kept}")


def _original_kept(pair: Pair, _draw: random.Random, _: Sequence[Pair]) -> tuple[str, str] | None:
    long_enough = sum(c.islower() for c in pair[0]) >= _PASSAGE_LETTERS
    return (pair[0], f"{pair[0]} {pair[1]}") if long_enough and len(pair[1]) <= len(pair[0]) else None


def _untranslated(pair: Pair, draw: random.Random, pairs: Sequence[Pair]) -> tuple[str, str] | None:
    other = draw.choice(pairs)[0]
    is_latin = "Latn" in resolve(pair[2]).scripts
    return None if is_latin or sum(map(str.isalpha, other)) < 25 else (pair[0], other)


def _other_script(pair: Pair, draw: random.Random, pairs: Sequence[Pair]) -> tuple[str, str] | None:
    _, text, code = draw.choice(pairs)
    return (
        None if set(resolve(code).scripts) & {*resolve(pair[2]).scripts, "Latn"} or len(text) < 8 else (pair[0], text)
    )


def _look_alikes(pair: Pair, _draw: random.Random, _: Sequence[Pair]) -> tuple[str, str]:
    is_cyrillic = regex.search(r"\p{Cyrillic}", pair[1])
    return pair[0], pair[1].translate(_CYRILLIC_TO_LATIN if is_cyrillic else _LATIN_TO_CYRILLIC)


def _other_number(pair: Pair, draw: random.Random, _: Sequence[Pair]) -> tuple[str, str]:
    first, second = draw.sample(range(100, 2100), 2)
    return f"{pair[0]} {first}", f"{pair[1]} {second}"


def _other_address(pair: Pair, draw: random.Random, _: Sequence[Pair]) -> tuple[str, str]:
    first, second = draw.sample(("example.org", "kirje.fi", "gazeta.pl", "shop.example"), 2)
    return f"{pair[0]} http://{first}/a", f"{pair[1]} http://{second}/a"


def _lost_placeholder(pair: Pair, draw: random.Random, _: Sequence[Pair]) -> tuple[str, str]:
    return pair[0] + draw.choice((" %(name)s", " {user}", " %s")), pair[1]


def _html(pair: Pair, draw: random.Random, _: Sequence[Pair]) -> tuple[str, str]:
    tag = draw.choice(("p", "div", "span", "td", "li"))
    return pair[0], f'<{tag} class="text" style="color:#333">{pair[1]}</{tag}><br/>'


def _bbcode(pair: Pair, _draw: random.Random, _: Sequence[Pair]) -> tuple[str, str]:
    return pair[0], f"[quote=admin][url=http://example.org/12]{pair[1]}[/url][/quote]"


def _repeated(pair: Pair, _draw: random.Random, _: Sequence[Pair]) -> tuple[str, str] | None:
    return None if len(pair[1]) < 12 else (" ".join([pair[0]] * 5), " ".join([pair[1]] * 5))


def _repeated_lines(pair: Pair, _draw: random.Random, _: Sequence[Pair]) -> tuple[str, str]:
    return "\n".join([pair[0]] * 5), "\n".join([pair[1]] * 5)


def _cut_off(pair: Pair, _draw: random.Random, _: Sequence[Pair]) -> tuple[str, str] | None:
    return None if len(pair[0]) < 100 else (pair[0], pair[1][:3])


def _glued(pair: Pair, _draw: random.Random, _: Sequence[Pair]) -> tuple[str, str] | None:
    letters = regex.sub(r"[^\p{L}\p{M}]+", "", pair[1])
    return None if not resolve(pair[2]).spaced or len(letters) < 90 else (pair[0], letters)


def _symbols(pair: Pair, draw: random.Random, _: Sequence[Pair]) -> tuple[str, str]:
    noise = "".join(draw.choice("*-=_~|$€#") for _ in range(4 * len(pair[1])))
    return pair[0], f"{noise}{pair[1]}"


KINDS = (
    Damage("UTF-8 read as Latin-1 or Windows-1252", _mojibake, ("max_mojibake_share",), 0.95),
    Damage("a character lost", _lost_character, ("max_mojibake_share",), 0.99),
    Damage("private characters", _private_characters, ("max_bad_character_share",), 0.99),
    Damage("escaped twice", _escaped_twice, ("max_bad_character_share",), 0.95),
    Damage("a copy of the other side", _copy, ("max_copy_similarity",), 0.99),
    Damage("four fifths not translated", _half_translated, ("max_copied_share", "max_copy_similarity"), 0.9),
    Damage("original before the translation", _original_kept, ("max_copied_share", "max_copy_similarity"), 0.8),
    Damage("another English sentence", _untranslated, ("max_latin_share",), 0.99),
    Damage("a sentence in another script", _other_script, ("max_foreign_share",), 0.95),
    Damage("look-alikes of another script", _look_alikes, ("max_mixed_word_share",), None),
    Damage("another number", _other_number, ("min_number_agreement",), 0.95),
    Damage("another address", _other_address, ("min_address_agreement",), 0.95),
    Damage("a placeholder lost", _lost_placeholder, ("min_placeholder_agreement",), 0.99),
    Damage("HTML left over", _html, ("max_markup_share", "max_markup_difference"), 0.99),
    Damage("BBCode left over", _bbcode, ("max_markup_share", "max_markup_difference"), 0.95),
    Damage("a sentence five times", _repeated, ("max_repetition",), 0.95),
    Damage("a line five times", _repeated_lines, ("max_line_repetition", "max_repetition"), 0.99),
    Damage("cut off after three characters", _cut_off, ("max_length_ratio",), 0.8),
    Damage("blanks lost", _glued, ("max_word_chars",), 0.99),
    Damage("symbols without end", _symbols, ("max_symbol_share", "min_letter_share"), 0.99),
)
