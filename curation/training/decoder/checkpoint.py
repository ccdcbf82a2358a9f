"""Qwen3 checkpoints as Hugging Face folders: read into a decoder, and written back as transformers reads them.

Only safetensors are read. A folder is `config.json` with `model.safetensors`, or with the shards that
`model.safetensors.index.json` names. What is written has the merged token table in `model.safetensors`, so that any
library loads it, and the factors U and V in `token_table.safetensors`, from which they come back without a
decomposition and from which a factored export is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from curation.errors import CurationError
from curation.files import atomic_path, write_json
from curation.training.decoder.model import Decoder, DecoderOptions
from curation.training.decoder.shape import CONFIG, DecoderShape, read_shape
from curation.training.token_table import Factors, TokenTable, factorise

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
FACTORS = "token_table.safetensors"

_EMBEDDING = "embed_tokens.weight"
_HEAD = "lm_head.weight"
_PREFIX = "model."
_TYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_MAX_INDEX_BYTES = 64 << 20
# Weights of one tensor are held twice while they are converted, never a whole checkpoint.
_METADATA = {"format": "pt"}


class CheckpointError(CurationError):
    """A folder does not hold a Qwen3 checkpoint that can be loaded."""


@dataclass(frozen=True)
class LoadedDecoder:
    """A decoder from a checkpoint.

    Attributes:
        decoder: the backbone.
        energy: share of the sum of squares of the checkpoint's token table that its factors keep; 1.0 where the
            folder holds the factors themselves and all of their rank is used.
    """

    decoder: Decoder
    energy: float


def load_decoder(
    folder: Path,
    *,
    rank: int | None = None,
    dtype: torch.dtype = torch.float32,
    options: DecoderOptions | None = None,
    sparse_gradient: bool = False,
) -> LoadedDecoder:
    """Load a Qwen3 checkpoint and factorise its token table.

    Args:
        folder: with config.json and safetensors.
        rank: full rank of the token table; None for the stored factors' rank, or else the greatest.
        dtype: of the weights.
        options: how the decoder computes.
        sparse_gradient: of the token table, see `TokenTable`.

    Raises:
        ShapeError: if config.json is not that of a Qwen3 decoder.
        CheckpointError: if weights are missing, superfluous, of a wrong shape or type, not finite, or pickled.
        TokenTableError: if the rank is too great.
    """
    shape = read_shape(folder)
    places = _places(folder)
    factors = _stored_factors(folder, shape, rank) or factorise(
        _read(places, _EMBEDDING, (shape.vocabulary, shape.width), torch.float32),
        min(shape.vocabulary, shape.width) if rank is None else rank,
    )
    table = TokenTable(factors.u.to(dtype), factors.v.to(dtype), sparse_gradient=sparse_gradient)
    with torch.device("meta"):
        decoder = Decoder(shape, table, options)
    wanted = {name: tuple(value.shape) for name, value in decoder.state_dict().items() if _is_layer(name)}
    _check_names(places, {*wanted, _EMBEDDING}, folder)
    # First all shapes, which are in the headers, then the values.
    for name, size in {**wanted, _EMBEDDING: (shape.vocabulary, shape.width)}.items():
        _check_header(places[name], size)
    weights = {name: _read(places, name, size, dtype) for name, size in wanted.items()}
    decoder.load_state_dict({**weights, "table.u": table.u, "table.v": table.v}, assign=True)
    return LoadedDecoder(decoder.requires_grad_(True), factors.energy)


def to_hf_state_dict(decoder: Decoder, *, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """Return the weights of a `Qwen3Model`, with the merged token table, on the processor.

    Args:
        decoder: the backbone.
        dtype: of the result.
    """
    merged = decoder.table.merged()
    layers = {name: value for name, value in decoder.state_dict().items() if _is_layer(name)}
    return {name: _portable(value, dtype) for name, value in {_EMBEDDING: merged, **layers}.items()}


def write_checkpoint(decoder: Decoder, folder: Path, *, dtype: torch.dtype = torch.float32) -> None:
    """Write a folder that transformers loads as a `Qwen3Model`, and `load_decoder` as this decoder.

    Args:
        decoder: the backbone.
        folder: is made if need be; files of these names are replaced.
        dtype: float32, bfloat16 or float16.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}
    factors = {"u": decoder.table.u, "v": decoder.table.v}
    with atomic_path(folder / FACTORS) as temporary:
        save_file({name: _portable(value, dtype) for name, value in factors.items()}, temporary, _METADATA)
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file(to_hf_state_dict(decoder, dtype=dtype), temporary, _METADATA)
    write_json(folder / CONFIG, {**decoder.shape.to_config(), "torch_dtype": names[dtype]})


def _portable(value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return value.detach().to(device="cpu", dtype=dtype).contiguous()


def _is_layer(name: str) -> bool:
    return not name.startswith("table.")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor is: its file, and its name in there."""

    file: Path
    name: str


def _places(folder: Path) -> dict[str, _Place]:
    """Return where each tensor is, under its name without the prefix `model.`; the head is left out."""
    if not (folder / INDEX).is_file() and not (folder / WEIGHTS).is_file():
        raise _no_weights(folder)
    files = _shards(folder) if (folder / INDEX).is_file() else [folder / WEIGHTS]
    found: dict[str, _Place] = {}
    for file in files:
        with _open(file) as tensors:
            for stored in tensors.keys():  # noqa: SIM118
                name = stored.removeprefix(_PREFIX)
                if name == _HEAD:
                    continue
                if name in found:
                    why = f"{name} is also in {found[name].file.name}"
                    raise CheckpointError("A tensor of the checkpoint is there twice", f"{file}: {stored}", why)
                found[name] = _Place(file, stored)
    return found


def _no_weights(folder: Path) -> CheckpointError:
    pickled = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
    if pickled:
        why = f"{pickled[0]!r} is a pickle, which can run code when it is read"
        hint = "save it again: AutoModel.from_pretrained(DIR).save_pretrained(OUT, safe_serialization=True)"
        return CheckpointError("The weights of the checkpoint are not safetensors", str(folder), why, hint)
    hint = "download the whole repository, with its *.safetensors"
    return CheckpointError("The checkpoint has no weights", str(folder), f"neither {WEIGHTS} nor {INDEX}", hint)


def _shards(folder: Path) -> list[Path]:
    path = folder / INDEX
    try:
        if path.stat().st_size > _MAX_INDEX_BYTES:
            raise ValueError(f"more than {_MAX_INDEX_BYTES:,} bytes")
        names = {str(name) for name in json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"
        raise CheckpointError("The index of the checkpoint cannot be read", str(path), why) from error
    for name in sorted(names):
        # A shard stands beside its index; any other path is an attempt to read something else.
        if Path(name).name != name or "\\" in name or not name.endswith(".safetensors"):
            raise CheckpointError("The index names a file that is no shard", str(path), f"{name!r:.80}")
        if not (folder / name).is_file():
            raise CheckpointError("A shard of the checkpoint is missing", str(folder / name), hint="download it")
    return [folder / name for name in sorted(names)]


@contextmanager
def _open(file: Path) -> Iterator[Any]:
    try:
        with safe_open(file, framework="pt") as tensors:
            yield tensors
    except (SafetensorError, OSError) as error:
        raise CheckpointError("A file of weights is damaged", str(file), str(error), "download it again") from error


def _check_names(places: Mapping[str, _Place], wanted: set[str], folder: Path) -> None:
    for what, names in (("lacks", wanted - places.keys()), ("has unknown", places.keys() - wanted)):
        if names:
            first = ", ".join(repr(name)[:80] for name in sorted(names)[:3])
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise CheckpointError(f"The checkpoint {what} tensors", str(folder), first + more)


def _check_header(place: _Place, size: tuple[int, ...]) -> None:
    with _open(place.file) as tensors:
        header = tensors.get_slice(place.name)
        found, kind = tuple(header.get_shape()), header.get_dtype()
    where = f"{place.file}: {place.name}"
    if found != size:
        raise CheckpointError("A tensor has not the shape that config.json states", where, f"{found}, not {size}")
    if kind not in _TYPES:
        why = f"{kind}, not {', '.join(_TYPES)}"
        raise CheckpointError("A tensor has a type that is not read", where, why, "choose an unquantised checkpoint")


def _read(places: Mapping[str, _Place], name: str, size: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    if name not in places:
        _check_names(places, {name, *places}, Path())
    place = places[name]
    _check_header(place, size)
    with _open(place.file) as tensors:
        value: torch.Tensor = tensors.get_tensor(place.name)
    if not bool(value.isfinite().all()):
        raise CheckpointError("A tensor holds values that are not finite", f"{place.file}: {place.name}")
    return value.to(dtype)


def _stored_factors(folder: Path, shape: DecoderShape, rank: int | None) -> Factors | None:
    """Return the first components of the factors that lie in the folder, if they reach as far as `rank`."""
    file = folder / FACTORS
    if not file.is_file():
        return None
    with _open(file) as tensors:
        if set(tensors.keys()) != {"u", "v"}:
            raise CheckpointError("The file of factors holds other tensors than u and v", str(file))
        size = tuple(tensors.get_slice("v").get_shape())
    stored = size[0] if size else 0
    if rank is not None and rank > stored:
        return None
    places = {name: _Place(file, name) for name in ("u", "v")}
    u = _read(places, "u", (shape.vocabulary, stored), torch.float32)
    v = _read(places, "v", (stored, shape.width), torch.float32)
    kept = stored if rank is None else rank
    energy = 1.0 if kept == stored else _kept_energy(u, v, kept)
    return Factors(u[:, :kept].contiguous(), v[:kept].contiguous(), energy)


def _kept_energy(u: torch.Tensor, v: torch.Tensor, rank: int) -> float:
    """Return one minus the share of the sum of squares of U V that its first components miss."""
    left, right = u.double().T @ u.double(), v.double() @ v.double().T
    total = float((left * right).sum())
    missed = float((left[rank:, rank:] * right[rank:, rank:]).sum())
    return 1.0 - missed / total if total > 0 else 1.0
