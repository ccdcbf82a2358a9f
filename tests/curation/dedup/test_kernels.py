from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentences import SENTENCES, grams, similarity

from curation.dedup import kernels
from curation.dedup.bands import SKETCH_SIZE, Bands
from curation.dedup.columns import InvalidTextError, text_column
from curation.dedup.kernels import CompiledKernels, Kernels, NumpyKernels, in_threads, jaccard, sketch
from curation.errors import ConfigError
from curation.ngrams import codepoints, span_hashes
from curation.text import fold

BANDS = Bands(16, 4)
COMPILED = CompiledKernels()
BOTH: list[Kernels] = [COMPILED, NumpyKernels()]
# What folds in unusual ways: contextual and special lower case, composition, order of marks, expansions, Hangul.
DELICATE = [
    "ΟΔΥΣΣΕΥΣ ΣΤΟ ΠΛΟΙΟ",
    "ΑΣ. ΑΣ' ΑΣΑ Σ ΑΣ\u0301",
    "İSTANBUL Iı İ\u0323",
    "e\u0301\u0323 \u1ebf\u0323 o\u0308\u0304",
    "a\u0315\u0300\u05ae\u0062 \u0344",
    "নে\u09be কো \u09c7\u09be",
    "மொழி ொ \u0bc6\u0bbe",
    "မြန်မာ \u1037\u103a \u103a\u1037",
    "\u1100\u1161\u11a8 가\u11a8 한국어",
    "ｶﾞﾗｽ ﷺ ½ … ﬁ ㍿ Ⅷ",
    "क\u093c ज\u093c \u0958",
    "שׁ \u05e9\u05c1 أ \u0627\u0654 ﻻ",
    "\u212b \u2126 \u1e9b\u0323",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🏳\ufe0f\u200d🌈 𐐀",
    "\0 \uffff \U0010ffff \ue000",
    "\u0301" * 70 + "\u0323" * 70 + "\u0301",
]
ANY_TEXT = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from("aAΣσİ.' \u0301\u0323\u0345\u09c7\u09be가\u1100\u1161\u11a8"),
        st.sampled_from([chr(c) for c in range(0x300, 0x3200) if unicodedata.combining(chr(c))]),
        st.sampled_from([chr(c) for c in range(0x80, 0x3400) if unicodedata.decomposition(chr(c))]),
    ),
    max_size=24,
)


def column(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def all_pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    left, right = np.triu_indices(count)
    return left.astype(np.int64), right.astype(np.int64)


def assert_same(sides: list[pa.Array]) -> None:
    compiled, portable = (used.sketch(sides, BANDS) for used in BOTH)
    for name in ("fingerprints", "values", "keys"):
        np.testing.assert_array_equal(getattr(compiled, name), getattr(portable, name), err_msg=name)
    for side in sides:
        assert COMPILED.fold(side).equals(fold(side))
        assert COMPILED.fold(side[1:]).equals(fold(side[1:]))
        np.testing.assert_array_equal(COMPILED.hash_folded(side), NumpyKernels.hash_folded(side))


@pytest.mark.slow
def test_every_character_folds_as_python_folds_it() -> None:
    texts = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    compiled, portable = (used.sketch([column(texts)], BANDS).fingerprints for used in BOTH)
    assert COMPILED.fold(column(texts)).equals(fold(column(texts)))
    assert [hex(ord(texts[i])) for i in np.flatnonzero(compiled != portable)] == []


@pytest.mark.parametrize("text", [*DELICATE, *SENTENCES.values()])
@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKD"])
def test_compiled_and_numpy_kernels_agree_on(text: str, form: str) -> None:
    changed = unicodedata.normalize(form, text)
    assert_same([column([changed, changed.upper(), changed[::-1], changed * 9, changed + text])])


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.lists(ANY_TEXT, max_size=12))
def test_compiled_and_numpy_kernels_agree_on_any_texts(texts: list[str]) -> None:
    assert_same([column(texts)])
    left, right = all_pairs(len(texts))
    expected = [
        similarity(*(grams(fold(column([texts[k]]))[0].as_py()) for k in pair))
        for pair in zip(left, right, strict=True)
    ]
    for used in BOTH:
        assert used.jaccard([column(texts)], left, right).tolist() == expected


def test_long_texts_and_many_short_ones_are_cut_into_blocks_alike() -> None:
    generator = np.random.default_rng(3)
    words = [*SENTENCES.values(), *DELICATE, "", "x"]
    texts = ["".join(generator.choice(words, int(size))) for size in generator.integers(0, 40, 400)]
    texts += ["".join(generator.choice(words, 3000)), *[""] * 20_000, *["ab"] * 20_000]
    assert_same([column(texts)])
    assert_same([column(texts), column(texts[::-1])])


def test_the_sides_of_a_pair_are_kept_apart() -> None:
    for used in BOTH:
        pairs = used.sketch([column(["hello world", "good night"]), column(["good night", "hello world"])], BANDS)
        assert used.agreement(pairs.values, np.array([0]), np.array([1]))[0] < 8
        assert pairs.fingerprints[0] != pairs.fingerprints[1]


@pytest.mark.parametrize("used", BOTH)
def test_equal_sets_have_equal_sketches_and_other_fingerprints(used: Kernels) -> None:
    pair = used.sketch([column(["aaaaaaa", "aaaaaaaaa"])], BANDS)
    assert (pair.values[0] == pair.values[1]).all()
    assert (pair.keys[:, 0] == pair.keys[:, 1]).all()
    assert pair.fingerprints[0] != pair.fingerprints[1]


@pytest.mark.parametrize("used", BOTH)
def test_jaccard_of_pairs_is_that_of_the_less_similar_side(used: Kernels) -> None:
    texts = [*SENTENCES.values(), *(text[:-4] for text in SENTENCES.values())]
    sides = [column(texts), column(texts[::-1])]
    left, right = all_pairs(len(texts))
    each = [used.jaccard([side], left, right) for side in sides]
    np.testing.assert_array_equal(used.jaccard(sides, left, right), np.minimum(*each))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_and_slices_change_nothing(threads: int) -> None:
    texts = column([f"{text} {number}" for number in range(900) for text in SENTENCES.values()])
    whole = NumpyKernels.sketch([texts], BANDS)
    part = sketch([texts[5:]], BANDS, threads=threads)
    np.testing.assert_array_equal(part.values, whole.values[5:])
    np.testing.assert_array_equal(part.keys, whole.keys[:, 5:])
    left = np.arange(len(texts) - 13)
    similar = jaccard([texts], left, left + 13, threads=threads)
    np.testing.assert_array_equal(similar, NumpyKernels.jaccard([texts], left, left + 13))


@pytest.mark.parametrize("used", BOTH)
def test_folded_texts_have_the_hashes_of_their_spans(used: Kernels) -> None:
    texts = column([*SENTENCES.values(), *DELICATE, "", "x", "a text of many characters " * 4000])
    points = codepoints(fold(texts))
    expected = span_hashes(points, points.offsets[:-1], points.offsets[1:])
    np.testing.assert_array_equal(used.hash_folded(texts), expected)
    assert len(set(expected.tolist())) == len(set(fold(texts).to_pylist()))


def test_buckets_are_compared_alike() -> None:
    generator = np.random.default_rng(1)
    values = generator.integers(0, 3, (300, SKETCH_SIZE), dtype=np.uint8)
    entries = np.sort(
        generator.integers(0, 60, 300, dtype=np.uint64) << np.uint64(32) | np.arange(300, dtype=np.uint64)
    )
    for least, small in ((0, 16), (22, 16), (22, 3)):
        found = [set(used.pairs_in_buckets(entries, values, least, small).tolist()) for used in BOTH]
        assert found[0] == found[1]
        assert found[0]


def test_agreement_counts_equal_bytes() -> None:
    generator = np.random.default_rng(2)
    values = generator.integers(0, 2, (200, SKETCH_SIZE), dtype=np.uint8) * generator.integers(1, 256, dtype=np.uint8)
    left, right = all_pairs(200)
    expected = (values[left] == values[right]).sum(axis=1)
    for used in BOTH:
        np.testing.assert_array_equal(used.agreement(values, left, right), expected)


def test_estimates_are_as_good_as_those_of_datasketch() -> None:
    datasketch = pytest.importorskip("datasketch")
    generator = np.random.default_rng(7)
    bases = generator.integers(0x4E00, 0x9FFF, (250, 600))
    copies = bases.copy()
    for cut in range(250):
        copies[cut, : 2 * cut] = generator.integers(0x3041, 0x3096, 2 * cut)
    texts = ["".join(map(chr, codes)) for codes in np.concatenate([bases, copies])]
    left, right = np.arange(250), np.arange(250, 500)
    ours = COMPILED.agreement(sketch([column(texts)], BANDS).values, left, right) / SKETCH_SIZE
    exact = jaccard([column(texts)], left, right)
    minhashes = list(
        datasketch.MinHash.generator(([g.encode() for g in grams(text)] for text in texts), num_perm=SKETCH_SIZE)
    )
    theirs = np.array([minhashes[i].jaccard(minhashes[j]) for i, j in zip(left, right, strict=True)])
    sigma = np.sqrt(np.maximum(exact * (1 - exact), 1 / SKETCH_SIZE) / SKETCH_SIZE)
    # One in 370 is further than three standard deviations from the truth; so is the difference of two, in its own.
    for error in ((ours - exact) / sigma, (ours - theirs) / (np.sqrt(2) * sigma)):
        assert (np.abs(error) > 3).mean() < 0.02
        assert abs(error.mean()) < 0.25
        assert 0.7 < error.std() < 1.2
    assert ours[0] == exact[0] == 1.0


INVALID = [b"\x80", b"abc\xff", b"\xc3", b"\xe2\x82", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80"]
INVALID += [b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80"]
INVALID += [b"a\xc3(", b"\xe2\x28\xa1", b"\xf0\x9f\x98", b"\xc3\xa9\xa9", b"x" * 40_000 + b"\xfe", b"\x80" * 20_000]


@pytest.mark.parametrize("bad", INVALID)
@pytest.mark.parametrize("used", BOTH)
@pytest.mark.parametrize("before", [0, 3, 5000])
def test_invalid_utf8_is_named(bad: bytes, used: Kernels, before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "kernels", lambda: used)
    texts = pa.array([*[b"fine \xc3\xa9"] * before, bad, b"\xa9 also bad"], pa.large_binary())
    with pytest.raises(InvalidTextError, match=f"text {before} is not valid UTF-8"):
        sketch([texts.view(pa.large_string())], BANDS)
    for refused in (kernels.fold_texts, kernels.hash_folded):
        with pytest.raises(InvalidTextError, match=f"text {before} is not valid UTF-8"):
            refused(texts.view(pa.large_string()))


@pytest.mark.parametrize("used", BOTH)
def test_comparing_invalid_utf8_is_refused(used: Kernels) -> None:
    texts = pa.array([b"fine", b"\xc3", b"fine!"], pa.large_binary()).view(pa.large_string())
    with pytest.raises(InvalidTextError, match="text 1 is not valid UTF-8"):
        used.jaccard([texts], np.array([0]), np.array([1]))


def test_a_character_across_two_texts_is_invalid() -> None:
    offsets, data = np.array([0, 2, 4], dtype=np.int64), "aé!".encode()
    broken = pa.LargeStringArray.from_buffers(2, pa.py_buffer(offsets.tobytes()), pa.py_buffer(data))
    for used in BOTH:
        with pytest.raises(InvalidTextError, match="text 0"):
            used.sketch([broken], BANDS)


@pytest.mark.parametrize(
    ("wanted", "kind"), [("numpy", NumpyKernels), ("numba", CompiledKernels), ("auto", CompiledKernels)]
)
def test_the_environment_chooses(wanted: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATION_DEDUP_KERNELS", wanted)
    assert isinstance(kernels.kernels(), kind)


def test_unknown_kernels_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATION_DEDUP_KERNELS", "cuda")
    with pytest.raises(ConfigError, match="no kernels called 'cuda'"):
        kernels.kernels()


def test_what_is_compiled_is_kept_where_it_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bases = [tmp_path / "file", tmp_path / "folder"]
    assert kernels._cache_folder(bases, "abc") == tmp_path / "folder" / "kernels-abc"
    own = kernels._cache_folder(bases[:1], "abc")
    assert own.is_dir()
    assert own.stat().st_mode & 0o077 == 0
    own.rmdir()


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
from curation.dedup import find_near_duplicates, kernels
assert isinstance(kernels.kernels(), kernels.NumpyKernels)
assert find_near_duplicates(["same", "other", "same"]).tolist() == [0, 1, 0]
"""


def test_it_works_without_numba() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_NUMBA], check=True)


def test_in_threads_keeps_the_order() -> None:
    assert in_threads(lambda begin, end: (begin, end), 7, 3, threads=2) == [(0, 3), (3, 6), (6, 7)]
    assert in_threads(lambda begin, end: (begin, end), 0, 3, threads=2) == []


def test_text_columns_are_not_copied() -> None:
    texts = column(["one", "two"])
    assert text_column(texts).buffers()[2].address == texts.buffers()[2].address
