"""Shelves on disk: blocks of vectors that are whole or not there.

A store is a folder with a folder for each shelf: one teacher (its files, its prompt, where it cuts texts and vectors,
its dtype, its libraries) and one encoding. A shelf's folder is named by the digest of all that, which `teacher.json`
says in words. In it lie blocks of rows: the encoded vectors, the keys of their texts, and a marker, written last,
with counts and digests. A block without its marker does not exist; one whose bytes are not what its marker says is
removed with a warning, and its texts are embedded again.

Blocks are never changed, and their names hold a running number and a digest of their content. So any number of
processes may embed into one store: the worst that they can do is the same work twice, and then the block whose name
comes first counts. How a model's library groups texts into batches changes the last bits of a vector; what counts as
a text's vector is the one that was stored first.
"""

from __future__ import annotations

import contextlib
import errno
import json
import mmap
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from curation.errors import CurationError
from curation.files import atomic_path, to_json, write_json
from curation.hashing import content_id
from curation.mining.embeddings.encoding import NUMPY_DTYPES, StoredDtype
from curation.mining.embeddings.shelf import Block, Shelf
from curation.mining.keys import KEY, Keys

_DESCRIPTION = "teacher.json"
_DIGITS = 16
_READ_BYTES = 1 << 20
_HINTS = {
    errno.ENOENT: "the folder was deleted while it was in use: run again, and what is missing is embedded",
    errno.ENOSPC: "free some space, or store vectors as bfloat16 or int8; finished blocks are kept",
    errno.EDQUOT: "your quota is used up: free some space, or store vectors as bfloat16 or int8",
    errno.EROFS: "the file system is read-only: choose another folder for the store",
    errno.EACCES: "choose a folder for the store that you may write to",
}


class DamagedBlockWarning(UserWarning):
    """A block of an embedding store is not what was written; its texts are embedded again."""


@dataclass(frozen=True, slots=True)
class ShelfSize:
    """What one shelf of a store holds.

    Attributes:
        folder: where it lies; nothing breaks when it is deleted.
        description: what `teacher.json` says; empty where it cannot be read.
        rows: vectors in finished blocks.
        bytes: of all files.
    """

    folder: Path
    description: dict[str, Any]
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _Marker:
    """What the file says that is written after a block's vectors and keys.

    Attributes:
        rows: vectors in the block.
        dimensions: length of each.
        dtype: how they are encoded.
        scale: what int8 values are multiplied by.
        without_vector: rows for which the teacher found none, ascending.
        keys_digest: XXH3 of the keys, 32 hexadecimal digits.
        vectors_digest: XXH3 of the encoded vectors, likewise.
    """

    rows: int
    dimensions: int
    dtype: StoredDtype
    scale: float
    without_vector: list[int]
    keys_digest: str
    vectors_digest: str

    @property
    def digest(self) -> str:
        """What the block's name must end in."""
        return content_id(to_json(asdict(self)))[:_DIGITS]


class DiskShelf:
    """A shelf and the folder that it lies in.

    Args:
        folder: the folder, which need not be there yet.
        description: what it holds, for people.
        shelf: the shelf, empty; `refresh` puts on it what is in the folder.
    """

    def __init__(self, folder: Path, description: dict[str, object], shelf: Shelf) -> None:
        self.shelf = shelf
        self._folder = folder
        self._description = description
        self._verified: set[str] = set()

    def refresh(self, keys: Keys) -> None:
        """Bring the shelf up to date with the folder, and read the blocks of some keys through.

        All new blocks are checked for their sizes and keys; those that hold a vector of `keys` once for every bit,
        at the speed at which the file is read.

        Raises:
            CurationError: if the folder cannot be read.
        """
        with _explained(self._folder, "read"):
            present = {path.stem for path in self._folder.glob("[0-9]*.json")}
            for name in self.shelf.names - present:
                self.shelf.remove(name)
            for name in sorted(present - self.shelf.names):
                self._read(name)
            for block in self.shelf.holding(keys):
                self._verify(block)

    def write(self, block: Block) -> Block:
        """Write a block, its marker last, and return it as it lies on disk.

        Raises:
            CurationError: if it cannot be written.
        """
        marker = _mark(block)
        with _explained(self._folder, "written"):
            name = f"{self._next_number():06d}-{marker.digest}"
            if not (self._folder / _DESCRIPTION).exists():
                write_json(self._folder / _DESCRIPTION, self._description)
            _write_array(self._path(name, ".vectors"), block.load())
            _write_array(self._path(name, ".keys"), block.keys)
            write_json(self._path(name, ".json"), asdict(marker))
            self._verified.add(name)
            return replace(block, name=name, load=self._loader(name, marker))

    def _path(self, name: str, suffix: str) -> Path:
        return self._folder / f"{name}{suffix}"

    def _next_number(self) -> int:
        return max((int(path.stem.partition("-")[0]) for path in self._folder.glob("[0-9]*.json")), default=0) + 1

    def _read(self, name: str) -> None:
        try:
            marker = _parse_marker(self._path(name, ".json").read_bytes())
            keys = np.fromfile(self._path(name, ".keys"), dtype=KEY)
            fault = self._fault(name, marker, keys)
        except (ValueError, TypeError, FileNotFoundError) as error:
            fault = str(error) or type(error).__name__
        if fault:
            self._discard(name, fault)
            return
        valid = np.ones(marker.rows, dtype=bool)
        valid[marker.without_vector] = False
        self.shelf.add(Block(name, keys, self._loader(name, marker), marker.dtype, marker.scale, valid))

    def _fault(self, name: str, marker: _Marker, keys: Keys) -> str:
        size = self._path(name, ".vectors").stat().st_size
        expected = marker.rows * marker.dimensions * NUMPY_DTYPES[self.shelf.dtype].itemsize
        if not name.endswith(f"-{marker.digest}"):
            return "its marker was changed"
        if (marker.dimensions, marker.dtype) != (self.shelf.dimensions, self.shelf.dtype):
            return f"it holds {marker.dtype} vectors of {marker.dimensions} dimensions"
        if size != expected:
            return f"its vectors take {size:,} bytes instead of {expected:,}"
        return "" if _digest(keys) == marker.keys_digest and len(keys) == marker.rows else "its keys were changed"

    def _loader(self, name: str, marker: _Marker) -> Callable[[], npt.NDArray[Any]]:
        return partial(_map, self._path(name, ".vectors"), marker)

    def _verify(self, block: Block) -> None:
        if block.name in self._verified:
            return
        marker = _parse_marker(self._path(block.name, ".json").read_bytes())
        if _digest_file(self._path(block.name, ".vectors")) == marker.vectors_digest:
            self._verified.add(block.name)
        else:
            self.shelf.remove(block.name)
            self._discard(block.name, "its vectors were changed")

    def _discard(self, name: str, fault: str) -> None:
        marker = self._path(name, ".json")
        message = f"a block of the embedding store is damaged and will be embedded again: {marker}: {fault}"
        warnings.warn(message, DamagedBlockWarning, stacklevel=2)
        # The marker first: without it, the rest is not there. In a folder that only others may write to, it stays.
        for suffix in (".json", ".keys", ".vectors"):
            with contextlib.suppress(OSError):
                self._path(name, suffix).unlink(missing_ok=True)


def shelf_sizes(folder: Path) -> list[ShelfSize]:
    """Return what a store holds, the largest shelf first."""
    with _explained(folder, "read"):
        sizes = [_size(path) for path in folder.glob("*") if path.is_dir()]
    return sorted(sizes, key=lambda size: (-size.bytes, size.folder.name))


def _size(folder: Path) -> ShelfSize:
    try:
        description = json.loads((folder / _DESCRIPTION).read_bytes())
    except (OSError, ValueError):
        description = {}
    files = [path for path in folder.iterdir() if path.is_file()]
    rows = sum(path.with_suffix(".keys").stat().st_size for path in folder.glob("[0-9]*.json")) // KEY.itemsize
    return ShelfSize(folder, description, rows, sum(path.stat().st_size for path in files))


def _mark(block: Block) -> _Marker:
    values = block.load()
    rows, dimensions = values.shape
    without = np.flatnonzero(~block.valid).tolist()
    return _Marker(rows, dimensions, block.dtype, block.scale, without, _digest(block.keys), _digest(values))


def _parse_marker(text: bytes) -> _Marker:
    return _Marker(**json.loads(text))


def _digest(array: npt.NDArray[Any]) -> str:
    return xxhash.xxh3_128_hexdigest(np.ascontiguousarray(array).view(np.uint8).data)


def _map(path: Path, marker: _Marker) -> npt.NDArray[Any]:
    shape = (marker.rows, marker.dimensions)
    try:
        with _explained(path, "read"), path.open("rb") as stream:
            mapping = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(mapping, dtype=NUMPY_DTYPES[marker.dtype]).reshape(shape)
    except ValueError as error:
        why = f"it no longer holds {marker.dtype} vectors of shape {shape}"
        hint = "the file was changed while it was in use: run again, and what is damaged is embedded"
        raise CurationError("the embedding store cannot be read", where=str(path), why=why, hint=hint) from error


def _digest_file(path: Path) -> str:
    # Read rather than mapped: what is mapped counts as memory of ours.
    digest = xxhash.xxh3_128()
    with path.open("rb") as stream:
        while chunk := stream.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _write_array(path: Path, array: npt.NDArray[Any]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(np.ascontiguousarray(array).view(np.uint8).data)


@contextlib.contextmanager
def _explained(folder: Path, verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CurationError(
            f"the embedding store cannot be {verb}",
            where=str(error.filename or folder),
            why=error.strerror or str(error),
            hint=_HINTS.get(error.errno or 0, "check the folder and the disk; finished blocks are kept"),
        ) from error
