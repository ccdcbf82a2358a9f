"""Exporting a model and loading it again with the code that goes along with it."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from curation.gate.signal.mechanism import ExportProbe
from curation.training import TrainedModel
from curation.training.export.smoke import export_smoke
from curation.training.smoke import unit


def export_probe() -> ExportProbe | None:
    """Return how the mechanism's check exports and loads a model; None where transformers is not installed.

    What is loaded is the code that stands in every exported folder, which needs transformers.
    """
    return _difference if importlib.util.find_spec("transformers") else None


@contextlib.contextmanager
def _without_progress_bar() -> Iterator[None]:
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _difference(model: TrainedModel, folder: Path, texts: tuple[str, ...]) -> float:
    from curation.training.export.modeling_nested_bag import NestedBag

    export_smoke(model, folder / "export")
    with _without_progress_bar():
        loaded = NestedBag.load(str(folder / "export"), local_files_only=True)
    with torch.no_grad():
        vectors = loaded(loaded.preprocess(texts))["sentence_embedding"].numpy()
    ours = model.encode(texts, depth=model.depths[-1], dim=model.dims[-1], rank=model.ranks[-1])
    return float(np.abs(unit(vectors) - ours).max())
