"""Whether the Hub is there, and what the token may do. The token is never shown."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

from curation.doctor import Finding, State
from hub_upload.calls import understood
from hub_upload.client import connect
from hub_upload.errors import HubAccessError
from hub_upload.secrets import publishing_token

_SHOWN = 5


def look_at_hub() -> Finding:
    """Return whether one could publish from here: asks the Hub once who the token is."""
    if importlib.util.find_spec("huggingface_hub") is None:
        hint = "pip install 'ml-embed-curation[hub]'"
        return Finding("hub", "absent", "huggingface_hub is not installed", hint)
    place = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    try:
        token = publishing_token("ORG/NAME")
    except HubAccessError as error:
        return Finding("hub", "absent", f"{place}: {error.what}: {error.why}", error.hint)
    if token is None:
        return Finding("hub", "ok", f"{place}: this job's identity is exchanged for a token (OIDC)")
    try:
        who: dict[str, Any] = connect(token).whoami()
    except Exception as error:  # the client and its transport share no class
        known = understood("The Hub does not know the token", place, error)
        state: State = "wrong" if isinstance(known, HubAccessError) else "absent"
        return Finding("hub", state, f"{place}: {known.why}", "see that HF_TOKEN is good and that there is a network")
    return Finding("hub", "ok", f"{place}: {_identity(who)}")


def _identity(who: dict[str, Any]) -> str:
    """Say whose token it is and what it may do; what the Hub says is looked at before it is believed."""
    auth = who.get("auth")
    token = auth.get("accessToken") if isinstance(auth, dict) else None
    token = token if isinstance(token, dict) else {}
    said = f"{who.get('name')}, token with the role {token.get('role') or 'unknown'}"
    organisations = [str(each.get("name")) for each in who.get("orgs") or [] if isinstance(each, dict)]
    fine = token.get("fineGrained")
    scopes = [_scope(each) for each in (fine.get("scoped") or [] if isinstance(fine, dict) else [])]
    parts = [said, *([f"in {', '.join(organisations[:_SHOWN])}"] if organisations else []), *scopes[:_SHOWN]]
    return "; ".join(parts)


def _scope(scope: Any) -> str:
    entity = scope.get("entity") if isinstance(scope, dict) else None
    name = entity.get("name") if isinstance(entity, dict) else None
    permissions = scope.get("permissions") if isinstance(scope, dict) else None
    return f"{name}: {', '.join(map(str, permissions)) if isinstance(permissions, list) else 'unknown rights'}"
