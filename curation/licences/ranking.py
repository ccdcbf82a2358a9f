"""How much a licence lets others do, for choosing between copies of one text."""

from __future__ import annotations

import functools

from curation.licences.expression import Expression, Licence, parse
from curation.licences.table import KINDS, licence_table

UNKNOWN = len(KINDS)


@functools.lru_cache(maxsize=4_096)
def restriction(licence: str) -> int:
    """Return how restrictive a licence is.

    Args:
        licence: an SPDX expression. Of alternatives (`OR`) the freer counts, of conditions that add up (`AND`) the more
            restrictive; an exception (`WITH`) changes nothing.

    Returns:
        0 for licences without conditions, 1 for attribution, 2 for share-alike, 3 for copyleft, 4 for licences that
        forbid commercial use or changes, 5 for everything else (`LicenseRef-...`, what cannot be parsed).
    """
    try:
        return _rank(parse(licence))
    except ValueError:
        return UNKNOWN


def _rank(expression: Expression) -> int:
    if isinstance(expression, Licence):
        facts = licence_table().get(expression.name)
        return KINDS.index(facts.kind) if facts else UNKNOWN
    ranks = [_rank(part) for part in expression.parts]
    return min(ranks) if expression.operator == "OR" else max(ranks)
