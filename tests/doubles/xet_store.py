"""Reads the content store on disk that hf_xet writes where the Hub names a folder (`local://`) as the store's address.

The client does the writing, so that its chunking and its deduplication are the real ones. The server has to know which
file a commit's sha256 means, and must hand out its bytes to clients without hf_xet; both stand in the store:

- a shard (`shards/*.mdb`) has a header of 48 bytes and then, for each file, a record (hash, flags, number n of terms),
  n terms (xorb, flags, unpacked length, first chunk, end chunk), n records for verification where bit 31 of the flags
  is set, and the file's sha256 where bit 30 is; a record of ones ends the list;
- a xorb (`xorbs/default.*`) is chunks behind one another, each with a header of 8 bytes (version, packed length,
  scheme, unpacked length) and packed by scheme 0 (not at all), 1 (LZ4) or 2 (LZ4 over bytes grouped by fours).

Only one process at a time may have the store open for writing: hf_xet locks its table of chunks.
"""

from __future__ import annotations

import functools
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

_RECORD = 48
_END = b"\xff" * 32


@dataclass(frozen=True, slots=True)
class Term:
    """Chunks `first` to `end` of a xorb."""

    xorb: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class XetFile:
    """A file of the store: its xet hash, size in bytes, and what it is put together from."""

    hash: str
    size: int
    terms: tuple[Term, ...]


class XetStore:
    """The store in a folder, which may not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, XetFile] = {}
        self._read: set[Path] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"local://{self.folder}"

    @property
    def size(self) -> int:
        """Bytes of chunks that the store holds: what uploads added, after deduplication and compression."""
        return sum(path.stat().st_size for path in self._xorbs.glob("default.*") if path.suffix != ".tagset")

    @property
    def _xorbs(self) -> Path:
        return self.folder / "xet/xorbs/xorbs"

    def find(self, sha256: str) -> XetFile | None:
        with self._lock:
            if sha256 not in self._files:
                self._read_new_shards()
            return self._files.get(sha256)

    def write(self, file: XetFile, out: BinaryIO) -> None:
        """Put a file together again, a chunk at a time."""
        for term in file.terms:
            with self._xorb(term.xorb).open("rb") as stream:
                for number, chunk in enumerate(_chunks(stream, term)):
                    if number >= term.first:
                        out.write(chunk())

    def _xorb(self, name: str) -> Path:
        return self._xorbs / f"default.{name}"

    def _read_new_shards(self) -> None:
        for path in set(self.folder.glob("xet/xorbs/shards/*.mdb")) - self._read:
            self._files.update(read_shard(path.read_bytes()))
            self._read.add(path)


def read_shard(data: bytes) -> Iterator[tuple[str, XetFile]]:
    """Yield the sha256 of each file of a shard that has one, and the file."""
    at = _RECORD
    while data[at : at + len(_END)] != _END:
        name, flags, count = struct.unpack_from("<32sII", data, at)
        terms = [struct.unpack_from("<32s4I", data, at + _RECORD * (1 + number)) for number in range(count)]
        at += _RECORD * (1 + count * (2 if flags >> 31 & 1 else 1))
        if flags >> 30 & 1:
            size = sum(term[2] for term in terms)
            parts = tuple(Term(_hex(xorb), first, end) for xorb, _, _, first, end in terms)
            yield _hex(data[at : at + 32]), XetFile(_hex(name), size, parts)
            at += _RECORD


def _hex(value: bytes) -> str:
    """Return the store's spelling of a hash: four little-endian numbers."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", value))


def _chunks(stream: BinaryIO, term: Term) -> Iterator[functools.partial[bytes]]:
    """Yield ways to unpack the chunks of a xorb up to the term's end; the caller unpacks those that it needs."""
    for _ in range(term.end):
        head = stream.read(8)
        packed, scheme, unpacked = int.from_bytes(head[1:4], "little"), head[4], int.from_bytes(head[5:8], "little")
        yield functools.partial(_unpack, stream.read(packed), scheme, unpacked)


def _unpack(data: bytes, scheme: int, size: int) -> bytes:
    if scheme == 0:
        return data
    plain: bytes = pa.decompress(data, decompressed_size=size, codec="lz4", asbytes=True)
    return plain if scheme == 1 else _ungroup(plain)


def _ungroup(data: bytes) -> bytes:
    """Undo the grouping of bytes by their place modulo four."""
    out = np.empty(len(data), np.uint8)
    groups = np.frombuffer(data, np.uint8)
    at = 0
    for place in range(4):
        count = len(out[place::4])
        out[place::4] = groups[at : at + count]
        at += count
    return out.tobytes()
