"""Names of datasets that are safe as file names and in every consumer, and how many there are, in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from curation.hashing import content_id

# No dot: ML-Embed takes a name up to its first dot, and hidden files begin with one.
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_GREATEST_LENGTH = 80
_DIGEST_LENGTH = 8

Key = tuple[str, str]


def dataset_names(keys: Iterable[Key]) -> dict[Key, str]:
    """Return a name for each (source, language): `source_xxx_Xxxx`, in letters, digits, `_` and `-`.

    Names that would be one file on a disk that ignores case, or that had to be cut, end with a part of the hash of
    their key. A name does not depend on the order of the keys.
    """
    distinct = sorted(set(keys))
    plain = {key: _plain(*key) for key in distinct}
    uses = Counter(name.lower() for name in plain.values())
    return {
        key: name if uses[name.lower()] == 1 and len(name) <= _GREATEST_LENGTH else _with_digest(name, key)
        for key, name in plain.items()
    }


def counted(number: int, noun: str) -> str:
    """Return a number and what it counts: `1 dataset`, `2,000 datasets`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _plain(source: str, language: str) -> str:
    name = _UNSAFE.sub("_", f"{source}_{language}")
    # A leading hyphen would be an option to whatever command is given the file's name.
    return name if name[0] not in "-_" else f"x{name}"


def _with_digest(name: str, key: Key) -> str:
    return f"{name[:_GREATEST_LENGTH]}_{content_id(*key)[:_DIGEST_LENGTH]}"
