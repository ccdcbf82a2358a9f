"""How much a licence lets others do, for choosing between copies of one text."""

from __future__ import annotations

import regex

# From the freest down; the prefixes of SPDX identifiers, lower case (spdx.org/licenses). Of several that fit, the
# longest counts.
_PREFIXES = {
    0: ("cc0-", "pddl-", "unlicense", "0bsd", "cc-pddc", "wtfpl"),
    1: (
        "cc-by-",
        "mit",
        "apache-",
        "bsd-",
        "isc",
        "odc-by-",
        "psf-",
        "python-",
        "unicode-",
        "zlib",
        "cdla-permissive-",
    ),
    2: ("cc-by-sa-", "odbl-", "lgpl-", "mpl-", "epl-", "cdla-sharing-", "gfdl-"),
    3: ("gpl-", "agpl-"),
    4: ("cc-by-nc-", "cc-by-nd-", "cc-by-nc-sa-", "cc-by-nc-nd-"),
}
UNKNOWN = 5

# Stands for what an expression lacks: it is never read, and so the expression is not read to its end.
_MISSING = ""
_TOKEN = regex.compile(r"\(|\)|[^\s()]+")


def restriction(licence: str) -> int:
    """Return how restrictive a licence is.

    Args:
        licence: an SPDX expression. Of alternatives (`OR`) the freer counts, of conditions that add up (`AND`) the more
            restrictive; an exception (`WITH`) changes nothing.

    Returns:
        0 for public domain, 1 for attribution, 2 for share-alike, 3 for copyleft, 4 for licences that forbid commercial
        use or changes, 5 for everything else (`LicenseRef-...`, what cannot be parsed).
    """
    tokens = _TOKEN.findall(licence)
    value, rest = _either(tokens)
    return UNKNOWN if rest or not tokens else value


def _either(tokens: list[str]) -> tuple[int, list[str]]:
    value, rest = _both(tokens)
    while rest and rest[0].upper() == "OR":
        other, rest = _both(rest[1:])
        value = min(value, other)
    return value, rest


def _both(tokens: list[str]) -> tuple[int, list[str]]:
    value, rest = _one(tokens)
    while rest and rest[0].upper() == "AND":
        other, rest = _one(rest[1:])
        value = max(value, other)
    return value, rest


def _one(tokens: list[str]) -> tuple[int, list[str]]:
    if not tokens:
        return UNKNOWN, [_MISSING]
    if tokens[0] == "(":
        value, rest = _either(tokens[1:])
        return (value, rest[1:]) if rest[:1] == [")"] else (UNKNOWN, [_MISSING])
    rest = tokens[1:]
    if rest and rest[0].upper() == "WITH":
        rest = rest[2:] if len(rest) > 1 else [_MISSING]
    return _of_identifier(tokens[0].lower()), rest


def _of_identifier(identifier: str) -> int:
    identifier = identifier.removesuffix("+")
    fitting = [
        (len(prefix), level)
        for level, prefixes in _PREFIXES.items()
        for prefix in prefixes
        if identifier == prefix or identifier.startswith(prefix.removesuffix("-") + "-")
    ]
    return max(fitting)[1] if fitting else UNKNOWN
