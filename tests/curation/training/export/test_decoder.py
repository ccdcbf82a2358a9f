"""What an exported decoder's folder holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file
from tokenizers import Tokenizer

from curation.training.decoder.checkpoint import load_decoder
from curation.training.decoder.model import Decoder
from curation.training.decoder.tokenizer import DecoderTokenizer, load_tokenizer
from curation.training.export.decoder import export_decoder
from curation.training.export.folder import WEIGHTS


@pytest.mark.parametrize("depth", [1, 5])
@pytest.mark.parametrize("rank", [64, 80])
@pytest.mark.parametrize("factored", [False, True])
def test_a_part_holds_only_what_it_needs(
    decoder: Decoder, decoder_tokenizer: DecoderTokenizer, tmp_path: Path, depth: int, rank: int, factored: bool
) -> None:
    out = tmp_path / "model"
    export_decoder(decoder, decoder_tokenizer, out, max_tokens=9, depth=depth, rank=rank, factored=factored)
    tensors = load_file(out / WEIGHTS)
    size, width = decoder_tokenizer.size, decoder.shape.width
    table = {name: tuple(value.shape) for name, value in tensors.items() if name.startswith("embed_tokens")}
    factors = {"embed_tokens.u": (size, rank), "embed_tokens.v": (rank, width)}
    assert table == (factors if factored else {"embed_tokens.weight": (size, width)})
    assert {int(name.split(".")[1]) for name in tensors if name.startswith("layers.")} == set(range(depth))
    assert json.loads((out / "config.json").read_text())["num_hidden_layers"] == depth
    stated = sum(value.numel() * value.element_size() for value in tensors.values())
    assert f"| {depth} | {rank} | {stated:,} |" in (out / "README.md").read_text(encoding="utf-8")


def test_a_smaller_rank_saves_its_share_of_the_table(
    decoder: Decoder, decoder_tokenizer: DecoderTokenizer, tmp_path: Path
) -> None:
    for rank in (64, 80):
        out = tmp_path / str(rank)
        export_decoder(decoder, decoder_tokenizer, out, max_tokens=9, rank=rank, factored=True)
    small, large = (sum(v.nbytes for v in load_file(tmp_path / str(rank) / WEIGHTS).values()) for rank in (64, 80))
    assert large - small == 4 * (80 - 64) * (decoder_tokenizer.size + decoder.shape.width)


def test_a_plain_folder_is_a_checkpoint(decoder: Decoder, decoder_tokenizer: DecoderTokenizer, tmp_path: Path) -> None:
    export_decoder(decoder, decoder_tokenizer, tmp_path / "model", max_tokens=9, depth=2)
    assert load_decoder(tmp_path / "model").decoder.shape.layers == 2
    assert load_tokenizer(tmp_path / "model").end == decoder_tokenizer.end
    assert not list((tmp_path / "model").glob("*.py"))


def test_the_tokenizer_ends_each_text(
    decoder: Decoder, decoder_tokenizer: DecoderTokenizer, texts: list[str], tmp_path: Path
) -> None:
    export_decoder(decoder, decoder_tokenizer, tmp_path / "model", max_tokens=9)
    tokenizer = Tokenizer.from_file(str(tmp_path / "model" / "tokenizer.json"))
    tokenizer.enable_truncation(9)
    expected = decoder_tokenizer.encode(texts, max_tokens=9)
    flat = [index for encoding in tokenizer.encode_batch(texts) for index in encoding.ids]
    assert flat == expected.tokens.tolist()
    # The caller's own is left as it was.
    assert decoder_tokenizer.processor.post_processor is None


@pytest.mark.parametrize(
    ("dim", "modules"),
    [(96, ["Transformer", "Pooling", "Normalize"]), (8, ["Transformer", "Pooling", "Dense", "Normalize"])],
)
def test_modules_are_those_of_sentence_transformers(
    decoder: Decoder, decoder_tokenizer: DecoderTokenizer, tmp_path: Path, dim: int, modules: list[str]
) -> None:
    export_decoder(decoder, decoder_tokenizer, tmp_path / "model", max_tokens=9, dim=dim)
    found = json.loads((tmp_path / "model" / "modules.json").read_text())
    assert [module["type"] for module in found] == [f"sentence_transformers.models.{name}" for name in modules]
    assert all((tmp_path / "model" / module["path"]).is_dir() for module in found)
