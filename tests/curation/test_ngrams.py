from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.ngrams import Codepoints, codepoints, mix, offsets_of, ragged, span_hashes, window_hashes

SENTENCES = [
    "All human beings are born free and equal.",
    "Все люди рождаются свободными и равными.",
    "يولد جميع الناس أحرارًا متساوين.",
    "सभी मनुष्य जन्म से स्वतंत्र हैं।",
    "มนุษย์ทั้งหลายเกิดมามีอิสระ",
    "လူတိုင်းသည် တူညီလွတ်လပ်သော",
    "人人生而自由,在尊严和权利上一律平等。",
    "すべての人間は、生まれながらにして自由である。",
    "모든 인간은 태어날 때부터 자유롭다.",
    "ყველა ადამიანი იბადება თავისუფალი.",
    "Բոլոր մարդիկ ծնվում են ազատ։",
    "የሰው ልጅ ሁሉ ሲወለድ ነጻ ነው።",
    "כל בני האדם נולדו בני חורין.",
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι.",
    "𞤋𞤥𞤢𞥄𞤲 𝔸𝔹ℂ 👩‍🔬",
]
TEXTS = [*SENTENCES, "", "a", "ab", "\0", "\0\0", "abcd", "abcde", ""]

texts_lists = st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30), max_size=12)


def reference_hash(text: str) -> int:
    total = sum((ord(char) + 1) * pow(0x9E6C63D0676A9A9D, k, 2**64) for k, char in enumerate(text)) % 2**64
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        total = (total ^ (total >> 33)) * factor % 2**64
    return total ^ (total >> 33)


def reference_windows(text: str, size: int) -> list[int]:
    windows = [text[i : i + size] for i in range(max(len(text) - size + 1, 1))] if text else []
    return [reference_hash(window) for window in windows]


def runs(values: np.ndarray, offsets: np.ndarray) -> list[list[int]]:
    return [values[begin:end].tolist() for begin, end in pairwise(offsets)]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("part", [slice(0, None), slice(3, 9), slice(15, 19), slice(0, 0)])
def test_codepoints_are_those_of_each_text(kind: pa.DataType, part: slice) -> None:
    column = pa.array(TEXTS, type=kind)[part]
    points = codepoints(column)
    assert points.codes.dtype == np.uint32
    assert runs(points.codes, points.offsets) == [[ord(char) for char in text] for text in TEXTS[part]]
    assert points.lengths.tolist() == [len(text) for text in TEXTS[part]]
    assert len(points) == len(TEXTS[part])


def test_codepoints_refuse_null() -> None:
    with pytest.raises(ValueError, match="1 of 2 texts are null"):
        codepoints(pa.array(["a", None]))


def test_codepoints_refuse_bytes_that_are_not_utf8() -> None:
    broken = pa.Array.from_buffers(pa.large_binary(), 1, pa.array([b"ab\xff"], pa.large_binary()).buffers())
    with pytest.raises((UnicodeDecodeError, pa.ArrowInvalid)):
        codepoints(broken.view(pa.large_string()))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 24, 100])
def test_windows_are_hashed_as_the_formula_says(size: int) -> None:
    hashes, offsets = window_hashes(codepoints(pa.array(TEXTS)), size)
    assert runs(hashes, offsets) == [reference_windows(text, size) for text in TEXTS]


@settings(deadline=None)
@given(texts_lists, st.integers(1, 7))
def test_windows_of_any_texts(texts: list[str], size: int) -> None:
    hashes, offsets = window_hashes(codepoints(pa.array(texts, type=pa.string())), size)
    assert runs(hashes, offsets) == [reference_windows(text, size) for text in texts]


@pytest.mark.parametrize("size", [0, -1])
def test_a_window_has_at_least_one_code_point(size: int) -> None:
    with pytest.raises(ValueError, match=f"not {size}"):
        window_hashes(codepoints(pa.array(["a"])), size)


@pytest.mark.parametrize("size", [1, 5, 9])
def test_windows_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    points = codepoints(pa.array(TEXTS * 3))
    whole = window_hashes(points, size)[0]
    spans = span_hashes(points, points.offsets[:-1], points.offsets[1:])
    monkeypatch.setattr("curation.ngrams._BLOCK", 16)
    np.testing.assert_array_equal(window_hashes(points, size)[0], whole)
    np.testing.assert_array_equal(span_hashes(points, points.offsets[:-1], points.offsets[1:]), spans)


def test_windows_and_spans_agree_across_real_blocks() -> None:
    points = codepoints(pa.array(["".join(SENTENCES) * 300, "", "x" * 70_000]))
    assert points.offsets[-1] > 2 * 65_536
    hashes, offsets = window_hashes(points, 5)
    starts = np.concatenate(
        [np.arange(points.offsets[0], points.offsets[1] - 4), np.arange(*points.offsets[2:] - [0, 4])]
    )
    np.testing.assert_array_equal(span_hashes(points, starts, starts + 5), hashes)
    assert offsets[-1] == len(hashes) == len(starts)


@settings(deadline=None)
@given(texts_lists, st.data())
def test_spans_are_hashed_as_the_formula_says(texts: list[str], data: st.DataObject) -> None:
    joined = "".join(texts)
    points = codepoints(pa.array(texts, type=pa.string()))
    ends = data.draw(st.lists(st.tuples(*[st.integers(0, len(joined))] * 2).map(sorted), max_size=8))
    bounds = np.array(ends, dtype=np.int64).reshape(-1, 2)
    expected = [reference_hash(joined[begin:end]) for begin, end in ends]
    assert span_hashes(points, bounds[:, 0], bounds[:, 1]).tolist() == expected


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (2, 1), (0, 4)])
def test_spans_must_lie_inside(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="within the 3 code points"):
        span_hashes(codepoints(pa.array(["abc"])), np.array([start]), np.array([end]))


def test_every_bit_of_a_hash_is_even() -> None:
    points = Codepoints(np.arange(20_000, dtype=np.uint32), np.array([0, 20_000]))
    hashes, _ = window_hashes(points, 5)
    shares = [float(np.mean((hashes >> np.uint64(bit)) & np.uint64(1))) for bit in range(64)]
    # Five standard deviations of the mean of 20,000 fair coins.
    assert max(abs(share - 0.5) for share in shares) < 5 * 0.5 / 20_000**0.5


def test_mix_is_a_bijection_on_a_sample_and_keeps_its_input() -> None:
    values = np.arange(100_000, dtype=np.uint64)
    assert len(np.unique(mix(values))) == len(values)
    np.testing.assert_array_equal(values, np.arange(100_000))


def test_offsets_of() -> None:
    assert offsets_of(np.array([2, 0, 3])).tolist() == [0, 2, 2, 5]
    assert offsets_of(np.array([], dtype=np.int64)).tolist() == [0]


def test_ragged_lists_the_positions_of_runs() -> None:
    assert ragged(np.array([7, 0, 4]), np.array([2, 3, 0])).tolist() == [7, 8, 0, 1, 2]
    assert ragged(np.array([], dtype=np.int64), np.array([], dtype=np.int64)).tolist() == []
