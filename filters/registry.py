"""Every filter by the knob that switches it on, in the order in which they judge."""

from __future__ import annotations

from collections.abc import Iterator

from curation.config.model import Filters
from filters import pairs, sides
from filters.base import Direction, Filter, PairScore, SideScore, worse_side

_BITEXT = frozenset({"bitext"})

# A check has no bound in the config: its threshold is the agreement that its docstring there states.
PLACEHOLDER_AGREEMENT = 1.0
NUMBER_AGREEMENT = 0.5


def configured_filters(options: Filters) -> tuple[Filter, ...]:
    """Return the filters that `options` switch on, in the order in which they judge."""
    bounds = _bounds(options)
    return tuple(
        Filter(name, direction, bound, score, tasks)
        for name, direction, score, tasks in _registry()
        if (bound := bounds[name]) is not None
    )


def filter_names(options: Filters) -> list[str]:
    """Return the names of the configured filters, in order: the fields of `filter_scores`."""
    return [each.name for each in configured_filters(options)]


def describe(options: Filters) -> list[tuple[str, Direction, float]]:
    """Return name, direction and threshold of each configured filter, in order."""
    return [(each.name, each.direction, each.threshold) for each in configured_filters(options)]


def _registry() -> Iterator[tuple[str, Direction, PairScore, frozenset[str]]]:
    for name, direction, score in _SIDE_FILTERS:
        yield name, direction, worse_side(score, direction), frozenset()
    yield from _PAIR_FILTERS


_SIDE_FILTERS: tuple[tuple[str, Direction, SideScore], ...] = (
    ("min_chars", "at_least", sides.characters),
    ("max_chars", "at_most", sides.characters),
    ("max_mojibake_share", "at_most", sides.mojibake_share),
    ("min_letter_share", "at_least", sides.letter_share),
    ("max_markup_share", "at_most", sides.markup_share),
    ("max_repetition", "at_most", sides.repetition),
)

_PAIR_FILTERS: tuple[tuple[str, Direction, PairScore, frozenset[str]], ...] = (
    ("max_length_ratio", "at_most", pairs.length_ratio, _BITEXT),
    ("max_copy_similarity", "at_most", pairs.copy_similarity, frozenset()),
    ("check_placeholders", "at_least", pairs.placeholder_agreement, _BITEXT),
    ("check_numbers", "at_least", pairs.number_agreement, _BITEXT),
)


def _bounds(options: Filters) -> dict[str, float | None]:
    return {
        "min_chars": options.min_chars,
        "max_chars": options.max_chars,
        "max_mojibake_share": options.max_mojibake_share,
        "min_letter_share": options.min_letter_share,
        "max_markup_share": options.max_markup_share,
        "max_repetition": options.max_repetition,
        "max_length_ratio": options.max_length_ratio,
        "max_copy_similarity": options.max_copy_similarity,
        "check_placeholders": PLACEHOLDER_AGREEMENT if options.check_placeholders else None,
        "check_numbers": NUMBER_AGREEMENT if options.check_numbers else None,
    }
