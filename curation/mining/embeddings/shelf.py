"""What one teacher said, in blocks of rows, and where each text's vector is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.mining.embeddings.encoding import StoredDtype, decode
from curation.mining.keys import Keys, Lookup, join_keys
from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors

_PIECE_ROWS = 1 << 14

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some vectors that were made and stored together.

    Attributes:
        name: what it is called; of two blocks with the same text, the one whose name comes first counts.
        keys: of the texts, shape (n,).
        load: returns the encoded vectors, shape (n, d), zero where there is none: from memory, or a file that stays
            mapped as long as somebody holds the array. (Mapped for good, every block would keep a file open, and a
            pass through a corpus would fill the memory.)
        dtype: how they are encoded.
        scale: what int8 values are multiplied by; 1.0 otherwise.
        valid: false where the teacher found no vector, shape (n,).
    """

    name: str
    keys: Keys
    load: Callable[[], npt.NDArray[Any]]
    dtype: StoredDtype
    scale: float
    valid: Bools

    def decode(self, rows: Rows | slice) -> Vectors:
        """Return the vectors of some rows, float32."""
        return decode(self.load()[rows], self.dtype, self.scale)


class Shelf:
    """The blocks of one teacher, role and encoding, with an index of 24 bytes a row.

    Args:
        dimensions: length of a vector, d.
        dtype: how vectors are encoded.
    """

    def __init__(self, dimensions: int, dtype: StoredDtype) -> None:
        self.dimensions = dimensions
        self.dtype = dtype
        self._blocks: dict[str, Block] = {}
        self._index: _Index | None = None

    @property
    def names(self) -> set[str]:
        """What the blocks are called."""
        return set(self._blocks)

    def add(self, block: Block) -> None:
        """Put a block on the shelf."""
        self._blocks[block.name] = block
        self._index = None

    def remove(self, name: str) -> None:
        """Take a block from the shelf."""
        del self._blocks[name]
        self._index = None

    def find(self, keys: Keys) -> Rows:
        """Return the row of each key, counted through all blocks, int64, shape of `keys`; -1 where there is none."""
        return self._indexed().lookup.find(keys)

    def holding(self, keys: Keys) -> list[Block]:
        """Return the blocks that the vectors of some keys lie in."""
        index, rows = self._indexed(), self.find(keys)
        return [index.blocks[number] for number in np.unique(index.block_numbers(rows[rows >= 0])).tolist()]

    def stored(self, keys: Keys) -> Stored:
        """Return the vectors of keys that are all on the shelf; their codes, too, where they are int8."""
        rows = self.find(keys)
        assert (rows >= 0).all()
        kind = StoredInt8 if self.dtype == "int8" else Stored
        return kind(self._indexed(), rows, self.dimensions)

    def _indexed(self) -> _Index:
        if self._index is None:
            self._index = _Index.of(self._blocks[name] for name in sorted(self._blocks))
        return self._index


@dataclass(frozen=True, slots=True)
class _Index:
    """Blocks whose rows are numbered through.

    Attributes:
        blocks: in order.
        starts: first row of each block, and the total, int64, shape (blocks + 1,).
        lookup: row of each key.
    """

    blocks: tuple[Block, ...]
    starts: Rows
    lookup: Lookup

    @classmethod
    def of(cls, blocks: Iterable[Block]) -> _Index:
        ordered = tuple(blocks)
        starts = np.cumsum([0, *(len(block.keys) for block in ordered)], dtype=np.int64)
        return cls(ordered, starts, Lookup.of(np.concatenate([join_keys([]), *(block.keys for block in ordered)])))

    def block_numbers(self, rows: Rows) -> Rows:
        """Return the number of the block of each row."""
        return np.searchsorted(self.starts, rows, side="right") - 1


class Stored:
    """The vectors of some texts, in the order of these, read from where they are stored.

    It is the corpus that the search reads. A text without a vector is a row of zeros, near to nothing, and false in
    `valid`; a text that is there twice is stored once.

    Args:
        index: the blocks that hold the vectors.
        rows: row of each text in these, int64, shape (n,).
        dimensions: length of a vector, d.
    """

    def __init__(self, index: _Index, rows: Rows, dimensions: int) -> None:
        self._index = index
        self._rows = rows
        self._dimensions = dimensions
        self._valid = np.concatenate([np.zeros(0, dtype=bool), *(block.valid for block in index.blocks)])[rows]

    @property
    def shape(self) -> tuple[int, int]:
        """Texts and dimensions, (n, d)."""
        return len(self._rows), self._dimensions

    @property
    def valid(self) -> Bools:
        """False for texts that the teacher could not place: zero, NaN or infinite vectors; bool, shape (n,)."""
        return self._valid

    def read(self, start: int, stop: int) -> Vectors:
        """Return the vectors of texts `start` to `stop - 1`, float32, shape (stop - start, d)."""
        return self._gather(self._rows[start:stop])

    def take(self, rows: Rows) -> Vectors:
        """Return the vectors of the texts `rows`, in that order, float32, shape (m, d).

        Raises:
            IndexError: if a row is negative or past the end.
        """
        if len(rows) and (int(rows.min()) < 0 or int(rows.max()) >= len(self._rows)):
            raise IndexError(f"rows {int(rows.min())} to {int(rows.max())} of a corpus of {len(self._rows)}")
        return self._gather(self._rows[rows])

    def encoded(self) -> Iterator[tuple[Rows, npt.NDArray[Any], float]]:
        """Yield all texts in parts that are stored alike: which they are, their values as stored, and their scale."""
        every = np.arange(len(self._rows), dtype=np.int64)
        for block, places, local in self._by_block(self._rows) if len(self._rows) else ():
            yield every[places], block.load()[local], block.scale

    def _gather(self, rows: Rows) -> Vectors:
        vectors = np.empty((len(rows), self._dimensions), dtype=np.float32)
        for block, places, local in self._by_block(rows):
            vectors[places] = block.decode(local)
        return vectors

    def _by_block(self, rows: Rows) -> Iterator[tuple[Block, Rows | slice, Rows | slice]]:
        """Yield each block that rows lie in, which of the rows these are, and where they are in the block."""
        numbers = self._index.block_numbers(rows)
        order = np.argsort(numbers, kind="stable")
        ends = np.flatnonzero(np.diff(numbers[order], append=-1)) + 1
        for first, last in pairwise([0, *ends.tolist()]):
            places = order[first:last]
            number = int(numbers[places[0]])
            block, local = self._index.blocks[number], rows[places] - self._index.starts[number]
            yield block, _as_slice(places), _as_slice(local)


class StoredInt8(Stored):
    """The same, where the search may read the codes themselves."""

    def codes(self, start: int, stop: int) -> Iterator[tuple[int, npt.NDArray[np.int8], float]]:
        """Yield texts `start` to `stop - 1` in pieces: first text, codes (int8, shape (m, d)) and their one scale.

        The vectors are `codes * scale`. A piece ends where the scale changes, and has at most 16,384 rows. It is read
        only: where rows lie together on disk, it is the file itself.
        """
        scales = np.array([block.scale for block in self._index.blocks])
        for begin in range(start, stop, _PIECE_ROWS):
            rows = self._rows[begin : min(begin + _PIECE_ROWS, stop)]
            each = scales[self._index.block_numbers(rows)]
            ends = [0, *(np.flatnonzero(np.diff(each)) + 1).tolist(), len(rows)]
            for first, last in pairwise(ends):
                yield begin + first, self._gather_codes(rows[first:last]), float(each[first])

    def _gather_codes(self, rows: Rows) -> npt.NDArray[np.int8]:
        pieces = list(self._by_block(rows))
        block, _, local = pieces[0]
        if len(pieces) == 1 and isinstance(local, slice):
            return block.load()[local]
        codes = np.empty((len(rows), self._dimensions), dtype=np.int8)
        for block, places, local in pieces:
            codes[places] = block.load()[local]
        return codes


def _as_slice(rows: Rows) -> Rows | slice:
    """Return rows as a slice where they are consecutive: a slice of a mapped file is no copy."""
    if len(rows) and int(rows[-1]) - int(rows[0]) == len(rows) - 1 and (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows
