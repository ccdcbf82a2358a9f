"""All kernels are the formula of causal grouped-query attention."""

from __future__ import annotations

import pytest
import torch

from curation.training.decoder.attention import Kernel, attend, has_varlen
from curation.training.decoder.packing import Packing

LENGTHS = [4, 1, 6]
GENERATOR = torch.Generator().manual_seed(0)
QUERY = torch.randn(11, 6, 8, generator=GENERATOR)
KEY = torch.randn(11, 2, 8, generator=GENERATOR)
VALUE = torch.randn(11, 2, 8, generator=GENERATOR)


def formula() -> torch.Tensor:
    rows = []
    for start, length in zip([0, 4, 5], LENGTHS, strict=True):
        for place in range(length):
            heads = []
            for head in range(6):
                seen = slice(start, start + place + 1)
                scores = KEY[seen, head // 3] @ QUERY[start + place, head] / 8**0.5
                heads.append(scores.softmax(dim=0) @ VALUE[seen, head // 3])
            rows.append(torch.stack(heads))
    return torch.stack(rows)


@pytest.mark.parametrize("kernel", Kernel)
def test_every_token_sees_its_own_past(kernel: Kernel) -> None:
    packing = Packing.of(torch.tensor(LENGTHS))
    torch.testing.assert_close(attend(QUERY, KEY, VALUE, packing, kernel), formula(), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kernel", Kernel)
def test_last_tokens_alone_get_the_same(kernel: Kernel) -> None:
    packing = Packing.of(torch.tensor(LENGTHS))
    found = attend(QUERY[packing.last], KEY, VALUE, packing, kernel)
    torch.testing.assert_close(found, formula()[packing.last], atol=1e-6, rtol=1e-5)


def test_variable_length_attention_is_for_gpus_only() -> None:
    assert not has_varlen(QUERY.bfloat16())
