"""The tokenizer loses no script, depends on content alone, and is trained once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from curation.training import tokenizer as module
from curation.training.ragged import Ragged
from curation.training.tokenizer import Tokenizer, TokenizerError, train_tokenizer


def trained(texts: list[str], cache: Path, *, vocabulary: int = 200, lines: int = 1_000, seed: int = 0) -> Tokenizer:
    return train_tokenizer(texts, vocabulary=vocabulary, lines=lines, seed=seed, cache=cache)


def decoded(tokenizer: Tokenizer, tokens: list[int]) -> str:
    return str(sentencepiece.SentencePieceProcessor(model_proto=tokenizer.model).decode(tokens))


def pieces(tokenizer: Tokenizer, text: str, max_tokens: int = 1_000) -> list[int]:
    encoded = tokenizer.encode([text], max_tokens=max_tokens)
    assert len(encoded) == 1
    return encoded.tokens.tolist()


@pytest.fixture(scope="module")
def latin(tmp_path_factory: pytest.TempPathFactory, sentences: Mapping[str, str]) -> Tokenizer:
    """A tokenizer that has seen one script only."""
    return trained([sentences["Latn"]], tmp_path_factory.mktemp("latin"))


def test_scripts_that_were_never_seen_come_back_whole(latin: Tokenizer, sentences: Mapping[str, str]) -> None:
    assert len(sentences) >= 10
    assert {code: decoded(latin, pieces(latin, text)) for code, text in sentences.items()} == sentences


def test_scripts_that_were_seen_take_fewer_pieces(
    tmp_path: Path, latin: Tokenizer, sentences: Mapping[str, str]
) -> None:
    every = trained(list(sentences.values()), tmp_path, vocabulary=800)
    others = {script: text for script, text in sentences.items() if script != "Latn"}
    assert all(len(pieces(every, text)) < len(pieces(latin, text)) for text in others.values())
    assert all(decoded(every, pieces(every, text)) == text for text in others.values())


def test_more_characters_than_pieces(tmp_path: Path, latin: Tokenizer) -> None:
    """Some 6,000 Chinese characters, 100 pieces: the trainer's own coverage would refuse."""
    text = ["".join(map(chr, range(start, start + 50))) for start in range(0x4E00, 0x6500, 50)]
    tokenizer = trained(text, tmp_path, vocabulary=100)
    assert tokenizer.size <= 100 + module._FIXED_PIECES
    assert decoded(tokenizer, pieces(tokenizer, text[40])) == text[40]


@pytest.mark.parametrize(
    "texts", [["a"], ["ა"], ["。"], ["a", ""], ["\0x"], ["x" * 100_000], ["1", "2", "3"], ["मि"], ["🏳️‍🌈"], ["a\nb"]]
)
def test_tiny_corpora(tmp_path: Path, texts: list[str]) -> None:
    encoded = trained(texts, tmp_path).encode(texts, max_tokens=16)
    lengths = np.diff(encoded.offsets)
    assert len(lengths) == len(texts)
    assert lengths.min() >= 1
    assert lengths.max() <= 16


@pytest.mark.parametrize("texts", [[], [""], [" ", "\n\t", "\0"]])
def test_nothing_to_train_on(tmp_path: Path, texts: list[str]) -> None:
    with pytest.raises(TokenizerError, match="no text"):
        trained(texts, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_cut_after_the_greatest_number_of_pieces(latin: Tokenizer, sentences: Mapping[str, str]) -> None:
    whole = pieces(latin, sentences["Thai"])
    assert pieces(latin, sentences["Thai"], max_tokens=7) == whole[:7]


def test_the_same_content_is_the_same_model_in_any_order(tmp_path: Path, sentences: Mapping[str, str]) -> None:
    texts = list(sentences.values())
    one, other = trained(texts, tmp_path / "a"), trained(texts[::-1], tmp_path / "b")
    assert one.model == other.model
    assert [path.name for path in (tmp_path / "a").iterdir()] == [path.name for path in (tmp_path / "b").iterdir()]


def test_trained_once_for_the_same_content(
    tmp_path: Path, sentences: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = list(sentences.values())
    first = trained(texts, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_train", lambda *_: pytest.fail("trained again"))
        assert trained(texts, tmp_path).model == first.model
    for changed in ({"vocabulary": 150}, {"lines": 5}):
        trained(texts, tmp_path, **changed)
    trained([*texts, "something new"], tmp_path)
    assert len(list(tmp_path.iterdir())) == 4


def test_the_sample_depends_on_the_seed(tmp_path: Path, sentences: Mapping[str, str]) -> None:
    texts = list(sentences.values())
    models = {trained(texts, tmp_path, lines=4, seed=seed).model for seed in range(5)}
    assert len(models) > 1


@given(st.lists(st.lists(st.integers(0, 1_000), max_size=5), min_size=1, max_size=8), st.data())
def test_taking_rows_of_ragged_sequences(sequences: list[list[int]], data: st.DataObject) -> None:
    ragged = Ragged.of(sequences)
    rows = data.draw(st.lists(st.integers(0, len(sequences) - 1), max_size=10))
    taken = ragged.take(np.array(rows, dtype=np.int64))
    split = [taken.tokens[a:b].tolist() for a, b in zip(taken.offsets, taken.offsets[1:], strict=False)]
    assert split == [sequences[row] for row in rows]
    tokens, lengths = taken.tensors()
    assert tokens.tolist() == [token for row in rows for token in sequences[row]]
    assert lengths.tolist() == [len(sequences[row]) for row in rows]
