"""Sharing out a budget among languages alone.

With `temperature` the weight of a language is n ** temperature for n available rows; with `unimax` all weights are
equal, which is the allocation of Chung et al. 2023 ("UniMax", ICLR): a uniform share, except that no language is
repeated more than `max_epochs` times.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from curation.quota.errors import QuotaError
from curation.quota.filling import exact, fill, powers

Method = Literal["temperature", "unimax"]


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
    languages = sorted(available)
    counts = [available[language] for language in languages]
    epochs = [int(rows * exact(max_epochs)) for rows in counts]
    uppers = [rows if cap is None else min(rows, cap) for rows in epochs]
    if budget is None:
        return {language: min(rows, available[language]) for language, rows in zip(languages, uppers, strict=True)}
    _check_feasible(epochs, uppers, budget, floor=floor, cap=cap)
    weights = powers(counts, temperature if method == "temperature" else 0.0)
    highest = np.array(uppers, dtype=np.int64)
    rows = fill(weights, np.minimum(highest, floor), highest, budget)
    return dict(zip(languages, rows.tolist(), strict=True))


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
