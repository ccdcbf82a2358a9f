"""The backbone's own tokenizer, from the `tokenizer.json` of its checkpoint.

The vector of a text is the state of its last token, which is always an end token. Which one differs: ML-Embed appends
the tokenizer's `eos_token`, `<|im_end|>` with the Qwen3 tokenizer, and so do the F2LLM models; Qwen3-Embedding appends
`<|endoftext|>` by the post-processor of its tokenizer.json. Both are found in the folder. Note that Qwen3 pads with
`<|endoftext|>`: a mask by token id would hide the pooled token there, so that only lengths say what is real.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from tokenizers import Tokenizer as HuggingFaceTokenizer

from curation.training.ragged import Ragged
from curation.training.tokenizer import TokenizerError

TOKENIZER = "tokenizer.json"
SETTINGS = "tokenizer_config.json"

_MAX_SETTINGS_BYTES = 16 << 20
# Texts that are encoded at once; their encodings hold much more than ids.
_BATCH = 1_024


@dataclass(frozen=True, slots=True)
class DecoderTokenizer:
    """A tokenizer that ends every text with the token that is pooled.

    Attributes:
        processor: the tokenizer of the checkpoint, without truncation and padding.
        end: id of the end token.
    """

    processor: HuggingFaceTokenizer
    end: int

    @property
    def size(self) -> int:
        """Number of tokens, added ones included; the token table may have more rows, never fewer."""
        return int(self.processor.get_vocab_size(with_added_tokens=True))

    @staticmethod
    def prepare(texts: pa.Array) -> pa.Array:
        """Return the texts as they are: the tokenizer of a checkpoint normalises as it was trained to."""
        return texts

    def encode(self, texts: Sequence[str], *, max_tokens: int) -> Ragged:
        """Encode texts, each cut to `max_tokens` tokens of which the last is the end token.

        Raises:
            TokenizerError: if `max_tokens` is not positive.
        """
        if max_tokens < 1:
            raise TokenizerError(
                "A text needs one token at least", "max_tokens", f"{max_tokens}", "set it to 1 or more"
            )
        sequences: list[list[int]] = []
        for start in range(0, len(texts), _BATCH):
            batch = self.processor.encode_batch(list(texts[start : start + _BATCH]), add_special_tokens=False)
            sequences += [[*encoding.ids[: max_tokens - 1], self.end] for encoding in batch]
        return Ragged.of(sequences)


def load_tokenizer(folder: Path, *, end_token: str | None = None) -> DecoderTokenizer:
    """Load the tokenizer of a checkpoint folder.

    Args:
        folder: with tokenizer.json and, unless its post-processor appends a token, tokenizer_config.json.
        end_token: the token to end texts with; None for the one that the folder states.

    Raises:
        TokenizerError: if the files cannot be read, or name no end token that exists.
    """
    path = folder / TOKENIZER
    hint = "download the whole repository, with its tokenizer.json"
    if not path.is_file():
        raise TokenizerError("The checkpoint has no tokenizer", str(path), hint=hint)
    try:
        processor = HuggingFaceTokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more exact
        raise TokenizerError("The tokenizer of the checkpoint cannot be read", str(path), str(error), hint) from error
    processor.no_truncation()
    processor.no_padding()
    return DecoderTokenizer(processor, _end(processor, folder, end_token))


def _end(processor: HuggingFaceTokenizer, folder: Path, given: str | None) -> int:
    appended = processor.encode("", add_special_tokens=True).ids
    if len(appended) > 1:
        why = f"its post-processor adds {len(appended)} tokens to a text; one at the end can be followed"
        raise TokenizerError("The tokenizer does more than to end a text", str(folder / TOKENIZER), why)
    if given is None and appended:
        return int(appended[0])
    token = _stated(folder) if given is None else given
    found = processor.token_to_id(token)
    if found is None:
        why = f"{token!r:.80} is not in the vocabulary"
        raise TokenizerError("The end token does not exist", str(folder), why, "name another one with end_token")
    return int(found)


def _stated(folder: Path) -> str:
    """Return the `eos_token` of tokenizer_config.json: a string, or an object with its content."""
    path = folder / SETTINGS
    try:
        if path.stat().st_size > _MAX_SETTINGS_BYTES:
            raise ValueError(f"more than {_MAX_SETTINGS_BYTES:,} bytes")
        stated: Any = json.loads(path.read_text(encoding="utf-8"))["eos_token"]
        token = stated["content"] if isinstance(stated, dict) else stated
        if not isinstance(token, str):
            raise TypeError(f"eos_token is {token!r:.80}")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"
        raise TokenizerError("No end token is stated", str(path), why, "name it with end_token") from error
    return token
