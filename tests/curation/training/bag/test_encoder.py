"""The model is nested in rank, depth and (through any prefix) dimension."""

from __future__ import annotations

import pytest
import torch

from curation.training.backbone import Alignable
from curation.training.bag import BagEncoder

WIDTH, RANK, DEPTH, VOCABULARY = 12, 8, 3, 30
TOKENS = torch.tensor([1, 2, 3, 7, 7, 29, 0])
LENGTHS = torch.tensor([3, 1, 3])


def encoder(seed: int = 0) -> BagEncoder:
    """A model of which every part matters, as after training."""
    generator = torch.Generator().manual_seed(seed)
    model = BagEncoder(vocabulary=VOCABULARY, ranks=(3, RANK), dims=(4, WIDTH), depth=DEPTH, generator=generator)
    with torch.no_grad():
        model.table.log_weight.normal_(generator=generator)
        for block in model.blocks:
            block.down.normal_(generator=generator)
            block.gain.normal_(generator=generator)
    return model.requires_grad_(False)


def plain_pool(model: BagEncoder, rank: int) -> torch.Tensor:
    table = model.table.u[:, :rank] @ model.table.v[:rank]
    weights = model.table.log_weight.exp()
    rows = [sequence.tolist() for sequence in TOKENS.split(LENGTHS.tolist())]
    return torch.stack([sum(weights[t] * table[t] for t in row) / sum(weights[t] for t in row) for row in rows])


@pytest.mark.parametrize("rank", [1, 3, RANK])
def test_pooling_is_a_weighted_mean_over_the_first_columns(rank: int) -> None:
    model = encoder()
    torch.testing.assert_close(model.table.pool(TOKENS, LENGTHS, rank), plain_pool(model, rank))


@pytest.mark.parametrize("rank", [1, 3])
def test_a_rank_reads_nothing_beyond_its_columns(rank: int) -> None:
    model, other = encoder(), encoder()
    other.table.u[:, rank:] = 100.0
    other.table.v[rank:] = -100.0
    assert torch.equal(
        model(TOKENS, LENGTHS, rank=rank, exits=DEPTH + 1), other(TOKENS, LENGTHS, rank=rank, exits=DEPTH + 1)
    )
    assert not torch.allclose(
        model(TOKENS, LENGTHS, rank=rank + 1, exits=DEPTH + 1), other(TOKENS, LENGTHS, rank=rank + 1, exits=DEPTH + 1)
    )


@pytest.mark.parametrize("depth", range(DEPTH + 1))
def test_a_depth_is_a_prefix_of_the_exits(depth: int) -> None:
    model, other = encoder(), encoder()
    whole = model(TOKENS, LENGTHS, rank=RANK, exits=DEPTH + 1)
    assert whole.shape == (DEPTH + 1, len(LENGTHS), WIDTH)
    for block in other.blocks[depth:]:
        block.down.fill_(torch.nan)
    assert torch.equal(other(TOKENS, LENGTHS, rank=RANK, exits=depth + 1), whole[: depth + 1])


def test_blocks_are_the_identity_at_first() -> None:
    generator = torch.Generator().manual_seed(0)
    model = BagEncoder(vocabulary=VOCABULARY, ranks=(3, RANK), dims=(4, WIDTH), depth=2, generator=generator)
    exits = model(TOKENS, LENGTHS, rank=RANK, exits=3)
    assert torch.equal(exits[0], exits[2])


def test_a_block_is_the_formula() -> None:
    block, x = encoder().blocks[0], torch.randn(4, WIDTH, generator=torch.Generator().manual_seed(1))
    mean_square = (x * x).mean(dim=1, keepdim=True)
    normed = x / (mean_square + torch.finfo(torch.float32).eps).sqrt() * block.gain
    gate, up = (normed @ block.gate_up.T).split(WIDTH, dim=1)
    torch.testing.assert_close(block(x), x + (gate * torch.sigmoid(gate) * up) @ block.down.T)


def test_texts_do_not_depend_on_their_neighbours() -> None:
    model = encoder()
    whole = model(TOKENS, LENGTHS, rank=RANK, exits=DEPTH + 1)
    alone = model(TOKENS[4:], LENGTHS[2:], rank=RANK, exits=DEPTH + 1)
    torch.testing.assert_close(whole[:, 2:], alone)


def test_initial_values_are_the_generators() -> None:
    def values(seed: int) -> torch.Tensor:
        model = BagEncoder(
            vocabulary=9, ranks=(4,), dims=(6,), depth=1, generator=torch.Generator().manual_seed(seed)
        ).requires_grad_(False)
        return torch.cat([value.ravel() for value in model.state_dict().values()])

    torch.manual_seed(1)
    first = values(3)
    torch.manual_seed(2)
    assert torch.equal(first, values(3))
    assert not torch.equal(first, values(4))


@pytest.mark.parametrize("rank", [RANK, WIDTH])
def test_alignment_changes_no_score_of_the_full_model(rank: int) -> None:
    generator = torch.Generator().manual_seed(5)
    model = BagEncoder(
        vocabulary=VOCABULARY, ranks=(3, rank), dims=(4, WIDTH), depth=DEPTH, generator=generator
    ).requires_grad_(False)
    for block in model.blocks:
        block.down.normal_(generator=generator)
        block.gain.normal_(generator=generator)
    tokens, lengths = torch.randint(VOCABULARY, (200,), generator=generator), torch.full((50,), 4)
    before = model(tokens, lengths, rank=rank, exits=DEPTH + 1)
    model.align(tokens, lengths)
    after = model(tokens, lengths, rank=rank, exits=DEPTH + 1)
    torch.testing.assert_close(after @ after.transpose(1, 2), before @ before.transpose(1, 2), rtol=1e-3, atol=1e-3)
    assert not torch.allclose(before, after, atol=1e-2)


def test_alignment_puts_the_most_first() -> None:
    model = encoder()
    generator = torch.Generator().manual_seed(6)
    tokens, lengths = torch.randint(VOCABULARY, (300,), generator=generator), torch.full((100,), 3)
    model.align(tokens, lengths)
    outputs = model(tokens, lengths, rank=RANK, exits=1)[0]
    energy = outputs.square().sum(0)
    assert (energy[:-1] >= energy[1:] - 1e-5).all()
    # A rank is as good as the dimension of the same number, and beyond the rank there is nothing.
    torch.testing.assert_close(model(tokens, lengths, rank=3, exits=1)[0][:, :3], outputs[:, :3])
    assert outputs[:, RANK:].abs().max() < 1e-5


def test_it_can_be_trained_at_its_first_exit() -> None:
    assert isinstance(encoder(), Alignable)
