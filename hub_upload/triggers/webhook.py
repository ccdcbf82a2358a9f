"""What the Hub tells a job that a webhook started: which tags were set."""

from __future__ import annotations

import json
import re
from typing import Any

from hub_upload.triggers.printing import printable
from hub_upload.triggers.protocol import TriggerError

PAYLOAD = "WEBHOOK_PAYLOAD"

_MAX_CHARS = 1 << 20
_TAG = re.compile(r"refs/tags/(v[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9})")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def released_tags(payload: str, repository: str) -> list[str]:
    """Return the versions that a push has set a tag for.

    A webhook fires for every commit, branch and comment; a release is a new tag `vX.Y.Z`, and nothing else.

    Args:
        payload: JSON of the event, version 3 of the Hub's form.
        repository: `ORG/NAME` of the dataset that is watched.

    Raises:
        TriggerError: if the payload cannot be understood, or speaks about another repository.
    """
    value = _load(payload)
    repo = _mapping(value, "repo")
    if repo.get("type") != "dataset" or repo.get("name") != repository:
        why = printable(f"{repo.get('type')} {repo.get('name')}", limit=200)
        raise TriggerError("The event is about another repository", repository, why, "delete that webhook")
    refs = value.get("updatedRefs") or []
    if not isinstance(refs, list):
        raise _unclear("updatedRefs is no list")
    tags = [match[1] for ref in refs if isinstance(ref, dict) and (match := _set_tag(ref))]
    return sorted(set(tags))


def _set_tag(ref: dict[str, Any]) -> re.Match[str] | None:
    """Return the match of a tag that was made; one that was removed has no new commit."""
    name, commit = ref.get("ref"), ref.get("newSha")
    if not isinstance(name, str) or not isinstance(commit, str) or not _COMMIT.fullmatch(commit) or not int(commit, 16):
        return None
    return _TAG.fullmatch(name)


def _load(payload: str) -> dict[str, Any]:
    if len(payload) > _MAX_CHARS:
        raise _unclear(f"it has more than {_MAX_CHARS:,} characters")
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise _unclear("it is not JSON") from error
    if not isinstance(value, dict):
        raise _unclear("it is not a mapping")
    return value


def _mapping(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    if not isinstance(found, dict):
        raise _unclear(f"{key} is missing")
    return found


def _unclear(why: str) -> TriggerError:
    return TriggerError("The event cannot be understood", PAYLOAD, why)
