"""How many rows of each language a release holds: exact shares of a budget between bounds.

Both methods fill the same vessel. Language i has a weight w_i, a lower bound l_i and an upper bound u_i, and gets
min(max(level * w_i, l_i), u_i) rows, where the level is the one number that spends the budget exactly. With
`temperature` the weight is n_i ** temperature for n_i available rows; with `unimax` all weights are equal, which
is the allocation of Chung et al. 2023 ("UniMax", ICLR): a uniform share, except that no language is repeated more
than `max_epochs` times. Everything is integers and fractions, so the result is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal

from curation.errors import CurationError

Method = Literal["temperature", "unimax"]

# Powers are rounded once, in decimal: the platform's `pow` may differ in the last bit.
_POWERS = Context(prec=30)


class QuotaError(CurationError):
    """No allocation meets the budget and the bounds."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class _Share:
    """One language's claim: `lower` <= rows <= `upper`, otherwise in proportion to `weight`."""

    language: str
    weight: Fraction
    lower: int
    upper: int


def allocate(
    available: Mapping[str, int],
    budget: int | None,
    *,
    method: Method = "temperature",
    temperature: float = 0.3,
    max_epochs: float = 1.0,
    floor: int = 0,
    cap: int | None = None,
) -> dict[str, int]:
    """Share out `budget` rows among languages.

    Args:
        available: rows that each language has.
        budget: rows to allocate; None takes every row once, as far as `cap` allows.
        method: `temperature` or `unimax`.
        temperature: exponent of a language's weight in [0, 1]: 1 keeps the natural shares, 0 makes all equal;
            without meaning for `unimax`.
        max_epochs: greatest multiple of its available rows that a language may get.
        floor: least rows of a language, as far as it may have them.
        cap: greatest number of rows of a language.

    Returns:
        Rows of each language of `available`, sorted by language; they sum to `budget` exactly.

    Raises:
        QuotaError: if an argument is out of its range, or no allocation meets the budget and the bounds; the hint
            is the smallest change that helps.
    """
    _check(available, budget, method=method, temperature=temperature, max_epochs=max_epochs, floor=floor, cap=cap)
    epochs = {language: int(rows * _exact(max_epochs)) for language, rows in sorted(available.items())}
    uppers = {language: rows if cap is None else min(rows, cap) for language, rows in epochs.items()}
    if budget is None:
        return {language: min(rows, available[language]) for language, rows in uppers.items()}
    _check_feasible(list(epochs.values()), list(uppers.values()), budget, floor=floor, cap=cap)
    exponent = temperature if method == "temperature" else 0.0
    shares = [
        _Share(language, _weight(available[language], exponent), min(floor, upper), upper)
        for language, upper in uppers.items()
    ]
    return _round(shares, _water_level(shares, budget), budget)


def _exact(value: float) -> Fraction:
    # The number that was written, not its nearest binary fraction: 10 rows at 1.1 epochs are 11.
    return Fraction(repr(float(value)))


def _weight(rows: int, exponent: float) -> Fraction:
    if rows == 0:
        return Fraction(0)
    return Fraction(_POWERS.power(Decimal(rows), Decimal(repr(float(exponent)))))


def _water_level(shares: list[_Share], budget: int) -> Fraction:
    """Return the level at which the bounded shares sum to `budget`, which must be feasible.

    The sum is a rising, piecewise linear function of the level with a kink where a share leaves its lower bound
    and another where it reaches its upper: walk the kinks in order until the sum would pass the budget.
    """
    kinks = [kink for share in shares if share.lower < share.upper for kink in _kinks(share)]
    bound, slope = sum(share.lower for share in shares), Fraction(0)
    for level, weight, rows in sorted(kinks):
        if bound + slope * level >= budget:
            break
        bound, slope = bound + rows, slope + weight
    return (budget - bound) / slope if slope else Fraction(0)


def _kinks(share: _Share) -> tuple[tuple[Fraction, Fraction, int], ...]:
    """Return where a share starts and ends to follow the level: (level, change of slope, change of bound rows)."""
    start, end = share.lower / share.weight, share.upper / share.weight
    return (start, share.weight, -share.lower), (end, -share.weight, share.upper)


def _round(shares: list[_Share], level: Fraction, budget: int) -> dict[str, int]:
    """Round the shares at `level` to integers that sum to `budget`: largest remainder, ties by language."""
    exact = {
        share.language: min(max(level * share.weight, Fraction(share.lower)), Fraction(share.upper)) for share in shares
    }
    rows = {language: int(value) for language, value in exact.items()}
    by_remainder = sorted(exact, key=lambda language: (rows[language] - exact[language], language))
    for language in by_remainder[: budget - sum(rows.values())]:
        rows[language] += 1
    return rows


def _check(
    available: Mapping[str, int],
    budget: int | None,
    *,
    method: str,
    temperature: float,
    max_epochs: float,
    floor: int,
    cap: int | None,
) -> None:
    for language, rows in sorted(available.items()):
        if rows < 0:
            raise QuotaError(f"language {language} cannot have {rows} rows")
    for name, value, allowed, hint in (
        ("method", method, method in ("temperature", "unimax"), "use `temperature` or `unimax`"),
        ("temperature", temperature, 0.0 <= temperature <= 1.0, "use a number from 0 to 1"),
        ("max_epochs", max_epochs, 0.0 < max_epochs < float("inf"), "use a positive number"),
        ("budget", budget, budget is None or budget >= 0, "use a positive number, or null for all rows"),
        ("floor", floor, floor >= 0, "use 0 or more"),
        ("cap", cap, cap is None or cap >= 0, "use a positive number, or null for none"),
    ):
        if not allowed:
            raise QuotaError(f"{name} cannot be {value!r}", hint=hint)


def _check_feasible(epochs: list[int], uppers: list[int], budget: int, *, floor: int, cap: int | None) -> None:
    if budget > sum(uppers):
        raise QuotaError(
            f"budget {budget} exceeds what is available{'' if cap is None else ' under cap'}: {sum(uppers)}",
            hint=_lower_budget(epochs, budget, limit=sum(uppers)),
        )
    needed = sum(min(floor, upper) for upper in uppers)
    if needed > budget:
        raise QuotaError(
            f"floor {floor} needs {needed} rows, more than the budget of {budget}",
            hint=f"lower floor to {_greatest_bound(uppers, budget)} or raise budget to {needed}",
        )


def _lower_budget(epochs: list[int], budget: int, *, limit: int) -> str:
    hint = f"lower the budget to {limit}"
    if sum(epochs) >= budget:
        hint += f" or raise the cap to {_greatest_bound(epochs, budget - 1) + 1}"
    return hint


def _greatest_bound(rows: list[int], total: int) -> int:
    """Return the greatest integer b with sum(min(b, r) for r in rows) <= total, where sum(rows) > total."""
    remaining = total
    for position, each in enumerate(sorted(rows)):
        bound = remaining // (len(rows) - position)
        if bound < each:
            return bound
        remaining -= each
    raise ValueError(f"all of {sum(rows)} rows fit into {total}")
