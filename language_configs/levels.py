"""The levels that a language inherits from: root, script, families from the largest down, and its own file.

Each level is a file that holds what differs from the level above; the same file in a user's folder
(`CURATION_LANGUAGES`) is one more level below it. All that a level sets is brought into one flat form,
`("filters", "query", "min_chars") -> 1`, so that inheritance is a merge of dictionaries, and each value knows the
file that it came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import ValidationError

from language_configs.bounds import ROLES, Bounds
from language_configs.files import read_yaml
from language_configs.schema import (
    NATURAL_CODE,
    PROGRAMMING_CODE,
    FamilyFile,
    Identification,
    LanguageFile,
    Level,
    RootFile,
    ScriptFile,
)

SHIPPED = Path(__file__).parent

KeyPath = tuple[str, ...]

SETTINGS = frozenset(Level.model_fields) - {"version"}
FACTS = frozenset(LanguageFile.model_fields) - frozenset(Level.model_fields)
# What a language is called, and by whom, does not depend on the script in which it is written.
_SHARED = frozenset({"name", "family", "iso639_1", "macrolanguage", "collective", "scripts"})
# Far above any file of ours; what is larger was not written by hand, and is not read.
_MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What is wrong in a file of this package or of a user's folder."""

    file: str
    key: str
    why: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.why}" if self.key else f"{self.file}: {self.why}"


class LanguageFileError(ValueError):
    """Files of languages that cannot be used.

    Attributes:
        findings: what is wrong, by file.
    """

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(findings)
        self.findings = findings

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))


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


def read_levels(folders: Sequence[Path]) -> tuple[Levels, list[Finding]]:
    """Return the files of the folders, the shipped one first, and what is wrong with those that cannot be read."""
    sources, findings = [], []
    for folder in folders:
        for file in _files(folder):
            shown = str(file.relative_to(folder) if folder == SHIPPED else file)
            found = _read(file, shown)
            if isinstance(found, Source):
                sources.append(found)
            else:
                findings += found
    return Levels(sources), findings


_FOLDERS: Mapping[str, tuple[str, type[Level], re.Pattern[str], str]] = MappingProxyType(
    {
        "scripts": ("script", ScriptFile, re.compile(r"[A-Z][a-z]{3}"), "Xxxx.yml, by ISO 15924"),
        "families": ("family", FamilyFile, re.compile(r"[a-z]+(-[a-z]+)*"), "small letters and hyphens"),
        "languages": (
            "language",
            LanguageFile,
            re.compile(f"{NATURAL_CODE}|{PROGRAMMING_CODE}"),
            "xxx_Xxxx.yml, by ISO 639-3 and ISO 15924, or name_Zzzz.yml for a programming language",
        ),
    }
)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise LanguageFileError((Finding(str(folder), "", "there is no such folder"),))
    below = (file for name in _FOLDERS for file in sorted((folder / name).glob("*.y*ml")))
    return [*sorted(folder.glob("root.yml")), *below]


def _read(file: Path, shown: str) -> Source | list[Finding]:
    if file.name == "root.yml":
        level, model = "root", RootFile
    else:
        kind, model, names, form = _FOLDERS[file.parent.name]  # type: ignore[assignment]
        if file.suffix != ".yml" or names.fullmatch(file.stem) is None:
            return [Finding(shown, "", f"wrong file name: {form} is expected")]
        level = f"{kind} {file.stem}"
    content = read_file(file, shown, model)
    return Source(level, shown, content) if isinstance(content, Level) else content


def read_file(file: Path, shown: str, model: type[Level]) -> Level | list[Finding]:
    """Return the content of a file in the given shape, or what is wrong with it."""
    try:
        if file.stat().st_size > _MAX_BYTES:
            return [Finding(shown, "", f"larger than {_MAX_BYTES:,} bytes")]
        data = read_yaml(file)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        return [Finding(shown, "", f"cannot be read: {' '.join(str(error).split())}")]
    return validate(data, shown, model)


def validate(data: object, shown: str, model: type[Level]) -> Level | list[Finding]:
    """Return data in the given shape, or what is wrong with it."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        return [_finding(shown, model, problem) for problem in error.errors(include_url=False)]


def _finding(shown: str, model: type[Level], problem: Any) -> Finding:
    key = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    if problem["type"] != "extra_forbidden":
        return Finding(shown, key, problem["msg"])
    known = {*model.model_fields, *Bounds.model_fields, *Identification.model_fields}
    near = get_close_matches(str(problem["loc"][-1]), sorted(known), n=1)
    return Finding(shown, key, "unknown key" + (f": did you mean {near[0]}?" if near else ""))


def broken_links(levels: Levels) -> Iterator[Finding]:
    """Yield what keeps a language from being put together: files that are not there, or contradict each other."""
    if not levels.roots:
        yield Finding("root.yml", "", "there is no such file")
    for sources in (*levels.scripts.values(), *levels.families.values()):
        if last(sources, "name") is None:
            yield Finding(sources[-1].file, "name", "missing: give it its English name")
    for key, sources in levels.families.items():
        parent = last(sources, "within")
        if parent is not None and parent not in levels.families:
            yield Finding(sources[-1].file, "within", f"there is no families/{parent}.yml")
        if _is_within_itself(levels, key):
            yield Finding(sources[-1].file, "within", f"{key} is within itself")
    for code, sources in levels.languages.items():
        for key, why in _broken(levels, code):
            yield Finding(sources[-1].file, key, why)


def _is_within_itself(levels: Levels, key: str) -> bool:
    seen: set[str] = set()
    parent = last(levels.families[key], "within")
    while parent is not None and parent not in seen:
        seen.add(parent)
        parent = last(levels.families.get(parent, ()), "within")
    return key in seen


def _broken(levels: Levels, code: str) -> Iterator[tuple[str, str]]:
    script, default = code.rpartition("_")[2], levels.default_of(code)
    if script not in levels.scripts:
        yield "", f"there is no scripts/{script}.yml: add it, with a name"
    family = levels.fact(code, "family")
    if family is not None and family not in levels.families:
        yield "family", f"there is no families/{family}.yml"
    if not default:
        yield "name", "missing: give the language its English name"
    elif default == code:
        yield from _broken_scripts(levels, code)
    elif levels.fact(code, "name") is not None:
        yield "name", f"{default} has the name of this language already: leave it out here or there"
    elif script not in (levels.fact(default, "scripts") or ()):
        yield "", f"{default} does not list {script} among its `scripts`"


def _broken_scripts(levels: Levels, code: str) -> Iterator[tuple[str, str]]:
    base, _, script = code.rpartition("_")
    scripts = levels.fact(code, "scripts") or (script,)
    if scripts[0] != script:
        yield "scripts", f"the first one must be {script}, the script of the file with the name"
    if len(set(scripts)) < len(scripts):
        yield "scripts", "one stands twice"
    for other in scripts:
        if f"{base}_{other}" not in levels.languages:
            yield "scripts", f"there is no languages/{base}_{other}.yml"
