"""The folder of an exported model: whole, or not there."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

from curation.errors import ConfigError

WEIGHTS = "model.safetensors"
# What transformers asks of a file of weights.
_METADATA = {"format": "pt"}
_HINT = "name a folder that is not there yet"


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a folder beside `out`, which takes that name when the block ends without an error.

    Raises:
        ConfigError: if `out` is something other than an empty folder.
    """
    target = Path(os.path.abspath(out))  # noqa: PTH100 - a link itself must not be followed
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ConfigError("A model cannot be exported to what is no folder", where=str(target), hint=_HINT)
    if target.exists() and any(target.iterdir()):
        raise ConfigError("The folder for the exported model is not empty", where=str(target), hint=_HINT)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    # What a killed process of this number left behind.
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        # Takes the place of an empty folder, and of nothing else.
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_weights(folder: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write `model.safetensors`: float tensors, each with memory of its own size on the processor."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, folder / WEIGHTS, _METADATA)
