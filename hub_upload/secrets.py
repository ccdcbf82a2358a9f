"""Secrets: where a token comes from, and texts that may hold one."""

from __future__ import annotations

import os
import re

from curation.text import is_unseen
from hub_upload.errors import HubAccessError

# Of the Hub, of GitHub, and whatever follows the name of a scheme in a header.
_TOKENS = re.compile(r"hf_[A-Za-z0-9_.-]{6,}|gh[a-z]_[A-Za-z0-9_]{6,}|github_pat_\w+|(?i:bearer|basic)\s+[^\s'\",]+")
_ENVIRONMENT = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
# What must not be shown either.
_OTHERS = ("HF_OIDC_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")
# Whatever a header can carry; anything else would be quoted in the client's own error.
_PRINTABLE = re.compile(r"[!-~]+")
_SHOWN_CHARS = 300


def without_tokens(text: str) -> str:
    """Return a text with each token in it replaced by a word: those of the environment, and what looks like one."""
    # The whole secret first: a part of it may look like a token, too, and the rest would stay.
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, "[token]")
    return _TOKENS.sub("[token]", text)


def redacted(text: str) -> str:
    """Return a text of a server or a library on one line, short, without tokens and control characters."""
    clean = without_tokens(text)
    return " ".join("".join(" " if is_unseen(char) else char for char in clean).split())[:_SHOWN_CHARS].rstrip()


def _secrets() -> set[str]:
    held = [os.environ.get(name, "").strip() for name in (*_ENVIRONMENT, *_OTHERS)]
    # The client sends a token of several lines as one.
    return {secret for each in held for secret in (each, each.replace("\r", "").replace("\n", "")) if secret}


def publishing_token(repository: str) -> str | None:
    """Return the token to publish with, or None if the client is to exchange one itself, each time it needs it.

    A token comes from the environment (HF_TOKEN), or from the identity of a CI job (OIDC, for this one repository),
    which goes first where it was asked for with HF_OIDC_RESOURCE. Nothing else is looked at: neither a config nor the
    file of a login.

    Args:
        repository: `ORG/NAME` of a dataset.

    Raises:
        HubAccessError: if there is neither, or what stands in the environment can be no token.
    """
    token = next((os.environ[name].strip() for name in _ENVIRONMENT if os.environ.get(name, "").strip()), "")
    if os.environ.get("HF_OIDC_RESOURCE") or (not token and _oidc_is_on_offer()):
        # One of another dataset would be refused; it may be that of an earlier call.
        if (os.environ.get("HF_OIDC_RESOURCE") or "datasets/").startswith("datasets/"):
            os.environ["HF_OIDC_RESOURCE"] = f"datasets/{repository}"
        return None
    if not token:
        hint = "HF_TOKEN=... curate publish ...; in GitHub Actions, give the job `permissions: id-token: write`"
        raise HubAccessError("There is no token to publish with", "HF_TOKEN", "it is not set", hint)
    if not _PRINTABLE.fullmatch(token):
        why = "it holds spaces or characters that no token has"
        raise HubAccessError("The token cannot be one", "HF_TOKEN", why, "set it to the token alone")
    return token


def _oidc_is_on_offer() -> bool:
    in_actions = os.environ.get("GITHUB_ACTIONS") == "true" and "ACTIONS_ID_TOKEN_REQUEST_URL" in os.environ
    return in_actions or bool(os.environ.get("HF_OIDC_ID_TOKEN"))
