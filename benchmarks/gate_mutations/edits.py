"""Small changes of a text, each drawn from the text itself, so that equal texts change alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curation.hashing import hash64, priority


def draws(text: str, purpose: str, seed: int) -> np.random.Generator:
    """Return the generator of a text's changes."""
    return np.random.default_rng(int(priority([text], purpose, seed)[0]))


def light_edit(text: str, seed: int) -> str:
    """Change the case, the punctuation, or drop or repeat one word where there are at least four."""
    generator = draws(text, "light edit", seed)
    words = text.split()
    edits = [text.swapcase(), text.lower(), text.rstrip(".!?:") + " …", f"« {text} »"]
    if len(words) >= 4:
        place = int(generator.integers(len(words)))
        edits += [" ".join(words[:place] + words[place + 1 :]), " ".join(words[: place + 1] + words[place:])]
    different = [edit for edit in edits if edit != text and edit.strip()]
    return different[int(generator.integers(len(different)))]


def change_word(text: str, words: Sequence[str], seed: int, *, drop: bool = False) -> str:
    """Put another word in the place of one; of a text without spaces, a letter of a word in the place of one.

    Args:
        text: any text that is not empty.
        words: words that can take a place, of which one at least differs.
        seed: of the draw.
        drop: whether a word may also be left out, where others remain.
    """
    generator = draws(text, "change of a word", seed)
    parts = text.split()
    spaced = len(parts) > 1
    separator, parts = (" ", parts) if spaced else ("", list(text))
    place = int(generator.integers(len(parts)))
    if drop and len(parts) > 2 and generator.integers(2):
        left = separator.join(parts[:place] + parts[place + 1 :])
        # Of a text without spaces, what is left may be what cannot be seen.
        if left.strip():
            return left
    start = int(generator.integers(len(words)))
    ring = (words[(start + step) % len(words)] for step in range(len(words)))
    others = ring if spaced else (word[int(generator.integers(len(word)))] for word in ring)
    other = next((found for found in others if found != parts[place]), parts[place] * 2)
    return separator.join([*parts[:place], other, *parts[place + 1 :]])


def as_noise(text: str, letters: Sequence[str], seed: int) -> str:
    """Put a random letter in the place of each; spaces, digits and punctuation stay."""
    generator = draws(text, "noise", seed)
    drawn = generator.integers(len(letters), size=len(text))
    return "".join(
        letters[at] if character.isalpha() else character for character, at in zip(text, drawn.tolist(), strict=True)
    )


def shuffle_words(text: str, seed: int) -> str:
    """Permute the words of a text, or the characters of one in a script without spaces."""
    words = text.split()
    separator, parts = (" ", words) if len(words) > 1 else ("", list(text) if _is_unspaced(text) else words)
    if len(set(parts)) < 2:
        return text
    order = draws(text, "order of words", seed).permutation(len(parts))
    shuffled = [parts[place] for place in order]
    while shuffled == parts:
        shuffled = [*shuffled[1:], shuffled[0]]
    return separator.join(shuffled)


def fresh(texts: Sequence[str], purpose: str, seed: int, digits: int) -> list[str]:
    """Return a new hexadecimal name for each name; equal names get equal ones."""
    high, low = hash64(texts, seed=seed), priority(texts, purpose, seed)
    return [f"{a:016x}{b:016x}"[-digits:] for a, b in zip(high.tolist(), low.tolist(), strict=True)]


def _is_unspaced(text: str) -> bool:
    """Tell whether a text is in a script that writes no spaces between words."""
    ranges = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF))
    return any(low <= ord(character) <= high for character in text for low, high in ranges)
