"""Text from elsewhere, made fit to print: no secrets, no characters that act, of bounded length."""

from __future__ import annotations

import re

from curation.text import is_unseen

_HIDDEN = "[hidden]"
_TOKENS = re.compile(
    r"hf_[A-Za-z0-9]{8,}|gh[a-z]_[A-Za-z0-9]{8,}|github_pat_[A-Za-z0-9_]{8,}|(?<=\b)[Bb]earer\s+[^\s'\",;]+"
)
_LOG_CHARS = 2_000


def redact(text: str, *secrets: str) -> str:
    """Return a text without what looks like a token of the Hub or of GitHub, and without the given secrets."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return _TOKENS.sub(_HIDDEN, text)


def printable(text: str, *secrets: str, limit: int = _LOG_CHARS) -> str:
    """Return the end of a text for people: redacted, with characters that act made visible, lines kept.

    Args:
        text: from a log, a server or a file.
        secrets: what may not stand in it.
        limit: greatest number of characters of the text that are looked at.
    """
    # Redacted before it is cut, lest half of a token be left.
    lines = redact(text, *secrets)[-limit:].splitlines()
    return "\n".join("".join(_visible(char) for char in line) for line in lines)


def _visible(char: str) -> str:
    return f"\\u{ord(char):04x}" if is_unseen(char) and char != "\t" else char
