"""The trained SentencePiece model as a `tokenizer.json`, which gives the same ids for every folded text.

SentencePiece merges, of all neighbours that are a piece together, those of the highest score first; `tokenizers` merges
pairs by their rank. With every way to split a piece in two listed in the order of scores, both do the same. What
SentencePiece does to blanks is a normaliser here: spaces at the start go, runs become one, and at the end spaces and
its own sign for them go.

Folding (NFKC, lower case) is left to Python on both sides: the lower case of `tokenizers` knows no final sigma, and
its NFKC is of another version of Unicode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curation.training.tokenizer import Tokenizer

if TYPE_CHECKING:
    import tokenizers

# U+2581, which stands for a space in pieces.
_SPACE = "\u2581"


def convert(tokenizer: Tokenizer) -> tokenizers.Tokenizer:
    """Return the same tokenizer, to be used on folded texts.

    A text without pieces gets none; to give it the unknown piece, and to cut texts, is left to the caller.
    """
    from tokenizers import Regex, models, normalizers
    from tokenizers import Tokenizer as Converted

    pieces = tokenizer.pieces()
    vocabulary = {piece.text: index for index, piece in enumerate(pieces)}
    scores = {piece.text: piece.score for piece in pieces if piece.is_normal}
    model = models.BPE(vocab=vocabulary, merges=_merges(scores), unk_token=pieces[0].text, byte_fallback=True)
    converted = Converted(model)
    converted.normalizer = normalizers.Sequence(
        [
            # Not ^ and $, which mean lines to this engine.
            normalizers.Replace(Regex(r"\A +"), ""),
            normalizers.Replace(Regex(rf"[ {_SPACE}]+\z"), ""),
            normalizers.Replace(Regex(" +"), _SPACE),
            normalizers.Prepend(_SPACE),
        ]
    )
    return converted


def _merges(scores: dict[str, float]) -> list[tuple[str, str]]:
    """Return every pair of pieces that make a piece, by falling score of what they make."""
    ranked = sorted(scores, key=lambda piece: -scores[piece])
    halves = ((piece[:cut], piece[cut:]) for piece in ranked for cut in range(1, len(piece)))
    return [(left, right) for left, right in halves if left in scores and right in scores]
