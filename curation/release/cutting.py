"""Cutting a release into files without having all of it in one place.

Rows stand in the order of `curation.release.order` within each language and split, and a file holds so many rows of
that order. Which rows those are follows from counts alone, by blocks of rows of the files that the records come from:
a block is consecutive in the order. The few blocks that lie across the border of two files go to both of their
writers, each of which takes its own rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation.release.order import COPIES, ORDERED_BY, Int64s, Rows, rows_in_order

# Blocks in a file of the release: more mean more counts, fewer mean more rows that go to two writers.
_BLOCKS = 8

_PART = ("hidden", "language", "split")
_BLOCK = (*_PART, "source", "file", "block")
BLOCKS_SCHEMA = pa.schema(
    [
        pa.field("hidden", pa.bool_(), nullable=False),
        *(pa.field(name, pa.string(), nullable=False) for name in ("language", "split", "source", "file")),
        pa.field("block", pa.int64(), nullable=False),
        pa.field("copies", pa.int64(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("negatives", pa.int64(), nullable=False),
    ]
)
_KEYS = [*_BLOCK, "copies"]


def count_blocks(records: pa.Table, recipes: Sequence[str], rows_per_file: int) -> pa.Table:
    """Count the rows of each block; a table of `BLOCKS_SCHEMA`.

    Args:
        records: rows with the columns `split` and `negatives`, shape (n,), and `copies` where some stand in the
            release more than once.
        recipes: sources whose texts are hidden.
        rows_per_file: greatest number of rows of a file.
    """
    rows = _blocks(records, recipes, rows_per_file).append_column(
        "negatives", pc.list_value_length(records["negatives"])
    )
    counts = rows.group_by(_KEYS).aggregate([([], "count_all"), ("negatives", "min")])
    return counts.select([*_KEYS, "count_all", "negatives_min"]).rename_columns(BLOCKS_SCHEMA.names).cast(BLOCKS_SCHEMA)


def merge_blocks(tables: Sequence[pa.Table]) -> pa.Table:
    """Add up counts, in whatever order; a table of `BLOCKS_SCHEMA`, sorted."""
    counts = pa.concat_tables([BLOCKS_SCHEMA.empty_table(), *tables]).group_by(_KEYS)
    merged = counts.aggregate([("rows", "sum"), ("negatives", "min")]).select([*_KEYS, "rows_sum", "negatives_min"])
    return merged.rename_columns(BLOCKS_SCHEMA.names).cast(BLOCKS_SCHEMA).sort_by([(n, "ascending") for n in _KEYS])


def least_negatives(blocks: pa.Table) -> int:
    """Return the least number of negatives of a record whose texts are released; 0 without such records."""
    return pc.min(blocks.filter(pc.invert(blocks["hidden"]))["negatives"]).as_py() or 0


@dataclass(frozen=True, slots=True)
class File:
    """One file of the release.

    Attributes:
        hidden: whether it is a recipe.
        language: of its rows.
        split: of its rows.
        index: its number in its language and split.
        count: how many files these have.
        start: place of its first row in them.
        rows: how many rows it has.
    """

    hidden: bool
    language: str
    split: str
    index: int
    count: int
    start: int
    rows: int


@dataclass(frozen=True, slots=True)
class Cutting:
    """How a release is cut.

    Attributes:
        files: all files, in the order of their names.
        blocks: the distinct blocks, without their copies and counts, shape (b,).
        begins: for each number of a copy, int64 (b,), the place of each block's first row in its language and split.
        sizes: likewise its rows.
        firsts: int64 (b,), the number of the first file of the block's language and split.
        rows_per_file: greatest number of rows of a file.
    """

    files: tuple[File, ...]
    blocks: pa.Table
    begins: tuple[Int64s, ...]
    sizes: tuple[Int64s, ...]
    firsts: Int64s
    rows_per_file: int

    @classmethod
    def of(cls, blocks: pa.Table, rows_per_file: int) -> Cutting:
        """Cut a release by the counts of its blocks (`merge_blocks`)."""
        distinct = blocks.select(list(_BLOCK)).group_by(list(_BLOCK), use_threads=False).aggregate([])
        distinct = distinct.sort_by([(name, "ascending") for name in _BLOCK])
        place = _places(blocks, distinct)
        copies, rows = blocks["copies"].to_numpy(), blocks["rows"].to_numpy()
        sizes = [
            np.bincount(place[copies > copy], rows[copies > copy], minlength=distinct.num_rows).astype(np.int64)
            for copy in range(copies.max(initial=0))
        ]
        parts = _runs(distinct, _PART)
        begins = [np.zeros(distinct.num_rows, dtype=np.int64) for _ in sizes]
        firsts = np.zeros(distinct.num_rows, dtype=np.int64)
        files: list[File] = []
        for start, end in itertools.pairwise(parts):
            total = 0
            for copy, counts in enumerate(sizes):
                ends = np.cumsum(counts[start:end]) + total
                begins[copy][start:end] = ends - counts[start:end]
                total = int(ends[-1])
            firsts[start:end] = len(files)
            hidden, language, split = (distinct[name][start].as_py() for name in _PART)
            count = -(-total // rows_per_file)
            for index in range(count):
                first = index * rows_per_file
                files.append(File(hidden, language, split, index, count, first, min(rows_per_file, total - first)))
        return cls(tuple(files), distinct, tuple(begins), tuple(sizes), firsts, rows_per_file)

    def wanted(self, records: pa.Table, recipes: Sequence[str]) -> tuple[Int64s, Int64s]:
        """Return which files records are needed for: int64 (m,) places of records, and int64 (m,) numbers of files.

        A record is needed for each file that holds a row of its block, once.
        """
        mine = _blocks(records, recipes, self.rows_per_file)
        place, copies = _places(mine, self.blocks), mine["copies"].to_numpy()
        rows, files = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for copy, (begin, size) in enumerate(zip(self.begins, self.sizes, strict=True)):
            here = np.flatnonzero(copies > copy)
            block = place[here]
            first = self.firsts[block] + begin[block] // self.rows_per_file
            last = self.firsts[block] + (begin[block] + size[block] - 1) // self.rows_per_file
            spans = last - first + 1
            rows.append(np.repeat(here, spans))
            offsets = np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans, spans)
            files.append(np.repeat(first, spans) + offsets)
        both = np.unique(np.stack([np.concatenate(rows), np.concatenate(files)]), axis=1)
        return both[0], both[1]

    def first_files(self, records: pa.Table, recipes: Sequence[str]) -> Int64s:
        """Return the number of the first file that each record is needed for, int64 (n,)."""
        block = _places(_blocks(records, recipes, self.rows_per_file), self.blocks)
        return self.firsts[block] + (self.begins[0][block] // self.rows_per_file if self.begins else 0)

    def rows_of(
        self, records: pa.Table, recipes: Sequence[str], files: Iterable[File], *, hidden: bool
    ) -> Iterator[tuple[File, Rows]]:
        """Yield the recipes among some files, or the others, with the rows that belong there, in order.

        Args:
            records: at least all that these files want, each once, in any order.
            recipes: as in `wanted`.
            files: what is asked for.
            hidden: whether recipes are.
        """
        wanted: dict[tuple[str, str], list[File]] = {}
        for file in files:
            if file.hidden == hidden:
                wanted.setdefault((file.language, file.split), []).append(file)
        places = np.flatnonzero(_hidden(records, recipes) == hidden)
        order = records.select([name for name in ORDERED_BY if name in records.column_names]).take(pa.array(places))
        for language, split, rows in rows_in_order(order):
            if (language, split) in wanted:
                here = Rows(places[rows.records], rows.copies)
                yield from self._of_part(wanted[language, split], here, records, recipes)

    def _of_part(
        self, files: Sequence[File], rows: Rows, records: pa.Table, recipes: Sequence[str]
    ) -> Iterator[tuple[File, Rows]]:
        # The blocks that are here are whole, and rows of one block and copy stand side by side.
        block = _places(_blocks(records, recipes, self.rows_per_file), self.blocks)[rows.records]
        changes = np.append(True, (np.diff(block) != 0) | (np.diff(rows.copies) != 0))
        first = np.flatnonzero(changes)
        begins = np.array(
            [self.begins[copy][place] for copy, place in zip(rows.copies[first], block[first], strict=True)]
        )
        run = np.cumsum(changes) - 1
        at = begins[run] + np.arange(len(block)) - first[run]
        for file in files:
            inside = np.flatnonzero((at >= file.start) & (at < file.start + file.rows))
            yield file, Rows(rows.records[inside], rows.copies[inside])


def _blocks(records: pa.Table, recipes: Sequence[str], rows_per_file: int) -> pa.Table:
    """Return the block of each record, shape (n,), and its copies."""
    copies = records[COPIES].cast(pa.int64()) if COPIES in records.column_names else None
    columns = {
        "hidden": pa.array(_hidden(records, recipes)),
        "language": records["language"],
        "split": records["split"],
        "source": records["source"],
        "file": records["file"],
        "block": pc.divide(records["row"], max(rows_per_file // _BLOCKS, 1)),
        "copies": pa.array(np.ones(records.num_rows, dtype=np.int64)) if copies is None else copies,
    }
    return pa.table(columns)


def _hidden(records: pa.Table, recipes: Sequence[str]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.is_in(records["source"], pa.array(recipes, pa.string())).to_numpy()
    return found


def _places(rows: pa.Table, distinct: pa.Table) -> Int64s:
    """Return the place of each row's block among the distinct ones, int64 (n,)."""
    numbered = distinct.append_column("place", pa.array(np.arange(distinct.num_rows)))
    keyed = rows.select(list(_BLOCK)).append_column("row", pa.array(np.arange(rows.num_rows)))
    joined = keyed.join(numbered, keys=list(_BLOCK), join_type="inner")
    places = np.full(rows.num_rows, -1, dtype=np.int64)
    places[joined["row"].to_numpy()] = joined["place"].to_numpy()
    assert (places >= 0).all()
    return places


def _runs(rows: pa.Table, names: Sequence[str]) -> list[int]:
    """Return where runs of equal values begin in sorted rows, and their end."""
    changes = np.zeros(max(rows.num_rows - 1, 0), dtype=bool)
    for name in names:
        column = rows[name].combine_chunks()
        changes |= pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    return [0, *(np.flatnonzero(changes) + 1).tolist(), rows.num_rows] if rows.num_rows else [0]
