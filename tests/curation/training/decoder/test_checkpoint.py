"""Checkpoints in every form that is met are loaded, written ones load elsewhere, and bad ones are named."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, Qwen3ForCausalLM, Qwen3Model

from curation.training.decoder.checkpoint import (
    CheckpointError,
    load_decoder,
    to_hf_state_dict,
    write_checkpoint,
)
from curation.training.decoder.model import Decoder
from curation.training.token_table import TokenTableError
from tests.curation.training.decoder.conftest import LAYERS, VOCABULARY, WIDTH, tiny_config
from tests.curation.training.decoder.test_model import batch, expected, run

Weights = dict[str, torch.Tensor]


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A checkpoint that a test may spoil."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def rewrite(folder: Path, change: Weights, drop: str = "") -> None:
    weights = {name: value for name, value in load_file(folder / "model.safetensors").items() if name != drop}
    save_file({**weights, **change}, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("shard", ["10KB", "1GB"])
def test_language_models_and_shards_are_loaded(tmp_path: Path, tied: bool, shard: str) -> None:
    torch.manual_seed(0)
    model = Qwen3ForCausalLM(tiny_config(tie_word_embeddings=tied)).eval().requires_grad_(False)
    model.save_pretrained(tmp_path, max_shard_size=shard)
    assert (tmp_path / "model.safetensors.index.json").exists() == (shard == "10KB")
    decoder = load_decoder(tmp_path).decoder
    torch.testing.assert_close(
        run(decoder, batch()), expected(model.model, batch(), decoder.depths), atol=1e-5, rtol=1e-5
    )


def test_what_is_written_is_what_transformers_computes(folder: Path, tmp_path: Path) -> None:
    decoder = load_decoder(folder, rank=12).decoder
    with torch.no_grad():
        for weight in decoder.parameters():
            weight += 0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel()))
    write_checkpoint(decoder, tmp_path / "out")
    theirs = AutoModel.from_pretrained(tmp_path / "out").eval().requires_grad_(False)
    assert type(theirs) is Qwen3Model
    found = run(decoder, batch(), rank=12)
    torch.testing.assert_close(found, expected(theirs, batch(), decoder.depths), atol=1e-5, rtol=1e-5)
    again = load_decoder(tmp_path / "out")
    assert again.energy == 1.0
    assert again.decoder.table.rank == 12
    assert again.decoder.shape == decoder.shape
    assert torch.equal(run(again.decoder, batch(), rank=12), found)


def test_loading_by_transformers_reports_nothing(folder: Path, tmp_path: Path) -> None:
    write_checkpoint(load_decoder(folder).decoder, tmp_path)
    _, report = Qwen3Model.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values())


def test_a_smaller_rank_of_stored_factors_is_their_prefix(folder: Path, tmp_path: Path) -> None:
    decoder = load_decoder(folder).decoder
    write_checkpoint(decoder, tmp_path)
    loaded = load_decoder(tmp_path, rank=5)
    assert torch.equal(loaded.decoder.table.u, decoder.table.u[:, :5])
    assert torch.equal(loaded.decoder.table.v, decoder.table.v[:5])
    assert loaded.energy == pytest.approx(load_decoder(folder, rank=5).energy, abs=1e-5)
    assert 0 < loaded.energy < 1


def test_a_greater_rank_than_the_stored_one_is_decomposed_again(folder: Path, tmp_path: Path) -> None:
    write_checkpoint(load_decoder(folder, rank=5).decoder, tmp_path)
    loaded = load_decoder(tmp_path, rank=9)
    assert loaded.decoder.table.rank == 9
    torch.testing.assert_close(
        loaded.decoder.table.merged(), load_file(tmp_path / "model.safetensors")["embed_tokens.weight"]
    )


def test_energy_is_the_share_that_the_rank_keeps(reference: Qwen3Model, folder: Path) -> None:
    squares = torch.linalg.svdvals(reference.embed_tokens.weight.double()).square()
    assert load_decoder(folder, rank=8).energy == pytest.approx(float(squares[:8].sum() / squares.sum()))
    assert load_decoder(folder).energy == pytest.approx(1.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_types_are_kept_on_disk(folder: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    decoder = load_decoder(folder, dtype=dtype).decoder
    assert decoder.table.u.dtype == dtype
    write_checkpoint(decoder, tmp_path, dtype=dtype)
    for file in ("model.safetensors", "token_table.safetensors"):
        assert {value.dtype for value in load_file(tmp_path / file).values()} == {dtype}
    assert Qwen3Model.from_pretrained(tmp_path, dtype="auto").dtype == dtype


def test_the_state_dict_is_that_of_transformers(reference: Qwen3Model, folder: Path) -> None:
    ours, theirs = to_hf_state_dict(load_decoder(folder).decoder), reference.state_dict()
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, atol=1e-5, rtol=1e-5)


def test_factors_are_tensors_of_their_own(folder: Path, tmp_path: Path) -> None:
    write_checkpoint(load_decoder(folder, rank=4).decoder, tmp_path)
    factors = load_file(tmp_path / "token_table.safetensors")
    assert {name: tuple(value.shape) for name, value in factors.items()} == {"u": (VOCABULARY, 4), "v": (4, WIDTH)}


def test_loading_keeps_no_other_table(folder: Path) -> None:
    decoder: Decoder = load_decoder(folder, rank=4).decoder
    assert all(weight.requires_grad for weight in decoder.parameters())
    assert {name for name, _ in decoder.named_parameters() if "layers." not in name} == {
        "table.u",
        "table.v",
        "norm.weight",
    }


class Marker:
    """A pickle of this makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_pickles_are_refused_unread(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(pickle.dumps(Marker(copy / "was-run")))
    with pytest.raises(CheckpointError, match=r"(?s)pytorch_model\.bin.*save_pretrained"):
        load_decoder(copy)
    assert not (copy / "was-run").exists()


def test_missing_weights_are_said(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="has no weights"):
        load_decoder(copy)


@pytest.mark.parametrize(
    ("change", "drop", "named"),
    [
        ({}, "layers.2.mlp.up_proj.weight", r"lacks tensors(?s:.*)layers\.2\.mlp\.up_proj\.weight"),
        ({}, "embed_tokens.weight", r"lacks tensors(?s:.*)embed_tokens\.weight"),
        ({}, "norm.weight", "lacks tensors"),
        ({"layers.9.mlp.up_proj.weight": torch.ones(2)}, "", r"unknown tensors(?s:.*)layers\.9"),
        ({"layers.0.self_attn.q_proj.bias": torch.ones(48)}, "", r"unknown tensors(?s:.*)q_proj\.bias"),
        ({"norm.weight": torch.ones(31)}, "", r"norm\.weight(?s:.*)\(31,\), not \(32,\)"),
        ({"embed_tokens.weight": torch.ones(32, 90)}, "", r"embed_tokens\.weight(?s:.*)\(32, 90\), not \(90, 32\)"),
        ({"norm.weight": torch.ones(32, dtype=torch.int64)}, "", r"norm\.weight(?s:.*)I64"),
        ({"norm.weight": torch.full((32,), torch.nan)}, "", r"not finite(?s:.*)norm\.weight"),
        ({"embed_tokens.weight": torch.full((90, 32), torch.inf)}, "", r"not finite(?s:.*)embed_tokens"),
        ({"model.norm.weight": torch.ones(32)}, "", "there twice"),
    ],
)
def test_wrong_tensors_are_named(copy: Path, change: Weights, drop: str, named: str) -> None:
    rewrite(copy, change, drop)
    with pytest.raises(CheckpointError, match=named):
        load_decoder(copy)


@pytest.mark.parametrize("content", [b"", b"\x80\x04}.", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}"])
def test_damaged_files_are_named(copy: Path, content: bytes) -> None:
    (copy / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.safetensors|lacks tensors"):
        load_decoder(copy)


@pytest.mark.parametrize(
    "index",
    [
        "",
        "[]",
        "{}",
        '{"weight_map": []}',
        '{"weight_map": {"norm.weight": "../model.safetensors"}}',
        '{"weight_map": {"norm.weight": "/etc/passwd"}}',
        '{"weight_map": {"norm.weight": "pytorch_model.bin"}}',
        '{"weight_map": {"norm.weight": "not-there.safetensors"}}',
        '{"weight_map": {"norm.weight": ["model.safetensors"]}}',
    ],
)
def test_an_index_names_shards_beside_it_only(copy: Path, index: str) -> None:
    (copy / "pytorch_model.bin").touch()
    (copy / "model.safetensors.index.json").write_text(index)
    with pytest.raises(CheckpointError, match=r"index|shard"):
        load_decoder(copy)


def test_an_index_of_nothing_lacks_everything(copy: Path) -> None:
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {}}))
    with pytest.raises(CheckpointError, match="lacks tensors"):
        load_decoder(copy)


def test_factors_of_another_shape_are_named(copy: Path) -> None:
    save_file({"u": torch.ones(VOCABULARY, 3), "v": torch.ones(3, WIDTH + 1)}, copy / "token_table.safetensors")
    with pytest.raises(CheckpointError, match=r"token_table\.safetensors: v"):
        load_decoder(copy)
    save_file({"u": torch.ones(VOCABULARY, 3)}, copy / "token_table.safetensors")
    with pytest.raises(CheckpointError, match="other tensors than u and v"):
        load_decoder(copy)


def test_a_rank_beyond_the_table_is_refused(folder: Path) -> None:
    with pytest.raises(TokenTableError, match="rank 33"):
        load_decoder(folder, rank=WIDTH + 1)


def test_all_layers_are_loaded(folder: Path) -> None:
    assert len(load_decoder(folder).decoder.layers) == LAYERS
