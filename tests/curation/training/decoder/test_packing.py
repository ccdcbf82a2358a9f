"""Packed tokens know their places, and padding is undone exactly."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from curation.training.decoder.packing import Packing


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_places_are_those_of_each_sequence(lengths: list[int]) -> None:
    packing = Packing.of(torch.tensor(lengths))
    assert packing.longest == max(lengths)
    assert packing.positions.tolist() == [place for length in lengths for place in range(length)]
    assert [packing.positions[last] for last in packing.last] == [length - 1 for length in lengths]
    assert packing.boundaries.diff().tolist() == lengths
    assert packing.boundaries.dtype == torch.int32
    assert packing.real().sum(dim=1).tolist() == lengths


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_padding_is_on_the_right_and_undone(lengths: list[int]) -> None:
    packing = Packing.of(torch.tensor(lengths))
    x = torch.arange(1.0, 1 + 6 * sum(lengths)).view(-1, 3, 2)
    padded = packing.pad(x)
    assert padded.shape == (len(lengths), 3, max(lengths), 2)
    assert not padded.transpose(1, 2)[~packing.real()].any()
    assert torch.equal(packing.unpad(padded), x)
