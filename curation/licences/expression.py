"""SPDX licence expressions: parsed by the library `license-expression`, names checked against the SPDX list.

The grammar is annex D of the SPDX specification 2.3. The library's own aliases are not used: they would read a user's
`LicenseRef-MIT-Bootstrap` as MIT.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import regex

MAX_CHARS = 1_000
"""Longer expressions are refused; the longest that is in use is a tenth of this."""

_REFERENCE = regex.compile(r"(?:DocumentRef-[A-Za-z0-9.-]{1,100}:)?LicenseRef-[A-Za-z0-9.-]{1,100}")
_EXAMPLE = "write an SPDX identifier such as CC-BY-4.0 (spdx.org/licenses), or LicenseRef-NAME for any other licence"
_HAS_CHOICE = regex.compile(r"(?i)\sOR\s")
_CONJUNCTION = regex.compile(r"(?i)\sAND\s")
# Families that a licence with `+` or without a suffix belongs to; the SPDX list has both forms under these names.
_GNU = ("AGPL-", "GFDL-", "GPL-", "LGPL-")


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence of an expression.

    Attributes:
        name: its SPDX identifier as the list spells it, or `LicenseRef-...`.
        exception: what `WITH` adds, or empty.
    """

    name: str
    exception: str = ""

    def __str__(self) -> str:
        return f"{self.name} WITH {self.exception}" if self.exception else self.name


@dataclass(frozen=True, slots=True)
class Joined:
    """Several expressions, of which one holds (`OR`) or all hold (`AND`); never of its own kind."""

    operator: Literal["AND", "OR"]
    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        texts = [f"({part})" if isinstance(part, Joined) else str(part) for part in self.parts]
        return f" {self.operator} ".join(texts)


Expression = Licence | Joined


@functools.lru_cache(maxsize=4_096)
def parse(text: str) -> Expression:
    """Return the tree of an expression, with every name as SPDX spells it and repetitions left out.

    Raises:
        ValueError: if it is no SPDX expression, or names a licence that is not in the SPDX list and is no
            `LicenseRef-...`; the message says what may be meant.
    """
    tree = _library_tree(text)
    if tree is None:
        raise ValueError(f"no licence is named; {_EXAMPLE}")
    return _translate(tree)


def canonical(text: str) -> str:
    """Return an expression that somebody wrote as SPDX spells it: `cc-by-4.0 and mit` is `CC-BY-4.0 AND MIT`.

    Raises:
        ValueError: as `parse` does, and if the expression is longer than `MAX_CHARS`.
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"an expression of {len(text):,} characters; at most {MAX_CHARS:,}")
    return str(parse(text))


def licences_of(expression: Expression) -> tuple[Licence, ...]:
    """Return the licences that an expression names, in order, without repetitions."""
    if isinstance(expression, Licence):
        return (expression,)
    return tuple(dict.fromkeys(licence for part in expression.parts for licence in licences_of(part)))


def conjunction(own: str, others: Iterable[str]) -> str:
    """Return the licence of what is made of several parts: that of the first, and in order those of the others.

    The expressions are taken as they stand, so that this serves data that nobody has checked.
    """
    terms = _terms(own)
    terms += [term for other in sorted(others) for term in _terms(other)]
    return " AND ".join(dict.fromkeys(terms)) if len(set(terms)) > 1 else own


def _terms(text: str) -> list[str]:
    if "(" not in text and not _HAS_CHOICE.search(text):
        return [term.strip() for term in _CONJUNCTION.split(text)]
    return [f"({text})"]


def is_reference(name: str) -> bool:
    """Tell whether a name is that of a licence outside the SPDX list, `LicenseRef-...`."""
    return _REFERENCE.fullmatch(name) is not None


def _library_tree(text: str) -> Any:
    from license_expression import ExpressionError, Licensing

    try:
        # The simple tokenizer splits at blanks and parentheses; the other one looks for aliases within the text.
        return Licensing().parse(text, simple=True)
    except ExpressionError as error:
        raise ValueError(f"no SPDX expression: {error}; {_guess(text) or _EXAMPLE}") from None
    except IndexError:
        raise ValueError(f"no SPDX expression: nothing stands between parentheses; {_EXAMPLE}") from None


def _guess(text: str) -> str:
    """Return what somebody may have meant who wrote one licence in words: `CC BY 4.0`, `MIT/Apache-2.0`."""
    close = _closest("-".join(text.replace("/", " ").split()))
    return f"did you mean {close}?" if close else ""


def _translate(tree: Any) -> Expression:
    from license_expression import LicenseWithExceptionSymbol

    if isinstance(tree, LicenseWithExceptionSymbol):
        return Licence(_licence(tree.license_symbol.key), _exception(tree.exception_symbol.key))
    if not hasattr(tree, "operator"):
        return Licence(_licence(tree.key))
    operator: Literal["AND", "OR"] = "AND" if tree.operator.strip() == "AND" else "OR"
    parts: list[Expression] = []
    for part in map(_translate, tree.args):
        parts += part.parts if isinstance(part, Joined) and part.operator == operator else (part,)
    distinct = tuple(dict.fromkeys(parts))
    return Joined(operator, distinct) if len(distinct) > 1 else distinct[0]


def _licence(name: str) -> str:
    if is_reference(name):
        return name
    known = spdx_names()
    # `X+` is "X or a later version": the list has names for that where the licences say what it means (GNU).
    for candidate in (name, name.removesuffix("+")):
        if candidate.lower() in known:
            return known[candidate.lower()]
    close = _closest(name)
    raise ValueError(f"{name!r} is not in the SPDX list; {f'did you mean {close}?' if close else _EXAMPLE}")


def _exception(name: str) -> str:
    known = _index()[1]
    if name.lower() not in known:
        close = difflib.get_close_matches(name.lower(), known, n=1)
        raise ValueError(
            f"{name!r} is no exception of the SPDX list{f'; did you mean {known[close[0]]}?' if close else ''}"
        )
    return known[name.lower()]


def _closest(name: str) -> str:
    known = spdx_names()
    # Spelt otherwise, then with something left out at the end ("CC-BY-2.0-FR"), then with a slip.
    lower = regex.sub(r"[\s_]+", "-", name.lower())
    begins = [key for key in known if lower.startswith(key + "-")]
    close = [max(begins, key=len)] if begins else difflib.get_close_matches(lower, known, n=1, cutoff=0.6)
    return known[close[0]] if close else ""


def spdx_names() -> Mapping[str, str]:
    """Return the licences of the SPDX list: lower case to the list's spelling, older names to the present ones."""
    return _index()[0]


@functools.cache
def _index() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the licences and the exceptions of the SPDX list."""
    from license_expression import get_license_index

    licences: dict[str, str] = {}
    exceptions: dict[str, str] = {}
    for entry in get_license_index():
        name = entry["spdx_license_key"] or ""
        if not name or name.startswith("LicenseRef-"):
            continue
        names = exceptions if entry["is_exception"] else licences
        names[name.lower()] = name
        for older in entry["other_spdx_license_keys"] if name.startswith(_GNU) else ():
            if " " not in older and not older.startswith("LicenseRef-"):
                names.setdefault(older.lower(), name)
    return licences, exceptions
