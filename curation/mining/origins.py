"""Where negatives and their candidates come from."""

from __future__ import annotations

from enum import IntEnum


class Origin(IntEnum):
    """Where a negative comes from. `BOTH` is the sum of the searches that found it."""

    GIVEN = 0
    """Its source had it."""
    LEXICAL = 1
    """Found by the words that it shares with the anchor."""
    DENSE = 2
    """Found among the nearest vectors."""
    BOTH = 3
    """Found both ways."""
    RANDOM = 4
    """Drawn at random, because too few were found."""
