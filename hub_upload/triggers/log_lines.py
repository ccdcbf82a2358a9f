"""A verdict as lines of a log, for runs that can hand back nothing else.

Each line says for itself what it is, so that lines of others may stand between them, and none is long. The digest in
the first one tells a verdict that arrived whole from one that did not.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator

from hub_upload.triggers.protocol import TransientError, TriggerError
from hub_upload.triggers.verdicts import MAX_VERDICT_BYTES

MAX_LINES = 20_000
"""Greatest number of lines of a verdict; 10 MB that cannot be compressed take 7,000."""

_CHUNK_CHARS = 2_000
_LINE = re.compile(
    rf"curation-verdict (?P<key>[0-9a-f]{{64}}) (?P<index>[0-9]{{1,6}})/(?P<count>[0-9]{{1,6}}) "
    rf"(?P<text>[A-Za-z0-9+/=]{{0,{_CHUNK_CHARS}}})\s*"
)


def to_lines(data: bytes, key: str) -> Iterator[str]:
    """Yield the lines for a verdict.

    Args:
        data: its bytes.
        key: names the run; no text of the release can hold it, so that nothing which a log quotes can pose as a line.
    """
    text = base64.b64encode(zlib.compress(data, 9)).decode("ascii")
    chunks = [text[start : start + _CHUNK_CHARS] for start in range(0, len(text), _CHUNK_CHARS)]
    for index, chunk in enumerate([hashlib.sha256(data).hexdigest(), *chunks]):
        yield f"curation-verdict {key} {index}/{len(chunks)} {chunk}"


def from_lines(lines: Iterable[str], key: str) -> bytes:
    """Return the verdict whose lines stand among others.

    Raises:
        TransientError: if lines are missing.
        TriggerError: if what they hold is not what the first one announces, or too large.
    """
    found: dict[int, str] = {}
    count = None
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None or match["key"] != key or int(match["count"]) > MAX_LINES:
            continue
        count = int(match["count"])
        found.setdefault(int(match["index"]), match["text"])
    if count is None or not all(index in found for index in range(count + 1)):
        why = f"{len(found):,} of {count + 1:,} lines" if count is not None else "it holds no line of this verdict"
        raise TransientError("The log does not hold the whole verdict", why=why)
    return _unpacked("".join(found[index] for index in range(1, count + 1)), found[0])


def _unpacked(text: str, digest: str) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(base64.b64decode(text, validate=True), MAX_VERDICT_BYTES + 1)
    except (ValueError, zlib.error) as error:
        raise TriggerError("The verdict in the log is damaged", why=type(error).__name__) from error
    if len(data) > MAX_VERDICT_BYTES or not unpacker.eof:
        raise TriggerError("The verdict in the log is damaged", why=f"cut off, or over {MAX_VERDICT_BYTES:,} bytes")
    if hashlib.sha256(data).hexdigest() != digest:
        raise TriggerError("The verdict in the log is damaged", why="its digest is not the announced one")
    return data
