"""What is said of a release after it was sealed: why it was published in spite of its verdict, and what was yanked.

Nothing in a release's manifest can change without making it another release, so notices stand outside of it: as data
in `notices.json`, and for people in a block of the card, behind its front matter. A card without that block is, byte
for byte, the card that the manifest lists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from curation.errors import ReleaseError
from curation.files import to_json
from curation.release import layout
from curation.release.markdown import escape, without_controls

SCHEMA = "release-notices/1"

_BEGIN, _END = "<!-- notices -->", "<!-- /notices -->"
_ALERT = "> [!WARNING]\n"
# The card's own text cannot hold the marks: `<` and `!` are escaped in it. Nor can the block hold a tag, a link or an
# image: whoever may write to a repository could otherwise put those into a card that is still taken for the sealed one.
_QUOTED = rb">(?:[^\n<\[!\\]|\\[^\n])*\n"
_BLOCK = re.compile(
    b"%b(?:%b)+%b" % (re.escape(f"{_BEGIN}\n{_ALERT}".encode()), _QUOTED, re.escape(f"{_END}\n\n".encode()))
)
# Also as others write it: with carriage returns, or with no blank line behind it.
_MATTER = re.compile(rb"---[ \t]*\r?\n(?:.*?\r?\n)??---[ \t]*\r?\n(?:\r?\n)?", re.DOTALL)
_MAX_BYTES = 1 << 20
_VERSION = re.compile(r"v(?:0|[1-9][0-9]{0,8})(?:\.(?:0|[1-9][0-9]{0,8})){2}")
_REASON_CHARS = 500


@dataclass(frozen=True, slots=True)
class Yank:
    """A version that must not be used any more.

    Attributes:
        version: its tag, `vX.Y.Z`.
        reason: why.
    """

    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Notices:
    """All notices of a release.

    Attributes:
        published_as: its tag, `vX.Y.Z`, where the release itself states no version; empty otherwise.
        override: why it was published although the gate had not passed it; empty if it had.
        verdict: what the gate had said then: fail, error, or none.
        yanked: versions of the series that were yanked, in order.
    """

    published_as: str = ""
    override: str = ""
    verdict: str = ""
    yanked: tuple[Yank, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.published_as or self.override or self.yanked)

    def yank_of(self, version: str) -> Yank | None:
        """Return the yank of a version, if there is one."""
        return next((yank for yank in self.yanked if yank.version == version), None)


def checked_reason(text: str) -> str:
    """Return a reason on one line, without control and direction characters: it goes into titles and terminals, too.

    Raises:
        ValueError: if it is empty or longer than 500 characters.
    """
    reason = " ".join(without_controls(text).split())
    if not 0 < len(reason) <= _REASON_CHARS:
        raise ValueError(f"a reason has 1 to {_REASON_CHARS} characters, not {len(reason):,}")
    return reason


def to_bytes(notices: Notices) -> bytes:
    """Return the bytes of `notices.json`."""
    yanked = [{"version": yank.version, "reason": yank.reason} for yank in notices.yanked]
    facts = {name: getattr(notices, name) for name in ("published_as", "override", "verdict")}
    return (to_json({"schema": SCHEMA, "yanked": yanked, **facts}) + "\n").encode()


def from_bytes(data: bytes, *, where: str) -> Notices:
    """Return the notices of a file, which may be a stranger's.

    Raises:
        ReleaseError: if it cannot be understood; `where` is named.
    """
    try:
        value = json.loads(data) if len(data) <= _MAX_BYTES else None
        return _notices(value)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"[:_REASON_CHARS]
        raise ReleaseError(f"{layout.NOTICES} cannot be understood", where, why, "fetch it again") from error


def _notices(value: Any) -> Notices:
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise ValueError(f"it is no {SCHEMA} of at most {_MAX_BYTES:,} bytes")
    published_as, override, verdict = (_text(value[name]) for name in ("published_as", "override", "verdict"))
    return Notices(
        published_as=_version(published_as) if published_as else "",
        override=checked_reason(override) if override else "",
        verdict=checked_reason(verdict) if verdict else "",
        yanked=tuple(
            Yank(_version(each["version"]), checked_reason(_text(each["reason"]))) for each in value["yanked"]
        ),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is expected, not {type(value).__name__}")
    return value


def _version(value: object) -> str:
    text = _text(value)
    if not _VERSION.fullmatch(text):
        raise ValueError("a version is vX.Y.Z")
    return text


def with_notices(card: bytes, notices: Notices) -> bytes:
    """Return a card with these notices, and no others, behind its front matter."""
    sealed = without_notices(card)
    if not notices:
        return sealed
    place = _place(sealed)
    block = "\n>\n".join(f"> {line}" for line in _lines(notices))
    text = f"{_BEGIN}\n{_ALERT}{block}\n{_END}\n\n"
    return sealed[:place] + text.encode() + sealed[place:]


def without_notices(card: bytes) -> bytes:
    """Return the card that was sealed: without the block of notices behind the front matter."""
    place = _place(card)
    block = _BLOCK.match(card, place)
    if block is None:
        return card
    sealed = card[:place] + card[block.end() :]
    # A block before the front matter would hide that from the Hub: no notices stand there.
    return sealed if _place(sealed) == place else card


def _place(card: bytes) -> int:
    """Return where notices stand in a card, or would: behind its front matter, if it has one."""
    matter = _MATTER.match(card)
    return matter.end() if matter else 0


def _lines(notices: Notices) -> Iterator[str]:
    for yank in notices.yanked:
        yield f"**{yank.version} was yanked: do not use it.** {escape(yank.reason)}"
    if notices.override:
        said = f"the verdict `{notices.verdict}`" if notices.verdict in ("fail", "error") else "no verdict"
        yield f"**Published with {said} of the gate.** {escape(notices.override)}"
    if notices.published_as:
        yield f"Published as {escape(notices.published_as)}."
