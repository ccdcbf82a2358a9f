"""All kernels are the formula of causal grouped-query attention."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from curation.training.decoder import attention
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


def documented_varlen(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    cu_seq_q: torch.Tensor,
    cu_seq_k: torch.Tensor,
    max_q: int,
    max_k: int,
    *,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
) -> torch.Tensor:
    """What torch documents of its kernel, which no processor runs."""
    assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32
    assert max_q == int(cu_seq_q.diff().max())
    assert max_k == int(cu_seq_k.diff().max())
    assert enable_gqa
    rows = []
    for q, k in zip(pairwise(cu_seq_q.tolist()), pairwise(cu_seq_k.tolist()), strict=True):
        places = [tensor[slice(*range_)].transpose(0, 1) for tensor, range_ in ((query, q), (key, k), (value, k))]
        causal = window_size == (-1, 0)
        rows.append(scaled_dot_product_attention(*places, is_causal=causal, enable_gqa=True).transpose(0, 1))
    return torch.cat(rows)


def test_variable_length_attention_is_asked_for_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch.nn.attention.varlen", reason="torch before 2.10")
    monkeypatch.setattr(attention, "has_varlen", lambda _: True)
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", documented_varlen)
    packing = Packing.of(torch.tensor(LENGTHS))
    whole = attend(QUERY, KEY, VALUE, packing, Kernel.VARLEN)
    torch.testing.assert_close(whole, formula(), atol=1e-6, rtol=1e-5)
    last = attend(QUERY[packing.last], KEY, VALUE, packing, Kernel.VARLEN)
    torch.testing.assert_close(last, formula()[packing.last], atol=1e-6, rtol=1e-5)
