"""Code systems other than ISO 639-3: which labels each has, and the rule by which a label finds its language.

`systems/NAME.yml` lists the labels that there are, so that nothing claims a label that a model or benchmark does not
have. A language has those that its codes and its script make by the rule; a language file names what the rule misses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from language_configs.files import read_yaml
from language_configs.schema import SYSTEMS, System, Version

_Words = Annotated[tuple[str, ...], BeforeValidator(lambda text: tuple(text.split()))]


class SystemFile(BaseModel):
    """`systems/NAME.yml`: the labels of a code system."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    version: Version
    """Version of this shape."""
    name: str
    """What the system is called."""
    source: str
    """Where the labels were taken from."""
    labels: _Words
    """The labels, parted by blanks, each of which must have a language."""
    optional: _Words = ()
    """Labels that may go without a language."""


@cache
def system(name: System) -> SystemFile:
    """Return a code system."""
    return SystemFile.model_validate(read_yaml(Path(__file__).parent / "systems" / f"{name}.yml"))


@cache
def ranks(name: System) -> Mapping[str, int]:
    """Return the place of each label in its system; a label that stands earlier is the more usual one."""
    found = system(name)
    return MappingProxyType({label: rank for rank, label in enumerate((*found.labels, *found.optional))})


def labels_by_rule(names: Sequence[str], scripts: Sequence[str]) -> dict[System, tuple[str, ...]]:
    """Return the labels that a language has in each system that knows it, the most usual first.

    Args:
        names: the codes that the language goes by in any script, its own first.
        scripts: the codes of its script, or `Zzzz` for a programming language.
    """
    found = {}
    for name in SYSTEMS:
        known = ranks(name)
        labels = {label: known[label] for label in _candidates(name, names, scripts) if label in known}
        if labels:
            # The language's own code comes before that of a macro-language, which the system may have for others too.
            found[name] = tuple(sorted(labels, key=lambda label: (label[:3] != names[0], labels[label])))
    return found


def _candidates(name: System, names: Sequence[str], scripts: Sequence[str]) -> Iterator[str]:
    if scripts[0] == "Zzzz":
        yield from (f"{code}-Code" for code in names if name == "mteb")
    elif name in ("iso639_2", "lid176"):
        yield from names
    else:
        joint = "-" if name == "mteb" else "_"
        yield from (f"{code}{joint}{script}" for code in names for script in scripts)
