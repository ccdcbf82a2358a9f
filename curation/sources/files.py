"""The files of a source: their names, their bytes, their lines and their digests."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypedDict, cast
from urllib.parse import urlsplit, urlunsplit

import fsspec

from curation.errors import CurationError, SourceError
from curation.sources.compression import DamagedError, decompressed

MAX_LINE_BYTES = 10_000_000
"""A line longer than this is put aside unread: no text that is worth training on is this long."""

HUB_SCHEME = "hub://"
"""Start of the `path` of a dataset on the Hub: `hub://ORG/NAME@REVISION`. It is no URL and is never opened."""

Line = tuple[int, bytes | None]
"""Number from 1, and the bytes without `\\n`; None for a line over `MAX_LINE_BYTES`."""

_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One unit of work of a source.

    Attributes:
        source: name of the source.
        path: where the bytes are: an absolute local path, a URL, or `hub://ORG/NAME@REVISION`.
        display: short name that is the same on every machine, unique within the source; the `file` of its records.
        companion: path of the second file where two are read side by side, else "".
    """

    source: str
    path: str
    display: str
    companion: str = ""


class Fingerprint(TypedDict):
    """What identifies the bytes of a unit of work."""

    file: str
    """Its `display`."""
    bytes: int
    """Size as stored (compressed); 0 for a dataset on the Hub, whose files are not counted."""
    sha256: str
    """64 hexadecimal digits; for a dataset on the Hub its revision (40 digits), which is a digest of its content."""


def fingerprint(file: SourceFile) -> Fingerprint:
    """Return the digest of the bytes of `file`, read as a stream.

    One file: its SHA-256, as `sha256sum` prints it. Several (a companion, a folder): the SHA-256 of the lines
    `NAME SHA256` in the order of the names, where the names are relative to the folder.

    Raises:
        SourceError: if a file cannot be read.
    """
    if file.path.startswith(HUB_SCHEME):
        return Fingerprint(file=file.display, bytes=0, sha256=file.path.rpartition("@")[2])
    folder = Path(file.path)
    if folder.is_dir():
        names = sorted(_visible_files(folder))
        return _fingerprint_many(file.display, ((name, str(folder / name)) for name in names))
    if file.companion:
        return _fingerprint_many(file.display, (("1", file.path), ("2", file.companion)))
    size, digest = _digest(file.path)
    return Fingerprint(file=file.display, bytes=size, sha256=digest)


def _visible_files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in relative.parts):
            yield relative.as_posix()


def _fingerprint_many(display: str, named: Iterable[tuple[str, str]]) -> Fingerprint:
    total, listing = 0, hashlib.sha256()
    for name, path in named:
        size, digest = _digest(path)
        total += size
        listing.update(_entry(name, digest))
    return Fingerprint(file=display, bytes=total, sha256=listing.hexdigest())


def combined_digest(files: Sequence[Fingerprint]) -> str:
    """Return one SHA-256 for several files: of the lines `NAME SHA256` in their order, of one file its own."""
    if len(files) == 1:
        return files[0]["sha256"]
    listing = hashlib.sha256()
    for file in files:
        listing.update(_entry(file["file"], file["sha256"]))
    return listing.hexdigest()


def _entry(name: str, digest: str) -> bytes:
    return f"{name} {digest}\n".encode()


def _digest(path: str) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    with readable(path), _open(path) as stream:
        while block := stream.read(1 << 20):
            size += len(block)
            digest.update(block)
    return size, digest.hexdigest()


@contextlib.contextmanager
def readable(path: str) -> Iterator[None]:
    """Turn whatever goes wrong with the bytes of `path` inside the block into a `SourceError` that names it."""
    where = public_name(path)
    try:
        yield
    except DamagedError as error:
        raise SourceError(
            "The file cannot be read to its end", where=where, why=error.message, hint=error.hint
        ) from None
    except FileNotFoundError as error:
        raise SourceError("The file is not there", where=where, why=_reason(error), hint=_CHECK_PATH) from error
    except PermissionError as error:
        raise SourceError("The file may not be read", where=where, why=_reason(error), hint=_CHECK_RIGHTS) from error
    except ImportError as error:
        raise SourceError("The file needs a driver", where=where, why=_reason(error), hint=_INSTALL) from error
    except CurationError:
        raise
    except Exception as error:
        # Each remote store raises exceptions of its own; a local file only those of the operating system.
        if not isinstance(error, OSError) and "://" not in path:
            raise
        raise SourceError("The file cannot be read", where=where, why=_reason(error), hint=_CHECK_PATH) from error


_CHECK_PATH = "check the path and that nothing moves the file while it is read"
_CHECK_RIGHTS = "check the file's permissions, or the credentials of its store"
_INSTALL = "pip install the package named above (s3fs for s3://, gcsfs for gs://, aiohttp for https://)"
_SECRET = re.compile(r"\bhf_[A-Za-z0-9]{8,}|(?<=://)[^/\s@]+@|(?<=[?&])[^=\s&]+=[^&\s]+")


def _reason(error: BaseException) -> str:
    return redacted(str(error) or type(error).__name__)


def redacted(text: str) -> str:
    """Return `text` without what may be a secret: access tokens, user names and query strings of URLs."""
    return _SECRET.sub("***", text)


def public_name(path: str) -> str:
    """Return `path` as messages show it: a URL without user, password and query, which may hold secrets."""
    if "://" not in path:
        return path
    parts = urlsplit(path)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _open(path: str) -> IO[bytes]:
    if "://" in path:
        return cast("IO[bytes]", fsspec.open(path, "rb").open())
    return Path(path).open("rb")


@contextlib.contextmanager
def open_seekable(path: str) -> Iterator[IO[bytes]]:
    """Open the stored bytes of `path` for reading at any position.

    Raises:
        SourceError: if it cannot be opened, or if reading it fails inside the block.
    """
    with readable(path), _open(path) as stream:
        yield stream


@contextlib.contextmanager
def open_stream(path: str) -> Iterator[io.BufferedReader]:
    """Open `path` as a stream of its text's bytes, decompressed where it is compressed (.gz, .zst).

    Raises:
        SourceError: if it cannot be opened, or inside the block if it is cut off, damaged or a decompression bomb.
    """
    with readable(path), _open(path) as raw:
        stored = io.BufferedReader(cast("Any", raw), 1 << 16)
        with decompressed(stored, public_name(path)) as stream:
            yield stream


def read_lines(path: str) -> Iterator[Line]:
    r"""Yield the lines of a text file, compressed or not, in constant memory.

    Lines end at `\n` alone: the other line ends of Unicode occur inside texts. A byte-order mark is left out.

    Raises:
        SourceError: as `open_stream`, with the number of lines before the damage, or if the file is UTF-16.
    """
    with open_stream(path) as stream:
        number = 0
        try:
            while data := stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                if number == 1:
                    data = _without_mark(data)
                yield number, data[:-1] if data.endswith(b"\n") else _last_or_too_long(stream, data)
        except DamagedError as error:
            raise error.after(f"{number:,} lines") from None


def _without_mark(data: bytes) -> bytes:
    if data.startswith(_WIDE_MARKS):
        raise DamagedError("its text is UTF-16, not UTF-8", "convert it: iconv -f UTF-16 -t UTF-8")
    return data.removeprefix(codecs.BOM_UTF8)


def _last_or_too_long(stream: io.BufferedReader, data: bytes) -> bytes | None:
    if len(data) <= MAX_LINE_BYTES:
        return data
    while data and not data.endswith(b"\n"):
        data = stream.readline(1 << 16)
    return None
