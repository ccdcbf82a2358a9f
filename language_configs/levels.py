"""The levels that a language inherits from: root, script, families from the largest down, and its own file.

Each level is a file that holds what differs from the level above; the same file in a user's folder
(`CURATION_LANGUAGES`) is one more level below it. All that a level sets is brought into one flat form,
`("filters", "query", "min_chars") -> 1`, so that inheritance is a merge of dictionaries, and each value knows the
file that it came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from language_configs.bounds import ROLES, Bounds
from language_configs.schema import Identification, LanguageFile, Level

KeyPath = tuple[str, ...]

SETTINGS = frozenset(Level.model_fields) - {"version"}
FACTS = frozenset(LanguageFile.model_fields) - frozenset(Level.model_fields)
# What a language is called, and by whom, does not depend on the script in which it is written.
_SHARED = frozenset({"name", "family", "iso639_1", "macrolanguage", "collective", "scripts"})


@dataclass(frozen=True)
class Source:
    """One file of a level."""

    level: str
    """`root`, `script Hans`, `family slavic` or `language srp_Cyrl`."""
    file: str
    """Path below this package, or the whole path of a user's file."""
    content: Level

    @property
    def key(self) -> str:
        """The level without its kind: `Hans`."""
        return self.level.rpartition(" ")[2]

    @cached_property
    def settings(self) -> Mapping[KeyPath, Any]:
        """What it sets of what every level may set, flat."""
        return dict(flat(self.content, SETTINGS))

    @cached_property
    def facts(self) -> Mapping[KeyPath, Any]:
        """What it says of the language itself, flat; nothing where it is no language's file."""
        return dict(flat(self.content, FACTS)) if isinstance(self.content, LanguageFile) else {}


@dataclass(frozen=True, slots=True)
class Origin:
    """A value and the file that it came from."""

    value: Any
    source: Source


class Levels:
    """All files by level and key. Of a file that a user's folder has too, the user's stands last."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.roots: list[Source] = []
        self.scripts: dict[str, list[Source]] = {}
        self.families: dict[str, list[Source]] = {}
        self.languages: dict[str, list[Source]] = {}
        tables = {"script": self.scripts, "family": self.families, "language": self.languages}
        for source in sources:
            kind = source.level.partition(" ")[0]
            (tables[kind].setdefault(source.key, []) if kind in tables else self.roots).append(source)
        named = (code for code in sorted(self.languages) if self.fact(code, "name") is not None)
        self._defaults: dict[str, str] = {}
        for code in named:
            self._defaults.setdefault(_stem(code), code)

    def fact(self, code: str, key: str) -> Any:
        """Return what the file of a language says, or nothing."""
        return last(self.languages.get(code, ()), key)

    def default_of(self, code: str) -> str:
        """Return the code of the same language in its default script; nothing if no file has its name."""
        return self._defaults.get(_stem(code), "")

    def families_of(self, code: str) -> list[str]:
        """Return the families of a language, the largest first; a circle is cut where it closes."""
        chain: list[str] = []
        key = self.fact(self.default_of(code), "family")
        while key is not None and key not in chain:
            chain.append(key)
            key = last(self.families.get(key, ()), "within")
        return chain[::-1]

    def above(self, code: str) -> list[Source]:
        """Return the files that a language inherits settings from, from the root down."""
        families = (source for key in self.families_of(code) for source in self.families.get(key, ()))
        return [*self.roots, *self.scripts.get(code.rpartition("_")[2], ()), *families]

    def resolve(self, code: str) -> dict[KeyPath, Origin]:
        """Return every value of a language, inherited or its own, with the file that it came from."""
        found: dict[KeyPath, Origin] = {}
        own, default = self.languages[code], self.default_of(code)
        for source in (*self.above(code), *own):
            found.update((path, Origin(value, source)) for path, value in source.settings.items())
        shared = self.languages[default] if default not in ("", code) else []
        for source in shared:
            found.update((path, Origin(value, source)) for path, value in source.facts.items() if path[0] in _SHARED)
        for source in own:
            found.update((path, Origin(value, source)) for path, value in source.facts.items())
        return found

    def sources(self) -> Iterator[Source]:
        """Yield all files."""
        yield from self.roots
        for table in (self.scripts, self.families, self.languages):
            for sources in table.values():
                yield from sources

    def names(self, code: str) -> list[str]:
        """Return the codes that a language goes by in any script, its own first."""
        default = self.default_of(code)
        names = [code.rpartition("_")[0], self.fact(default, "iso639_1"), *(self.fact(default, "aliases") or ())]
        return list(dict.fromkeys(filter(None, names)))


def _stem(code: str) -> str:
    """Return what the files of one language have in common: `lua` is one in Latn and another in Zzzz."""
    base, _, script = code.rpartition("_")
    return code if script == "Zzzz" else base


def last(sources: Sequence[Source], key: str) -> Any:
    """Return the value of a key in the last of the files that sets it, or nothing."""
    contents = (source.content for source in reversed(sources))
    return next((getattr(content, key) for content in contents if key in content.model_fields_set), None)


def flat(content: Level, fields: frozenset[str]) -> Iterator[tuple[KeyPath, Any]]:
    """Yield what is set among `fields`, by its path; what is set for `all` roles stands before what is for one."""
    for name in content.model_fields_set & fields:
        value = getattr(content, name)
        if name == "filters":
            yield from _flat_filters(value)
        elif name == "identification":
            yield from _flat_identification(value)
        elif isinstance(value, Mapping):
            yield from (((name, key), item) for key, item in value.items())
        else:
            yield (name,), value


def _flat_filters(filters: Mapping[str, Bounds]) -> Iterator[tuple[KeyPath, Any]]:
    common = filters.get("all", Bounds()).set_here()
    yield from ((("filters", role, name), value) for role in ROLES for name, value in common.items())
    for role in filters.keys() - {"all"}:
        yield from ((("filters", role, name), value) for name, value in filters[role].set_here().items())


def _flat_identification(models: Mapping[str, Identification]) -> Iterator[tuple[KeyPath, Any]]:
    for model, identification in models.items():
        for name in identification.model_fields_set:
            yield ("identification", model, name), getattr(identification, name)
