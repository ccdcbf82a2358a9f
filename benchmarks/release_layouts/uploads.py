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
    """Upload files in one commit, as the Hub's client does, to a folder that keeps the chunks of all uploads."""
    import hf_xet

    server.mkdir(parents=True, exist_ok=True)
    commit = hf_xet.XetSession().new_upload_commit(endpoint=f"local://{server}")
    for file in files:
        commit.start_upload_file(str(file), sha256=hf_xet.SKIP_SHA256)
    metrics = commit.wait_to_finish().dedup_metrics
    return Sent(metrics.total_bytes, metrics.total_bytes_uploaded)
