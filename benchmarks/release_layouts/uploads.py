"""What an upload to the Hub would send: the Hub's own client, with a folder in place of its server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sent:
    """An upload.

    Attributes:
        files: bytes of the files.
        sent: bytes that were sent: what no chunk of an earlier upload holds, and the lists of chunks.
    """

    files: int
    sent: int


def upload(files: Sequence[Path], server: Path) -> Sent:
    """Upload files one after the other to a folder, which keeps the chunks of all uploads.

    The client sends several files at a time and may then not notice that they share chunks; here it does, so that
    runs can be compared.
    """
    import hf_xet

    server.mkdir(parents=True, exist_ok=True)
    sent = total = 0
    for file in files:
        commit = hf_xet.XetSession().new_upload_commit(endpoint=f"local://{server}")
        commit.start_upload_file(str(file), sha256=hf_xet.SKIP_SHA256)
        metrics = commit.wait_to_finish().dedup_metrics
        sent, total = sent + metrics.total_bytes_uploaded, total + metrics.total_bytes
    return Sent(total, sent)
