from __future__ import annotations

import sys
import unicodedata

import numpy as np
import pytest

from curation.dedup import unicode_tables as ut
from curation.dedup.unicode_tables import tables


def cell(char: str) -> tuple[int, int, int]:
    """Return kind, value and last combining class of a character's cell."""
    info = int(tables().info[ord(char)])
    return info >> ut.KIND_SHIFT, info & ut.VALUE_MASK, info >> ut.CLASS_SHIFT & 0xFF


@pytest.mark.parametrize(
    ("char", "kind", "lower"),
    [
        ("a", ut.PLAIN, "a"),
        ("Q", ut.PLAIN, "q"),
        ("Ж", ut.PLAIN, "ж"),
        ("É", ut.PLAIN, "é"),
        ("Ａ", ut.PLAIN, "a"),
        ("\u00a0", ut.PLAIN, " "),
        ("가", ut.PLAIN, "가"),
        ("家", ut.PLAIN, "家"),
        ("\u0e34", ut.PLAIN, "\u0e34"),
        ("\u0e48", ut.MARK, "\u0e48"),
        ("\u094d", ut.MARK, "\u094d"),
        ("\u0301", ut.GENERAL, "\u0301"),
        ("\u09be", ut.GENERAL, "\u09be"),
        ("\u1161", ut.GENERAL, "\u1161"),
        ("Σ", ut.GENERAL, "σ"),
        ("İ", ut.GENERAL, "i"),
    ],
)
def test_cells(char: str, kind: int, lower: str) -> None:
    assert cell(char)[:2] == (kind, ord(lower))


@pytest.mark.parametrize("char", ["…", "½", "ﬁ", "㍿", "Ⅷ", "ﷺ", "℀"])
def test_expansions_are_folded(char: str) -> None:
    kind, place, _ = cell(char)
    runs = tables().expansions
    assert kind == ut.EXPANSION
    text = "".join(map(chr, runs[place + 1 : place + 1 + runs[place]].tolist()))
    assert text == unicodedata.normalize("NFKC", char).lower()


@pytest.mark.parametrize(("char", "last"), [("é", 230), ("ḍ", 220), ("a", 0), ("\u0e48", 107), ("क", 0)])
def test_cells_know_the_class_of_the_last_mark(char: str, last: int) -> None:
    assert cell(char)[2] == last


def test_decompositions_are_those_of_python() -> None:
    pieces, places = tables().pieces, tables().decompositions
    for code in np.flatnonzero(places).tolist():
        place = int(places[code])
        found = "".join(map(chr, pieces[place + 1 : place + 1 + pieces[place]].tolist()))
        assert found == unicodedata.normalize("NFKD", chr(code)) != chr(code)
    undone = [c for c in range(0x30000) if not places[c] and unicodedata.normalize("NFKD", chr(c)) != chr(c)]
    assert all(0xAC00 <= code < 0xD7A4 for code in undone)


def test_pairs_compose_as_in_python() -> None:
    keys, values = tables().pair_keys, tables().pair_values
    found = np.flatnonzero(keys)
    assert len(found) > 900
    for key, value in zip(keys[found].tolist(), values[found].tolist(), strict=True):
        pair = chr(key >> ut.CLASS_SHIFT) + chr(key & ut.VALUE_MASK)
        assert unicodedata.normalize("NFC", pair) == chr(value)


def test_no_character_grows_more_than_is_said() -> None:
    growth = tables().growth
    for code in range(sys.maxunicode + 1):
        if not 0xD800 <= code < 0xE000:
            char = chr(code)
            if len(unicodedata.normalize("NFKD", char)) > growth * len(char.encode()):
                pytest.fail(hex(code))


def test_tables_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        tables().info[0] = 1


def test_no_letter_mark_or_number_is_left_unscanned() -> None:
    rest = set(range(sys.maxunicode + 1)) - set(ut.SCANNED)
    assert {unicodedata.category(chr(code)) for code in rest} <= {"Cn", "Co", "Cs"}
