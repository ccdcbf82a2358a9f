"""The quota of each language, task and source: a budget shared out from the top down.

The budget goes to the natural and the programming languages, where these are a block of their own; within a block to
its languages; within a language to its task types, where they have weights; and then to its sources. At each level what
is stated by number (`choose`, `repeat`) is given as far as there are rows, and the rest is shared by weight between the
bounds that all levels below leave (`curation.quota.filling`): so what is given adds up to the budget exactly, and every
bound holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from curation.config.balance import Balance, ProgrammingQuota, Weight
from curation.quota.bounds import Demand, demand, stated_rows, sum_by
from curation.quota.cells import KEYS, LanguageCells, by_language, is_program
from curation.quota.claims import NONE_STATED, Claims, combine
from curation.quota.errors import QuotaError
from curation.quota.filling import Int64s, powers
from curation.quota.relax import IMPOSSIBLE, Measured, monoculture_error, too_little_error, too_much_error

PLAN_SCHEMA = pa.schema(
    [
        pa.field("language", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("asked", pa.int64(), nullable=False),
        pa.field("available", pa.int64(), nullable=False),
        pa.field("given", pa.int64(), nullable=False),
        pa.field("repeated", pa.int64(), nullable=False),
        pa.field("short", pa.int64(), nullable=False),
        pa.field("limit", pa.string(), nullable=False),
    ]
)
_NO_WEIGHT = Weight()


@dataclass(frozen=True)
class _Block:
    """Languages that share a part of the budget.

    Attributes:
        demands: its languages.
        options: what holds for them.
        weight: how much of the budget they share.
    """

    demands: Sequence[Demand]
    options: Balance
    weight: Weight

    def range(self) -> tuple[int, int]:
        """Return the least and the greatest number of rows that its languages can have."""
        lowers, uppers = self.claims.bounds()
        return int(lowers.sum()), int(uppers.sum())

    @cached_property
    def claims(self) -> Claims:
        """Return the claims of its languages on its rows."""
        options = self.options
        available = [int(each.cells.available.sum()) for each in self.demands]
        natural = powers(available, options.temperature if options.method == "temperature" else 0.0)
        weights = combine(natural, [each.quota.proportion for each in self.demands])
        return Claims(
            weights,
            _targets([each.quota for each in self.demands], available),
            np.array([each.lower for each in self.demands], dtype=np.int64),
            np.array([each.upper for each in self.demands], dtype=np.int64),
        )


def plan(cells: pa.Table, options: Balance, *, strict: bool = True) -> pa.Table:
    """Share out the budget among the cells.

    Args:
        cells: a table of `CELLS_SCHEMA`, one row for each language, task and source.
        options: the config's `balance` section.
        strict: whether a budget that cannot be spent and a source above its share are errors; otherwise what there is
            is given.

    Returns:
        A table of `PLAN_SCHEMA`, a row for each cell, sorted by language, task and source:

        - `asked`: what the weights alone would give, or the number that is stated; without a budget all rows
        - `available`: usable rows
        - `given`: rows of the release; they sum to the budget, and where there is none each usable row is given once,
          as far as the bounds allow
        - `repeated`: how many of these are repetitions
        - `short`: how many fewer than asked
        - `limit`: where its language gets all that it can have, what keeps it from more: `rows`, `cap`, `source_share`
          or `stated`

    Raises:
        QuotaError: if no allocation meets the budget and the bounds; the hint names the smallest changes that help.
    """
    cells, languages = by_language(cells)
    blocks = _blocks(languages, options)
    if strict:
        _refuse_monocultures(blocks, options)
    claims = _claims_of_blocks(blocks)
    budget = _budget(claims, languages, options, strict=strict)
    asked = claims.asked(options.budget or sum(int(each.available.sum()) for each in languages))
    given = claims.given(budget)
    shared = [
        row
        for block, wants, gets in zip(blocks, asked.tolist(), given.tolist(), strict=True)
        for row in _share_block(block, wants, gets)
    ]
    return _table(cells, sorted(shared, key=lambda row: row[0].cells.language))


def _blocks(languages: Sequence[LanguageCells], options: Balance) -> list[_Block]:
    if options.programming is None:
        return [_Block([demand(each, options) for each in languages], options, _NO_WEIGHT)]
    own = _own_options(options.programming, options)
    natural = [demand(each, options) for each in languages if not is_program(each.language)]
    programs = [demand(each, own) for each in languages if is_program(each.language)]
    return [_Block(natural, options, _NO_WEIGHT), _Block(programs, own, options.programming)]


def _own_options(quota: ProgrammingQuota, options: Balance) -> Balance:
    stated: Mapping[str, Any] = {name: getattr(quota, name) for name in ("method", "temperature", "floor", "cap")}
    changes = {name: value for name, value in stated.items() if value is not None}
    if quota.repeat is not None:
        changes["max_epochs"] = max(options.max_epochs, quota.repeat)
    if options.budget is None:
        # What is stated for the block asks for rows as a budget does, whatever its size.
        changes["budget"] = quota.choose or 1
    return options.model_copy(update=changes)


def _claims_of_blocks(blocks: Sequence[_Block]) -> Claims:
    available = [sum(int(each.cells.available.sum()) for each in block.demands) for block in blocks]
    ranges = np.array([block.range() for block in blocks], dtype=np.int64)
    targets = _targets([block.weight for block in blocks], available)
    for target, (lower, _) in zip(targets.tolist(), ranges.tolist(), strict=True):
        if NONE_STATED != target < lower:
            raise QuotaError(
                "Programming languages are to have fewer rows than they must",
                where="balance.programming",
                why=f"{target:,} rows are stated for the block, and its languages need {lower:,}",
                hint=f"state {lower:,} rows or more, or set balance.programming.floor to less",
            )
    return Claims(combine(available, [block.weight.proportion for block in blocks]), targets, *ranges.T)


def _targets(quotas: Sequence[Weight], available: Sequence[int]) -> Int64s:
    stated = [stated_rows(quota, rows) for quota, rows in zip(quotas, available, strict=True)]
    return np.array([NONE_STATED if rows is None else rows for rows in stated], dtype=np.int64)


def _refuse_monocultures(blocks: Sequence[_Block], options: Balance) -> None:
    if options.on_monoculture == "fail":
        found = [each for block in blocks for each in block.demands if each.is_monoculture]
        if found:
            raise monoculture_error(found)


def _budget(claims: Claims, languages: Sequence[LanguageCells], options: Balance, *, strict: bool) -> int:
    lowers, uppers = claims.bounds()
    least, most = int(lowers.sum()), int(uppers.sum())
    budget = most if options.budget is None else options.budget

    def measure(changed: Balance) -> Measured:
        try:
            bounds = _claims_of_blocks(_blocks(languages, changed)).bounds()
        except QuotaError:
            return IMPOSSIBLE
        return Measured(*(int(rows.sum()) for rows in bounds))

    if budget > most:
        if strict:
            raise too_much_error(options, Measured(least, most), measure)
        budget = most
    if budget < least:
        raise too_little_error(options, Measured(least, most), measure)
    return budget


_Shared = tuple[Demand, Int64s, Int64s, int]


def _share_block(block: _Block, asked: int, given: int) -> Iterator[_Shared]:
    """Yield each language with what its cells ask for and get, and what it gets in all."""
    claims = block.claims
    wants = claims.asked(asked)
    if block.options.budget is None:
        wants = np.where(claims.targets == NONE_STATED, [_natural(each) for each in block.demands], claims.targets)
    gets = claims.given(given)
    for each, wanted, total in zip(block.demands, wants.tolist(), gets.tolist(), strict=True):
        yield each, *_share_language(each, block.options, wanted, total), total


def _natural(each: Demand) -> int:
    """Return the rows that a language asks for where nothing limits it: what is stated for its sources, or all."""
    return int(np.where(each.targets == NONE_STATED, each.cells.available, each.targets).sum())


def _share_language(each: Demand, options: Balance, asked: int, given: int) -> tuple[Int64s, Int64s]:
    """Return what the cells of one language ask for and get, int64 (n,) both."""
    uppers = each.uppers_at(given)
    if not options.tasks:
        claims = _claims_of_sources(each, options, uppers, slice(None))
        return claims.asked(asked), claims.given(given)
    count = len(each.task_targets)
    of_tasks = np.minimum(sum_by(uppers, each.tasks, count), each.task_targets)
    claims = _claims_of_tasks(each, options, of_tasks)
    wants, gets = np.zeros_like(uppers), np.zeros_like(uppers)
    for number, (wanted, total) in enumerate(
        zip(claims.asked(asked).tolist(), claims.given(given).tolist(), strict=True)
    ):
        mine = np.flatnonzero(each.tasks == number)
        inner = _claims_of_sources(each, options, uppers, mine)
        wants[mine], gets[mine] = inner.asked(wanted), inner.given(total)
    return wants, gets


def _claims_of_tasks(each: Demand, options: Balance, uppers: Int64s) -> Claims:
    names = [each.cells.task_names[code] for code in np.unique(each.cells.tasks).tolist()]
    quotas = [options.tasks.get(name, _NO_WEIGHT) for name in names]
    available = sum_by(each.cells.available, each.tasks, len(names)).tolist()
    weights = combine(available, [quota.proportion for quota in quotas])
    return Claims(weights, _targets(quotas, available), np.zeros_like(uppers), uppers)


def _claims_of_sources(each: Demand, options: Balance, uppers: Int64s, mine: Any) -> Claims:
    weights: Any = each.cells.available[mine]
    if options.sources:
        names = [each.cells.source_names[code] for code in each.cells.sources[mine].tolist()]
        weights = combine(weights.tolist(), [options.sources.get(name, _NO_WEIGHT).proportion for name in names])
    return Claims(weights, each.targets[mine], np.zeros_like(uppers[mine]), uppers[mine])


def _table(cells: pa.Table, shared: Sequence[_Shared]) -> pa.Table:
    """Put the numbers of all languages beside the sorted cells, whose order is theirs."""
    nothing = np.empty(0, dtype=np.int64)
    asked, given = (np.concatenate([nothing, *(row[place] for row in shared)]) for place in (1, 2))
    usable = cells["usable"].to_numpy()
    limits = pa.array([each.limit if total == each.upper else "" for each, *_, total in shared], pa.string())
    of_cell = np.repeat(np.arange(len(shared)), [len(each.cells.usable) for each, *_ in shared])
    columns: dict[str, Any] = {
        "asked": asked,
        "available": usable,
        "given": given,
        "repeated": np.maximum(given - usable, 0),
        "short": np.maximum(asked - given, 0),
        "limit": limits.take(pa.array(of_cell)),
    }
    return pa.table([*(cells[name] for name in KEYS), *columns.values()], schema=PLAN_SCHEMA)
