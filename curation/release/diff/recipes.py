"""Which rows without texts two releases share, and which differ: known by id, and read only where files differ.

All of them are compared at once, since none of their columns holds a text: 32 bytes a row are in memory for each
release, and a multiple of that for a moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import ReleaseError
from curation.hashing import hash64
from curation.release import layout
from curation.release.diff.columns import UInt64s, digests, id_bytes, numbered, places
from curation.release.reader import Release

_BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class RecipeDiff:
    """How the rows without texts of a later release differ from an earlier one's.

    Attributes:
        added: rows that only the later one has.
        removed: rows that only the earlier one has.
        changed: rows that both have with other values, or in another language or split.
    """

    added: int = 0
    removed: int = 0
    changed: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def compare_recipes(earlier: Release, later: Release) -> RecipeDiff:
    """Compare the rows without texts of two releases by id.

    Raises:
        ReleaseError: if a file of them cannot be read.
    """
    one, other = ([(file.path, file.sha256) for file in release.recipes()] for release in (earlier, later))
    if one == other:
        return RecipeDiff()
    (keys, values), (new_keys, new_values) = _rows(earlier), _rows(later)
    there = places(keys, new_keys)
    shared = there >= 0
    return RecipeDiff(
        added=len(new_keys) - int(shared.sum()),
        removed=int((~shared).sum()),
        changed=int((values[shared] != new_values[there[shared]]).sum()),
    )


def _rows(release: Release) -> tuple[pa.Array, UInt64s]:
    """Return the key and the digest of each row."""
    ids, values = [np.empty((0, 16), np.uint8)], [np.empty(0, np.uint64)]
    for place, batch in _batches(release):
        ids.append(id_bytes(batch.column("id")))
        # Where a column is new every row is.
        shape = hash64([f"{place} {batch.schema.remove_metadata()}"])
        values.append(digests(batch.to_struct_array()) + shape)
    found = np.concatenate(ids)
    return numbered(found, np.zeros(len(found), dtype=np.int32)), np.concatenate(values)


def _batches(release: Release) -> Iterator[tuple[tuple[str, str] | None, pa.RecordBatch]]:
    for file in release.recipes():
        try:
            opened = pq.ParquetFile(release.path / file.path)
            opened.schema_arrow.field("id")
            for batch in opened.iter_batches(batch_size=_BATCH_ROWS):
                yield layout.parse_recipe(file.path), batch
        except (OSError, KeyError, pa.ArrowException) as error:
            what, where = "A file of the release cannot be read", str(release.path / file.path)
            raise ReleaseError(what, where=where, why=str(error), hint=f"curate verify {release.path}") from error
