"""How a code of any common kind, or a label of any code system, finds its language."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from itertools import takewhile
from types import MappingProxyType
from typing import Literal

from language_configs.files import read_yaml
from language_configs.schema import SYSTEMS, Language, System
from language_configs.table import codes_of, languages

_MODIFIERS = {"@latin": "_latn", "@cyrillic": "_cyrl", "@devanagari": "_deva", "@arabic": "_arab"}
_SCRIPT = re.compile(r"[a-z]{4}")
# Region and variant of BCP-47, neither of which says anything about language or script.
# Of the variants without a digit the few in use are named, so that a misspelt script is not taken for one.
_IGNORED = re.compile(r"[a-z]{2}|[0-9]{3}|[a-z]*[0-9][a-z0-9]*|valencia|tarask|oxendict|posix|euro")

# Every code system that has labels, those that follow from a language's own fields among them.
LabelSystem = System | Literal["iso639_1", "iso639_3", "macrolanguage", "bcp47"]


class UnknownLanguageError(ValueError):
    """A code that is in no table.

    Attributes:
        code: the code as it was given.
        suggestions: codes that may have been meant, the likeliest first.
    """

    def __init__(self, code: str, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(code, suggestions)
        self.code = code
        self.suggestions = suggestions

    def __str__(self) -> str:
        table = languages()
        meant = " or ".join(f"{code} ({table[code].name})" for code in self.suggestions)
        return f"unknown language {self.code!r}" + (f": did you mean {meant}?" if meant else "")


def resolve(code: str) -> Language:
    """Return the language that a code means.

    Understood are `xxx_Xxxx`, ISO 639-3 and 639-1, BCP-47 and locale names with `-` or `_` (`pt_BR`, `sr-Latn-RS`,
    `zh_TW`, `sr@latin`), labels of lid.176, retired codes, and macro-languages, which stand for the individual
    language that nearly all text under them is written in (`ara` -> `arb_Arab`, `zh` -> `cmn_Hans`). Where a code
    means different things to ISO 639 and to lid.176 (`als`) or to programmers (`lua`), ISO 639 is followed.

    Raises:
        UnknownLanguageError: if no language is meant.
    """
    return _parse(code)[0]


def variants(code: str) -> tuple[Language, ...]:
    """Return the language that a code means in every script that the code leaves open, the default first.

    `sr` gives `srp_Cyrl` and `srp_Latn`, `sr_Latn` only the latter.

    Raises:
        UnknownLanguageError: if no language is meant.
    """
    language, is_exact = _parse(code)
    return (language,) if is_exact else in_all_scripts(language)


def resolve_program(code: str) -> Language | None:
    """Return the programming language that a code means, whatever else it means (`ts`); None if it means none."""
    return _program_index().get(code.strip().lower())


@cache
def _program_index() -> Mapping[str, Language]:
    index: dict[str, Language] = {}
    for language in (item for item in languages().values() if item.kind == "programming"):
        for name in (language.code, language.base, *language.aliases):
            index.setdefault(name.lower(), language)
    return MappingProxyType(index)


def in_all_scripts(language: Language) -> tuple[Language, ...]:
    """Return the language in each of its scripts, the default first."""
    return tuple(languages()[f"{language.base}_{script}"] for script in language.scripts)


@cache
def by_label(system: LabelSystem) -> Mapping[str, tuple[Language, ...]]:
    """Return, for each label of a code system, the languages that it means.

    That is one language in one or more scripts, the default first; for `macrolanguage` it is all members.
    """
    found: dict[str, list[Language]] = defaultdict(list)
    for language in languages().values():
        for label in _labels(language, system):
            found[label].append(language)
    ordered = {label: tuple(sorted(items, key=_rank)) for label, items in sorted(found.items())}
    return MappingProxyType(ordered)


def by_lid176() -> Mapping[str, tuple[Language, ...]]:
    """Return, for each label of lid.176, the languages that it can mean: one language in one or more scripts."""
    return by_label("lid176")


def _labels(language: Language, system: LabelSystem) -> tuple[str, ...]:
    if system in SYSTEMS:
        return language.labels.get(system, ())
    label: str = getattr(language, system)
    return (label,) if label else ()


def confusable(base: str) -> frozenset[str]:
    """Return the languages (ISO 639-3) that text in `base` is often taken for, `base` among them.

    From `confusable.yml`: close relatives, for which neither a model's certainty nor a declaration is proof.
    """
    return frozenset({base}).union(*(group for group in _relatives() if base in group))


@cache
def _relatives() -> tuple[frozenset[str], ...]:
    data = read_yaml(files(__package__) / "confusable.yml")
    if not isinstance(data, list):
        raise TypeError("confusable.yml: a list of groups is expected")
    return tuple(frozenset(group["languages"]) for group in data)


def _rank(language: Language) -> int:
    return language.scripts.index(language.script)


def _parse(code: str) -> tuple[Language, bool]:
    """Return the language and whether the code says in which script."""
    key = _key(code)
    found = _index().get(key)
    if found is not None:
        return found, "_" in key
    by_subtags = _by_subtags(key)
    if by_subtags is None:
        raise UnknownLanguageError(code, _suggestions(key))
    return by_subtags


def _key(code: str) -> str:
    key = code.strip().lower().replace("-", "_")
    for modifier, script in _MODIFIERS.items():
        key = key.replace(modifier, script)
    return re.sub(r"(?<=.)[.@].*", "", key)


@cache
def _index() -> Mapping[str, Language]:
    """Return every known code, lower-cased; what comes first in `_codes` takes precedence."""
    index: dict[str, Language] = {}
    for code, language in _codes():
        index.setdefault(code.lower().replace("-", "_"), language)
    return index


def _codes() -> Iterator[tuple[str, Language]]:
    table = languages().values()
    natural = [language for language in table if language.kind == "natural"]
    default = [language for language in natural if language.script == language.scripts[0]]
    yield from ((language.code, language) for language in table)
    yield from ((language.base, language) for language in default)
    yield from ((language.iso639_1, language) for language in default if language.iso639_1)
    yield from ((alias, language) for language in natural for alias in language.aliases)
    yield from ((label, language) for language in default for label in language.lid176)
    yield from ((label, language) for language in natural for label in language.labels.get("flores", ()))
    programming = [language for language in table if language.kind == "programming"]
    yield from ((language.base, language) for language in programming)
    yield from ((alias, language) for language in programming for alias in language.aliases)


def _by_subtags(key: str) -> tuple[Language, bool] | None:
    first, *rest = key.split("_")
    language = _index().get(first)
    if language is None or not rest or language.kind == "programming":
        return None
    # A single letter opens an extension or what is in private use.
    rest = list(takewhile(lambda tag: len(tag) != 1, rest))
    script = next((tag for tag in rest[:1] if _SCRIPT.fullmatch(tag)), "")
    if not all(_IGNORED.fullmatch(tag) for tag in rest[bool(script) :]):
        return None
    regional = _regional(first, rest, script)
    return (regional, True) if regional is not None else _in_script(language, script)


def _regional(first: str, rest: list[str], script: str) -> Language | None:
    """Return the language of a regional alias; of `zh_Hans_HK` the script says more than the region."""
    for tag in rest:
        found = _index().get(f"{first}_{tag}")
        if found is not None and script in {"", tag, found.script.lower()}:
            return found
    return None


def _in_script(language: Language, script: str) -> tuple[Language, bool] | None:
    if not script:
        return language, False
    meant = [item for item in in_all_scripts(language) if script.title() in codes_of(item.script)]
    return (meant[0], len(meant) == 1) if meant else None


def _suggestions(key: str) -> tuple[str, ...]:
    """Return up to three codes that look like `key`, or whose names do."""
    index = _index()
    names = {language.name.lower(): language for language in languages().values()}
    first = index.get(key.split("_")[0])
    near = [first] if first else []
    near += [names[name] for name in get_close_matches(key, names, n=2, cutoff=0.7)]
    near += [language for name, language in names.items() if len(key) > 3 and name.startswith(key)]
    near += [index[other] for other in get_close_matches(key, index, n=3, cutoff=0.7)]
    return tuple(dict.fromkeys(language.code for language in near))[:3]
