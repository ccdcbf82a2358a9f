"""Script evidence: how many letters of which script a text holds, by table look-up over all code points at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.text import as_arrow
from language_configs.scripts import members, ranges

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
        """Return the script of most letters of each text, shape (n,), `Zyyy` where there are none.

        Han characters count for Japanese (`Jpan`) and Korean (`Hang`) where kana or hangul stand among them, else
        as `Hani`. Of equals the first in the alphabet is taken.
        """
        systems = self._systems()
        names = np.array([NO_SCRIPT, *sorted(systems)], dtype=object)
        columns = [np.zeros(len(self.counts), np.int64), *(systems[name] for name in sorted(systems))]
        dominant: npt.NDArray[np.object_] = names[np.stack(columns, axis=1).argmax(axis=1)]
        return dominant

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
    found: list[str] = letter_counts(pc.fill_null(as_arrow(texts), "").to_pylist()).dominant().tolist()
    return found


def fits(script: str, system: str) -> bool:
    """Tell whether text whose dominant script is `system` can be a language written in `script`."""
    return system == script or system in members(script)


def letter_counts(texts: Sequence[str]) -> LetterCounts:
    """Count the letters of each script in each text, shape (n,)."""
    names, table = _script_table()
    points, owners = _code_points(texts)
    scripts = table[points]
    is_letter = scripts > 0
    scripts, owners = scripts[is_letter], owners[is_letter]
    present = np.flatnonzero(np.bincount(scripts, minlength=1))
    columns = np.searchsorted(present, scripts)
    size = (len(texts), len(present))
    counts = np.bincount(owners * len(present) + columns, minlength=size[0] * size[1]).reshape(size)
    return LetterCounts(tuple(names[script] for script in present), counts)


def han_variants(texts: Sequence[str]) -> list[str]:
    """Return for each text `Hans`, `Hant`, or nothing where its characters do not tell.

    A character of GB 2312 that is not in Big5 speaks for the simplified forms, one of Big5 that is not in GB 2312
    for the traditional ones: the two national sets were each made for one of them.
    """
    points, owners = _code_points(texts)
    weights = _han_table()[points].astype(np.float64)
    balance = np.bincount(owners, weights=weights, minlength=len(texts))
    return [("Hans", "", "Hant")[int(sign) + 1] for sign in np.sign(balance)]


def _code_points(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint32], Ints]:
    """Return all code points one after the other, and for each the index of its text; shapes (c,)."""
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    return points, np.repeat(np.arange(len(texts)), lengths)


@cache
def _script_table() -> tuple[tuple[str, ...], npt.NDArray[np.uint8]]:
    """Return script names and, for every code point, the index of its script; 0 is none in particular."""
    table = np.zeros(0x110000, dtype=np.uint8)
    names = (NO_SCRIPT, *ranges())
    for index, spans in enumerate(ranges().values(), start=1):
        for first, last in spans:
            table[first : last + 1] = index
    table.setflags(write=False)
    return names, table


@cache
def _han_table() -> npt.NDArray[np.int8]:
    """Return for every code point -1 where it is simplified only, 1 where it is traditional only, else 0."""
    table = np.zeros(0x110000, dtype=np.int8)
    unified = "".join(map(chr, range(0x4E00, 0xA000)))
    simplified, traditional = (set(unified.encode(name, "ignore").decode(name)) for name in ("gb2312", "big5"))
    table[[ord(character) for character in simplified - traditional]] = -1
    table[[ord(character) for character in traditional - simplified]] = 1
    table.setflags(write=False)
    return table
