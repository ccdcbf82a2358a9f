"""Of all that is pushed, only a new tag of a version is a release."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_releases import REPO
from trigger_runs import NO_COMMIT, PUSHED, event, ref

from hub_upload.triggers import TriggerError
from hub_upload.triggers.webhook import released_tags


@pytest.mark.parametrize(
    ("refs", "tags"),
    [
        ([ref("refs/tags/v1.2.0")], ["v1.2.0"]),
        ([ref("refs/heads/main"), ref("refs/tags/v0.10.3")], ["v0.10.3"]),
        ([ref("refs/tags/v2.0.0"), ref("refs/tags/v1.0.0"), ref("refs/tags/v1.0.0")], ["v1.0.0", "v2.0.0"]),
        ([ref("refs/heads/main")], []),
        ([ref("refs/pr/3")], []),
        ([ref("refs/heads/v1.0.0")], []),
        ([ref("refs/heads/staging/v1.0.0-abc")], []),
        ([ref("refs/tags/v1.0.0", None, PUSHED)], []),
        ([ref("refs/tags/v1.0.0", NO_COMMIT, PUSHED)], []),
        ([ref("refs/tags/latest")], []),
        ([ref("refs/tags/v1.0")], []),
        ([ref("refs/tags/v1.0.0-rc1")], []),
        ([ref("refs/tags/v१.०.०")], []),
        ([ref("refs/tags/v1.0.0\n")], []),
        ([ref("refs/tags/../v1.0.0")], []),
        ([{"ref": 1, "newSha": PUSHED}, "refs/tags/v1.0.0", None], []),
        ([], []),
    ],
    ids=str,
)
def test_which_pushes_are_releases(refs: list[Any], tags: list[str]) -> None:
    assert released_tags(event(*refs), REPO) == tags


def test_an_event_without_references_is_no_release() -> None:
    value = json.loads(event())
    del value["updatedRefs"]
    assert released_tags(json.dumps(value), REPO) == []


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (event(ref("refs/tags/v1.0.0"), name="weather/other"), "another repository"),
        (event(ref("refs/tags/v1.0.0"), kind="model"), "another repository"),
        ("", "cannot be understood"),
        ("[]", "cannot be understood"),
        ("{}", "cannot be understood"),
        ('{"repo": 1}', "cannot be understood"),
        ("[" * 100_000, "cannot be understood"),
        (" " * (2 << 20), "cannot be understood"),
        (event().replace('"updatedRefs": []', '"updatedRefs": {}').replace("{}", '{"a": 1}'), "cannot be understood"),
    ],
    ids=lambda value: value[:30],
)
def test_events_that_are_none_of_ours(payload: str, words: str) -> None:
    with pytest.raises(TriggerError, match=words):
        released_tags(payload, REPO)


@given(st.text(), st.text())
def test_no_tag_comes_from_chance(name: str, commit: str) -> None:
    assert released_tags(event(ref(name, commit)), REPO) == []
