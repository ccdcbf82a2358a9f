"""What a text says of its own language: the interpreter it asks for, the mode it asks of an editor, its first words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import chain
from types import MappingProxyType

from language_configs import languages

# Such lines stand at the very start or end; these bound what is read of either, in characters.
_HEAD, _TAIL = 400, 200

_SHEBANG = re.compile(r"#![ \t]*(?:(?:/[^\s/]{1,40}){0,8}/)?(?:env[ \t]+(?:-S[ \t]+)?)?([A-Za-z][A-Za-z+-]{0,20})")
_VIM = re.compile(r"\b(?:vim?|ex):[^\n]{0,80}?\b(?:ft|filetype|syntax|syn)=([A-Za-z0-9+#]{1,20})")
_EMACS = re.compile(r"-\*-[ \t]*(?:[^\n]{0,80}?\bmode:[ \t]*)?([A-Za-z0-9+#-]{1,20})[ \t]*(?:;[^\n]{0,80})?-\*-", re.I)

# Interpreters and editor modes whose names are no name of their language in the table.
_OTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "ash": "bash",
        "dash": "bash",
        "ksh": "bash",
        "sh": "bash",
        "shell-script": "bash",
        "zsh": "bash",
        "bun": "javascript",
        "node": "javascript",
        "nodejs": "javascript",
        "deno": "typescript",
        "gawk": "awk",
        "mawk": "awk",
        "guile": "scheme",
        "pwsh": "powershell",
        "rscript": "r",
        "runghc": "haskell",
        "runhaskell": "haskell",
        "escript": "erlang",
        "sbcl": "commonlisp",
        "swipl": "prolog",
        "tclsh": "tcl",
        "wish": "tcl",
        "luajit": "lua",
        "rdmd": "d",
        "cperl": "perl",
        "tuareg": "ocaml",
    }
)

# Openings that no other language has.
_OPENINGS = (
    (re.compile(r"<\?php\b", re.I), "php"),
    (re.compile(r"<\?xml[ \t]", re.I), "xml"),
    (re.compile(r"<!doctype html\b", re.I), "html"),
    (re.compile(r"#lang[ \t]+(?:racket|typed/racket)\b"), "racket"),
    (re.compile(r"@echo[ \t]+off\b", re.I), "batch"),
)


def declared(text: str) -> str:
    """Return the code of the programming language that a text names itself, or nothing.

    Read are a shebang, an opening that is unmistakable, and modelines of Vim and Emacs near the start or the end.
    """
    start = text[:_HEAD].lstrip("\ufeff \t\r\n")
    shebang = _SHEBANG.match(start)
    if shebang is not None:
        return _by_name().get(shebang[1].lower(), "")
    opening = next((language for pattern, language in _OPENINGS if pattern.match(start)), "")
    return _by_name().get(opening or _mode(start) or _mode(text[-_TAIL:]), "")


def _mode(part: str) -> str:
    found = _EMACS.search(part) or _VIM.search(part)
    return found[1].lower().removesuffix("-mode") if found is not None else ""


@cache
def _by_name() -> Mapping[str, str]:
    """Return the code of each programming language by its every name."""
    table = [language for language in languages().values() if language.kind == "programming"]
    codes = {name: language.code for language in table for name in (*language.aliases, language.pygments)}
    # The name in the code comes last, so that no alias of another language takes its place.
    codes |= {language.base: language.code for language in table}
    others = ((name, codes[base]) for name, base in _OTHER_NAMES.items() if base in codes)
    return MappingProxyType(dict(chain(codes.items(), others)))
