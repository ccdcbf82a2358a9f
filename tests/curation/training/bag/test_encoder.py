"""The model is nested in rank, depth and (through any prefix) dimension."""

from __future__ import annotations

import pytest
import torch

from curation.training.model import BagEncoder

WIDTH, RANK, DEPTH, VOCABULARY = 12, 8, 3, 30
TOKENS = torch.tensor([1, 2, 3, 7, 7, 29, 0])
LENGTHS = torch.tensor([3, 1, 3])


def encoder(seed: int = 0) -> BagEncoder:
    """A model of which every part matters, as after training."""
    generator = torch.Generator().manual_seed(seed)
    model = BagEncoder(vocabulary=VOCABULARY, rank=RANK, width=WIDTH, depth=DEPTH, generator=generator)
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
    assert torch.equal(model(TOKENS, LENGTHS, rank=rank, depth=DEPTH), other(TOKENS, LENGTHS, rank=rank, depth=DEPTH))
    assert not torch.allclose(
        model(TOKENS, LENGTHS, rank=rank + 1, depth=DEPTH), other(TOKENS, LENGTHS, rank=rank + 1, depth=DEPTH)
    )


@pytest.mark.parametrize("depth", range(DEPTH + 1))
def test_a_depth_is_a_prefix_of_the_exits(depth: int) -> None:
    model, other = encoder(), encoder()
    whole = model(TOKENS, LENGTHS, rank=RANK, depth=DEPTH)
    assert whole.shape == (DEPTH + 1, len(LENGTHS), WIDTH)
    for block in other.blocks[depth:]:
        block.down.fill_(torch.nan)
    assert torch.equal(other(TOKENS, LENGTHS, rank=RANK, depth=depth), whole[: depth + 1])


def test_blocks_are_the_identity_at_first() -> None:
    generator = torch.Generator().manual_seed(0)
    model = BagEncoder(vocabulary=VOCABULARY, rank=RANK, width=WIDTH, depth=2, generator=generator)
    exits = model(TOKENS, LENGTHS, rank=RANK, depth=2)
    assert torch.equal(exits[0], exits[2])


def test_a_block_is_the_formula() -> None:
    block, x = encoder().blocks[0], torch.randn(4, WIDTH, generator=torch.Generator().manual_seed(1))
    mean_square = (x * x).mean(dim=1, keepdim=True)
    normed = x / (mean_square + torch.finfo(torch.float32).eps).sqrt() * block.gain
    gate, up = (normed @ block.gate_up.T).split(WIDTH, dim=1)
    torch.testing.assert_close(block(x), x + (gate * torch.sigmoid(gate) * up) @ block.down.T)


def test_texts_do_not_depend_on_their_neighbours() -> None:
    model = encoder()
    whole = model(TOKENS, LENGTHS, rank=RANK, depth=DEPTH)
    alone = model(TOKENS[4:], LENGTHS[2:], rank=RANK, depth=DEPTH)
    torch.testing.assert_close(whole[:, 2:], alone)


def test_initial_values_are_the_generators() -> None:
    def values(seed: int) -> torch.Tensor:
        model = BagEncoder(
            vocabulary=9, rank=4, width=6, depth=1, generator=torch.Generator().manual_seed(seed)
        ).requires_grad_(False)
        return torch.cat([value.ravel() for value in model.state_dict().values()])

    torch.manual_seed(1)
    first = values(3)
    torch.manual_seed(2)
    assert torch.equal(first, values(3))
    assert not torch.equal(first, values(4))
