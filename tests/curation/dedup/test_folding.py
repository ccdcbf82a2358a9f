"""What the compiled folding gives, code point by code point; `test_kernels` compares it with Python's at large."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentences import SENTENCES

from curation.dedup.folding import fold_block, jit, room_for
from curation.dedup.kernels import CompiledKernels

KERNELS = CompiledKernels()


@jit
def _fold_block(text, bounds, starts, room, folded, tables):  # type: ignore[no-untyped-def]
    return fold_block(text, bounds, starts, room, folded, tables)


def fold_texts(texts: list[bytes]) -> list[str] | None:
    """Fold texts that stand one after the other; None if they are not UTF-8."""
    data = np.frombuffer(b"".join(texts), dtype=np.uint8)
    bounds = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
    starts = np.empty(len(texts) + 1, dtype=np.int64)
    folded = np.empty(KERNELS._growth * len(data) + 64, dtype=np.uint32)
    if not _fold_block(data, bounds, starts, room_for(len(data)), folded, KERNELS._tables):
        return None
    return ["".join(map(chr, folded[a:b].tolist())) for a, b in pairwise(starts.tolist())]


def expected(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


@pytest.mark.parametrize("script", SENTENCES)
def test_sentences_in_every_script_and_form(script: str) -> None:
    texts = [unicodedata.normalize(form, SENTENCES[script]) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    assert fold_texts([text.encode() for text in texts]) == [expected(text) for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        "ΟΔΟΣ ΣΑΣ. Σ ΣΣ ΑΣ\u0301 Α.Σ Α'Σ Σ'Α",
        "İSTANBUL ISPARTA",
        "a\u0323\u0301 a\u0301\u0323 \u1ea1\u0301 e\u0302\u0301\u0323",
        "\u09c7\u09be \u09c7\u09d7 \u0bc6\u0bbe \u0d46\u0d3e",
        "\u1100\u1161\u11a8 \uac00\u11a8 \uac01\u11a8 \u1161",
        "\u0344 \u0958 \u2126 \u212b \ufb2c \u1d15e",
        "\u0301leading mark",
        "…½ﷺ㍿",
        "",
    ],
)
def test_delicate_texts(text: str) -> None:
    assert fold_texts([text.encode()]) == [expected(text)]


@given(st.lists(st.text(max_size=12), max_size=6))
def test_neighbours_do_not_matter(texts: list[str]) -> None:
    assert fold_texts([text.encode() for text in texts]) == [expected(text) for text in texts]


def test_a_character_that_two_texts_share_belongs_to_neither() -> None:
    assert fold_texts([b"a\xc3", b"\xa9b"]) is None
