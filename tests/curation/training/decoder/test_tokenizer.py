"""Every text ends with the token that is pooled, in every script and at every length."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from curation.training.decoder.tokenizer import DecoderTokenizer, load_tokenizer
from curation.training.tokenizer import TokenizerError

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def byte_level(texts: list[str]) -> Tokenizer:
    """Return a byte-level BPE tokenizer with the special tokens of Qwen3."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def write(tokenizer: Tokenizer, folder: Path, settings: object = None) -> Path:
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings or {"eos_token": "<|im_end|>"}))
    return folder


def appending(token: str, base: Tokenizer) -> Tokenizer:
    """Return the tokenizer with a post-processor as Qwen3-Embedding has it."""
    template = f"$A {token}"
    base.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[(token, base.token_to_id(token))]
    )
    return base


@pytest.fixture
def base(sentences: Mapping[str, str]) -> Tokenizer:
    return byte_level(list(sentences.values()))


def decoded(tokenizer: DecoderTokenizer, ids: np.ndarray) -> str:
    return str(tokenizer.processor.decode(ids.tolist(), skip_special_tokens=False))


def test_every_script_is_encoded_whole_and_ended(base: Tokenizer, tmp_path: Path, sentences: Mapping[str, str]) -> None:
    tokenizer = load_tokenizer(write(base, tmp_path))
    texts = list(sentences.values())
    ragged = tokenizer.encode(texts, max_tokens=500)
    for row, text in enumerate(texts):
        ids = ragged.take(np.array([row])).tokens
        assert decoded(tokenizer, ids) == text + "<|im_end|>"
        assert ids[-1] == base.token_to_id("<|im_end|>") == tokenizer.end


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 500])
def test_long_texts_are_cut_before_the_end_token(
    base: Tokenizer, tmp_path: Path, sentences: Mapping[str, str], limit: int
) -> None:
    tokenizer = load_tokenizer(write(base, tmp_path))
    texts = ["", *sentences.values(), "x" * 2_000]
    whole, cut = (tokenizer.encode(texts, max_tokens=most) for most in (10_000, limit))
    for row in range(len(texts)):
        long, short = (ragged.take(np.array([row])).tokens for ragged in (whole, cut))
        assert len(short) == min(len(long), limit)
        assert short[-1] == tokenizer.end
        assert short[:-1].tolist() == long[: len(short) - 1].tolist()


def test_no_text_and_empty_text(base: Tokenizer, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write(base, tmp_path))
    assert len(tokenizer.encode([], max_tokens=5)) == 0
    assert tokenizer.encode([""], max_tokens=5).tokens.tolist() == [tokenizer.end]


@pytest.mark.parametrize(
    ("settings", "post", "given", "end"),
    [
        ({"eos_token": "<|im_end|>"}, None, None, "<|im_end|>"),
        ({"eos_token": {"content": "<|endoftext|>", "special": True}}, None, None, "<|endoftext|>"),
        ({"eos_token": "<|im_end|>"}, "<|endoftext|>", None, "<|endoftext|>"),
        ({"eos_token": "<|im_end|>"}, "<|endoftext|>", "<|im_end|>", "<|im_end|>"),
        ({"eos_token": None}, "<|endoftext|>", None, "<|endoftext|>"),
        ({"eos_token": None}, None, "<|im_start|>", "<|im_start|>"),
    ],
)
def test_the_end_token_is_the_folder_s(
    base: Tokenizer, tmp_path: Path, settings: object, post: str | None, given: str | None, end: str
) -> None:
    if post:
        base = appending(post, base)
    tokenizer = load_tokenizer(write(base, tmp_path, settings), end_token=given)
    assert tokenizer.encode(["a b"], max_tokens=9).tokens[-1] == base.token_to_id(end)
    assert (tokenizer.encode(["a b"], max_tokens=9).tokens == base.token_to_id(end)).sum() == 1


def test_ids_are_those_of_transformers(base: Tokenizer, tmp_path: Path, sentences: Mapping[str, str]) -> None:
    theirs = PreTrainedTokenizerFast(tokenizer_object=appending("<|endoftext|>", base), eos_token="<|im_end|>")
    theirs.save_pretrained(tmp_path)
    texts = [
        *sentences.values(),
        "ends <|im_end|> early",
        "  two  spaces ",
        "e\u0301 \u200d \U0001f469\u200d\U0001f4bb",
    ]
    ours = load_tokenizer(tmp_path).encode(texts, max_tokens=12)
    expected = theirs(texts, max_length=12, truncation=True)["input_ids"]
    assert [ours.take(np.array([row])).tokens.tolist() for row in range(len(texts))] == expected


def test_stored_truncation_and_padding_have_no_effect(base: Tokenizer, tmp_path: Path) -> None:
    base.enable_truncation(2)
    base.enable_padding(length=40)
    ragged = load_tokenizer(write(base, tmp_path)).encode(["one two three four", "z"], max_tokens=100)
    lengths = np.diff(ragged.offsets)
    assert lengths[0] > 3
    assert lengths[1] == 2


def test_batches_do_not_matter(
    base: Tokenizer, tmp_path: Path, sentences: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = load_tokenizer(write(base, tmp_path))
    whole = tokenizer.encode(list(sentences.values()), max_tokens=20)
    monkeypatch.setattr("curation.training.decoder.tokenizer._BATCH", 3)
    parts = tokenizer.encode(list(sentences.values()), max_tokens=20)
    assert parts.tokens.tolist() == whole.tokens.tolist()
    assert parts.offsets.tolist() == whole.offsets.tolist()


def test_size_counts_added_tokens(base: Tokenizer, tmp_path: Path) -> None:
    assert load_tokenizer(write(base, tmp_path)).size == base.get_vocab_size(with_added_tokens=True)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"version": "1.0"}'])
def test_what_is_no_tokenizer_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(TokenizerError, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path)


def test_a_missing_tokenizer_is_said(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="has no tokenizer"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("settings", [{"eos": 1}, [1], {"eos_token": 5}, {"eos_token": {"text": "a"}}, "x"])
def test_a_folder_that_states_no_end_token_is_refused(base: Tokenizer, tmp_path: Path, settings: object) -> None:
    with pytest.raises(TokenizerError, match="end_token"):
        load_tokenizer(write(base, tmp_path, settings))


def test_an_end_token_that_does_not_exist_is_refused(base: Tokenizer, tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="</s>"):
        load_tokenizer(write(base, tmp_path, {"eos_token": "</s>"}))


def test_a_post_processor_that_also_begins_texts_is_refused(base: Tokenizer, tmp_path: Path) -> None:
    base.post_processor = processors.TemplateProcessing(
        single="<|im_start|> $A <|im_end|>",
        special_tokens=[(token, base.token_to_id(token)) for token in ("<|im_start|>", "<|im_end|>")],
    )
    with pytest.raises(TokenizerError, match="adds 2 tokens"):
        load_tokenizer(write(base, tmp_path))


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_below_one_is_refused(base: Tokenizer, tmp_path: Path, limit: int) -> None:
    with pytest.raises(TokenizerError, match="max_tokens"):
        load_tokenizer(write(base, tmp_path)).encode(["a"], max_tokens=limit)
