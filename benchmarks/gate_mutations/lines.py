"""The lines of the suite: each mutation, how much of the release it takes, and the checks that are to name it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from .evaluation import leak, right_negatives
from .files import cut_bytes, empty_negatives, lose_rows, null_negatives
from .languages import mislabel_source, relabel, replace_by_language, replace_by_noise, replace_by_shuffled_words
from .pairs import repeat_pairs, shuffle_pairs, swap_sides
from .tables import Change, Tables

Mutation = Callable[[Tables, int], Change]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the suite.

    Attributes:
        name: what is wrong.
        share: how much of what, for people.
        mutate: makes the change of a release's tables, for a seed.
        right: the checks that are to fail; `x` stands for `x.y` too.
        trained: whether a model has to be trained to see it; the others are run without, in a third of the time.
    """

    name: str
    share: str
    mutate: Mutation
    right: tuple[str, ...]
    trained: bool = False

    @property
    def key(self) -> str:
        """Name of the line's files."""
        return "-".join("".join(c if c.isalnum() else " " for c in f"{self.name} {self.share}").split())

    def is_right(self, check: str) -> bool:
        """Return whether a check is one of those that are to name the fault."""
        return any(check == name or check.startswith(f"{name}.") for name in self.right)


_ALIGNMENT = ("signal.alignment",)
_LABELS = ("data.labels",)
_SOURCE = ("data.labels", "data.identified")
_NOISE = (
    "data.identified",
    "data.word_order",
    "data.character_order",
    "signal.alignment.language",
    "signal.alignment.language_rise",
)
_OTHER = ("data.labels", "data.identified")
_ORDER = ("data.word_order", "data.character_order")
_ONE = (("train",), "one language, train"), (("train", "validation", "test"), "one language, all splits")


def _lines() -> list[Line]:
    part = functools.partial
    lines = [
        Line("shuffled pairs", f"{share:.0%} of train", part(shuffle_pairs, share=share), _ALIGNMENT, trained=True)
        for share in (0.03, 0.1, 0.3)
    ]
    lines += [
        Line("wrong language labels", f"{share:.0%} of train", part(relabel, share=share), _LABELS)
        for share in (0.1, 0.3)
    ]
    leaks = ((False, "verbatim", ("data.leaks",)), (True, "edited", ("data.leaks", "data.near_leaks")))
    lines += [
        Line(f"leaked test rows, {how}", f"{share:.0%} of test", part(leak, share=share, edited=edited), right)
        for edited, how, right in leaks
        for share in (0.05, 0.2)
    ]
    near = ("data.false_negatives",)
    negatives = ((False, "verbatim", ("data.negatives_are_right", *near)), (True, "one word changed", near))
    lines += [
        Line(
            f"negatives that are positives, {how}",
            f"{share:.0%} of negatives",
            part(right_negatives, share=share, edited=edited),
            right,
        )
        for edited, how, right in negatives
        for share in (0.1, 0.3)
    ]
    for splits, where in _ONE:
        lines += [
            Line("noise", where, part(replace_by_noise, splits=splits), _NOISE, trained=True),
            Line("texts of another language", where, part(replace_by_language, splits=splits), _OTHER),
            Line("words shuffled by a machine", where, part(replace_by_shuffled_words, splits=splits), _ORDER),
        ]
    repeated = ((False, "verbatim", ("data.repeated_pairs",)), (True, "one word changed", ("data.near_duplicates",)))
    lines += [
        Line(f"duplicates, {how}", "30% of train", part(repeat_pairs, share=0.3, edited=edited), right)
        for edited, how, right in repeated
    ]
    return [
        *lines,
        Line("truncated shard, bytes cut", "one shard", cut_bytes, ("data.integrity", "data.loads")),
        Line("truncated shard, sealed again", "a third of one language", lose_rows, ("data.counts",)),
        Line("swapped sides", "all rows", part(swap_sides, share=1.0), ("data.sides",)),
        Line("swapped sides", "30% of rows", part(swap_sides, share=0.3), ("data.sides",)),
        Line("null negatives", "10% of negatives", part(null_negatives, share=0.1), ("data.nulls", "data.schema")),
        Line("empty negatives", "10% of negatives", part(empty_negatives, share=0.1), ("data.empty_texts",)),
        Line("one source mislabelled", "one language", mislabel_source, _SOURCE),
    ]


LINES: tuple[Line, ...] = tuple(_lines())
