"""Which files a source is: local paths, globs, files of installed packages and URLs, under stable names."""

from __future__ import annotations

import glob
import importlib.util
import itertools
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import fsspec

from curation.config.model import BaseSource
from curation.errors import ConfigError
from curation.sources.files import SourceFile, public_name, readable

_PACKAGE = "package:"
_WILD = re.compile(r"[*?[]")


@dataclass(frozen=True, slots=True)
class _Match:
    """A file that a pattern matches.

    Attributes:
        folder: the part of the pattern before the first wildcard, as the config writes it; never a place on this
            machine that the config does not name.
        relative: the file's path below `folder`.
        path: where it lies.
    """

    folder: tuple[str, ...]
    relative: str
    path: str


def locate(source: BaseSource, base: Path) -> list[SourceFile]:
    """Return the files that `source.path` names, sorted by display.

    Args:
        source: its `path` may be a local path (relative to `base`), a glob, `package:NAME/GLOB`, an fsspec URL, or
            a list of these.
        base: folder of the config.

    Raises:
        ConfigError: if a pattern matches nothing, or two files would have the same name.
    """
    found = dict.fromkeys(locate_in_order(source.path, base, source.name))
    return sorted_by_display(SourceFile(source.name, path, display) for display, path in found)


def locate_in_order(patterns: str | Sequence[str], base: Path, source: str) -> list[tuple[str, str]]:
    """Return (display, path) of each match: pattern after pattern, sorted within each.

    The display is the path below the folder that all patterns have in common; for `package:` the path inside the
    package.

    Raises:
        ConfigError: if there is no pattern, or one that matches nothing.
    """
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    if not patterns:
        raise ConfigError("The source names no files", where=f"source `{source}`", hint="give it a `path`")
    matches = [match for pattern in patterns for match in _expand(pattern, base, source)]
    shared = _shared_length([match.folder for match in matches])
    return [("/".join((*match.folder[shared:], match.relative)), match.path) for match in matches]


def _shared_length(folders: Sequence[tuple[str, ...]]) -> int:
    """Return how many leading parts all folders have in common."""
    return next(
        (index for index, parts in enumerate(zip(*folders, strict=False)) if len(set(parts)) > 1),
        min(len(folder) for folder in folders),
    )


def sorted_by_display(found: Iterable[SourceFile]) -> list[SourceFile]:
    """Return the files sorted by display.

    Raises:
        ConfigError: if two have the same.
    """
    files = sorted(found, key=lambda file: file.display)
    for one, other in itertools.pairwise(files):
        if one.display == other.display:
            raise ConfigError(
                f"Two files of a source would both be called {one.display}",
                where=f"source `{one.source}`",
                why=f"{public_name(one.path)} and {public_name(other.path)}",
                hint="make them two sources",
            )
    return files


def _expand(pattern: str, base: Path, source: str) -> list[_Match]:
    if pattern.startswith(_PACKAGE):
        matches, place = _expand_package(pattern, source)
    elif "://" in pattern:
        matches, place = _expand_url(pattern, source)
    else:
        matches, place = _expand_local(pattern, base)
    if not matches:
        raise ConfigError(
            f"No file matches {public_name(pattern)}",
            where=f"source `{source}`",
            why=f"looked for it in {place}",
            hint="name files, not folders: for example data/*.parquet",
        )
    return sorted(matches, key=lambda match: match.relative)


def _expand_local(pattern: str, base: Path) -> tuple[list[_Match], str]:
    literal = base / pattern
    if literal.is_file():
        folder, wild = posixpath.dirname(pattern), glob.escape(posixpath.basename(pattern))
    else:
        folder, wild = _split_at_wildcard(pattern)
    root = (base / folder).absolute()
    parts = _parts(posixpath.normpath(folder))
    return [_Match(parts, name, str(root / name)) for name in _glob(root, wild)], str(root)


def _glob(root: Path, wild: str) -> list[str]:
    names = glob.glob(wild, root_dir=root, recursive=True)  # noqa: PTH207 - skips hidden files, names relative to root
    return sorted({posixpath.normpath(name) for name in names if (root / name).is_file()})


def _split_at_wildcard(pattern: str) -> tuple[str, str]:
    """Split a pattern into the folder before its first wildcard and the rest; without one, before its last part."""
    wild = _WILD.search(pattern)
    cut = pattern.rfind("/", 0, wild.start() if wild else len(pattern)) + 1
    return pattern[:cut], pattern[cut:]


def _parts(folder: str) -> tuple[str, ...]:
    return tuple(part for part in folder.split("/") if part not in ("", "."))


def _expand_package(pattern: str, source: str) -> tuple[list[_Match], str]:
    name, _, wild = pattern.removeprefix(_PACKAGE).partition("/")
    where = f"source `{source}`"
    if not name.isidentifier() or not wild or wild.startswith("/") or ".." in wild.split("/"):
        raise ConfigError(
            f"{pattern} names no files of a package",
            where=where,
            why="it must be package:NAME/GLOB, with a top-level package and no `..`",
            hint="for example package:django/conf/locale/*/LC_MESSAGES/*.po",
        )
    roots = _package_folders(name)
    if not roots:
        raise ConfigError(f"There is no installed package {name}", where=where, hint=f"pip install {name}")
    matches = [_Match((_PACKAGE + name,), match, str(root / match)) for root in roots for match in _glob(root, wild)]
    return matches, ", ".join(map(str, roots))


def _package_folders(name: str) -> list[Path]:
    """Return where a package is installed, without importing it; nothing if it is not a package."""
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # a module that was put into sys.modules by hand has no spec
        return []
    return [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []


def _expand_url(url: str, source: str) -> tuple[list[_Match], str]:
    if "::" in url:
        raise ConfigError(
            "Chained URLs are not read",
            where=f"source `{source}`",
            why=public_name(url),
            hint="unpack the archive; .gz and .zst are decompressed by themselves",
        )
    if urlsplit(url).scheme in ("http", "https"):  # no store to list, and `?` starts a query
        return [_url_match(url, urlsplit(url)._replace(query="", fragment="").geturl())], url
    with readable(url):
        system, path = fsspec.core.url_to_fs(url)
        names = _remote_names(system, path)
        folder = _split_at_wildcard(system.unstrip_protocol(path))[0]
        return [_url_match(name, name, folder) for name in map(system.unstrip_protocol, names)], public_name(folder)


def _remote_names(system: fsspec.AbstractFileSystem, path: str) -> Iterable[str]:
    if not _WILD.search(path):
        return [path] if system.isfile(path) else []
    details = system.glob(path, detail=True)
    return [name for name, info in details.items() if info["type"] == "file"]


def _url_match(path: str, name: str, folder: str | None = None) -> _Match:
    folder = name.rpartition("/")[0] + "/" if folder is None else folder
    return _Match(_parts(folder), name.removeprefix(folder), path)
