"""Keys: the same for the same release and spec, from wherever it is asked; another for any other."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trigger_runs import DIGEST, on_hub, request

from hub_upload.triggers import Request, Spec, Target


def test_a_key_is_a_function_of_release_and_spec_alone() -> None:
    first = request("hf-jobs", image="ubuntu", flavor="t4-small")
    again = request("hf-jobs", Target("/elsewhere", DIGEST), flavor="t4-small", image="ubuntu")
    assert first.key == again.key
    assert re.fullmatch("[0-9a-f]{64}", first.key)
    assert first.key.startswith(first.tag)
    assert len(first.tag) == 40


@pytest.mark.parametrize(
    "change",
    [
        {"backend": "github"},
        {"baseline": "cd" * 32},
        {"attempt": 2},
        {"settings": {"image": "debian"}},
        {"settings": {}},
    ],
    ids=str,
)
def test_another_spec_is_another_key(change: dict[str, object]) -> None:
    spec = Spec("hf-jobs", settings={"image": "ubuntu"})
    assert Request(on_hub(), replace(spec, **change)).key != Request(on_hub(), spec).key


def test_another_release_is_another_key() -> None:
    assert request("local").key != request("local", on_hub("cd" * 32)).key


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.booleans() | st.none()))
def test_the_order_of_settings_does_not_matter(settings: dict[str, object]) -> None:
    turned = dict(reversed(settings.items()))
    assert Spec("command", settings=settings).digest == Spec("command", settings=turned).digest


def test_the_key_is_stated() -> None:
    """A key that changes by itself lets everything be submitted again: change this value knowingly."""
    assert request("local", image="ubuntu").key == "6bfe9481269e1bf2d5cf3f20f808f83f5c118a5d0e08e103782124345cc8a7d8"
