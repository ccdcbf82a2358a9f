"""What is said where quotas cannot be met: the smallest changes of one setting that help."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from curation.config.balance import Balance
from curation.quota.bounds import Demand
from curation.quota.errors import QuotaError

_NAMED = 5
_HUNDREDTHS = 100
_MOST_EPOCHS = 1000


@dataclass(frozen=True, slots=True)
class Measured:
    """How many rows all languages together must have at least and can have at most."""

    least: int
    most: int


# What cannot be at all helps with nothing.
IMPOSSIBLE = Measured(least=1 << 62, most=-1)
Measure = Callable[[Balance], Measured]


def too_much_error(options: Balance, found: Measured, measure: Measure) -> QuotaError:
    """Return the error for a budget that is more than all bounds allow."""
    assert options.budget is not None
    helps = [f"lower balance.budget to {found.most:,}"] if found.most else []
    helps += _raises(options, options.budget, measure)
    return QuotaError(
        "The budget cannot be spent",
        where="balance.budget",
        why=f"{options.budget:,} rows are asked for, and {found.most:,} can be had under the bounds of all languages",
        hint=", or ".join(helps or ["look into the ledger for what became of the rows, and at the quotas of 0"]),
    )


def too_little_error(options: Balance, found: Measured, measure: Measure) -> QuotaError:
    """Return the error for a budget that is less than what is promised."""
    assert options.budget is not None
    helps = [f"raise balance.budget to {found.least:,}", *_lowers(options, options.budget, measure)]
    return QuotaError(
        "The budget does not suffice for what is promised",
        where="balance.budget",
        why=f"floors and stated numbers of rows come to {found.least:,}, and the budget is {options.budget:,}",
        hint=", or ".join(helps),
    )


def monoculture_error(found: Sequence[Demand]) -> QuotaError:
    """Return the error for languages whose sources are too few to stay below their greatest shares."""
    lines = [_described(each) for each in found[:_NAMED]]
    more = f" and {len(found) - _NAMED:,} more language(s)" if len(found) > _NAMED else ""
    first = next((each.cells.language for each in found if not each.cells.language.startswith("und_")), None)
    by_name = f", or allow them by name: balance.languages.{first}.max_source_share: 1.0" if first else ""
    return QuotaError(
        f"In {len(found):,} language(s) a source is above its cap",
        where="balance.max_source_share, or balance.sources.*.max_share",
        why=f"without other sources to balance it, nothing or less than the floor could be kept: "
        f"{'; '.join(lines)}{more}",
        hint="add another source for them, or set balance.on_monoculture to `keep` (they stay as they are) or `drop` "
        f"(they are left out of training){by_name}",
    )


def _described(each: Demand) -> str:
    rows = each.cells.usable
    place, total = int(rows.argmax()), int(rows.sum())
    source, share = each.cells.source_names[each.cells.sources[place]], each.shares[place] / each.unit
    return (
        f"{each.cells.language} has {int(rows[place]):,} of {total:,} rows from {source} "
        f"(at most {share:.4g} of its rows allowed)"
    )


def _raises(options: Balance, budget: int, measure: Measure) -> Iterator[str]:
    """Yield what to raise, and to what at least, so that `budget` rows can be had; each by itself is enough."""

    def enough(**changes: object) -> bool:
        found = measure(options.model_copy(update=changes))
        return found.least <= budget <= found.most

    epochs = _smallest(
        int(options.max_epochs * _HUNDREDTHS), _MOST_EPOCHS * _HUNDREDTHS, lambda n: enough(max_epochs=n / _HUNDREDTHS)
    )
    if epochs is not None:
        yield f"raise balance.max_epochs to {epochs / _HUNDREDTHS:g}"
    cap = options.cap
    if cap is not None:
        least = _smallest(cap, budget, lambda n: enough(cap=n))
        if least is not None:
            yield f"raise balance.cap to {least:,}"
    share = options.max_source_share
    if share is not None:
        part = _smallest(int(share * _HUNDREDTHS), _HUNDREDTHS, lambda n: enough(max_source_share=n / _HUNDREDTHS))
        if part is not None:
            yield f"raise balance.max_source_share to {part / _HUNDREDTHS:g}"


def _lowers(options: Balance, budget: int, measure: Measure) -> Iterator[str]:
    """Yield what to lower, and to what at most, so that `budget` rows are enough."""

    def fits(floor: int) -> bool:
        found = measure(options.model_copy(update={"floor": floor}))
        return found.least <= budget <= found.most

    if options.floor:
        less = _smallest(0, options.floor, lambda n: fits(options.floor - n))
        if less is not None:
            yield f"lower balance.floor to {options.floor - less:,}"
    floors = [code for code, quota in sorted(options.languages.items()) if quota.floor]
    if floors:
        yield f"lower the floor of {', '.join(floors[:_NAMED])} under balance.languages"
    stated = [code for code, quota in sorted(options.languages.items()) if quota.choose or quota.repeat]
    if stated:
        named = ", ".join(stated[:_NAMED]) + (", ..." if len(stated) > _NAMED else "")
        yield f"state fewer rows for {named} under balance.languages"


def _smallest(low: int, high: int, helps: Callable[[int], bool]) -> int | None:
    """Return the smallest number from `low` to `high` that helps, if any does; every greater one must help as well."""
    if low > high or not helps(high):
        return None
    while low < high:
        middle = (low + high) // 2
        if helps(middle):
            high = middle
        else:
            low = middle + 1
    return low
