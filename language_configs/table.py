"""The table of languages, put together from the levels, and where each value of it comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from language_configs.bounds import Bounds
from language_configs.labels import labels_by_rule
from language_configs.levels import KeyPath, Levels, Origin, last
from language_configs.read import SHIPPED, LanguageFileError, broken_links, read_levels
from language_configs.schema import Identification, Language

ENVIRONMENT = "CURATION_LANGUAGES"
"""Environment variable that names a folder of a user's own files, laid out as this package is."""


_PLACES = ("code", "bcp47", "iso639_3", *Language.model_fields)


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a language."""

    key: str
    """Name of the field, for a value within one with dots: `filters.query.min_chars`."""
    value: Any
    """The value as it is in force."""
    level: str
    """The level that it comes from: `root`, `script Hans`, `family slavic`, `language srp_Cyrl`, or `rule`."""
    file: str
    """The file that it stands in, below this package, or the whole path of a user's file."""


def folders() -> tuple[Path, ...]:
    """Return the folders that language files are read from: this package's, and the user's if one is named."""
    own = os.environ.get(ENVIRONMENT)
    return (SHIPPED, Path(own)) if own else (SHIPPED,)


@cache
def levels() -> Levels:
    """Return all files, read once; a folder that the environment names later is not seen.

    Raises:
        LanguageFileError: if a file cannot be used; it names all that is wrong.
    """
    found, findings = read_levels(folders())
    findings = findings or list(broken_links(found))
    if findings:
        raise LanguageFileError(tuple(findings))
    return found


@cache
def languages() -> Mapping[str, Language]:
    """Return every language by its code, in the order of the codes.

    Raises:
        LanguageFileError: if a file cannot be used; it names all that is wrong.
    """
    found = levels()
    return MappingProxyType({code: assemble(found, code) for code in sorted(found.languages)})


def assemble(found: Levels, code: str) -> Language:
    """Return a language with all that it inherits."""
    fields: dict[str, Any] = {}
    for path, origin in found.resolve(code).items():
        inner = fields
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = origin.value
    script = code.rpartition("_")[2]
    fields["labels"] = _labels(found, code)
    fields["filters"] = {role: Bounds(**bounds) for role, bounds in fields.get("filters", {}).items()}
    models = fields.get("identification", {})
    fields["identification"] = {model: Identification.model_construct(**values) for model, values in models.items()}
    fields["kind"] = "programming" if script == "Zzzz" else "natural"
    return Language(**{"scripts": (script,)} | fields | {"code": code})


def _labels(found: Levels, code: str) -> dict[str, tuple[str, ...]]:
    """Return the labels of a language by system: what its file says, else what the rule makes of its codes."""
    script = code.rpartition("_")[2]
    rule = labels_by_rule(found.names(code), (script, *_aliases(found, script)))
    said = last(found.languages[code], "labels") or {}
    return {system: labels for system, labels in {**rule, **said}.items() if labels}


def _aliases(found: Levels, script: str) -> tuple[str, ...]:
    return last(found.scripts[script], "aliases") or ()


@cache
def codes_of(script: str) -> tuple[str, ...]:
    """Return the codes of ISO 15924 that text in a script goes by, its own first: `Hang` -> Hang, Kore."""
    return (script, *_aliases(levels(), script)) if script in levels().scripts else (script,)


def explain(language: Language) -> tuple[Value, ...]:
    """Return each value of a language of the table, with the level and the file that it comes from."""
    found = levels().resolve(language.code)
    values = (*_derived(language, found), *_labelled(language, found), *_set(found))
    return tuple(sorted(values, key=lambda value: (_PLACES.index(value.key.partition(".")[0]), value.key)))


def _derived(language: Language, found: Mapping[KeyPath, Origin]) -> Iterator[Value]:
    file = levels().languages[language.code][0].file
    yield Value("code", language.code, "rule", file)
    yield Value("kind", language.kind, "rule", file)
    for name in ("iso639_3", "bcp47"):
        if getattr(language, name):
            yield Value(name, getattr(language, name), "rule", file)
    if ("scripts",) not in found:
        yield Value("scripts", language.scripts, "rule", file)


def _labelled(language: Language, found: Mapping[KeyPath, Origin]) -> Iterator[Value]:
    for system, labels in language.labels.items():
        if ("labels", system) not in found:
            yield Value(f"labels.{system}", labels, "rule", f"systems/{system}.yml")


def _set(found: Mapping[KeyPath, Origin]) -> Iterator[Value]:
    for path, origin in sorted(found.items()):
        value = origin.value
        shown = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
        yield Value(".".join(path), shown, origin.source.level, origin.source.file)
