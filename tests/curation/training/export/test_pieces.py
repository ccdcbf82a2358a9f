"""The converted tokenizer gives the ids of the trained one, for any text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from curation.text import fold
from curation.training import TrainedModel
from curation.training.export.pieces import convert
from curation.training.tokenizer import Tokenizer

# Letters and marks of several scripts, blanks, and signs that mean something to a tokenizer.
CHARACTERS = "ab  \t▁-=.<>été́ни्सिका\u200d中这。ａ\0"
LONG = 1 << 20


@pytest.fixture(scope="module")
def trained_tokenizer(trained: TrainedModel) -> Tokenizer:
    return trained.tokenizer


@pytest.fixture(scope="module")
def converted(trained_tokenizer: Tokenizer) -> tokenizers.Tokenizer:
    # As it is read back from its file.
    return tokenizers.Tokenizer.from_str(convert(trained_tokenizer).to_str())


def assert_same(tokenizer: Tokenizer, converted: tokenizers.Tokenizer, texts: list[str]) -> None:
    expected = tokenizer.encode(texts, max_tokens=LONG)
    for index, (text, encoding) in enumerate(zip(texts, converted.encode_batch(texts), strict=True)):
        sequence = expected.tokens[expected.offsets[index] : expected.offsets[index + 1]]
        # The trained one says "unknown" where there is no piece.
        assert np.array_equal(encoding.ids or [0], sequence), ascii(text)[:80]


def test_real_and_hard_texts(trained_tokenizer: Tokenizer, converted: tokenizers.Tokenizer, texts: list[str]) -> None:
    assert_same(trained_tokenizer, converted, texts)
    assert_same(trained_tokenizer, converted, fold(pa.array(texts)).to_pylist())


@pytest.mark.parametrize("times", [1, 3])
def test_characters_of_all_scripts(trained_tokenizer: Tokenizer, converted: tokenizers.Tokenizer, times: int) -> None:
    codes = [*range(0x3400), *range(0xA000, 0xD800, 16), *range(0xE000, 0x11000, 8), *range(0x1F300, 0x1F700)]
    assert_same(trained_tokenizer, converted, [chr(code) * times for code in codes])


@given(st.lists(st.text(st.sampled_from(CHARACTERS), max_size=40), min_size=1, max_size=20))
def test_any_text_of_these_characters(
    trained_tokenizer: Tokenizer, converted: tokenizers.Tokenizer, texts: list[str]
) -> None:
    assert_same(trained_tokenizer, converted, texts)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text(trained_tokenizer: Tokenizer, converted: tokenizers.Tokenizer, text: str) -> None:
    assert_same(trained_tokenizer, converted, [text])


def test_the_vocabulary_keeps_its_ids(trained_tokenizer: Tokenizer, converted: tokenizers.Tokenizer) -> None:
    texts = [piece.text for piece in trained_tokenizer.pieces()]
    assert [converted.token_to_id(text) for text in texts] == list(range(trained_tokenizer.size))
