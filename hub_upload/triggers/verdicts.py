"""A verdict that came from elsewhere: hostile until it has been looked at from end to end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from curation.gate.verdict import SCHEMA, Kind, Severity, Status
from curation.text import is_unseen
from hub_upload.triggers.printing import printable
from hub_upload.triggers.protocol import TriggerConflictError, TriggerError

MAX_VERDICT_BYTES = 16 << 20
"""Greatest size of a verdict; one of 112 languages takes 0.6 MB."""

_MAX_CHECKS = 100_000
_MAX_NAME_CHARS = 500
_RUN_STATUSES = ("pass", "fail", "error")
_NUMBER = (int, float)


def parse_verdict(data: bytes, digest: str) -> dict[str, Any]:
    """Return a verdict, checked.

    Args:
        data: its bytes, as a backend handed them over.
        digest: digest of the release that it must speak about.

    Raises:
        TriggerError: if it is too large, cut off, no verdict of our schema, or contradicts itself.
        TriggerConflictError: if it speaks about another release.
    """
    value = _load(data)
    problem = next(_problems(value), None)
    if problem is not None:
        raise _refused(problem)
    about = value["release"]["manifest_sha256"]
    if about != digest:
        raise TriggerConflictError(
            "The verdict speaks about another release",
            why=f"its manifest is {printable(about, limit=80)}, not {digest}",
            hint="see that nobody has changed the release since, then run again with another --attempt",
        )
    return value


def _load(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_VERDICT_BYTES:
        raise _refused(f"it is larger than {MAX_VERDICT_BYTES:,} bytes")
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_unique)
        # A lone half of a surrogate pair decodes, and can never be written again.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise _refused(f"it is not JSON: {printable(str(error), limit=200)}") from error
    if not isinstance(value, dict):
        raise _refused("it is not a mapping")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key stands twice in a mapping")
    return value


def _refused(why: str) -> TriggerError:
    hint = "look at the run's log; another --attempt runs it again"
    return TriggerError("The verdict cannot be used", why=why, hint=hint)


def _problems(value: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a verdict, the reasons for which the rest cannot be looked at first."""
    if value.get("schema") != SCHEMA:
        yield f"its schema is {_shown(value.get('schema'))}, not {SCHEMA}"
    shapes: dict[str, type | tuple[type, ...]] = {
        "status": str,
        "release": dict,
        "spec_sha256": str,
        "environment": dict,
        "seed": int,
        "counts": dict,
        "checks": list,
        "metrics": dict,
        "suspects": list,
    }
    for key, kind in shapes.items():
        if not _is(value.get(key), kind):
            yield f"{key} is missing or of another type: {_shown(value.get(key))}"
    baseline = value.get("baseline")
    if not (baseline is None or isinstance(baseline, dict)):
        yield f"baseline is of another type: {_shown(baseline)}"
    for about in ("release", "baseline") if baseline else ("release",):
        for key in ("name", "version", "manifest_sha256"):
            yield from _name_problems(f"{about}.{key}", value[about].get(key))
    if len(value["checks"]) > _MAX_CHECKS:
        yield f"it holds {len(value['checks']):,} checks"
    for index, check in enumerate(value["checks"]):
        yield from _check_problems(f"checks.{index}", check)
    yield from _contradictions(value)


def _check_problems(where: str, check: object) -> Iterator[str]:
    if not isinstance(check, dict):
        yield f"{where} is not a mapping"
        return
    for key, allowed in (("kind", get_args(Kind)), ("status", get_args(Status)), ("severity", get_args(Severity))):
        if check.get(key) not in allowed:
            yield f"{where}.{key} is {_shown(check.get(key))}, not one of {', '.join(allowed)}"
    for key in ("id", "language", "metric", "op"):
        yield from _name_problems(f"{where}.{key}", check.get(key))
    for key in ("value", "threshold"):
        if check.get(key) is not None and not _is(check[key], _NUMBER):
            yield f"{where}.{key} is {_shown(check[key])}, not a number"
    for key in ("detail", "false_alarms"):
        if not isinstance(check.get(key, ""), str):
            yield f"{where}.{key} is not a text"


def _contradictions(value: Mapping[str, Any]) -> Iterator[str]:
    """Yield it if the verdict does not follow from its checks, by the rule of `curation.gate.verdict`."""
    status, checks = value["status"], value["checks"]
    if status not in _RUN_STATUSES:
        yield f"its status is {_shown(status)}"
    if not checks:
        yield "it holds no checks"
    expected = _status_of(checks)
    if status != expected:
        yield f"its status is {status}, and its checks make {expected}"


def _status_of(checks: Iterable[Mapping[str, Any]]) -> str:
    if any(check["status"] == "error" for check in checks):
        return "error"
    return "fail" if any(check["status"] == "fail" and check["severity"] == "block" for check in checks) else "pass"


def _name_problems(where: str, name: object) -> Iterator[str]:
    if not isinstance(name, str):
        yield f"{where} is missing or not a text: {_shown(name)}"
    elif len(name) > _MAX_NAME_CHARS or any(map(is_unseen, name)):
        yield f"{where} is no name: {_shown(name)}"


def _is(value: object, kind: type | tuple[type, ...]) -> bool:
    # A bool is an int to Python, and not to us.
    return isinstance(value, kind) and not isinstance(value, bool)


def _shown(value: object) -> str:
    return printable(repr(value)[:80], limit=80)
