"""A tiny decoder with a tokenizer of its own, and texts that tokenizers stumble over."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import tokenizers
import torch
from tokenizers import models, pre_tokenizers, trainers

from curation.config.training import Training
from curation.training import TrainedModel
from curation.training.decoder.model import Decoder, random_decoder
from curation.training.decoder.shape import DecoderShape
from curation.training.decoder.tokenizer import DecoderTokenizer
from curation.training.export.training_data import TrainingData
from curation.training.smoke import initial_model
from curation.training.tokenizer import train_tokenizer

END = "<|im_end|>"
NASTY = [
    "",
    "   ",
    " two  blanks ",
    "tab\tline\nend",
    "nul\0nul",
    "\x01\x02\x7f\x85",
    "▁",
    "▁▁a▁▁b▁ ▁",
    "<s> </s> <unk> <pad> <0x41>",
    "e\u0323\u0301 \u0301",
    "👩‍👩‍👧‍👦 ❤️",
    "\u200d\u200c\ufeff",
    "ΌΣΟΣ ΟΔΟΣ",
    "İstanbul ﬁﬂ ẞ ǅ Ⅷ ａｂ",
    "\ue000\U000e0041\U00010330",
    "กำ நி क्षि 각",
    "=" * 70,
    "ab" * 5_000,
]


@pytest.fixture(scope="session")
def texts(sentences: Mapping[str, str]) -> list[str]:
    """One sentence for each script, and texts that are hard to cut."""
    return [*sentences.values(), *(text.upper() for text in sentences.values()), *NASTY]


@pytest.fixture(scope="session")
def trained(sentences: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """A smoke model of which no part is near its initial value."""
    cache = tmp_path_factory.mktemp("tokenizer")
    tokenizer = train_tokenizer(sorted(sentences.values()), vocabulary=400, lines=100, seed=0, cache=cache)
    model = initial_model(tokenizer, Training(dims=[8, 16, 32], ranks=[8, 16], depth=2, max_tokens=24), seed=3)
    generator = torch.Generator().manual_seed(4)
    for weight in model.encoder.parameters():
        weight.add_(torch.randn(weight.shape, generator=generator) * 0.1)
    return model


@pytest.fixture(scope="session")
def decoder_tokenizer(sentences: Mapping[str, str]) -> DecoderTokenizer:
    processor = tokenizers.Tokenizer(models.BPE())
    processor.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    processor.train_from_iterator(sentences.values(), trainer)
    return DecoderTokenizer(processor, processor.token_to_id(END))


@pytest.fixture(scope="session")
def decoder(decoder_tokenizer: DecoderTokenizer) -> Decoder:
    """Five layers of 96 dimensions, exits at 1, 2, 4 and 5, ranks 64 and 80."""
    shape = DecoderShape(
        decoder_tokenizer.size, width=96, mlp_width=64, layers=5, query_heads=4, key_heads=2, head_dim=16
    )
    decoder = random_decoder(shape, rank=80, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(2)
    for weight in decoder.requires_grad_(False).parameters():
        weight.add_(torch.randn(weight.shape, generator=generator) * 0.1)
    return decoder


@pytest.fixture
def data() -> TrainingData:
    prompts = {"django": "Instruct: Find the translation.\nQuery: "}
    return TrainingData("messages", "1.2.0", "a" * 64, "BSD-3-Clause", ("deu_Latn", "hin_Deva", "python_Zzzz"), prompts)
