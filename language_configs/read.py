"""Reading of the files of all levels, and what is wrong with those that cannot be used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import ValidationError

from language_configs.bounds import Bounds, profile_names
from language_configs.files import read_yaml
from language_configs.levels import Levels, Source, last
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


def read_levels(folders: Sequence[Path]) -> tuple[Levels, list[Finding]]:
    """Return the files of the folders, the shipped one first, and what is wrong with those that cannot be read."""
    sources, findings = [], []
    for folder in folders:
        if not folder.is_dir():
            findings.append(Finding(str(folder), "", "there is no such folder"))
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
    below = (file for name in _FOLDERS for file in sorted((folder / name).glob("*.y*ml")))
    return [*sorted(folder.glob("root.yml")), *below]


def unread(folder: Path) -> list[Finding]:
    """Return what lies in a user's folder and is never read, so that nobody waits for it to have an effect."""
    below = [path for name in _FOLDERS if (folder / name).is_dir() for path in (folder / name).iterdir()]
    paths = [*folder.iterdir(), *below] if folder.is_dir() else []
    known = {*_files(folder), *(folder / name for name in _FOLDERS)} if paths else set()
    counts = f"root.yml and files .yml in {', '.join(_FOLDERS)} are"
    return [Finding(str(path), "", f"never read: {counts}") for path in sorted(paths) if path not in known]


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
        # A device or a pipe would never end.
        if not file.is_file():
            return [Finding(shown, "", "no regular file")]
        if file.stat().st_size > _MAX_BYTES:
            return [Finding(shown, "", f"larger than {_MAX_BYTES:,} bytes")]
        data = read_yaml(file)
    except OSError as error:
        return [Finding(shown, "", f"cannot be read: {error.strerror}")]
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
    yield from _unknown_profiles(levels)
    yield from _broken_names_and_families(levels)
    for code, sources in levels.languages.items():
        for key, why in _broken(levels, code):
            yield Finding(sources[-1].file, key, why)


def _unknown_profiles(levels: Levels) -> Iterator[Finding]:
    for source in levels.sources():
        if source.content.profile not in profile_names():
            known = ", ".join(profile_names())
            yield Finding(source.file, "profile", f"there is no profile {source.content.profile!r}; there are {known}")


def _broken_names_and_families(levels: Levels) -> Iterator[Finding]:
    for sources in (*levels.scripts.values(), *levels.families.values()):
        if last(sources, "name") is None:
            yield Finding(sources[-1].file, "name", "missing: give it its English name")
    for key, sources in levels.families.items():
        parent = last(sources, "within")
        if parent is not None and parent not in levels.families:
            yield Finding(sources[-1].file, "within", f"there is no families/{parent}.yml")
        if _is_within_itself(levels, key):
            yield Finding(sources[-1].file, "within", f"{key} is within itself")


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
