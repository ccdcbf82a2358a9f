"""Exporting the decoder: as a plain Qwen3 folder, or with the factors of its token table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from curation.files import write_json, write_text
from curation.training.decoder.checkpoint import to_hf_state_dict
from curation.training.decoder.model import Decoder
from curation.training.decoder.shape import count_parameters
from curation.training.decoder.tokenizer import DecoderTokenizer
from curation.training.export import modeling_source
from curation.training.export.card import Card, CellAccuracy, Loading, render_model_card
from curation.training.export.cells import Nesting
from curation.training.export.folder import new_folder, write_weights
from curation.training.export.modules import module_path, write_cut, write_last_token_pooling, write_modules
from curation.training.export.training_data import TrainingData

_CODE = "modeling_factored_qwen3"
_FLOAT_BYTES = 4
_DENSE_TABLE = "embed_tokens.weight"


def export_decoder(
    decoder: Decoder,
    tokenizer: DecoderTokenizer,
    out: Path,
    *,
    max_tokens: int,
    factored: bool = False,
    depth: int | None = None,
    dim: int | None = None,
    rank: int | None = None,
    data: TrainingData | None = None,
    accuracies: Sequence[CellAccuracy] = (),
) -> None:
    """Write a folder that sentence-transformers and transformers load; weights are float32.

    Plain, it is a Qwen3 folder whose token table is U V multiplied out: any library reads it, and a smaller rank saves
    nothing. Factored, it holds the first `rank` columns of U and rows of V and needs `trust_remote_code=True`.

    Args:
        decoder: the backbone.
        tokenizer: of the backbone.
        out: the folder to make.
        max_tokens: tokens of a text that the model reads, the end token included.
        factored: keep the factors.
        depth: layers to export, all by default.
        dim: leading dimensions to give out, all by default. They save no weights.
        rank: of the token table, the full one by default.
        data: the release that it was trained on, for the card and the prompts.
        accuracies: of cells of the grid, for the card.

    Raises:
        ConfigError: if the model was not trained at a value, or `out` is not an empty or new folder.
    """
    nesting = Nesting(decoder.depths, decoder.dims, decoder.ranks).cut(depth=depth, dim=dim, rank=rank)
    width = decoder.shape.width
    with new_folder(out) as folder:
        write_weights(folder, _tensors(decoder, nesting, factored=factored))
        write_json(folder / "config.json", _config(decoder, nesting, factored=factored))
        _write_tokenizer(folder, tokenizer, max_tokens)
        modules = ["Pooling", *(["Dense"] if nesting.dim < width else []), "Normalize"]
        write_modules(folder, "sentence_transformers.models.Transformer", modules, data.prompts if data else {})
        write_last_token_pooling(folder / module_path(1, "Pooling"), width)
        if nesting.dim < width:
            write_cut(folder / module_path(2, "Dense"), width, nesting.dim)
        write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False})
        if factored:
            write_text(folder / f"{_CODE}.py", modeling_source(_CODE))
        card = _card(decoder, nesting, factored=factored)
        write_text(folder / "README.md", render_model_card(replace(card, data=data, accuracies=tuple(accuracies))))


def _tensors(decoder: Decoder, nesting: Nesting, *, factored: bool) -> dict[str, torch.Tensor]:
    tensors = {name: value for name, value in to_hf_state_dict(decoder).items() if _is_within(name, nesting.depth)}
    tensors[_DENSE_TABLE] = decoder.table.merged(nesting.rank)
    if factored:
        del tensors[_DENSE_TABLE]
        tensors["embed_tokens.u"] = decoder.table.u[:, : nesting.rank].float()
        tensors["embed_tokens.v"] = decoder.table.v[: nesting.rank].float()
    return tensors


def _is_within(name: str, depth: int) -> bool:
    parts = name.split(".")
    return parts[0] != "layers" or int(parts[1]) < depth


def _config(decoder: Decoder, nesting: Nesting, *, factored: bool) -> dict[str, Any]:
    config = replace(decoder.shape, layers=nesting.depth).to_config() | {"torch_dtype": "float32"}
    if not factored:
        return config
    return config | {
        "architectures": ["FactoredQwen3Model"],
        "auto_map": {"AutoConfig": f"{_CODE}.FactoredQwen3Config", "AutoModel": f"{_CODE}.FactoredQwen3Model"},
        "model_type": "factored_qwen3",
        "table_ranks": list(nesting.ranks),
        "table_rank": nesting.rank,
    }


def _write_tokenizer(folder: Path, tokenizer: DecoderTokenizer, max_tokens: int) -> None:
    """Write the tokenizer, with a post-processor that ends each text with the token that is pooled."""
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    # A copy: the caller's tokenizer stays without a post-processor.
    ended = Tokenizer.from_str(tokenizer.processor.to_str())
    end = ended.id_to_token(tokenizer.end)
    # In such a template a colon would begin a type of token, so the name stands for the id only.
    ended.post_processor = TemplateProcessing(
        single=["$A", "END"], special_tokens=[{"id": "END", "ids": [tokenizer.end], "tokens": [end]}]
    )
    ended.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": end,
        # Padding is told from the end by the mask alone.
        "pad_token": end,
        "padding_side": "right",
        "truncation_side": "right",
        "model_max_length": max_tokens,
        "clean_up_tokenization_spaces": False,
    }
    write_json(folder / "tokenizer_config.json", settings)


def _card(decoder: Decoder, nesting: Nesting, *, factored: bool) -> Card:
    # Multiplied out, the table is of one size, and of the rank that was chosen.
    shown = nesting if factored else replace(nesting, ranks=nesting.ranks[-1:])
    sizes = {
        (depth, rank): _FLOAT_BYTES
        * count_parameters(replace(decoder.shape, layers=depth), rank=rank if factored else None)
        for depth in shown.depths
        for rank in shown.ranks
    }
    kind = "a Qwen3 decoder, of whose last token the state is the embedding"
    loading = Loading("num_hidden_layers", "table_rank" if factored else "", needs_code=factored)
    return Card(kind=kind, nesting=shown, sizes=sizes, loading=loading, data=None, accuracies=())
