"""Real models of the real libraries, tiny and with random weights, saved where a test wants them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SENTENCES = (
    "The harbour master counted the boats again.",
    "नाविक ने नावें फिर से गिनीं।",
    "மாலுமி படகுகளை எண்ணினார்.",
    "คนขับเรือนับเรืออีกครั้ง",
    "လှေသမားက လှေတွေကို ရေတွက်တယ်။",
    "船夫又数了一遍船。",
    "船頭はもう一度船を数えた。",
    "뱃사공은 배를 다시 세었다.",
    "عدّ البحّار القوارب مرة أخرى.",
    "המלח ספר שוב את הסירות.",
    "መርከበኛው ጀልባዎቹን እንደገና ቆጠረ።",
    "მეზღვაურმა ნავები ხელახლა დათვალა.",
    "Лоцман снова пересчитал лодки.",
)
DIMENSIONS = 24
POSITIONS = 40
PROMPTS = {"query": "query: ", "document": "passage: "}


def build_static(folder: Path, *, seed: int, prompts: dict[str, str] = PROMPTS, base_model: str = "") -> Path:
    """Save a model whose tokens are characters: the mean of their vectors is the embedding."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding

    tokenizer = _tokenizer()
    weights = np.random.default_rng(seed).standard_normal((tokenizer.get_vocab_size(), DIMENSIONS)).astype(np.float32)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, weights)], prompts=prompts, device="cpu")
    model.model_card_data.base_model = base_model or None
    model.save(str(folder))
    return folder


def build_transformer(folder: Path, *, seed: int) -> Path:
    """Save a model with attention, mean pooling and a last step that makes unit vectors."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from transformers import BertModel

    network = folder.with_name(f"{folder.name}-network")
    BertModel(_bert_config(seed)).save_pretrained(network)
    _wrapped_tokenizer().save_pretrained(network)
    transformer = Transformer(str(network))
    SentenceTransformer(modules=[transformer, Pooling(16), Normalize()], device="cpu").save(str(folder))
    return folder


def build_cross_encoder(folder: Path, *, seed: int, labels: int = 1, activation: Any = None) -> Path:
    """Save a cross-encoder."""
    from sentence_transformers import CrossEncoder
    from transformers import BertForSequenceClassification

    network = folder.with_name(f"{folder.name}-network")
    BertForSequenceClassification(_bert_config(seed, num_labels=labels, initializer_range=1.0)).save_pretrained(network)
    _wrapped_tokenizer().save_pretrained(network)
    CrossEncoder(str(network), activation_fn=activation, device="cpu").save_pretrained(str(folder))
    return folder


def _bert_config(seed: int, **options: Any) -> Any:
    import torch
    from transformers import BertConfig

    torch.manual_seed(seed)
    return BertConfig(
        vocab_size=_tokenizer().get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=POSITIONS,
        **options,
    )


def _wrapped_tokenizer() -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_object=_tokenizer(), unk_token="[UNK]", pad_token="[PAD]", sep_token=".")


def _tokenizer() -> Any:
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split

    characters = sorted(set("".join(SENTENCES) + "abcdefghijklmnopqrstuvwxyz:? 0123456789"))
    special = {"[UNK]": 0, "[PAD]": 1}
    vocabulary = special | {character: number for number, character in enumerate(characters, len(special))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")
    return tokenizer
