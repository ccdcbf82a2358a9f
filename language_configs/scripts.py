"""Unicode scripts: which code points belong to which, and which make up the scripts that languages are written in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from language_configs.files import read_yaml

# ISO 15924 has codes for writing systems of several Unicode scripts, and for variants of one.
_MEMBERS = {
    "Hans": frozenset({"Hani", "Bopo"}),
    "Hant": frozenset({"Hani", "Bopo"}),
    "Hani": frozenset({"Hani", "Bopo"}),
    "Jpan": frozenset({"Hira", "Kana", "Hani"}),
    "Hang": frozenset({"Hang", "Hani"}),
    "Kore": frozenset({"Hang", "Hani"}),
}


def members(script: str) -> frozenset[str]:
    """Return the Unicode scripts whose letters occur in text of an ISO 15924 script: `Jpan` -> Hira, Kana, Hani."""
    return _MEMBERS.get(script, frozenset({script}))


@cache
def ranges() -> Mapping[str, tuple[tuple[int, int], ...]]:
    """Return the code points of each Unicode script as (first, last) ranges, without Common and Inherited."""
    data = read_yaml(files(__package__) / "script_ranges.yml")
    if not isinstance(data, dict):
        raise TypeError("script_ranges.yml: a mapping from script to ranges is expected")
    return MappingProxyType({script: tuple(map(_span, spans.split())) for script, spans in sorted(data.items())})


def _span(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first, 16), int(last or first, 16)
