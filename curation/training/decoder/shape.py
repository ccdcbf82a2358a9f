"""The shape of a Qwen3-style decoder, its presets and its number of parameters.

The presets are the sizes of ML-Embed (arXiv 2605.15081). What is sourced:

- 0.6B, 1.7B, 4B, 8B: the public `config.json` of Qwen3-{0.6B,1.7B,4B,8B}-Base; ML-Embed starts from these.
- 140M, 330M: ML-Embed's small models are those released as F2LLM-v2-160M and F2LLM-v2-330M, pruned from the 0.6B model
  (model card, arXiv 2603.19223). Widths (640, 896) and exact numbers of parameters (159,185,024 and 334,349,184) are
  those of their entries in the MTEB registry.

What is derived: layers and MLP widths of the two small ones. With the heads of the 0.6B model (16 query, 8 key-value,
128 dimensions) and its vocabulary, 9 layers of 1,536 and 16 layers of 2,560 are the solutions that give those numbers
exactly and are multiples of 256. The 160M shape with a token table of rank 512 has 140.1M parameters, which is the
paper's 140M.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from curation.errors import CurationError

CONFIG = "config.json"

_MODEL_TYPE = "qwen3"
_MAX_CONFIG_BYTES = 1 << 20
# Exits of the paper's code: powers of two, and from 8 on every eighth layer; the last layer always.
_DENSE_EXITS = (1, 2, 4)
_EXIT_STRIDE = 8
# Keys of a config that would change what is computed, with the only values under which this code computes the same.
_FIXED: dict[str, tuple[Any, ...]] = {
    "hidden_act": ("silu",),
    "attention_bias": (False,),
    "use_sliding_window": (False, None),
    "quantization_config": (None,),
    "rope_scaling": (None,),
}


class ShapeError(CurationError):
    """A config does not describe a decoder that this package can compute."""


@dataclass(frozen=True, slots=True)
class DecoderShape:
    """Sizes and constants of a Qwen3-style decoder.

    Attributes:
        vocabulary: rows of the token table.
        width: dimensions of the hidden states and of the output.
        mlp_width: dimensions between the projections of an MLP.
        layers: number of layers.
        query_heads: attention heads.
        key_heads: heads of keys and values (GQA); divides `query_heads`.
        head_dim: dimensions of a head, even.
        norm_eps: added to the mean square in every RMSNorm.
        rope_theta: base of the rotary frequencies.
        max_positions: longest sequence that the checkpoint was made for.
        tied: whether the checkpoint's language-model head is its token table; only written back, never used.
    """

    vocabulary: int
    width: int
    mlp_width: int
    layers: int
    query_heads: int = 16
    key_heads: int = 8
    head_dim: int = 128
    norm_eps: float = 1e-6
    rope_theta: float = 1e6
    max_positions: int = 40_960
    tied: bool = True

    def __post_init__(self) -> None:
        for name, (least, most) in _BOUNDS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ShapeError("The shape of the decoder is out of bounds", name, f"{value!r}, not {least} to {most}")
        if self.query_heads % self.key_heads:
            why = f"{self.query_heads} query heads cannot share {self.key_heads} key heads evenly"
            raise ShapeError("The heads of the decoder do not fit together", "num_key_value_heads", why)
        if self.head_dim % 2:
            why = f"{self.head_dim} is odd; rotary embeddings turn pairs of dimensions"
            raise ShapeError("The heads of the decoder cannot be rotated", "head_dim", why)

    @property
    def depths(self) -> tuple[int, ...]:
        """Number of layers below each exit, rising: 1, 2, 4, 8, then every eighth, and the last."""
        regular = (*_DENSE_EXITS, *range(_EXIT_STRIDE, self.layers, _EXIT_STRIDE))
        return (*(depth for depth in regular if depth < self.layers), self.layers)

    def to_config(self) -> dict[str, Any]:
        """Return the content of a `config.json` from which transformers builds a `Qwen3Model` of this shape."""
        named = {key: getattr(self, name) for name, key in _KEYS.items()}
        return {
            "architectures": ["Qwen3Model"],
            "model_type": _MODEL_TYPE,
            "hidden_act": "silu",
            "attention_bias": False,
            "attention_dropout": 0.0,
            "use_cache": False,
            "use_sliding_window": False,
            "rope_scaling": None,
            **named,
        }


_BOUNDS: dict[str, tuple[float, float]] = {
    "vocabulary": (1, 1 << 22),
    "width": (1, 1 << 16),
    "mlp_width": (1, 1 << 18),
    "layers": (1, 512),
    "query_heads": (1, 1 << 10),
    "key_heads": (1, 1 << 10),
    "head_dim": (2, 1 << 10),
    "norm_eps": (1e-12, 1e-1),
    "rope_theta": (1.0, 1e12),
    "max_positions": (1, 1 << 24),
    "tied": (False, True),
}
_KEYS = {
    "vocabulary": "vocab_size",
    "width": "hidden_size",
    "mlp_width": "intermediate_size",
    "layers": "num_hidden_layers",
    "query_heads": "num_attention_heads",
    "key_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "norm_eps": "rms_norm_eps",
    "rope_theta": "rope_theta",
    "max_positions": "max_position_embeddings",
    "tied": "tie_word_embeddings",
}
_TYPES = {"norm_eps": float, "rope_theta": float, "tied": bool}

_QWEN3_VOCABULARY = 151_936
PRESETS: Mapping[str, DecoderShape] = {
    "140M": DecoderShape(_QWEN3_VOCABULARY, width=640, mlp_width=1_536, layers=9),
    "330M": DecoderShape(_QWEN3_VOCABULARY, width=896, mlp_width=2_560, layers=16),
    "0.6B": DecoderShape(_QWEN3_VOCABULARY, width=1_024, mlp_width=3_072, layers=28),
    "1.7B": DecoderShape(_QWEN3_VOCABULARY, width=2_048, mlp_width=6_144, layers=28),
    "4B": DecoderShape(_QWEN3_VOCABULARY, width=2_560, mlp_width=9_728, layers=36, query_heads=32),
    "8B": DecoderShape(_QWEN3_VOCABULARY, width=4_096, mlp_width=12_288, layers=36, query_heads=32, tied=False),
}


def layer_parameters(shape: DecoderShape) -> int:
    """Return the number of parameters of one layer, norms included."""
    attention = 2 * shape.width * shape.head_dim * (shape.query_heads + shape.key_heads)
    norms = 2 * shape.width + 2 * shape.head_dim
    return attention + 3 * shape.width * shape.mlp_width + norms


def count_parameters(shape: DecoderShape, *, rank: int | None = None) -> int:
    """Return the number of parameters of a backbone, without any language-model head.

    Args:
        shape: its shape.
        rank: of a factorised token table; None for the dense one.
    """
    table = shape.vocabulary * shape.width if rank is None else rank * (shape.vocabulary + shape.width)
    return table + shape.layers * layer_parameters(shape) + shape.width


def preset(name: str) -> DecoderShape:
    """Return the shape of a preset.

    Raises:
        ShapeError: if there is no such preset.
    """
    if name not in PRESETS:
        raise ShapeError(f"There is no preset {name!r}", hint=f"choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def read_shape(folder: Path) -> DecoderShape:
    """Read the shape from the `config.json` of a checkpoint folder.

    Raises:
        ShapeError: if the file is missing, is no JSON object, or describes another model.
    """
    path = folder / CONFIG
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise ValueError(f"it has {path.stat().st_size:,} bytes, more than {_MAX_CONFIG_BYTES:,}")
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = str(error) or type(error).__name__
        hint = "give a folder with config.json and model.safetensors, as `save_pretrained` writes it"
        raise ShapeError("The config of the checkpoint cannot be read", str(path), why, hint) from error
    return parse_shape(config, where=str(path))


def parse_shape(config: object, *, where: str) -> DecoderShape:
    """Parse the content of a `config.json`.

    Args:
        config: the parsed JSON.
        where: its path, for errors.

    Raises:
        ShapeError: if it is not the config of a Qwen3 decoder with plain rotary embeddings and full attention.
    """
    if not isinstance(config, dict):
        raise ShapeError("The config of the checkpoint is no JSON object", where, type(config).__name__)
    kind = config.get("model_type")
    if kind != _MODEL_TYPE:
        why = f"model_type is {kind!r}, not {_MODEL_TYPE!r}"
        hint = "choose a dense Qwen3 checkpoint, such as Qwen/Qwen3-0.6B-Base or Qwen/Qwen3-Embedding-0.6B"
        raise ShapeError("The checkpoint is of another kind of model", where, why, hint)
    flat = {**config, **_rope(config, where)}
    _check_fixed(flat, where)
    missing = [_KEYS[field.name] for field in fields(DecoderShape) if _KEYS[field.name] not in flat]
    if missing:
        raise ShapeError("The config of the checkpoint is not complete", where, f"it lacks {', '.join(missing)}")
    values = {name: _value(flat, key, _TYPES.get(name, int), where) for name, key in _KEYS.items()}
    try:
        return DecoderShape(**values)
    except ShapeError as error:
        raise ShapeError(error.what, where, f"{error.where}: {error.why}") from error


def _rope(config: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the rotary settings as version 4 of transformers names them; version 5 puts them in an object."""
    newer = config.get("rope_parameters")
    older = config.get("rope_scaling")
    found = newer if newer is not None else older
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ShapeError("The rotary settings are no JSON object", where, f"{found!r:.80}")
    kind = found.get("rope_type", found.get("type", "default"))
    if kind != "default":
        why = f"rope_type is {kind!r:.80}; only unscaled rotary embeddings are computed"
        raise ShapeError(
            "The checkpoint scales its rotary embeddings", where, why, "remove the scaling from config.json"
        )
    theta = {"rope_theta": found["rope_theta"]} if "rope_theta" in found else {}
    return {"rope_scaling": None, **theta}


def _check_fixed(config: Mapping[str, Any], where: str) -> None:
    kinds = config.get("layer_types") or []
    if not isinstance(kinds, list) or any(kind != "full_attention" for kind in kinds):
        raise ShapeError("Some layers of the checkpoint do not attend fully", where, f"layer_types: {kinds!r:.80}")
    for key, allowed in _FIXED.items():
        value = config.get(key, allowed[0])
        if not any(value is known or (value == known and type(value) is type(known)) for known in allowed):
            why = f"{key} is {value!r:.80}; only {allowed[0]!r} is computed"
            raise ShapeError("The checkpoint needs what this decoder does not compute", where, why)


def _value(config: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value: Any = config[key]
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
        raise ShapeError("A value in the config of the checkpoint is wrong", where, f"{key} is {value!r:.80}")
    return value
