"""Unicode scripts: which code points belong to which, and which make up the scripts that languages are written in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from language_configs.files import read_yaml
from language_configs.levels import Source, last
from language_configs.table import levels


@cache
def members(script: str) -> frozenset[str]:
    """Return the Unicode scripts whose letters occur in text of an ISO 15924 script: `Jpan` -> Hira, Kana, Hani."""
    known = levels().scripts
    files_of = known.get(script) or _by_alias().get(script, [])
    return frozenset(last(files_of, "members") or (script,))


def _by_alias() -> Mapping[str, list[Source]]:
    """Return the files of the scripts that go by another code too; the first of those that share one."""
    found: dict[str, list[Source]] = {}
    for sources in levels().scripts.values():
        for alias in last(sources, "aliases") or ():
            found.setdefault(alias, sources)
    return found


@cache
def ranges() -> Mapping[str, tuple[tuple[int, int], ...]]:
    """Return the code points of each Unicode script as (first, last) ranges, without Common and Inherited."""
    data = read_yaml(files(__package__) / "script_ranges.yml")
    if not isinstance(data, dict):
        raise TypeError("script_ranges.yml: a mapping from script to ranges is expected")
    return MappingProxyType({script: tuple(map(_span, spans.split())) for script, spans in sorted(data.items())})


def _span(text: str) -> tuple[int, int]:
    first, _, end = text.partition("-")
    return int(first, 16), int(end or first, 16)
