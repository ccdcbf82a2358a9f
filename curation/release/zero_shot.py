"""What a release says to mteb's zero-shot check: the names of the tasks whose training data it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curation.config.model import Source


def mteb_training_datasets(sources: Sequence[Source]) -> dict[str, Any]:
    """Return what goes into `ModelMeta.training_datasets` of a model that is trained on these sources.

    mteb (2.26) takes a set of task names there, and counts as trained on, too, every task that was adapted from one of
    them or is superseded by one, and so on: those names are not needed. None means that nobody knows, the empty set
    that the training data is of no task.

    Returns:
        `names`: sorted, or None if no source says what it holds; `undeclared`: the sources that do not say it.
    """
    declared = [source.mteb_tasks for source in sources if source.mteb_tasks is not None]
    names = sorted({name for tasks in declared for name in tasks}) if declared else None
    return {"names": names, "undeclared": [source.name for source in sources if source.mteb_tasks is None]}
