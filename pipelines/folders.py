"""The folders that stages write to: on a file system that all workers share, or in an object store.

A file appears whole or not at all: on disk by a rename, in an object store because an object is there once all of it
has been sent.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from curation.errors import ConfigError, CurationError, of_os_error
from curation.files import atomic_path, write_text

# A store that fails one request in twenty fails seven in a row once in a billion times.
_TRIES, _PAUSE_S = 7, 0.1
# What another try cannot change.
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError)
_Result = TypeVar("_Result")


class Folder(ABC):
    """A folder. Names are relative to it, with `/` between their parts."""

    @abstractmethod
    def __str__(self) -> str:
        """Return its path or URL."""

    @abstractmethod
    def child(self, name: str) -> Folder:
        """Return a folder in it, which need not exist."""

    @abstractmethod
    def names(self, name: str) -> list[str]:
        """Return the names of the files directly in a folder in it, sorted, hidden ones left out; empty without it."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            FileNotFoundError: if there is none.
        """

    @abstractmethod
    def opened(self, name: str) -> contextlib.AbstractContextManager[pa.NativeFile]:
        """Open a file for reading anywhere in it.

        Raises:
            FileNotFoundError: if there is none.
        """

    @abstractmethod
    def writing(self, name: str) -> contextlib.AbstractContextManager[Path]:
        """Give a path on this machine, whose file gets the name when the block ends without an error."""

    @abstractmethod
    def changed_ns(self, name: str) -> int:
        """Return when a file was last written, in nanoseconds of the epoch."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a folder in it with all that is there; nothing happens without it."""

    @abstractmethod
    def on_this_machine(self, name: str) -> contextlib.AbstractContextManager[Path]:
        """Give a path for a folder in it, whose new files are in the folder when the block ends without an error."""

    @abstractmethod
    def bytes_in(self, name: str) -> int:
        """Return the bytes of all files in a folder in it, and below; 0 without it."""

    @abstractmethod
    def fetched(self, name: str, files: Sequence[str]) -> contextlib.AbstractContextManager[Path]:
        """Give a path on this machine where some files of a folder in it are, for reading."""

    def write_text(self, name: str, text: str) -> None:
        """Write a text file, as UTF-8."""
        with self.writing(name) as path:
            path.write_text(text, encoding="utf-8", newline="\n")


@dataclass(frozen=True, slots=True)
class LocalFolder(Folder):
    """A folder of a file system.

    Attributes:
        path: where it is.
    """

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def child(self, name: str) -> LocalFolder:
        """Return a folder in it."""
        return LocalFolder(self.path / name)

    def names(self, name: str) -> list[str]:
        """Return the names of the files in a folder in it."""
        folder = self.path / name
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())

    def read(self, name: str) -> bytes:
        """Return the bytes of a file."""
        return (self.path / name).read_bytes()

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[pa.NativeFile]:
        """Map a file into memory."""
        with pa.memory_map(str(self.path / name)) as stream:
            yield stream

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Give a path beside the file's own."""
        # Made anew here, for engines that carry errors from other machines keep no number of a system's error.
        try:
            with atomic_path(self.path / name) as path:
                yield path
        except OSError as error:
            raise of_os_error(error, where=str(self.path / name)) from error

    def write_text(self, name: str, text: str) -> None:
        """Write a text file."""
        try:
            write_text(self.path / name, text)
        except OSError as error:
            raise of_os_error(error, where=str(self.path / name)) from error

    def changed_ns(self, name: str) -> int:
        """Return when a file was last written."""
        return (self.path / name).stat().st_mtime_ns

    def remove(self, name: str) -> None:
        """Remove a folder in it."""
        shutil.rmtree(self.path / name, ignore_errors=True)

    @contextlib.contextmanager
    def on_this_machine(self, name: str) -> Iterator[Path]:
        """Give the folder itself."""
        yield self.path / name

    def bytes_in(self, name: str) -> int:
        """Return the bytes of all files in a folder in it."""
        return sum(path.stat().st_size for path in (self.path / name).rglob("*") if path.is_file())

    @contextlib.contextmanager
    def fetched(self, name: str, files: Sequence[str]) -> Iterator[Path]:
        """Give the folder itself."""
        yield self.path / name


@dataclass(frozen=True, slots=True)
class RemoteFolder(Folder):
    """A folder of an object store that fsspec knows: `gs://`, `s3://`, `abfs://`, ...

    A request that fails is tried again a few times, with a pause that doubles.

    Attributes:
        url: where it is, without a slash at its end.
    """

    url: str

    def __str__(self) -> str:
        return self.url

    def child(self, name: str) -> RemoteFolder:
        """Return a folder in it."""
        return RemoteFolder(f"{self.url}/{name}")

    def names(self, name: str) -> list[str]:
        """Return the names of the objects in a folder in it."""
        store, path = self._at(name)
        try:
            # What other machines have written since the last look counts, so no listing may be remembered.
            found = self._try(name, lambda: (store.invalidate_cache(), store.ls(path, detail=True))[1])
        except FileNotFoundError:
            return []
        names = (each["name"].rstrip("/").rpartition("/")[2] for each in found if each["type"] == "file")
        return sorted(each for each in names if each and not each.startswith("."))

    def read(self, name: str) -> bytes:
        """Return the bytes of an object."""
        store, path = self._at(name)
        return bytes(self._try(name, lambda: store.cat_file(path)))

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[pa.NativeFile]:
        """Read what is asked for, a range at a time."""
        yield pa.PythonFile(_Ranges(self, name), mode="r")

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Give a temporary path, and send its file."""
        with tempfile.TemporaryDirectory(prefix="curate-") as folder:
            path = Path(folder) / "file"
            yield path
            self._send(path, name)

    def changed_ns(self, name: str) -> int:
        """Return when an object was sent."""
        store, path = self._at(name)
        return int(self._try(name, lambda: store.modified(path)).timestamp() * 1e9)

    def remove(self, name: str) -> None:
        """Remove all objects below a name."""
        store, path = self._at(name)
        with contextlib.suppress(FileNotFoundError):
            self._try(name, lambda: (store.invalidate_cache(), store.rm(path, recursive=True)))

    @contextlib.contextmanager
    def on_this_machine(self, name: str) -> Iterator[Path]:
        """Give a temporary folder, and send its files."""
        with tempfile.TemporaryDirectory(prefix="curate-") as folder:
            yield Path(folder)
            for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
                self._send(path, f"{name}/{path.relative_to(folder).as_posix()}")

    def bytes_in(self, name: str) -> int:
        """Return the bytes of all objects below a name."""
        store, path = self._at(name)
        try:
            return int(self._try(name, lambda: (store.invalidate_cache(), store.du(path))[1]))
        except FileNotFoundError:
            return 0

    @contextlib.contextmanager
    def fetched(self, name: str, files: Sequence[str]) -> Iterator[Path]:
        """Give a temporary folder with copies."""
        with tempfile.TemporaryDirectory(prefix="curate-") as folder:
            for file in files:
                path = Path(folder) / file
                path.parent.mkdir(parents=True, exist_ok=True)
                store, source = self._at(f"{name}/{file}")
                self._try(file, partial(store.get_file, source, str(path)))
            yield Path(folder)

    def size(self, name: str) -> int:
        """Return the bytes of an object."""
        store, path = self._at(name)
        return int(self._try(name, lambda: (store.invalidate_cache(), store.size(path))[1]))

    def range(self, name: str, start: int, end: int) -> bytes:
        """Return some bytes of an object."""
        store, path = self._at(name)
        return bytes(self._try(name, lambda: store.cat_file(path, start=start, end=end)))

    def _send(self, path: Path, name: str) -> None:
        store, target = self._at(name)
        self._try(name, lambda: store.put_file(str(path), target))

    def _at(self, name: str) -> tuple[Any, str]:
        return _store(f"{self.url}/{name}" if name else self.url)

    def _try(self, name: str, request: Callable[[], _Result]) -> _Result:
        for turn in range(_TRIES):
            try:
                return request()
            except _FINAL:
                raise
            except Exception as error:
                # Clients of stores raise what they like: half of it is no OSError.
                if turn == _TRIES - 1:
                    raise _does_not_answer(f"{self.url}/{name}", error) from error
            time.sleep(_PAUSE_S * 2**turn * random.uniform(0.5, 1.5))  # noqa: S311 - only spreads the tries
        raise AssertionError


class _Ranges:
    """An object as a Python file that asks for what is read and no more; Arrow reads whole batches."""

    def __init__(self, folder: RemoteFolder, name: str) -> None:
        self.folder, self.name, self.length, self.place, self.closed = folder, name, folder.size(name), 0, False

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = 0) -> int:
        self.place = place + (0, self.place, self.length)[whence]
        return self.place

    def tell(self) -> int:
        return self.place

    def read(self, count: int | None = -1) -> bytes:
        end = self.length if count is None or count < 0 else min(self.place + count, self.length)
        found = self.folder.range(self.name, self.place, end) if end > self.place else b""
        self.place += len(found)
        return found

    def close(self) -> None:
        self.closed = True


def open_folder(place: Path | str) -> Folder:
    """Return the folder at a path or URL, which need not exist.

    Raises:
        ConfigError: if it is a URL of a kind that nothing here can reach.
    """
    text = str(place)
    if isinstance(place, Path) or "://" not in text:
        return LocalFolder(Path(text))
    if text.startswith("file://"):
        return LocalFolder(Path(text.removeprefix("file://")))
    _store(text)
    return RemoteFolder(text.rstrip("/"))


def _store(url: str) -> tuple[Any, str]:
    import fsspec

    try:
        store, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        hint = "gs:// needs `pip install 'ml-embed-curation[gcp]'`, s3:// needs `pip install 'ml-embed-curation[s3]'`"
        raise ConfigError("This kind of store cannot be reached", where=url, why=str(error), hint=hint) from error
    return store, path


def _does_not_answer(where: str, error: Exception) -> CurationError:
    return CurationError(
        "The store does not do what it is asked",
        where=where,
        why=f"{_TRIES} tries, the last: {type(error).__name__}: {error}",
        hint="see that it can be reached and written; the same command goes on where the run stopped",
    )
