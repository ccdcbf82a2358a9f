"""Script evidence: how many letters of which script a text holds, by table look-up over all code points at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.characters import COMMON, UNICODE_SIZE, code_points, row_sums, script_numbers, script_table
from curation.text import as_arrow
from language_configs.scripts import members

NO_SCRIPT = "Zyyy"

# One kana (hangul) to this many Han characters makes a text Japanese (Korean): names and headlines are nearly all
# kanji, but a lone borrowed の in a Chinese sentence is not Japanese.
_HAN_PER_LETTER = 12

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LetterCounts:
    """Letters by script of n texts.

    A letter is any character of a script: vowel signs and the script's own digits and stops count, what several
    scripts share (blanks, punctuation, Western digits, emoji) does not.

    Attributes:
        scripts: Unicode scripts that occur, sorted, shape (s,).
        counts: letters of each text in each of them, shape (n, s).
    """

    scripts: tuple[str, ...]
    counts: Ints

    def total(self) -> Ints:
        """Return the letters of each text, shape (n,)."""
        total: Ints = self.counts.sum(axis=1)
        return total

    def of(self, scripts: Iterable[str]) -> Ints:
        """Return the letters of each text in any of `scripts`, shape (n,)."""
        wanted = set(scripts)
        count: Ints = self.counts[:, [name in wanted for name in self.scripts]].sum(axis=1)
        return count

    def dominant(self) -> npt.NDArray[np.object_]:
        """Return the script of most letters of each text, shape (n,), `Zyyy` where there are none; see `systems`."""
        names, numbers = self.systems()
        dominant: npt.NDArray[np.object_] = np.array(names, dtype=object)[numbers]
        return dominant

    def systems(self) -> tuple[tuple[str, ...], Ints]:
        """Return scripts, and the number of that of most letters of each text, shape (n,); `Zyyy` is number 0.

        Han characters count for Japanese (`Jpan`) and Korean (`Hang`) where kana or hangul stand among them, else
        as `Hani`. Of equals the first in the alphabet is taken.
        """
        by_name = self._systems()
        names = sorted(by_name)
        numbers, most = np.zeros((2, len(self.counts)), dtype=np.int64)
        for number, name in enumerate(names, start=1):
            more = by_name[name] > most
            numbers[more] = number
            np.maximum(most, by_name[name], out=most)
        return (NO_SCRIPT, *names), numbers

    def _systems(self) -> dict[str, Ints]:
        han, kana, hangul = self.of({"Hani", "Bopo"}), self.of({"Hira", "Kana"}), self.of({"Hang"})
        is_japanese = (kana > 0) & (kana * _HAN_PER_LETTER >= han) & (kana >= hangul)
        is_korean = (hangul > 0) & (hangul * _HAN_PER_LETTER >= han) & ~is_japanese
        folded = {
            "Hani": np.where(is_japanese | is_korean, 0, han),
            "Jpan": np.where(is_japanese, kana + han, kana),
            "Hang": np.where(is_korean, hangul + han, hangul),
        }
        apart = {"Hani", "Bopo", "Hira", "Kana", "Hang"}
        return folded | {name: self.of({name}) for name in self.scripts if name not in apart}


def script_of(texts: Sequence[str] | pa.Array | pa.ChunkedArray) -> list[str]:
    """Return the dominant script of each text (ISO 15924), `Zyyy` where there are no letters.

    Japanese is `Jpan`, Korean `Hang`, and Han characters alone `Hani`.

    Args:
        texts: strings, shape (n,); null counts as empty.
    """
    found: list[str] = letter_counts(pc.fill_null(as_arrow(texts), "")).dominant().tolist()
    return found


def fits(script: str, system: str) -> bool:
    """Tell whether text whose dominant script is `system` can be a language written in `script`."""
    return system == script or system in members(script)


def letter_counts(texts: pa.Array) -> LetterCounts:
    """Count the letters of each script in each text, shape (n,), without nulls."""
    points, starts = code_points(texts)
    scripts = script_table()[points]
    present = np.flatnonzero(np.bincount(scripts, minlength=1))
    present = present[present > COMMON]
    if len(present) == 1:
        counts = row_sums(scripts == present[0], starts)[:, None]
    else:
        counts = _counts_by_script(scripts, starts, present)
    names = tuple(script_numbers())
    return LetterCounts(tuple(names[number - 1] for number in present), counts)


def _counts_by_script(scripts: npt.NDArray[np.uint8], starts: Ints, present: Ints) -> Ints:
    """Count each of the scripts `present` in each row, shape (n, s)."""
    rows, size = len(starts) - 1, len(present)
    column = np.zeros(256, dtype=np.int32)
    column[present] = np.arange(1, size + 1)
    # One key for row and script, column 0 for what is no letter, so that one count does for all.
    keys = np.repeat(np.arange(0, rows * (size + 1), size + 1, dtype=np.int32), np.diff(starts))
    keys += column[scripts]
    counts: Ints = np.bincount(keys, minlength=rows * (size + 1)).reshape(rows, size + 1)[:, 1:]
    return counts


def han_variants(texts: pa.Array) -> list[str]:
    """Return for each text `Hans`, `Hant`, or nothing where its characters do not tell.

    A character of GB 2312 that is not in Big5 speaks for the simplified forms, one of Big5 that is not in GB 2312
    for the traditional ones: the two national sets were each made for one of them.
    """
    points, starts = code_points(texts)
    weights = _han_table()[points]
    balance = row_sums(weights > 0, starts) - row_sums(weights < 0, starts)
    return [("Hans", "", "Hant")[int(sign) + 1] for sign in np.sign(balance)]


@cache
def _han_table() -> npt.NDArray[np.int8]:
    """Return for every code point -1 where it is simplified only, 1 where it is traditional only, else 0."""
    table = np.zeros(UNICODE_SIZE, dtype=np.int8)
    unified = "".join(map(chr, range(0x4E00, 0xA000)))
    simplified, traditional = (set(unified.encode(name, "ignore").decode(name)) for name in ("gb2312", "big5"))
    table[[ord(character) for character in simplified - traditional]] = -1
    table[[ord(character) for character in traditional - simplified]] = 1
    table.setflags(write=False)
    return table
