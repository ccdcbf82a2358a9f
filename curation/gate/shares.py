"""How large a share is at the least, given how few were counted."""

from __future__ import annotations

import math

# Standard errors that a share is taken to be too high by chance: 2 % of clean languages at the bound.
_STANDARD_ERRORS = 2.0


def at_least(hits: int, trials: int) -> float:
    """Return the lower end of the Wilson score interval of a share, at two standard errors (Wilson 1927)."""
    share, square = hits / trials, _STANDARD_ERRORS**2
    middle = share + square / (2 * trials)
    half = _STANDARD_ERRORS * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    # The product of both ends is known, so that nothing cancels out: no hits are a share of exactly zero.
    return share**2 / (middle + half)
