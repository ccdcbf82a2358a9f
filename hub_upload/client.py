"""The client of the Hub, set up once for everything here: with timeouts, and the endpoint of the environment."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from curation.errors import ConfigError

if TYPE_CHECKING:
    from httpx2 import Request
    from huggingface_hub import HfApi

CONNECT_SECONDS = 15.0
# The Hub answers a commit of thousands of files after a minute or two.
READ_SECONDS = 180.0
# The uploader has timeouts and retries of its own, read from the environment.
_UPLOADER = {
    "HF_XET_CLIENT_CONNECT_TIMEOUT": f"{CONNECT_SECONDS:.0f}s",
    "HF_XET_CLIENT_READ_TIMEOUT": f"{READ_SECONDS:.0f}s",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}
_lock = threading.Lock()
_set_up = False


def connect(token: str | bool | None) -> HfApi:
    """Return the client for the endpoint that HF_ENDPOINT names now, else for the Hub.

    The client's HTTP session has no timeouts of its own: a server that stops in the middle of an answer would hold a
    command for ever. It gets them here, unless the program that uses this package has set up a session itself.

    Args:
        token: what to send; None for whatever the client finds, False for nothing.

    Raises:
        ConfigError: if huggingface_hub or tenacity is not installed.
    """
    for name, value in _UPLOADER.items():
        os.environ.setdefault(name, value)
    try:
        import tenacity  # noqa: F401 - for the calls that are made with the client
        from huggingface_hub import HfApi
    except ImportError as error:
        hint = "pip install 'ml-embed-curation[hub]'"
        raise ConfigError("The Hub needs packages that are not installed", why=str(error), hint=hint) from error
    _set_timeouts()
    return HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token)


def _set_timeouts() -> None:
    global _set_up
    from httpx2 import Client
    from huggingface_hub import get_session, set_client_factory

    with _lock:
        session = get_session()
        if not _set_up and session.timeout.read is None:
            # The client opens a new session after each broken connection: what it hangs on requests is kept.
            hooks = [*session.event_hooks["request"], _limit]
            set_client_factory(lambda: Client(event_hooks={"request": hooks}, follow_redirects=True, timeout=None))
        _set_up = True


def _limit(request: Request) -> None:
    """Give a request timeouts where it has none: many of the client's calls say so themselves, against the session."""
    wanted = request.extensions.get("timeout") or {}
    if wanted.get("read") is None:
        limits = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS, "pool": READ_SECONDS}
        request.extensions["timeout"] = limits
