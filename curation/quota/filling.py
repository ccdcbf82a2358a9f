"""Sharing out a whole number of rows by weight between bounds, exactly.

Claim i has a weight w_i, a lower bound l_i and an upper bound u_i, and gets min(max(level * w_i, l_i), u_i) rows, where
the level is the one number that spends the total. Everything is done in whole numbers, so the result is the same on
every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
# Whole numbers of any size, where 64 bits may not do.
Whole = npt.NDArray[Any]

# Powers are rounded once, in decimal: the platform's `pow` may differ in the last bit.
_POWERS = Context(prec=30)
_DIGITS = 20
_MILLION = 1_000_000
_INT64_BITS = 62


def exact(value: float) -> Fraction:
    """Return the number that was written, to its sixth decimal, and not its nearest binary fraction.

    So 10 rows at 1.1 epochs are 11, and the product with billions of rows fits into 64 bits.
    """
    return Fraction(round(Decimal(repr(float(value))) * _MILLION), _MILLION)


def powers(rows: Sequence[int], exponent: float) -> list[int]:
    """Return each number of rows to the power of `exponent`, times 10 ** 20 unless the exponent is 0 or 1.

    Args:
        rows: none is negative; 0 has the weight 0, whatever the exponent.
        exponent: in [0, 1].
    """
    if exponent == 1.0:
        return list(rows)
    if exponent == 0.0:
        return [int(count > 0) for count in rows]
    power = Decimal(repr(float(exponent)))
    known = {count: int(_POWERS.power(Decimal(count), power).scaleb(_DIGITS)) for count in set(rows) if count}
    return [known.get(count, 0) for count in rows]


def fill(weights: Sequence[int] | Whole, lowers: Int64s, uppers: Int64s, total: int) -> Int64s:
    """Share out `total` rows.

    The bounds are met as in the layout of flexible boxes: all claims share freely; of those that leave their bounds the
    kind (too few or too many) that is further off in sum is set to its bounds for good, and the rest shares again. What
    is left by rounding down goes to the largest remainders, the first of equals first (Hamilton's method).

    Args:
        weights: whole numbers, none negative, shape (n,); where only those without weight can take more, they share by
            their upper bounds.
        lowers: least rows of each claim, shape (n,).
        uppers: greatest, at least `lowers`, shape (n,).
        total: between the sums of `lowers` and of `uppers`.

    Returns:
        Rows of each claim, int64 (n,): they sum to `total`, and each lies within its bounds and less than 1 from its
        exact share.

    Raises:
        ValueError: if the bounds do not allow the total.
    """
    if not int(lowers.sum()) <= total <= int(uppers.sum()):
        raise ValueError(f"{total} rows do not fit between {lowers.sum()} and {uppers.sum()}")
    rows = lowers.astype(np.int64)
    active = np.flatnonzero(lowers < uppers)
    shares = _whole(weights, int(uppers.max(initial=0)), total)
    while len(active):
        rest = total - int(rows.sum()) + int(rows[active].sum())
        mine = shares[active]
        if not mine.any():
            mine = _whole(uppers[active], int(uppers.max()), total)
        whole = int(mine.sum())
        wanted = rest * mine
        low, high = (bounds[active].astype(mine.dtype) for bounds in (lowers, uppers))
        missing, excess = low * whole - wanted, wanted - high * whole
        below, above = missing > 0, excess > 0
        if not (below.any() or above.any()):
            rows[active] = _round(wanted, whole, rest)
            break
        least, most = missing[below].sum(), excess[above].sum()
        settled = np.zeros(len(active), dtype=bool)
        if most >= least:
            settled |= above
            rows[active[above]] = uppers[active[above]]
        if least >= most:
            settled |= below
            rows[active[below]] = lowers[active[below]]
        active = active[~settled]
    return rows


def proportional(weights: Sequence[int] | Whole, total: int) -> Int64s:
    """Share out `total` rows by weight alone, int64 (n,); alike where nothing has any weight."""
    shares = _whole(weights, 0, total)
    if not shares.any():
        shares = np.ones(len(shares), dtype=np.int64)
    return _round(total * shares, int(shares.sum()), total)


def _whole(weights: Sequence[int] | Whole, highest: int, total: int) -> Whole:
    """Return weights as 64-bit integers where no product with a number of rows can overflow, else as Python's."""
    numbers = np.array(weights, dtype=object) if isinstance(weights, Sequence) else weights
    bits = int(numbers.sum()).bit_length() + max(highest, total).bit_length()
    # A sum of products, too, must fit.
    fits = bits + len(numbers).bit_length() <= _INT64_BITS
    return numbers.astype(np.int64 if fits else object)


def _round(wanted: Whole, whole: int, rest: int) -> Int64s:
    rows = (wanted // whole).astype(np.int64)
    left = rest - int(rows.sum())
    rows[np.argsort(-(wanted % whole), kind="stable")[:left]] += 1
    return rows
