"""The decoder computes what transformers computes: every exit, every kernel, whatever else is in the batch."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cosine_similarity, normalize
from transformers import Qwen3Model

from curation.training.backbone import Backbone
from curation.training.decoder.attention import Kernel
from curation.training.decoder.checkpoint import load_decoder
from curation.training.decoder.model import Decoder, DecoderOptions, random_decoder
from curation.training.decoder.shape import DecoderShape
from tests.curation.training.decoder.conftest import VOCABULARY, WIDTH

LENGTHS = (5, 1, 9, 2, 9)
SHAPE = DecoderShape(50, width=16, mlp_width=24, layers=3, query_heads=4, key_heads=2, head_dim=8)


def batch(lengths: tuple[int, ...] = LENGTHS, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(VOCABULARY, (length,), generator=generator) for length in lengths]


def run(
    decoder: Decoder, sequences: list[torch.Tensor], *, rank: int = WIDTH, exits: int | None = None
) -> torch.Tensor:
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return decoder(torch.cat(sequences), lengths, rank=rank, exits=exits or len(decoder.depths))


def expected(reference: Qwen3Model, sequences: list[torch.Tensor], depths: tuple[int, ...]) -> torch.Tensor:
    """Return exits (exits, n, width) by transformers, a sequence at a time."""
    rows = []
    for sequence in sequences:
        states = reference(sequence[None], output_hidden_states=True).hidden_states
        # The last of these is normed already.
        inner = [reference.norm(states[depth][0, -1]) for depth in depths[:-1]]
        rows.append(torch.stack([*inner, states[-1][0, -1]]))
    return torch.stack(rows, dim=1)


@pytest.mark.parametrize("kernel", Kernel)
@pytest.mark.parametrize("exits", [1, 2, 3, 4])
def test_every_exit_is_that_of_transformers(reference: Qwen3Model, folder: Path, kernel: Kernel, exits: int) -> None:
    decoder = load_decoder(folder, options=DecoderOptions(kernel=kernel)).decoder
    assert decoder.depths == (1, 2, 4, 5)
    found = run(decoder, batch(), exits=exits)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected(reference, batch(), decoder.depths)[:exits], atol=1e-5, rtol=1e-5)


def test_a_batch_of_single_tokens_is_that_of_transformers(reference: Qwen3Model, folder: Path) -> None:
    decoder = load_decoder(folder).decoder
    sequences = batch((1, 1, 1))
    torch.testing.assert_close(
        run(decoder, sequences), expected(reference, sequences, decoder.depths), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("rank", [1, 7, WIDTH - 1])
def test_a_rank_is_the_decoder_of_the_truncated_table(reference: Qwen3Model, folder: Path, rank: int) -> None:
    decoder = load_decoder(folder).decoder
    other = Qwen3Model(reference.config).eval().requires_grad_(False)
    other.load_state_dict(reference.state_dict())
    other.embed_tokens.weight.copy_(decoder.table.merged(rank))
    found = run(decoder, batch(), rank=rank)
    torch.testing.assert_close(found, expected(other, batch(), decoder.depths), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kernel", Kernel)
def test_vectors_do_not_depend_on_the_batch_or_its_order(folder: Path, kernel: Kernel) -> None:
    decoder = load_decoder(folder, options=DecoderOptions(kernel=kernel)).decoder.requires_grad_(False)
    sequences = batch()
    whole = normalize(run(decoder, sequences), dim=-1)
    order = [3, 0, 4, 2, 1]
    shuffled = normalize(run(decoder, [sequences[place] for place in order]), dim=-1)
    torch.testing.assert_close(shuffled, whole[:, order], atol=1e-6, rtol=0)
    for place, sequence in enumerate(sequences):
        alone = normalize(run(decoder, [sequence]), dim=-1)
        torch.testing.assert_close(alone[:, 0], whole[:, place], atol=1e-6, rtol=0)


def test_exits_are_prefixes(folder: Path) -> None:
    decoder = load_decoder(folder).decoder.requires_grad_(False)
    whole = run(decoder, batch())
    for exits in (1, 2, 3):
        torch.testing.assert_close(run(decoder, batch(), exits=exits), whole[:exits], atol=1e-5, rtol=1e-5)


def gradients(decoder: Decoder) -> dict[str, torch.Tensor]:
    decoder.zero_grad()
    exits = normalize(run(decoder, batch(), rank=WIDTH // 2), dim=-1)
    (exits * torch.linspace(-1, 1, exits.numel()).view_as(exits)).sum().backward()
    return {name: weight.grad.to_dense() for name, weight in decoder.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("kernel", Kernel)
def test_all_weights_get_finite_gradients_and_checkpointing_changes_none(folder: Path, kernel: Kernel) -> None:
    plain = load_decoder(folder, options=DecoderOptions(kernel)).decoder
    saving = load_decoder(folder, options=DecoderOptions(kernel, checkpointing=True), sparse_gradient=True).decoder
    ours, theirs = gradients(plain), gradients(saving)
    assert ours.keys() == theirs.keys() == dict(plain.named_parameters()).keys()
    for name, gradient in ours.items():
        assert bool(gradient.isfinite().all()), name
        assert bool(gradient.any()), name
        torch.testing.assert_close(theirs[name], gradient, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize(
    "name",
    ["layers.4.self_attn.k_proj.weight", "layers.4.mlp.up_proj.weight", "layers.1.self_attn.q_norm.weight", "table.v"],
)
def test_gradients_are_those_of_finite_differences(folder: Path, name: str) -> None:
    decoder = load_decoder(folder).decoder
    gradient = gradients(decoder)[name]
    direction = gradient / gradient.norm()
    weight = dict(decoder.named_parameters())[name]
    values = []
    with torch.no_grad():
        for step in (1e-2, -2e-2):
            weight += step * direction
            exits = normalize(run(decoder, batch(), rank=WIDTH // 2), dim=-1)
            values.append(float((exits * torch.linspace(-1, 1, exits.numel()).view_as(exits)).sum()))
    assert (values[0] - values[1]) / 2e-2 == pytest.approx(float(gradient.norm()), rel=0.02)


@pytest.mark.parametrize("kernel", [Kernel.EXPLICIT, Kernel.SDPA])
def test_bfloat16_keeps_directions(folder: Path, kernel: Kernel) -> None:
    exact = run(load_decoder(folder).decoder, batch()).detach()
    autocast = run(load_decoder(folder, options=DecoderOptions(kernel, bf16=True)).decoder, batch()).detach()
    assert autocast.dtype == torch.float32
    assert not torch.equal(exact, autocast)
    assert float(cosine_similarity(exact, autocast, dim=-1).min()) > 0.999


def test_bfloat16_gives_finite_gradients_of_the_same_direction(folder: Path) -> None:
    exact = gradients(load_decoder(folder).decoder)
    rounded = gradients(load_decoder(folder, options=DecoderOptions(bf16=True, checkpointing=True)).decoder)
    for name, gradient in exact.items():
        assert float(cosine_similarity(gradient.ravel(), rounded[name].ravel(), dim=0)) > 0.98, name


def test_weights_can_be_bfloat16_themselves(folder: Path) -> None:
    decoder = load_decoder(folder, dtype=torch.bfloat16).decoder
    assert {weight.dtype for weight in decoder.parameters()} == {torch.bfloat16}
    exact = run(load_decoder(folder).decoder, batch()).detach()
    assert float(cosine_similarity(exact, run(decoder, batch()).detach(), dim=-1).min()) > 0.995


def test_a_decoder_is_a_backbone(folder: Path) -> None:
    backbone: Backbone = load_decoder(folder).decoder
    for axis, full in ((backbone.ranks, WIDTH), (backbone.dims, WIDTH), (backbone.depths, 5)):
        assert axis[-1] == full
        assert all(less < more for less, more in pairwise(axis))


@pytest.mark.parametrize(("rank", "ranks"), [(16, (16,)), (64, (64,)), (100, (64, 100)), (512, (64, 128, 256, 512))])
def test_ranks_double_up_to_the_full_one(rank: int, ranks: tuple[int, ...]) -> None:
    model = random_decoder(SHAPE, rank=rank, generator=torch.Generator().manual_seed(0))
    assert model.ranks == ranks
    assert model.dims == (8, 16)


def test_initial_weights_are_the_generator_s() -> None:
    def weights(seed: int) -> torch.Tensor:
        model = random_decoder(SHAPE, rank=8, generator=torch.Generator().manual_seed(seed))
        return torch.cat([value.ravel() for value in model.state_dict().values()])

    torch.manual_seed(1)
    first = weights(3)
    torch.manual_seed(2)
    assert torch.equal(first, weights(3))
    assert not torch.equal(first, weights(4))
    assert bool(first.isfinite().all())
    model = random_decoder(SHAPE, rank=8, generator=torch.Generator().manual_seed(3))
    assert all(weight.requires_grad for weight in model.parameters())
    assert float(model.layers[1].mlp.up_proj.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
