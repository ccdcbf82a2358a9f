"""Sketches and exact similarities of many texts, by whichever kernels there are: compiled, or numpy's.

Both give the same results. The compiled ones are taken where numba is installed; `CURATION_DEDUP_KERNELS=numpy` (or
`numba`) in the environment decides otherwise.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import pyarrow as pa

from curation.dedup import portable
from curation.dedup.bands import SKETCH_SIZE, Bands
from curation.dedup.columns import InvalidTextError
from curation.dedup.sketches import Float64s, Sketches, UInt8s
from curation.kernels import compiled_or_none
from curation.ngrams import Int64s, UInt64s

_VARIABLE = "CURATION_DEDUP_KERNELS"
# Documents whose minima (256 bytes each) are in memory together, a thread.
_SKETCH_BATCH = 2048
_CHECK_BATCH = 1024

T = TypeVar("T")


class Kernels(Protocol):
    """What a set of kernels does; see the functions of `curation.dedup.portable`."""

    def sketch(self, sides: Sequence[pa.Array], bands: Bands) -> Sketches:
        """Sketch documents of one or two sides, each Arrow `large_string` (n,)."""

    def fold(self, column: pa.Array) -> pa.Array:
        """Fold texts, Arrow `large_string` (n,)."""

    def hash_folded(self, column: pa.Array) -> UInt64s:
        """Hash folded texts, uint64 (n,)."""

    def jaccard(self, sides: Sequence[pa.Array], left: Int64s, right: Int64s) -> Float64s:
        """Compare pairs exactly, float64 (m,)."""

    def agreement(self, values: UInt8s, left: Int64s, right: Int64s) -> UInt8s:
        """Count agreeing sketch values, uint8 (m,)."""

    def pairs_in_buckets(self, entries: UInt64s, values: UInt8s, least: int, small: int) -> UInt64s:
        """Compare the sketches of each bucket's documents, uint64 (pairs,)."""


class NumpyKernels:
    """The kernels of `curation.dedup.portable`."""

    sketch = staticmethod(portable.sketch)
    fold = staticmethod(portable.fold_texts)
    hash_folded = staticmethod(portable.hash_folded)
    jaccard = staticmethod(portable.jaccard)
    agreement = staticmethod(portable.agreement)
    pairs_in_buckets = staticmethod(portable.pairs_in_buckets)


class CompiledKernels:
    """The kernels of `curation.dedup.compiled`."""

    def __init__(self) -> None:
        with own_cache():
            from curation.dedup import compiled
        from curation.dedup.unicode_tables import tables

        folding = tables()
        self._compiled = compiled
        self._growth = folding.growth
        self._tables = (
            folding.info,
            folding.properties,
            folding.decompositions,
            folding.expansions,
            folding.pieces,
            folding.pair_keys,
            folding.pair_values,
        )

    def sketch(self, sides: Sequence[pa.Array], bands: Bands) -> Sketches:
        """Sketch documents; see `curation.dedup.portable.sketch`."""
        count = len(sides[0])
        minima = np.full((count, SKETCH_SIZE), 2**32 - 1, dtype=np.uint32)
        result = Sketches.blank(count, bands.count)
        for number, side in enumerate(sides):
            text, offsets = text_buffers(side)
            tables = (self._tables, self._growth)
            bad = self._compiled.lower_minima(text, offsets, number > 0, *tables, minima, result.fingerprints)
            _refuse_bad(bad)
        self._compiled.finish_sketches(minima, bands.count, bands.rows, result.values, result.keys)
        return result

    def fold(self, column: pa.Array) -> pa.Array:
        """Fold texts; see `fold_texts`."""
        text, offsets = text_buffers(column)
        ends = np.empty(len(offsets), dtype=np.int64)
        folded, bad = self._compiled.fold_to_utf8(text, offsets, self._tables, self._growth, ends)
        _refuse_bad(bad)
        return pa.LargeStringArray.from_buffers(len(column), pa.py_buffer(ends), pa.py_buffer(folded))

    def hash_folded(self, column: pa.Array) -> UInt64s:
        """Hash folded texts; see `hash_folded`."""
        text, offsets = text_buffers(column)
        hashes = np.empty(len(column), dtype=np.uint64)
        _refuse_bad(self._compiled.hash_texts(text, offsets, self._tables, self._growth, hashes))
        return hashes

    def jaccard(self, sides: Sequence[pa.Array], left: Int64s, right: Int64s) -> Float64s:
        """Compare pairs exactly; see `jaccard`."""
        similarity = np.ones(len(left), dtype=np.float64)
        for side in sides:
            text, offsets = text_buffers(side)
            tables = (self._tables, self._growth)
            _refuse_bad(self._compiled.lower_similarities(text, offsets, *tables, left, right, similarity))
        return similarity

    def agreement(self, values: UInt8s, left: Int64s, right: Int64s) -> UInt8s:
        """Count agreeing sketch values; see `curation.dedup.portable.agreement`."""
        agreeing = np.empty(len(left), dtype=np.uint8)
        self._compiled.agreement(values.view(np.uint64), left, right, agreeing)
        return agreeing

    def pairs_in_buckets(self, entries: UInt64s, values: UInt8s, least: int, small: int) -> UInt64s:
        """Compare the sketches of each bucket's documents; see `curation.dedup.portable.pairs_in_buckets`."""
        pairs: UInt64s = self._compiled.pairs_in_buckets(entries, values.view(np.uint64), least, small)
        return pairs


def kernels() -> Kernels:
    """Return the kernels to use.

    Raises:
        ConfigError: if the environment asks for kernels that there are not.
    """
    return compiled_or_none(_VARIABLE, "numpy", _compiled) or NumpyKernels()


@functools.cache
def _compiled() -> Kernels | None:
    with contextlib.suppress(ImportError):
        return CompiledKernels()
    return None


@contextlib.contextmanager
def own_cache() -> Iterator[None]:
    """Let numba keep what is compiled meanwhile in a folder named by a digest of the source.

    By itself numba notices only that the file of the function that is called has changed, and goes on using what was
    compiled from another one before.
    """
    import numba

    here = Path(__file__).parent
    sources = [*sorted(here.glob("*.py")), here.parent / "ngrams.py"]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(_cache_folder([Path(before or here / "__pycache__"), *_user_caches()], digest))
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


def _user_caches() -> Iterator[Path]:
    # A user without a home has no cache either.
    with contextlib.suppress(RuntimeError):
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "ml-embed-curation"


def _cache_folder(bases: Sequence[Path], digest: str) -> Path:
    """Return the first folder that can be written, or else one of this process's own."""
    for base in bases:
        folder = base / f"kernels-{digest}"
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    return Path(tempfile.mkdtemp(prefix="kernels-"))


def sketch(sides: Sequence[pa.Array], bands: Bands, *, threads: int = 1) -> Sketches:
    """Sketch documents of one or two sides; see `curation.dedup.portable.sketch`.

    Args:
        sides: Arrow strings, each of shape (n,).
        bands: the cut of the sketch.
        threads: cores to use; the result does not depend on it.

    Raises:
        InvalidTextError: if a text is not UTF-8.
    """
    used = kernels()
    sides = [side.cast(pa.large_string()) for side in sides]
    count = len(sides[0])
    result = Sketches.blank(count, bands.count)

    def fill(begin: int, end: int) -> None:
        try:
            part = used.sketch([side[begin:end] for side in sides], bands)
        except InvalidTextError as error:
            raise InvalidTextError(begin + error.row) from None
        result.values[begin:end] = part.values
        result.keys[:, begin:end] = part.keys
        result.fingerprints[begin:end] = part.fingerprints

    in_threads(fill, count, _SKETCH_BATCH, threads)
    return result


def fold_texts(column: pa.Array) -> pa.Array:
    """Return texts as they are compared (`curation.text.fold`): Arrow `large_string`, shape (n,).

    Args:
        column: Arrow `large_string` without nulls, shape (n,).

    Raises:
        InvalidTextError: if a text is not UTF-8.
    """
    return kernels().fold(column)


def hash_folded(column: pa.Array) -> UInt64s:
    """Return the hash of each folded text, uint64 (n,): `curation.ngrams.span_hashes` of the whole of it.

    Texts that are equal after folding have equal hashes, and others by chance with odds of 2^-64 a pair; but see
    `curation.ngrams` for what whoever writes the texts can do.

    Args:
        column: Arrow `string` or `large_string` without nulls, shape (n,).

    Raises:
        InvalidTextError: if a text is not UTF-8.
    """
    return kernels().hash_folded(column.cast(pa.large_string()))


def jaccard(sides: Sequence[pa.Array], left: Int64s, right: Int64s, *, threads: int = 1) -> Float64s:
    """Return the exact Jaccard similarity of pairs of documents; of two sides, the less similar one counts.

    The sets are those of the character 5-grams of the folded texts (`curation.text.fold`), a shorter text being one
    n-gram; they are compared by hashes of at least 44 bits. Two empty sides are equal.

    Args:
        sides: one or two Arrow arrays of strings, each of shape (n,).
        left: int64 (m,), one document of each pair. Pairs in the order of `left` are the fastest.
        right: int64 (m,), the other.
        threads: cores to use.

    Returns:
        float64 (m,), the number nearest to |A and B| / |A or B|.

    Raises:
        InvalidTextError: if a text is not UTF-8.
    """
    used = kernels()
    sides = [side.cast(pa.large_string()) for side in sides]
    parts = in_threads(
        lambda begin, end: used.jaccard(sides, left[begin:end], right[begin:end]), len(left), _CHECK_BATCH, threads
    )
    return np.concatenate(parts) if parts else np.empty(0)


def warm_up() -> None:
    """Load the kernels, or compile them where that was never done: what is forked from this process has them then."""
    texts = [pa.array(["warm", "up", "warm"], pa.large_string())]
    sketches = sketch(texts, Bands(16, 4))
    used = kernels()
    used.fold(texts[0])
    used.hash_folded(texts[0])
    used.agreement(sketches.values, np.array([0]), np.array([1]))
    used.pairs_in_buckets(np.arange(2, dtype=np.uint64), sketches.values, 0, 2)
    used.jaccard(texts, np.array([0]), np.array([1]))


def in_threads(work: Callable[[int, int], T], count: int, batch: int, threads: int) -> list[T]:
    """Call `work(begin, end)` for consecutive batches of `count` items; return the results in order."""
    begins = range(0, count, batch)
    ends = [min(begin + batch, count) for begin in begins]
    if threads <= 1 or len(ends) <= 1:
        return [work(begin, end) for begin, end in zip(begins, ends, strict=True)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, begins, ends))


def text_buffers(column: pa.Array) -> tuple[Any, Any]:
    """Return text and offsets of an Arrow `large_string` array, read-only: compiled code tells such arrays apart."""
    _, offsets, data = column.buffers()
    if len(column) == 0 or data is None:
        bounds, text = np.zeros(len(column) + 1, dtype=np.int64), np.empty(0, dtype=np.uint8)
    else:
        bounds = np.frombuffer(offsets, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
        text = np.frombuffer(data, dtype=np.uint8)
    for array in (text, bounds):
        array.flags.writeable = False
    return text, bounds


def _refuse_bad(row: int) -> None:
    if row >= 0:
        raise InvalidTextError(row)
