"""Tokens: where they come from, and that no text shows one."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_releases import REPO, TEXTS, TOKEN

from hub_upload.errors import HubAccessError
from hub_upload.secrets import publishing_token, redacted, without_tokens

NAMES = (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_OIDC_RESOURCE",
    "HF_OIDC_ID_TOKEN",
    "GITHUB_ACTIONS",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Return an environment without any token; whatever is set in it is undone."""
    for name in NAMES:
        # Set first, so that it is undone even where the code under test sets it.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return monkeypatch


IN_ACTIONS = {"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": "https://run.example/token"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HF_TOKEN": TOKEN}, TOKEN),
        ({"HF_TOKEN": f" {TOKEN}\n"}, TOKEN),
        ({"HUGGING_FACE_HUB_TOKEN": TOKEN}, TOKEN),
        ({"HF_TOKEN": TOKEN, "HUGGING_FACE_HUB_TOKEN": "hf_other"}, TOKEN),
        ({"HF_TOKEN": "  ", "HUGGING_FACE_HUB_TOKEN": TOKEN}, TOKEN),
        ({"HF_TOKEN": "not-of-the-Hub!"}, "not-of-the-Hub!"),
        # Whoever has set a token means it, also in a job that has an identity.
        ({"HF_TOKEN": TOKEN, **IN_ACTIONS}, TOKEN),
        ({"HF_TOKEN": TOKEN, "HF_OIDC_ID_TOKEN": "eyJ.a.b"}, TOKEN),
        ({"HF_TOKEN": TOKEN, "HF_OIDC_RESOURCE": f"datasets/{REPO}"}, None),
        (IN_ACTIONS, None),
        ({"HF_OIDC_ID_TOKEN": "eyJ.a.b"}, None),
        ({"HF_OIDC_RESOURCE": f"datasets/{REPO}"}, None),
    ],
)
def test_where_a_token_comes_from(bare: pytest.MonkeyPatch, environment: dict[str, str], expected: str | None) -> None:
    for name, value in environment.items():
        bare.setenv(name, value)
    assert publishing_token(REPO) == expected


@pytest.mark.parametrize("environment", [{}, {"HF_TOKEN": " "}, {"GITHUB_ACTIONS": "true"}, {"HF_OIDC_ID_TOKEN": ""}])
def test_no_token(bare: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        bare.setenv(name, value)
    with pytest.raises(HubAccessError, match="no token") as raised:
        publishing_token(REPO)
    assert raised.value.exit_code == 5
    assert "HF_TOKEN" in raised.value.hint
    assert "id-token" in raised.value.hint


@pytest.mark.parametrize("bad", ["{} {}", "{}\n{}", "{}\x01", "{}\u202e", "{}é", "{}トークン", "\ufeff{}", "Bearer {}"])
def test_what_is_no_token_is_not_shown(bare: pytest.MonkeyPatch, bad: str) -> None:
    bare.setenv("HF_TOKEN", bad.format(TOKEN, TOKEN))
    with pytest.raises(HubAccessError, match="cannot be one") as raised:
        publishing_token(REPO)
    assert TOKEN not in str(raised.value)


def test_the_token_of_a_job_is_for_the_dataset_that_is_published(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("HF_OIDC_ID_TOKEN", "eyJ.a.b")
    for repo in ("one/first", "other/second"):
        assert publishing_token(repo) is None
        assert os.environ["HF_OIDC_RESOURCE"] == f"datasets/{repo}"


def test_a_resource_that_is_no_dataset_stays(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("HF_OIDC_RESOURCE", "users/ada")
    assert publishing_token(REPO) is None
    assert os.environ["HF_OIDC_RESOURCE"] == "users/ada"


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_sentences_stay_as_they_are(bare: pytest.MonkeyPatch, text: str) -> None:
    bare.setenv("HF_TOKEN", TOKEN)
    assert redacted(text) == text


@pytest.mark.parametrize("text", ["می\u200cخواهم", "ශ්\u200dරී ලංකාව", "👩\u200d🔬", "it's 50 % | <b>, hf_xet or ghost"])
def test_joiners_and_signs_stay_as_they_are(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"a {TOKEN} b", "a [token] b"),
        (f"{TOKEN}{TOKEN}", "[token]"),
        (f"x{TOKEN}", "x[token]"),
        ("hf_jwt_0123.ab-cd_ef", "[token]"),
        ("ghp_0123456789abcdef", "[token]"),
        ("ghs_0123456789abcdef.", "[token]."),
        ("github_pat_11AA_bb22", "[token]"),
        ("authorization: Bearer abc.def-ghi, next", "authorization: [token], next"),
        ("{'authorization': 'bearer abc'}", "{'authorization': '[token]'}"),
        ("BASIC dXNlcjpwYXNz", "[token]"),
        ("a\u202eb\u2066c\u200ed\ufeff", "a b c d"),
        ("a\x00\x1b[31mb\r\nc\x85d\u2028e\x7f", "a [31mb c d e"),
        ("\ud800x", "x"),
        ("  much \t room ", "much room"),
        ("", ""),
    ],
)
def test_what_is_taken_out(bare: pytest.MonkeyPatch, text: str, expected: str) -> None:
    assert redacted(text) == expected


def test_long_texts_are_cut(bare: pytest.MonkeyPatch) -> None:
    assert redacted("Я" * 5_000) == "Я" * 300
    assert "hf_" not in redacted("x" * 297 + TOKEN)


@pytest.mark.parametrize(
    "name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
)
@pytest.mark.parametrize("secret", ["corporate-token-77", "my-hf_abcdefgh!tail", "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"])
def test_whatever_the_environment_holds_is_taken_out(bare: pytest.MonkeyPatch, name: str, secret: str) -> None:
    bare.setenv(name, f" {secret}\n")
    assert redacted(f"sent <{secret}> there") == "sent <[token]> there"
    assert without_tokens(f"one\n  two {secret}\n") == "one\n  two [token]\n"


def test_a_token_in_two_lines_is_taken_out_as_it_is_sent(bare: pytest.MonkeyPatch) -> None:
    # The client joins them.
    bare.setenv("HF_TOKEN", "corporate-\ntoken")
    assert "corporate" not in redacted("Illegal header: corporate-token")


TOKENS = st.one_of(
    st.text("abcXYZ019", min_size=8, max_size=40).map("hf_".__add__),
    st.text("abcXYZ019", min_size=8, max_size=40).map("hf_jwt_".__add__),
    st.text("abcXYZ019", min_size=8, max_size=40).map("ghp_".__add__),
)


@given(TOKENS, st.text(max_size=400), st.text(max_size=60))
@settings(max_examples=300)
def test_no_text_shows_a_token(token: str, before: str, after: str) -> None:
    assert token not in redacted(before + token + after)
    assert token not in without_tokens(before + token + after)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8), st.text(), st.text())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_shows_the_token_of_the_environment(
    bare: pytest.MonkeyPatch, token: str, before: str, after: str
) -> None:
    bare.setenv("HF_TOKEN", token)
    assert token not in without_tokens(before + token + after).replace("[token]", "\n")


@given(st.text())
def test_what_is_redacted_is_one_short_line(text: str) -> None:
    found = redacted(text)
    assert len(found) <= 300
    assert found.splitlines() in ([], [found])
    assert redacted(found) == found
