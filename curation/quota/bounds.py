"""The least and the greatest number of rows that a language can have under all that is asked of its sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypeVar

import numpy as np

from curation.config.balance import Balance, LanguageQuota, Weight
from curation.quota.cells import LanguageCells
from curation.quota.filling import Int64s, exact

Limit = Literal["", "rows", "cap", "source_share", "stated"]
_NOTHING = LanguageQuota()


@dataclass(frozen=True, slots=True)
class Demand:
    """One language with all that the config asks of it.

    Attributes:
        cells: its cells, n of them.
        quota: what is asked of the language itself.
        uppers: greatest number of rows of each cell, whatever the language's total, int64 (n,).
        targets: rows that are asked of a cell by number, whether it has them or not, -1 where none are, int64 (n,).
        shares: greatest share of each cell in the language's rows, in units of 1 / `unit`, int64 (n,).
        unit: common denominator of the shares.
        tasks: number of each cell's task, int64 (n,).
        task_targets: greatest rows of each task, int64 (t,), with the greatest integer for none.
        lower: least rows of the language.
        upper: greatest.
        limit: what `upper` comes from.
        is_monoculture: whether the greatest shares leave it nothing, or less than its floor.
    """

    cells: LanguageCells
    quota: LanguageQuota
    uppers: Int64s
    targets: Int64s
    shares: Int64s
    unit: int
    tasks: Int64s
    task_targets: Int64s
    lower: int
    upper: int
    limit: Limit
    is_monoculture: bool

    def uppers_at(self, total: int) -> Int64s:
        """Return the greatest rows of each cell where the language has `total`: a share is met to the next row."""
        return np.minimum(self.uppers, -(-self.shares * total // self.unit))


_NO_LIMIT = np.iinfo(np.int64).max
# Shares count to the sixth decimal, so that products with billions of rows fit into 64 bits.
_UNIT = 1_000_000


def demand(cells: LanguageCells, options: Balance) -> Demand:
    """Work out the bounds of one language."""
    quota = options.languages.get(cells.language, _NOTHING)
    epochs = _epochs(quota, options)
    uppers, targets = _of_cells(cells, options, epochs, cells.usable)
    tasks, task_targets = _of_tasks(cells, options)
    shares, unit = _shares(cells, quota, options)
    is_monoculture = False
    if unit > 1:
        # What mining has lost in the meantime makes no language a monoculture that was none.
        there = uppers
        if not np.array_equal(cells.usable, cells.available):
            there, _ = _of_cells(cells, options, epochs, cells.available)
        is_monoculture = _is_monoculture(cells, quota, options, there, shares, unit, tasks, task_targets)
    if is_monoculture and options.on_monoculture == "keep":
        shares = np.full_like(shares, unit)
    whole = _greatest(uppers, shares, 0, tasks, task_targets)
    limited = _greatest(uppers, shares, unit, tasks, task_targets) if unit > 1 else whole
    if is_monoculture and options.on_monoculture == "drop":
        limited = 0
    lower, upper, limit = _of_language(cells, quota, options, whole=whole, limited=limited)
    return Demand(cells, quota, uppers, targets, shares, unit, tasks, task_targets, lower, upper, limit, is_monoculture)


def _is_monoculture(
    cells: LanguageCells,
    quota: LanguageQuota,
    options: Balance,
    uppers: Int64s,
    shares: Int64s,
    unit: int,
    tasks: Int64s,
    task_targets: Int64s,
) -> bool:
    """Tell whether the shares leave a language nothing, or less than its floor, where more is wanted."""
    whole = _greatest(uppers, shares, 0, tasks, task_targets)
    floor = options.floor if quota.floor is None else quota.floor
    cap = options.cap if quota.cap is None else quota.cap
    stated = stated_rows(quota, int(cells.available.sum()))
    wanted = min(max(floor, 1), whole, *(bound for bound in (cap, stated) if bound is not None))
    return _greatest(uppers, shares, unit, tasks, task_targets) < wanted


def _epochs(quota: LanguageQuota, options: Balance) -> Fraction:
    epochs = exact(options.max_epochs if quota.max_epochs is None else quota.max_epochs)
    if quota.repeat is not None:
        # Who states how often rows are repeated means it.
        return max(epochs, exact(quota.repeat))
    # Without a budget nothing asks for more rows than there are.
    return min(epochs, Fraction(1)) if options.budget is None and quota.choose is None else epochs


def _of_cells(cells: LanguageCells, options: Balance, epochs: Fraction, rows: Int64s) -> tuple[Int64s, Int64s]:
    """Return the greatest rows of each cell, of which `rows` can be used, and the rows that are stated for it."""
    uppers: Int64s = rows * epochs.numerator // epochs.denominator
    targets = np.full(len(uppers), -1, dtype=np.int64)
    for place, task in _stated(cells.tasks, cells.task_names, options.tasks):
        if task.repeat is not None:
            uppers[place] = int(int(rows[place]) * max(epochs, exact(task.repeat)))
    for place, quota in _stated(cells.sources, cells.source_names, options.sources):
        if quota.repeat is not None:
            uppers[place] = max(int(uppers[place]), int(int(rows[place]) * exact(quota.repeat)))
        stated = stated_rows(quota, int(cells.available[place]))
        if stated is not None:
            targets[place] = stated
            uppers[place] = min(stated, int(uppers[place]))
    return uppers, targets


def _of_tasks(cells: LanguageCells, options: Balance) -> tuple[Int64s, Int64s]:
    """Return the number of each cell's task within the language, and the greatest rows of each task."""
    if not options.tasks:
        return np.zeros(len(cells.tasks), dtype=np.int64), np.array([_NO_LIMIT])
    codes, tasks = np.unique(cells.tasks, return_inverse=True)
    available = sum_by(cells.available, tasks, len(codes)).tolist()
    targets = np.full(len(codes), _NO_LIMIT)
    for place, quota in _stated(codes, cells.task_names, options.tasks):
        stated = stated_rows(quota, available[place])
        targets[place] = _NO_LIMIT if stated is None else stated
    return tasks.astype(np.int64), targets


_Quota = TypeVar("_Quota", bound=Weight)


def _stated(codes: Int64s, names: Sequence[str], quotas: Mapping[Any, _Quota]) -> Iterator[tuple[int, _Quota]]:
    """Yield the places of those of some coded names that have a quota, and the quota."""
    if quotas:
        for place, code in enumerate(codes.tolist()):
            if names[code] in quotas:
                yield place, quotas[names[code]]


def stated_rows(quota: Weight, available: int) -> int | None:
    """Return the number of rows that a weight states for something with so many rows, or None."""
    if quota.choose is not None:
        return quota.choose
    return None if quota.repeat is None else int(available * exact(quota.repeat))


def _shares(cells: LanguageCells, quota: LanguageQuota, options: Balance) -> tuple[Int64s, int]:
    default = options.max_source_share if quota.max_source_share is None else quota.max_source_share
    millionths = np.full(len(cells.sources), _UNIT if default is None else round(default * _UNIT), dtype=np.int64)
    for place, of_source in _stated(cells.sources, cells.source_names, options.sources):
        # What is said of a language by name is nearer than what is said of a source in all languages.
        if of_source.max_share is not None and quota.max_source_share is None:
            millionths[place] = round(of_source.max_share * _UNIT)
    divisor = int(np.gcd.reduce(millionths, initial=_UNIT))
    return millionths // divisor, _UNIT // divisor


def _greatest(uppers: Int64s, shares: Int64s, unit: int, tasks: Int64s, task_targets: Int64s) -> int:
    """Return the greatest total T with sum over tasks of min(target, sum of min(upper, share x T)) >= T.

    The left side is concave in T and nothing at 0, so every smaller total is possible as well. Newton's method from the
    right finds the greatest one in as many steps as there are kinks at most.

    Args:
        uppers: greatest rows of each cell, shape (n,).
        shares: greatest share of each cell in the total, in units of 1 / `unit`, shape (n,).
        unit: denominator of the shares; 0 leaves them out.
        tasks: number of each cell's task, shape (n,).
        task_targets: greatest rows of each task, shape (t,).
    """
    count = len(task_targets)
    total = int(np.minimum(sum_by(uppers, tasks, count), task_targets).sum())
    while unit and total:
        is_full = shares * total >= uppers * unit
        reached = np.where(is_full, uppers * unit, shares * total)
        by_task = sum_by(reached, tasks, count)
        stopped = by_task > _scaled(task_targets, unit)
        if int(np.where(stopped, _scaled(task_targets, unit), by_task).sum()) >= total * unit:
            break
        rising = int(shares[~is_full & ~stopped[tasks]].sum())
        fixed = int(uppers[is_full & ~stopped[tasks]].sum()) + int(task_targets[stopped].sum())
        total = fixed * unit // (unit - rising)
    return total


def _scaled(targets: Int64s, unit: int) -> Int64s:
    return np.where(targets > _NO_LIMIT // unit, _NO_LIMIT, targets * unit)


def sum_by(values: Int64s, groups: Int64s, count: int) -> Int64s:
    """Return the sum of the values of each group, int64 (count,)."""
    sums = np.zeros(count, dtype=np.int64)
    np.add.at(sums, groups, values)
    return sums


def _of_language(
    cells: LanguageCells, quota: LanguageQuota, options: Balance, *, whole: int, limited: int
) -> tuple[int, int, Limit]:
    """Return the least and the greatest rows of a language, and what the greatest comes from."""
    cap = options.cap if quota.cap is None else quota.cap
    stated = stated_rows(quota, int(cells.available.sum()))
    limits: list[tuple[int, Limit]] = [(whole, "rows"), (limited, "source_share")]
    limits += [(cap, "cap")] if cap is not None else []
    limits += [(stated, "stated")] if stated is not None else []
    upper, limit = min(limits, key=lambda each: each[0])
    floor = options.floor if quota.floor is None else quota.floor
    return (upper if stated is not None else min(floor, upper)), upper, limit
