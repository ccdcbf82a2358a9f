"""Reading of the data files beside this package, in which every scalar is a string or `true`/`false`."""

from __future__ import annotations

import re
from importlib.resources.abc import Traversable

import yaml

# Without the C parser (no libyaml) everything works, only more slowly.
_Base: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class PlainLoader(_Base):  # type: ignore[misc]
    """A safe loader for which `no` is Norwegian, `on` a word and `1E5` a code point."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as PyYAML wants it


PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), ["t", "f"])


def read_yaml(file: Traversable) -> object:
    """Return the content of a YAML file as strings, booleans, lists and dictionaries."""
    return yaml.load(file.read_bytes(), Loader=PlainLoader)  # noqa: S506 - a subclass of the safe loader
