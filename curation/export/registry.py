"""The views that an export can have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from curation.errors import ConfigError, ReleaseError
from curation.export import beir, flagembedding, ml_embed, sentence_transformers, tevatron
from curation.export.options import ML_EMBED_ROWS, Options, ViewName
from curation.export.plan import Plan
from curation.export.target import Written
from curation.release import Release, layout


@dataclass(frozen=True, slots=True)
class View:
    """How one consumer wants its data.

    Attributes:
        name: name on the command line.
        write: writes the files of the view into a folder.
        splits: splits that are exported unless others are asked for.
        needs_negatives: a row without a negative cannot be read.
        is_one_split: the layout has no place for more than one split.
        reads_all: splits that are not exported are read as well.
        reads_scores: what it writes depends on whether all scores are there.
    """

    name: ViewName
    write: Callable[[Plan, Path], Written]
    splits: tuple[str, ...] = ("train",)
    needs_negatives: bool = True
    is_one_split: bool = False
    reads_all: bool = False
    reads_scores: bool = False


_HELD_OUT = ("validation", "test")
VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        View("sentence-transformers", sentence_transformers.write, needs_negatives=False),
        View("ml-embed", ml_embed.write, is_one_split=True),
        View("flagembedding", flagembedding.write, reads_scores=True),
        View("tevatron", tevatron.write),
        View("beir", beir.write, splits=_HELD_OUT, needs_negatives=False, reads_all=True),
    )
}


def find_view(name: str) -> View:
    """Return a view by its name.

    Raises:
        ConfigError: if there is none of that name.
    """
    if name not in VIEWS:
        raise ConfigError(f"There is no view {name!r}", hint=f"use one of {', '.join(VIEWS)}")
    return VIEWS[name]


def chosen_splits(view: View, release: Release, options: Options) -> tuple[str, ...]:
    """Return the splits that are exported: those asked for, or those of the view that the release has.

    Raises:
        ConfigError: if the view cannot hold what is asked for.
    """
    if options.splits:
        chosen = tuple(split for split in layout.SPLITS if split in options.splits)
    else:
        chosen = tuple(split for split in view.splits if split in release.splits) or view.splits
    if view.is_one_split and len(chosen) > 1:
        raise ConfigError(
            f"The view {view.name} holds one split, not {' and '.join(chosen)}",
            why="its reader takes every file of the folder as training data",
            hint="export each split to a folder of its own",
        )
    return chosen


def check_options(view: View, options: Options) -> None:
    """Refuse options that mean nothing to a view.

    Raises:
        ConfigError: for such an option.
    """
    strangers = {
        "--instruction-in-text": options.instruction_in_text and view.name != "sentence-transformers",
        "--max-rows": options.max_rows != ML_EMBED_ROWS and view.name != "ml-embed",
    }
    for option, is_strange in strangers.items():
        if is_strange:
            raise ConfigError(f"{option} means nothing to the view {view.name}", hint="leave it out")


def check_plan(view: View, plan: Plan) -> None:
    """Refuse a release that lacks what a view needs.

    Raises:
        ReleaseError: if it does.
    """
    if view.needs_negatives and not plan.num_negatives:
        raise ReleaseError(
            f"The view {view.name} needs hard negatives, and this release has none",
            where=str(plan.release.path),
            why="its rows are anchor and positive alone",
            hint="make it again with, say, `mining.num_negatives: 7`; the view sentence-transformers needs none",
        )
