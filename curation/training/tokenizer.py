"""The tokenizer of the smoke model, trained on the release's own text.

SentencePiece BPE with byte fallback: no script is lost, however rare. Measured on the 48,500 distinct texts of
Django's catalogues (8,000 pieces, one thread): BPE 0.6 s, unigram 4.3-8.6 s, equally many pieces a text (13.5). Texts
are folded (`curation.text.fold`) before they come here and SentencePiece changes nothing more: its own normalisation
has no exact counterpart elsewhere, which makes exported tokenizers differ on combining marks.
"""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sentencepiece

from curation.errors import CurationError
from curation.files import atomic_path
from curation.garbage import no_collection
from curation.hashing import content_id, priority
from curation.text import fold
from curation.training.ragged import Ragged

# Three control pieces and one piece for each byte come on top of the vocabulary that was asked for.
_FIXED_PIECES = 3 + 256
# Share of the characters that get a piece of their own; the rest is spelt in bytes.
_COVERAGE = 0.9999
# SentencePiece leaves out lines above 4,192 bytes; a character has at most 4.
_MAX_LINE_CHARS = 1_000
_UNKNOWN = 0


class TokenizerError(CurationError):
    """No tokenizer can be trained on these texts."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the vocabulary.

    Attributes:
        text: the piece, with U+2581 for a space.
        score: pieces of a higher score are merged first.
        is_normal: a piece of text, neither a control piece nor a byte.
    """

    text: str
    score: float
    is_normal: bool


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """A trained tokenizer.

    Attributes:
        model: the serialised SentencePiece model.
    """

    model: bytes
    _processor: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_processor", sentencepiece.SentencePieceProcessor(model_proto=self.model))

    @property
    def size(self) -> int:
        """Number of pieces."""
        return int(self._processor.vocab_size())

    @staticmethod
    def prepare(texts: pa.Array) -> pa.Array:
        """Return texts as they are to be encoded: folded."""
        return fold(texts)

    def pieces(self) -> list[Piece]:
        """Return the vocabulary in the order of ids."""
        return [self._piece(index) for index in range(self.size)]

    def _piece(self, index: int) -> Piece:
        processor = self._processor
        special = (processor.is_unknown, processor.is_control, processor.is_byte, processor.is_unused)
        is_normal = not any(is_so(index) for is_so in special)
        return Piece(processor.id_to_piece(index), processor.get_score(index), is_normal)

    def encode(self, texts: Sequence[str], *, max_tokens: int) -> Ragged:
        """Encode folded texts, each cut to `max_tokens` pieces; one without any piece becomes the unknown piece."""
        with no_collection():
            pieces = self._processor.encode(list(texts), num_threads=1)
            return Ragged.of([sequence[:max_tokens] or [_UNKNOWN] for sequence in pieces])


def train_tokenizer(texts: Sequence[str], *, vocabulary: int, lines: int, seed: int, cache: Path) -> Tokenizer:
    """Train a tokenizer on a sample of texts, or take it from the cache.

    Args:
        texts: distinct folded texts.
        vocabulary: pieces besides the fixed ones; fewer come out where the texts do not hold as many.
        lines: number of texts in the sample, those of the lowest priority hash.
        seed: of the sample.
        cache: folder for trained models, named by everything that they depend on.

    Raises:
        TokenizerError: if the texts hold no character but blanks.
    """
    sample = [_line(text) for text in _sample(texts, lines, seed)]
    key = content_id(sentencepiece.__version__, str(vocabulary), *sample)
    path = cache / f"tokenizer-{key}.model"
    if not path.is_file():
        model = _train(sample, vocabulary)
        with atomic_path(path) as temporary:
            temporary.write_bytes(model)
    return Tokenizer(path.read_bytes())


def _sample(texts: Sequence[str], count: int, seed: int) -> list[str]:
    chosen = np.argsort(priority(texts, "tokenizer", seed), kind="stable")[:count]
    return sorted(texts[index] for index in chosen)


def _line(text: str) -> str:
    return " ".join(text[:_MAX_LINE_CHARS].replace("\0", " ").split())


def _train(sample: Iterable[str], vocabulary: int) -> bytes:
    filled = [line for line in _without_rare(sample, vocabulary // 2) if line]
    if not filled:
        raise TokenizerError("The training split holds no text", hint="look at the funnel in stats.json of the release")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(filled),
        model_writer=model,
        model_type="bpe",
        vocab_size=vocabulary + _FIXED_PIECES,
        hard_vocab_limit=False,
        byte_fallback=True,
        character_coverage=_COVERAGE,
        normalization_rule_name="identity",
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def _without_rare(sample: Iterable[str], kept: int) -> list[str]:
    """Leave only the most frequent characters, so that a part of the vocabulary is free for longer pieces.

    The trainer's own setting for this, the coverage, cannot be below 0.98; many scripts in few pieces need less.
    """
    lines = list(sample)
    counts = Counter(itertools.chain.from_iterable(lines))
    blanked = {ord(character): " " for character, _ in counts.most_common()[kept:]}
    return [" ".join(line.translate(blanked).split()) for line in lines]
