"""Every score and every filter, in the order in which the filters judge."""

from __future__ import annotations

from filters import agreement, copies, damage, markup, pairs, repetition, scripts, sides
from filters.base import Filter, PairScore, SideScore

_BITEXT = frozenset({"bitext"})

_CHARS = SideScore("chars", 1, sides.characters)

# Each filter by the name of its bound. A name that begins with `min_` is a least score, any other a greatest.
_JUDGED_BY: dict[str, SideScore | PairScore] = {
    "min_chars": _CHARS,
    "max_chars": _CHARS,
    "max_mojibake_share": SideScore("mojibake_share", 1, damage.mojibake_share),
    "max_bad_character_share": SideScore("bad_character_share", 1, damage.bad_character_share),
    "min_letter_share": SideScore("letter_share", 1, sides.letter_share),
    "max_digit_share": SideScore("digit_share", 1, sides.digit_share),
    "max_symbol_share": SideScore("symbol_share", 1, sides.symbol_share),
    "max_address_share": SideScore("address_share", 1, markup.address_share),
    "max_markup_share": SideScore("markup_share", 2, markup.markup_share),
    "max_repetition": SideScore("repetition", 1, repetition.repetition),
    "max_line_repetition": SideScore("line_repetition", 1, repetition.line_repetition),
    "max_word_chars": SideScore("word_chars", 1, sides.longest_word),
    "max_foreign_share": SideScore("foreign_share", 1, scripts.foreign_share),
    "max_latin_share": SideScore("latin_share", 1, scripts.latin_share),
    "max_mixed_word_share": SideScore("mixed_word_share", 1, scripts.mixed_word_share),
    "same_language": PairScore("same_language", 1, pairs.same_language, _BITEXT),
    "max_length_ratio": PairScore("length_ratio", 1, pairs.length_ratio, _BITEXT),
    "max_copy_similarity": PairScore("copy_similarity", 1, copies.copy_similarity),
    "max_copied_share": PairScore("copied_share", 1, copies.copied_share, _BITEXT),
    "max_markup_difference": PairScore("markup_difference", 2, pairs.markup_difference, _BITEXT),
    "min_placeholder_agreement": PairScore("placeholder_agreement", 1, agreement.placeholder_agreement, _BITEXT),
    "min_number_agreement": PairScore("number_agreement", 1, agreement.number_agreement, _BITEXT),
    "min_address_agreement": PairScore("address_agreement", 1, agreement.address_agreement, _BITEXT),
}

FILTERS: tuple[Filter, ...] = tuple(
    Filter(name, score, "at_least" if name.startswith("min_") else "at_most") for name, score in _JUDGED_BY.items()
)

_SCORES = tuple(dict.fromkeys(_JUDGED_BY.values()))
SIDE_SCORES: tuple[SideScore, ...] = tuple(score for score in _SCORES if isinstance(score, SideScore))
PAIR_SCORES: tuple[PairScore, ...] = tuple(score for score in _SCORES if isinstance(score, PairScore))


def score_versions() -> dict[str, int]:
    """Return the version of every score, by its name: what stored scores depend on besides the records."""
    return {score.name: score.version for score in _SCORES}
