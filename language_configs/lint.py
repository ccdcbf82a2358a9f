"""What is wrong in language files that can be read: what says nothing, contradicts itself or is missing."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from language_configs.bounds import ROLES, profile
from language_configs.labels import ranks, system
from language_configs.levels import SETTINGS, KeyPath, Levels, Source, last
from language_configs.read import SHIPPED, Finding, broken_links, read_levels, unread
from language_configs.schema import SYSTEMS, Identification, Language, LanguageFile, Level, System
from language_configs.scripts import ranges
from language_configs.table import assemble, folders

_PAIRS_OF_BOUNDS = (("min_chars", "max_chars"),)
# What a level may leave out, by the value that this stands for.
_EMPTY: Mapping[str, Any] = {"aliases": (), "iso639_1": "", "macrolanguage": "", "collective": False, "pygments": ""}


def lint(where: Sequence[Path] | None = None) -> tuple[Finding, ...]:
    """Return what is wrong in the language files, by file.

    Args:
        where: folders laid out as this package is, the later ones on top of the earlier; by default this package's
            and the user's.
    """
    where = folders() if where is None else where
    levels, findings = read_levels(where)
    findings += broken_links(levels)
    ignored = [finding for folder in where if folder != SHIPPED for finding in unread(folder)]
    if findings:
        # What cannot be put together cannot be compared either.
        return tuple(sorted([*findings, *ignored]))
    languages = {code: assemble(levels, code) for code in levels.languages}
    compared = {*_each_file(levels), *_each_language(levels, languages), *_whole(levels, languages)}
    return tuple(sorted([*compared, *ignored]))


def _each_file(levels: Levels) -> Iterator[Finding]:
    for source in levels.sources():
        problems = (*_thresholds(source.content), *_characters(source.content))
        yield from (Finding(source.file, key, why) for key, why in problems)
    for key, sources in levels.scripts.items():
        missing = set(last(sources, "members") or (key,)) - set(ranges())
        if missing and key != "Zzzz":
            yield Finding(
                sources[-1].file, "members", f"script_ranges.yml has no range for {', '.join(sorted(missing))}"
            )
    yield from _no_ops_above(levels)


def _thresholds(content: Level) -> Iterator[tuple[str, str]]:
    for model, identification in content.identification.items():
        key = f"identification.{model}.min_score"
        steps = list(identification.min_score.items())
        if any(before[0] >= after[0] for before, after in pairwise(steps)):
            yield key, "must be in the order of the number of letters"
        rises = [after for before, after in pairwise(sorted(steps)) if after[1] > before[1]]
        if rises and not (identification.calibration and identification.calibration.reason):
            letters, score = rises[0]
            yield key, f"rises to {score} at {letters} letters: longer text is surer; say why in calibration.reason"


def _characters(content: Level) -> Iterator[tuple[str, str]]:
    if "terminals" in content.model_fields_set:
        if not content.terminals:
            yield "terminals", "is empty: leave it out to inherit"
        for character in content.terminals:
            if unicodedata.category(character)[0] != "P":
                yield "terminals", f"{character!r} is no punctuation"
        if len(set(content.terminals)) < len(content.terminals):
            yield "terminals", "a character stands twice"
    if "digits" in content.model_fields_set and not content.digits:
        yield "digits", "is empty: leave it out to inherit"
    for digits in content.digits:
        if [unicodedata.decimal(character, -1) for character in digits] != list(range(10)):
            yield "digits", f"{digits!r} is not ten digits from zero to nine"


def _no_ops_above(levels: Levels) -> Iterator[Finding]:
    """Yield what scripts and families set although all that inherits from them has it anyway."""
    for source in levels.roots:
        yield from _no_ops(source, [_merged(_before(source, levels.roots))])
    for source in (source for sources in levels.scripts.values() for source in sources):
        chain = [*levels.roots, *levels.scripts[source.key]]
        yield from _no_ops(source, [_merged(_before(source, chain))])
    members = defaultdict(list)
    for code in levels.languages:
        for family in levels.families_of(code):
            members[family].append(code)
    for key, sources in levels.families.items():
        if not members[key]:
            yield Finding(sources[-1].file, "", "no language belongs to this family")
        for source in sources:
            inherited = [_merged(_before(source, levels.above(code))) for code in members[key]]
            yield from _no_ops(source, inherited)


def _before(source: Source, chain: Sequence[Source]) -> Sequence[Source]:
    return chain[: chain.index(source)]


def _merged(sources: Iterable[Source]) -> dict[KeyPath, Any]:
    found: dict[KeyPath, Any] = {}
    for source in sources:
        found.update(source.settings)
    return found


def _no_ops(source: Source, inherited: Sequence[Mapping[KeyPath, Any]]) -> Iterator[Finding]:
    """Yield each key of a file that has the value which everything below it would inherit without it."""
    idle = {path for path in source.settings if inherited and all(_is_idle(source, path, above) for above in inherited)}
    for key, paths in _written(source.content).items():
        if paths <= idle:
            yield Finding(source.file, key, "has the value that is inherited anyway: leave it out")


def _is_idle(source: Source, path: KeyPath, above: Mapping[KeyPath, Any]) -> bool:
    value = source.settings[path]
    if path[0] == "filters":
        return bool(_bound_without(source, path, above) == value)
    if path in above:
        return bool(above[path] == value)
    return path[0] == "identification" and bool(Identification.model_fields[path[2]].default == value)


def _bound_without(source: Source, path: KeyPath, above: Mapping[KeyPath, Any]) -> Any:
    """Return the bound that a role would have without its own key: of all roles, of the level above, of the profile."""
    _, role, name = path
    if _sets(source.content, role, name) and _sets(source.content, "all", name):
        return getattr(source.content.filters["all"], name)
    if path in above:
        return above[path]
    named = source.settings.get(("profile",), above.get(("profile",), "standard"))
    return next(getattr(bounds, name) for key, bounds in profile(named).items() if key == role)


def _sets(content: Level, role: str, name: str) -> bool:
    return any(name in bounds.set_here() for key, bounds in content.filters.items() if key == role)


def _written(content: Level) -> dict[str, set[KeyPath]]:
    """Return the flat paths of each key as it stands in the file; `all` is for the roles that have no key beside it."""
    found: dict[str, set[KeyPath]] = defaultdict(set)
    for name in content.model_fields_set & (SETTINGS - {"filters", "identification"}):
        found[name].add((name,))
    for model, identification in content.identification.items():
        for name in identification.model_fields_set:
            found[f"identification.{model}.{name}"].add(("identification", model, name))
    for role, bounds in content.filters.items():
        for name in bounds.set_here():
            roles = [each for each in ROLES if not _sets(content, each, name)] if role == "all" else [role]
            found[f"filters.{role}.{name}"] |= {("filters", each, name) for each in roles}
    return found


def _each_language(levels: Levels, languages: Mapping[str, Language]) -> Iterator[Finding]:
    for code, sources in levels.languages.items():
        for source in sources:
            yield from _no_ops(source, [_merged(_before(source, [*levels.above(code), *sources]))])
            yield from (Finding(source.file, key, why) for key, why in _facts(source, languages[code]))
        yield from (Finding(sources[-1].file, key, why) for key, why in _contradictions(languages[code]))


def _facts(source: Source, language: Language) -> Iterator[tuple[str, str]]:
    """Yield what a language file says for nothing, or claims of a code system that does not have it."""
    content = source.content
    assert isinstance(content, LanguageFile)
    for key, empty in _EMPTY.items():
        if key in content.model_fields_set and getattr(content, key) == empty:
            yield key, "is empty: leave it out"
    if content.scripts is not None and len(content.scripts) == 1:
        yield "scripts", "one script needs no list: leave it out"
    if language.base in content.aliases or language.iso639_1 in content.aliases:
        yield "aliases", "a language's own code is no alias"
    for name, labels in content.labels.items():
        for label in set(labels) - set(ranks(name)):
            yield f"labels.{name}", f"{system(name).name} has no label {label!r}"
    programming = set(content.model_fields_set) & {"extensions", "pygments"}
    if language.kind == "natural":
        yield from ((key, "is for programming languages") for key in sorted(programming))


def _contradictions(language: Language) -> Iterator[tuple[str, str]]:
    for role in language.filters:
        bounds = language.bounds(role)
        for low, high in _PAIRS_OF_BOUNDS:
            least, most = getattr(bounds, low), getattr(bounds, high)
            if least is not None and most is not None and least > most:
                yield f"filters.{role}", f"{low} {least} is greater than {high} {most}: no text can pass"


def _whole(levels: Levels, languages: Mapping[str, Language]) -> Iterator[Finding]:
    files = {code: sources[-1].file for code, sources in levels.languages.items()}
    yield from _shared_codes(languages, files)
    yield from _shared_labels(languages, files)
    for name in SYSTEMS:
        yield from _missing(name, languages)


def _shared_codes(languages: Mapping[str, Language], files: Mapping[str, str]) -> Iterator[Finding]:
    """Yield codes and names that mean two languages of a kind."""
    seen: dict[tuple[str, str, str], Language] = {}
    for language in languages.values():
        codes = [("name", language.name), ("aliases", language.base)]
        codes += [("iso639_1", language.iso639_1)] if language.iso639_1 else []
        codes += [("aliases", alias) for alias in language.aliases]
        for key, code in codes:
            space = "name" if key == "name" else "code"
            other = seen.setdefault((language.kind, space, code), language)
            if other.base != language.base:
                yield Finding(files[language.code], key, f"{code!r} means {other.code} too")


def _shared_labels(languages: Mapping[str, Language], files: Mapping[str, str]) -> Iterator[Finding]:
    """Yield labels of a code system that mean two languages, rather than one in two scripts."""
    for name in SYSTEMS:
        seen: dict[str, Language] = {}
        for language in languages.values():
            for label in language.labels.get(name, ()):
                other = seen.setdefault(label, language)
                if other.base != language.base:
                    yield Finding(files[language.code], f"labels.{name}", f"{label!r} means {other.code} too")


def _missing(name: System, languages: Mapping[str, Language]) -> Iterator[Finding]:
    found = {label for language in languages.values() for label in language.labels.get(name, ())}
    for label in system(name).labels:
        if label not in found:
            yield Finding(f"systems/{name}.yml", label, "no language has this label")
