"""Scores of a pair by length, language and markup.

Each function maps `PairColumns` of n records to float64 scores, shape (n,), NaN where there is nothing to judge.
"""

from __future__ import annotations

import numpy as np

from filters.columns import Floats, PairColumns
from filters.markup import markup_share

# Short texts differ in length by chance ("Go!" and its six-word translation): this many characters of English are
# added to both.
SMOOTHING_CHARS = 15


def length_ratio(columns: PairColumns) -> Floats:
    """Ratio of the longer to the shorter side in characters of English, both with `SMOOTHING_CHARS` added.

    A text has as many of these as it has characters divided by the length factor of its language.
    """
    query, positive = (
        side.lengths / side.of_languages(lambda language: language.length_factor) for side in columns.sides
    )
    longer, shorter = np.maximum(query, positive), np.minimum(query, positive)
    ratio: Floats = (longer + SMOOTHING_CHARS) / (shorter + SMOOTHING_CHARS)
    return ratio


def markup_difference(columns: PairColumns) -> Floats:
    """Difference of the sides' shares of markup."""
    difference: Floats = np.abs(columns.query.once(markup_share) - columns.positive.once(markup_share))
    return difference


def same_language(columns: PairColumns) -> Floats:
    """1 where both sides are in the same language and script, 0 where not, NaN where one is not known."""
    numbers = {
        language.code: number for number, language in enumerate([*columns.query.languages, *columns.positive.languages])
    }
    query, positive = (side.of_languages(lambda language: numbers[language.code]) for side in columns.sides)
    known = np.logical_and(*(side.of_languages(lambda language: language.is_known) > 0 for side in columns.sides))
    return np.where(known, query == positive, np.nan)
