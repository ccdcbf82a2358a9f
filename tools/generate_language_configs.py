"""Write `language_configs/scripts`, `families`, `languages` and `script_ranges.yml`.

The files are checked in; this program says where each value comes from and is run when a source changes:

    pip install -e '.[demo,eval,maintain]'
    python tools/generate_language_configs.py

Codes come from lid.176's labels, FLORES-200 and the tasks of MTEB (`language_configs/systems`, which
`generate_code_systems.py` writes), Django's locales, Babel's locales (CLDR), and the sentence collections of Tatoeba
and of the parallel Bible corpus; names, default scripts, two-letter codes and macro-languages from `language_data`
(CLDR and the IANA registry); families from Glottolog, as mteb has it; script ranges, ends of sentences and digits from
the Unicode tables of `regex`. What those cannot say, or say otherwise than this project does, stands in
`language_facts.py` and `programming_languages.py`.

What was measured or set by hand (`KEPT`) stays as it is in the files; files that none of the lists knows stay too.
"""

from __future__ import annotations

import importlib.resources
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import babel.localedata
import langcodes
import regex
from langcodes import data_dicts
from language_facts import (
    BIBLE,
    COLLECTIVES,
    FAMILIES,
    FAMILY_OF,
    LID176_MEANS,
    MEMBERS,
    MORE_TERMINALS,
    MTEB_MISNOMERS,
    NAMES,
    ONE_CHARACTER_WORDS,
    REGIONAL,
    RETIRED,
    SCRIPT_ALIASES,
    SCRIPT_NAMES,
    SCRIPTS,
    STANDS_FOR,
    TATOEBA,
    UNKNOWN_TO_LID176,
    UNSPACED,
)
from mteb.languages import ISO_TO_FAM
from programming_languages import PROGRAMMING
from pygments.lexers import get_lexer_by_name

from language_configs.files import read_yaml
from language_configs.labels import labels_by_rule, system
from language_configs.read import SHIPPED
from language_configs.schema import System
from language_configs.write import update_language_file

KEPT = ("profile", "filters", "length_factor", "identification")
# Sentences of any script may end in these: ASCII, and the doubled marks of General Punctuation.
COMMON_TERMINALS = "!.?‼⁇⁈⁉"
FULL_WIDTH_TERMINALS = "！．？"
ASCII_DIGITS = "0123456789"


@dataclass
class Entry:
    """What is known of one ISO 639-3 language."""

    code: str
    two_letters: set[str] = field(default_factory=set)
    aliases: set[str] = field(default_factory=set)
    lid176: set[str] = field(default_factory=set)


def main() -> None:
    """Write all files anew."""
    found = entries()
    families = {entry.code: family_of(entry.code) for entry in found}
    for code, values in (*natural_files(found, families), *programming_files()):
        rewrite(TARGETS["languages"] / f"{code}.yml", values)
    for key, values in family_files({key for key in families.values() if key}):
        rewrite(TARGETS["families"] / f"{key}.yml", values)
    used = {script for entry in found for script in scripts_of(entry)}
    for script in sorted(used | glotlid_scripts()):
        rewrite(TARGETS["scripts"] / f"{script}.yml", script_values(script))
    rewrite(TARGETS["scripts"] / "Zzzz.yml", {"name": "Code"})
    (SHIPPED / "script_ranges.yml").write_text(script_ranges(), encoding="utf-8")


TARGETS = {name: SHIPPED / name for name in ("scripts", "families", "languages")}


def rewrite(path: Path, values: Mapping[str, Any]) -> None:
    """Write a file with these values, those at their defaults left out, and with what is to be kept of the old one."""
    old = read_yaml(path) if path.exists() else {}
    assert isinstance(old, dict)
    kept = {key: old[key] for key in KEPT if key in old}
    path.unlink(missing_ok=True)
    update_language_file(path, {**kept, **{key: value for key, value in values.items() if value not in ("", [], None)}})


def entries() -> list[Entry]:
    """Return one entry for each language that any of the lists names."""
    found: dict[str, Entry] = {}
    for code in all_codes():
        individual = iso639_3(code)
        entry = found.setdefault(individual, Entry(individual))
        (entry.two_letters if len(code) == 2 else entry.aliases).add(code)
    for label in system("lid176").labels:
        found[iso639_3(LID176_MEANS.get(label, label))].lid176.add(label)
    add_aliases(found)
    return sorted(found.values(), key=lambda entry: entry.code)


def all_codes() -> set[str]:
    """Return every language code of the lists, of two or three letters."""
    codes = {*TATOEBA.split(), *BIBLE.split()}
    codes |= {label[:3] for label in system("flores").labels}
    codes |= {LID176_MEANS.get(label, label) for label in system("lid176").labels}
    mteb = {label for label in system("mteb").labels if not label.endswith("-Code")}
    codes |= {label[:3] for label in mteb - set(MTEB_MISNOMERS)}
    codes |= {name.split("_")[0] for name in (*django_locales(), *babel.localedata.locale_identifiers())}
    return codes


def django_locales() -> list[str]:
    """Return the names of Django's catalogues."""
    folder = importlib.resources.files("django") / "conf" / "locale"
    return sorted(item.name for item in folder.iterdir() if item.is_dir() and not item.name.startswith("__"))


def iso639_3(code: str) -> str:
    """Return the individual language that a code of two or three letters stands for."""
    long = langcodes.Language.get(code, normalize=False).to_alpha3() if len(code) == 2 else code
    return STANDS_FOR.get(long, long)


def add_aliases(found: dict[str, Entry]) -> None:
    """Add macro-language, bibliographic and retired codes to the entries in place."""
    bibliographic = data_dicts.LANGUAGE_ALPHA3_BIBLIOGRAPHIC
    pairs = [*STANDS_FOR.items(), *RETIRED.items()]
    pairs += [(long, iso639_3(short)) for short, long in bibliographic.items() if iso639_3(short) in found]
    pairs += [(long, iso639_3(short)) for short, long in data_dicts.LANGUAGE_ALPHA3.items() if iso639_3(short) in found]
    for alias, code in pairs:
        found[code].aliases.add(alias)


def natural_files(found: Iterable[Entry], families: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield code and values of each natural language in each of its scripts."""
    regional = defaultdict(set)
    for alias, code in REGIONAL.items():
        regional[code].add(alias)
    for entry in found:
        scripts, short = scripts_of(entry), two_letter_code(entry)
        general = sorted((entry.aliases | entry.two_letters) - {entry.code, short})
        for script in scripts:
            code = f"{entry.code}_{script}"
            shared = general if script == scripts[0] else []
            aliases = sorted(regional[code] | set(shared))
            names = [entry.code, *filter(None, [short]), *general]
            values = {"aliases": aliases, "labels": labels(entry, script, names)}
            if script == scripts[0]:
                values |= identity(entry, scripts, short) | {"family": families[entry.code]}
            yield code, values


def identity(entry: Entry, scripts: list[str], short: str) -> dict[str, Any]:
    """Return what is said of a language once, in the file of its default script."""
    return {
        "name": name_of(entry),
        "iso639_1": short,
        "macrolanguage": macrolanguage(entry.code, short),
        "collective": True if entry.code in COLLECTIVES else None,
        "scripts": scripts if len(scripts) > 1 else [],
    }


def labels(entry: Entry, script: str, names: list[str]) -> dict[System, list[str]] | None:
    """Return the labels of a language that the rule does not find, or none where it finds all."""
    code = f"{entry.code}_{script}"
    rule = labels_by_rule(names, (script, *SCRIPT_ALIASES.get(script, ())))
    truth = rule | {"lid176": () if code in UNKNOWN_TO_LID176 else tuple(sorted(entry.lid176))}
    truth["mteb"] = (*rule.get("mteb", ()), *(label for label, meant in MTEB_MISNOMERS.items() if meant == code))
    if code == "sat_Olck":
        truth["flores"] = (*rule["flores"], *system("flores").optional)
    return {name: list(found) for name, found in truth.items() if found != rule.get(name, ())} or None


def macrolanguage(code: str, short: str) -> str:
    """Return the macro-language that ISO 639-3 counts a language to, as IANA has it, in three letters."""
    wide = data_dicts.MACROLANGUAGES.get(short) or data_dicts.MACROLANGUAGES.get(code, "")
    return langcodes.Language.get(wide, normalize=False).to_alpha3() if len(wide) == 2 else wide


def scripts_of(entry: Entry) -> list[str]:
    """Return the scripts of a language, the default first."""
    if entry.code in SCRIPTS:
        return SCRIPTS[entry.code].split()
    script = langcodes.Language.get(two_letter_code(entry) or entry.code, normalize=False).maximize().script
    assert script is not None, f"give {entry.code} a script in SCRIPTS"
    return [{"Kore": "Hang", "Aran": "Arab"}.get(script, script)]


def name_of(entry: Entry) -> str:
    """Return the English name of a language."""
    if entry.code in NAMES:
        return NAMES[entry.code]
    name: str = langcodes.Language.get(two_letter_code(entry) or entry.code, normalize=False).language_name("en")
    if name.startswith("Unknown"):
        raise SystemExit(f"give {entry.code} a name in NAMES")
    return name


def two_letter_code(entry: Entry) -> str:
    """Return the two-letter code by which the language is best known, or nothing."""
    exact = {short for short, long in data_dicts.LANGUAGE_ALPHA3.items() if long == entry.code and len(short) == 2}
    return min(exact - set(RETIRED) or entry.two_letters, default="")


def family_of(code: str) -> str:
    """Return the smallest family of the table that a language belongs to, or nothing for a language on its own."""
    if code in FAMILY_OF:
        return FAMILY_OF[code]
    tree = ISO_TO_FAM.get(code) or {}
    path = [tree[level] for level in sorted(tree, key=lambda level: int(level.removeprefix("level")))]
    known = {glottolog: key for key, _, _, glottolog in family_rows()}
    return next((known[node] for node in reversed(path) if node in known), "")


@cache
def family_rows() -> list[tuple[str, str, str, str]]:
    """Return key, English name, larger family and Glottolog's name of each family."""
    rows = [[cell.strip() for cell in line.split("|")] for line in FAMILIES.strip().splitlines()]
    return [(key, name, *rest, *["", name][len(rest) :]) for key, name, *rest in rows]  # type: ignore[misc]


def family_files(used: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield key and values of each family that a language belongs to, directly or through a smaller one."""
    parents = {key: parent for key, _, parent, _ in family_rows()}
    for key in list(used):
        while key := parents[key]:
            used.add(key)
    yield from ((key, {"name": name, "within": parent}) for key, name, parent, _ in family_rows() if key in used)


def glotlid_scripts() -> set[str]:
    """Return the scripts that GlotLID knows a language in."""
    others = {alias for aliases in SCRIPT_ALIASES.values() for alias in aliases}
    return {label[4:] for label in system("glotlid").optional} - others - {"Zzzz"}


def script_values(script: str) -> dict[str, Any]:
    """Return what is said of a script."""
    members = MEMBERS.get(script, [script])
    ends = [*characters(r"\p{Sentence_Terminal}", members)]
    if "。" in ends:
        ends += FULL_WIDTH_TERMINALS
    ends += MORE_TERMINALS.get(script, "")
    own = [character for character in ends if character not in COMMON_TERMINALS]
    zeros = [character for character in characters(r"\p{Nd}", members) if unicodedata.digit(character, None) == 0]
    digits = ["".join(chr(ord(zero) + value) for value in range(10)) for zero in zeros]
    return {
        "name": SCRIPT_NAMES.get(script) or langcodes.Language.make(script=script).script_name("en"),
        "members": MEMBERS.get(script),
        "aliases": SCRIPT_ALIASES.get(script),
        "spaced": False if script in UNSPACED else None,
        "terminals": "".join(own) + COMMON_TERMINALS if own else "",
        "digits": [*digits, ASCII_DIGITS] if digits else [],
        "filters": {"all": {"min_chars": 1}} if script in ONE_CHARACTER_WORDS else None,
    }


def characters(kind: str, scripts: list[str]) -> Iterator[str]:
    """Yield the characters of a kind that are used in any of the scripts but not in all (`Script_Extensions`)."""
    used = "".join(rf"\p{{scx={script}}}" for script in scripts)
    yield from regex.findall(rf"(?V1)[{kind}&&[{used}]]", everything())


def programming_files() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield code and values of each programming language."""
    for line in PROGRAMMING.strip().splitlines():
        stem, name, aliases, extensions, lexer = (cell.strip() for cell in line.split("|"))
        get_lexer_by_name(lexer)
        values = {"name": name, "aliases": sorted(aliases.split()), "extensions": extensions.split()}
        yield f"{stem}_Zzzz", values | {"pygments": lexer}


@cache
def everything() -> str:
    """Return all characters there are."""
    return "".join(map(chr, range(0x110000)))


def script_ranges() -> str:
    """Return the table of scripts: `Xxxx: first-last ...` in hexadecimal, without Common and Inherited."""
    lines = ["# Unicode Script property of each code point; written by tools/generate_language_configs.py\n"]
    for script, run in unicode_scripts():
        spans = [span(*found.span()) for found in run.finditer(everything())]
        lines += [f"{script}: {' '.join(spans)}\n"] if spans else []
    return "".join(lines)


def unicode_scripts() -> Iterator[tuple[str, regex.Pattern[str]]]:
    """Yield each script of the IANA registry that `regex` knows, with the pattern of a run of its characters."""
    for script in sorted(set(data_dicts.ALL_SCRIPTS) - {"Zyyy", "Zinh", "Zzzz", "Qaai"}):
        try:
            yield script, regex.compile(rf"\p{{Script={script}}}+")
        except regex.error:
            continue


def span(start: int, stop: int) -> str:
    """Return a half-open range of code points as `first-last`, a single one as itself."""
    return f"{start:X}-{stop - 1:X}" if stop - start > 1 else f"{start:X}"


if __name__ == "__main__":
    main()
