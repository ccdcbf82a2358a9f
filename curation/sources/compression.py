"""Decompression as a stream that notices what a hostile or a broken archive does.

The wrappers at hand end silently (zstandard) or late (gzip) on a truncated archive, and none of them bounds how much
a few bytes may become. Here an archive that ends before its end raises, and so does one that expands too far.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Protocol

import zstandard

MAX_RATIO = 1_000
"""Decompressed bytes for each compressed byte. Text reaches 3 to 30; only a bomb needs more than this."""

RATIO_FLOOR = 100_000_000
"""Decompressed bytes below which the ratio is not looked at: a small file of zeros harms nobody."""


class DamagedError(Exception):
    """A file cannot be read to its end, whoever reads it; becomes a `SourceError` that names the file."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def after(self, progress: str) -> DamagedError:
        """Return the same error with what had been read until then."""
        return DamagedError(f"{self.message}, after {progress}", self.hint)


class _Engine(Protocol):
    """What zlib and zstandard have in common: one compressed member, fed piece by piece."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Codec:
    """A compressed format.

    Attributes:
        name: its name in messages.
        suffix: the file name ending that promises it.
        magic: the bytes that the file starts with.
        piece: compressed bytes fed at a time, chosen so that one piece cannot become more than about 32 MB.
        engine: makes a decompressor for one member.
    """

    name: str
    suffix: str
    magic: bytes
    piece: int
    engine: Callable[[], _Engine]


def _gzip_engine() -> _Engine:
    return zlib.decompressobj(wbits=31)  # 31: gzip framing only, with its checksum verified


def _zstd_engine() -> _Engine:
    return zstandard.ZstdDecompressor().decompressobj()


CODECS = (
    Codec("gzip", ".gz", b"\x1f\x8b", 1 << 14, _gzip_engine),
    Codec("zstd", ".zst", b"\x28\xb5\x2f\xfd", 1 << 10, _zstd_engine),
)

_UNSUPPORTED = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".zip", ".7z", ".rar", ".bz2", ".xz", ".lz4", ".br")


def decompressed(stream: io.BufferedReader, name: str) -> io.BufferedReader:
    """Return a stream of the text in `stream`, decompressed where its first bytes say that it is compressed.

    Args:
        stream: an open binary file at its start.
        name: its file name, which may promise a compressed format.

    Raises:
        DamagedError: if the name promises a format that the bytes are not, or that is not read.
    """
    if name.endswith(_UNSUPPORTED):
        raise DamagedError("it is an archive of a kind that is not read", "unpack it, or recompress it as .gz or .zst")
    head = stream.peek(4)
    for codec in CODECS:
        if head.startswith(codec.magic):
            return io.BufferedReader(_Inflated(stream, codec), 1 << 17)
        if name.endswith(codec.suffix):
            raise DamagedError(f"its name ends in {codec.suffix} but its bytes are not {codec.name}", _DOWNLOAD_AGAIN)
    return stream


_DOWNLOAD_AGAIN = "download or write the file again"


class _Inflated(io.RawIOBase):
    """The decompressed bytes of a compressed stream, at most a few MB in memory."""

    def __init__(self, raw: IO[bytes], codec: Codec) -> None:
        self._raw = raw
        self._codec = codec
        self._engine: _Engine | None = None  # None between members
        self._input = b""
        self._ready = memoryview(b"")
        self._bytes_in = 0
        self._bytes_out = 0

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._raw.close()
        super().close()

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        while not self._ready:
            if not self._advance():
                return 0
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _advance(self) -> bool:
        """Decompress one more piece; return False at the proper end of the archive."""
        piece = self._input or self._next_piece()
        self._input = b""
        if not piece:
            if self._engine is not None:
                raise DamagedError(f"the {self._codec.name} archive is cut off", _DOWNLOAD_AGAIN)
            return False
        if self._engine is None:
            if not piece.strip(b"\0"):  # tape padding, which gzip allows behind the last member
                return True
            self._engine = self._codec.engine()
        self._feed(self._engine, piece)
        return True

    def _next_piece(self) -> bytes:
        piece = self._raw.read(self._codec.piece)
        self._bytes_in += len(piece)
        return piece

    def _feed(self, engine: _Engine, piece: bytes) -> None:
        try:
            output = engine.decompress(piece)
        except (zlib.error, zstandard.ZstdError) as error:
            raise DamagedError(f"the {self._codec.name} archive is damaged ({error})", _DOWNLOAD_AGAIN) from error
        if engine.eof:
            self._input, self._engine = engine.unused_data, None
        self._ready = memoryview(output)
        self._bytes_out += len(output)
        if self._bytes_out > max(RATIO_FLOOR, MAX_RATIO * self._bytes_in):
            raise DamagedError(
                f"{self._bytes_in:,} compressed bytes have become more than {self._bytes_out - 1:,}, "
                f"over {MAX_RATIO}:1, which only a decompression bomb does",
                "do not read this file; if it is truly text, decompress it by hand first",
            )
