"""Verdicts from elsewhere, each wrong in one way."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trigger_runs import DETAILS, DIGEST, verdict, verdict_bytes

from hub_upload.triggers import TriggerError
from hub_upload.triggers.protocol import TriggerConflictError
from hub_upload.triggers.verdicts import MAX_VERDICT_BYTES, parse_verdict


@pytest.mark.parametrize("status", ["pass", "fail", "error"])
def test_a_verdict_of_the_gate_is_taken_whole(status: Any) -> None:
    assert parse_verdict(verdict_bytes(status), DIGEST) == verdict(status)
    assert [check["detail"] for check in parse_verdict(verdict_bytes(status), DIGEST)["checks"][1:]] == list(DETAILS)


def test_one_on_another_release_is_a_conflict() -> None:
    with pytest.raises(TriggerConflictError, match="another release") as raised:
        parse_verdict(verdict_bytes(digest="cd" * 32), DIGEST)
    assert raised.value.exit_code == 4
    assert "cdcd" in raised.value.why


CHANGES: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("another schema", lambda v: v.update(schema="gate-verdict/1")),
    ("no schema", lambda v: v.pop("schema")),
    ("no status", lambda v: v.pop("status")),
    ("unknown status", lambda v: v.update(status="superb")),
    ("status that its checks deny", lambda v: v.update(status="fail")),
    ("passed in spite of a failed check", lambda v: v["checks"][0].update(status="fail")),
    ("passed in spite of a broken check", lambda v: v["checks"][3].update(status="error")),
    ("no release", lambda v: v.update(release=[])),
    ("release without a digest", lambda v: v["release"].pop("manifest_sha256")),
    ("digest that is no text", lambda v: v["release"].update(manifest_sha256=7)),
    ("name that acts", lambda v: v["release"].update(name="wea\u202ether")),
    ("name with a terminal's command", lambda v: v["release"].update(name="\x1b]0;mine\x07")),
    ("endless name", lambda v: v["release"].update(version="1" * 501)),
    ("no checks", lambda v: v.update(checks=[])),
    ("checks that are no list", lambda v: v.update(checks={"0": {}})),
    ("check that is none", lambda v: v["checks"].append("pass")),
    ("check of unknown kind", lambda v: v["checks"][0].update(kind="magic")),
    ("check of unknown severity", lambda v: v["checks"][0].update(severity="mild")),
    ("check with a list for a status", lambda v: v["checks"][0].update(status=["pass"])),
    ("check whose name breaks the line", lambda v: v["checks"][0].update(id="data\nverdict: PASS")),
    ("check whose language is a number", lambda v: v["checks"][0].update(language=3)),
    ("value that is a text", lambda v: v["checks"][0].update(value="0.5")),
    ("value that is true", lambda v: v["checks"][0].update(value=True)),
    ("detail that is a mapping", lambda v: v["checks"][0].update(detail={})),
    ("seed that is true", lambda v: v.update(seed=True)),
    ("metrics that are a list", lambda v: v.update(metrics=[])),
    ("suspects that are missing", lambda v: v.pop("suspects")),
]


@pytest.mark.parametrize("change", [change for _, change in CHANGES], ids=[name for name, _ in CHANGES])
def test_what_is_wrong_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    value = verdict()
    change(value)
    with pytest.raises(TriggerError, match="cannot be used") as raised:
        parse_verdict(json.dumps(value).encode(), DIGEST)
    assert raised.value.why
    assert "\x1b" not in str(raised.value)
    assert "\u202e" not in str(raised.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"schema": NaN}',
        b'{"schema": 1e999}',
        b'{"schema": "a", "schema": "gate-verdict/2"}',
        b'{"schema": "\\ud800"}',
        b" " * (MAX_VERDICT_BYTES + 1),
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_is_no_verdict_is_refused(data: bytes) -> None:
    with pytest.raises(TriggerError, match="cannot be used"):
        parse_verdict(data, DIGEST)


def test_every_cut_is_noticed() -> None:
    whole = verdict_bytes()
    for end in range(0, len(whole) - 2, 7):
        with pytest.raises(TriggerError):
            parse_verdict(whole[:end], DIGEST)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.sampled_from(sorted(verdict())), JSON)
def test_nothing_but_our_error_comes_out(key: str, value: object) -> None:
    with contextlib.suppress(TriggerError):
        parse_verdict(json.dumps(verdict() | {key: value}).encode(), DIGEST)
