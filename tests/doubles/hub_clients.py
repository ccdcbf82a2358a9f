"""The real client of the Hub pointed at a double, in this process and in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from hub_accounts import Account
from huggingface_hub import HfApi

TOKEN, READER, STRANGER = "hf_writes", "hf_reads", "hf_stranger"
TOKENS = {
    TOKEN: Account("alice", orgs=("org",)),
    READER: Account("bob", role="read", orgs=("org",)),
    STRANGER: Account("mallory"),
}
REPO = "org/sentences"


def client(url: str, token: str | None = TOKEN) -> HfApi:
    """Return the client of who has a token, or of nobody."""
    return HfApi(endpoint=url, token=token or False)


def run_client(
    code: str,
    url: str,
    home: Path,
    *,
    xet: bool = True,
    token: str | None = TOKEN,
    extra: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Run code in a process whose client has never known another server, and return what it prints."""
    quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    chosen = {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "0" if xet else "1"}
    environment = {**kept, **quiet, **chosen, **({"HF_TOKEN": token} if token else {}), **extra}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
