"""Exporting the smoke model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from curation.files import write_json, write_text
from curation.training.export import modeling_source
from curation.training.export.card import Card, CellAccuracy, Loading, render_model_card
from curation.training.export.cells import Nesting
from curation.training.export.folder import new_folder, write_weights
from curation.training.export.modules import write_modules
from curation.training.export.pieces import convert
from curation.training.export.training_data import TrainingData
from curation.training.smoke import TrainedModel

_CODE = "modeling_nested_bag"
_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class BagWeights:
    """What is read from a trained bag-of-subwords model.

    Attributes:
        u: float32 (tokens, rank).
        v: float32 (rank, width).
        log_weight: float32 (tokens,), the logarithm of each token's weight in the mean.
        blocks: of each residual block the gain (width,), gate_up (2 width, width) and down (width, width).
        nesting: what the model was trained at.
        max_tokens: tokens of a text that the model reads.
    """

    u: torch.Tensor
    v: torch.Tensor
    log_weight: torch.Tensor
    blocks: tuple[tuple[torch.Tensor, torch.Tensor, torch.Tensor], ...]
    nesting: Nesting
    max_tokens: int


def bag_weights(model: TrainedModel) -> BagWeights:
    """Return the weights of a smoke model: the one place here that knows how the model names them."""
    table, options = model.encoder.table, model.options
    blocks = tuple((block.gain, block.gate_up, block.down) for block in model.encoder.blocks)
    nesting = Nesting(tuple(range(options.depth + 1)), tuple(options.dims), tuple(options.ranks))
    return BagWeights(table.u, table.v, table.log_weight, blocks, nesting, options.max_tokens)  # type: ignore[arg-type]


def export_smoke(
    model: TrainedModel,
    out: Path,
    *,
    depth: int | None = None,
    dim: int | None = None,
    rank: int | None = None,
    data: TrainingData | None = None,
    accuracies: Sequence[CellAccuracy] = (),
) -> None:
    """Write a folder that sentence-transformers and transformers load, with `trust_remote_code=True`.

    The weights hold what the chosen part of the model needs: the first `rank` columns of U and rows of V, and `depth`
    blocks. Smaller parts of it can be chosen when it is loaded.

    Args:
        model: a trained model.
        out: the folder to make.
        depth: blocks to export, all by default.
        dim: leading dimensions to give out, all by default. They save no weights: blocks read the whole width.
        rank: of the token table, the full one by default.
        data: the release that it was trained on, for the card and the prompts.
        accuracies: of cells of the grid, for the card.

    Raises:
        ConfigError: if the model was not trained at a value, or `out` is not an empty or new folder.
    """
    weights = bag_weights(model)
    nesting = weights.nesting.cut(depth=depth, dim=dim, rank=rank)
    size, width = len(weights.u), weights.v.shape[1]
    with new_folder(out) as folder:
        write_weights(folder, _tensors(weights, nesting))
        write_json(folder / "config.json", _config(weights, nesting))
        write_text(folder / f"{_CODE}.py", modeling_source(_CODE))
        convert(model.tokenizer).save(str(folder / "tokenizer.json"))
        write_json(folder / "tokenizer_config.json", _tokenizer_config(weights, model))
        write_modules(folder, f"{_CODE}.NestedBag", ["Normalize"], data.prompts if data else {})
        card = Card(
            kind="bag of subwords with residual blocks, the smoke model of a data gate",
            nesting=nesting,
            sizes={(d, r): _bytes(size, width, d, r) for d in nesting.depths for r in nesting.ranks},
            loading=Loading(depth_key="depth", rank_key="rank", needs_code=True),
            data=data,
            accuracies=tuple(accuracies),
        )
        write_text(folder / "README.md", render_model_card(card))


def _tensors(weights: BagWeights, nesting: Nesting) -> dict[str, torch.Tensor]:
    table = {
        "table.u": weights.u[:, : nesting.rank],
        "table.v": weights.v[: nesting.rank],
        "table.log_weight": weights.log_weight,
    }
    names = ("gain", "gate_up", "down")
    blocks = {
        f"blocks.{index}.{name}": value
        for index, block in enumerate(weights.blocks[: nesting.depth])
        for name, value in zip(names, block, strict=True)
    }
    return table | blocks


def _config(weights: BagWeights, nesting: Nesting) -> dict[str, object]:
    return {
        "architectures": ["NestedBagModel"],
        "auto_map": {"AutoConfig": f"{_CODE}.NestedBagConfig", "AutoModel": f"{_CODE}.NestedBagModel"},
        "model_type": "nested_bag",
        "vocab_size": len(weights.u),
        "width": weights.v.shape[1],
        "depths": list(nesting.depths),
        "dims": list(nesting.dims),
        "ranks": list(nesting.ranks),
        "depth": nesting.depth,
        "dim": nesting.dim,
        "rank": nesting.rank,
        "max_tokens": weights.max_tokens,
        "unknown_token_id": 0,
        "torch_dtype": "float32",
    }


def _tokenizer_config(weights: BagWeights, model: TrainedModel) -> dict[str, object]:
    unknown = model.tokenizer.pieces()[0].text
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": unknown,
        "pad_token": unknown,
        "model_max_length": weights.max_tokens,
        "clean_up_tokenization_spaces": False,
        # Or a text that holds the name of the unknown piece would be cut around it.
        "split_special_tokens": True,
    }


def _bytes(size: int, width: int, depth: int, rank: int) -> int:
    table = rank * (size + width) + size
    return _FLOAT_BYTES * (table + depth * (width + 3 * width * width))
