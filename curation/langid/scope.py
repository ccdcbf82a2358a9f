"""Which languages a model may answer with, and which of its labels fit a text's script."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from curation.langid.model import Model
from curation.langid.scripts import fits
from language_configs import Language, variants

Codes = npt.NDArray[np.object_]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A model, and the languages that it may answer with.

    Attributes:
        model: the model.
        meanings: for each label the languages of the scope that it can mean, shape (m,).
        strangers: languages of the scope that the model has no label for.
        is_open: nobody said which languages to expect.
    """

    model: Model
    meanings: tuple[tuple[Language, ...], ...]
    strangers: tuple[Language, ...]
    is_open: bool

    def candidates(self) -> Bools:
        """Return which labels mean a language of the scope, in whatever script; shape (m,)."""
        return np.array([bool(meaning) for meaning in self.meanings], dtype=np.bool_)


@lru_cache(maxsize=256)
def scope_of(model: Model, candidates: frozenset[str] = frozenset()) -> Scope:
    """Return the scope of `candidates`, or of all languages that the model knows where there are none.

    Raises:
        UnknownLanguageError: if a candidate is no language.
    """
    if not candidates:
        return Scope(model, model.meanings, (), is_open=True)
    allowed = {language.code: language for code in sorted(candidates) for language in _in_known_scripts(code, model)}
    meanings = tuple(tuple(item for item in meaning if item.code in allowed) for meaning in model.meanings)
    known = {item.code for meaning in meanings for item in meaning}
    return Scope(model, meanings, tuple(allowed[code] for code in sorted(set(allowed) - known)), is_open=False)


def _in_known_scripts(code: str, model: Model) -> tuple[Language, ...]:
    """Return the language in the scripts that `code` leaves open, less those that the model has not seen.

    A candidate `kk` would otherwise let every short Latin text be Kazakh in its Latin script.
    """
    found, known = variants(code), model.codes()
    return tuple(language for language in found if language.code in known) or found


@lru_cache(maxsize=4096)
def codes_in(scope: Scope, system: str) -> Codes:
    """Return for each label the code of its language in text whose script is `system`, shape (m,); "" if in none."""
    first = [next((item.code for item in meaning if fits(item.script, system)), "") for meaning in scope.meanings]
    codes: Codes = np.array(first, dtype=object)
    codes.setflags(write=False)
    return codes


@lru_cache(maxsize=4096)
def fitting(scope: Scope, system: str) -> Bools:
    """Return which labels mean a language of the scope that is written in `system`, shape (m,)."""
    found: Bools = codes_in(scope, system).astype(np.bool_)
    found.setflags(write=False)
    return found


@lru_cache(maxsize=4096)
def could_be_stranger(scope: Scope, system: str) -> bool:
    """Tell whether a text in `system` could be in a language of the scope that the model does not know."""
    return any(fits(language.script, system) for language in scope.strangers)


@lru_cache(maxsize=4096)
def only_stranger(scope: Scope, system: str) -> Language | None:
    """Return the one language of the scope in a script in which the model knows none, if there is one."""
    if fitting(scope_of(scope.model), system).any():
        return None
    found = [language for language in scope.strangers if fits(language.script, system)]
    return found[0] if len(found) == 1 else None
