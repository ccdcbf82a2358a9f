"""What the scores need to know of a language, by the code that a record gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from curation.characters import COMMON, script_numbers
from language_configs import Language, UnknownLanguageError, confusable, in_all_scripts, resolve
from language_configs.scripts import members


@dataclass(frozen=True, slots=True)
class LanguageFacts:
    """A language as the scores see it. Of an undetermined one nothing is known but perhaps the script.

    Attributes:
        code: as the record has it, `und_Xxxx` and the empty string included.
        main: number of the Unicode script that most of its letters are in, `COMMON` if not known.
        own: whether its letters may be in each Unicode script, by number; all, if not known.
        spaced: whether it is known to put blanks between words.
        length_factor: characters for each character of the same in English.
        is_known: whether it is in the language table, and not a programming language.
        relatives: ISO 639-3 codes of languages that are often taken for it, its own among them.
    """

    code: str
    main: int
    own: npt.NDArray[np.bool_]
    spaced: bool
    length_factor: float
    is_known: bool
    relatives: frozenset[str]

    @property
    def base(self) -> str:
        """The code without its script."""
        return self.code.partition("_")[0]


@cache
def language_facts(code: str) -> LanguageFacts:
    """Return the facts about the language of a record."""
    language = find_language(code)
    if language is None or language.kind == "programming":
        return _undetermined(code)
    return LanguageFacts(
        code=code,
        main=_main_script(language.script),
        own=_allowed(_usual_scripts(language)),
        spaced=language.spaced,
        length_factor=language.length_factor,
        is_known=True,
        relatives=confusable(language.base),
    )


def _usual_scripts(language: Language) -> set[str]:
    """Return the scripts of a language without romanisations and the like, which no model was trained on.

    Serbian is at home in both of its alphabets; Hindi in Latin letters is `hin_Latn`, and foreign under `hin_Deva`.
    """
    trained = {variant.script for variant in in_all_scripts(language) if variant.lid176}
    return {language.script, *(trained or language.scripts)}


def find_language(code: str) -> Language | None:
    """Return the language of a code; None for `und_Xxxx` and whatever else is in no table."""
    try:
        return resolve(code)
    except UnknownLanguageError:
        return None


def _undetermined(code: str) -> LanguageFacts:
    script = code.partition("_")[2]
    known = members(script) & script_numbers().keys()
    own = _allowed([script]) if known else np.ones(len(script_numbers()) + 1, dtype=np.bool_)
    return LanguageFacts(
        code, _main_script(script), own, spaced=False, length_factor=1.0, is_known=False, relatives=frozenset()
    )


def _allowed(scripts: Iterable[str]) -> npt.NDArray[np.bool_]:
    allowed = np.zeros(len(script_numbers()) + 1, dtype=np.bool_)
    allowed[COMMON] = True
    for member in frozenset().union(*map(members, scripts)) & script_numbers().keys():
        allowed[script_numbers()[member]] = True
    return allowed


def _main_script(script: str) -> int:
    # Of Japanese and Chinese the rest is looked at letter by letter.
    parts = members(script)
    return script_numbers().get("Hani" if "Hani" in parts and "Hang" not in parts else min(parts), COMMON)
