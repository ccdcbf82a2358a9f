"""No token and no character that acts comes through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trigger_runs import DETAILS, SECRETS

from curation.text import is_unseen
from hub_upload.triggers.printing import printable, without_tokens_inside


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("frame", ["{}", "token={}", "Authorization: Bearer {}", "https://u:{}@host/", "x\n{}\ny"])
def test_tokens_do_not_come_through(secret: str, frame: str) -> None:
    assert secret not in printable(frame.format(secret))
    # Nor a part of one, where the text is cut.
    assert secret[-12:] not in printable(frame.format(secret) * 9, limit=40)
    nested = {"a": [{"b": frame.format(secret)}], "n": 1}
    assert secret not in str(without_tokens_inside(nested))


def test_a_token_of_the_environment_that_looks_like_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "a-plain-word")
    assert "a-plain-word" not in printable("the header held a-plain-word, it seems")


@pytest.mark.parametrize("text", DETAILS)
def test_scripts_stay_as_they_are(text: str) -> None:
    assert printable(f"{text}\n{text}") == f"{text}\n{text}"


@given(st.text())
def test_nothing_that_acts_comes_through(text: str) -> None:
    shown = printable(text, limit=50)
    assert not any(is_unseen(char) for char in shown if char not in "\n\t")


def test_lines_stay_and_the_end_is_what_is_kept() -> None:
    assert printable("\x1b[31mred\u202e\nlast") == "\\u001b[31mred\\u202e\nlast"
    assert printable("first " + "x" * 50, limit=10) == "x" * 10
