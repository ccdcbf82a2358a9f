"""What the doctor says of the Hub and the token, which it never shows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_double import HubDouble
from small_releases import TOKEN, hub

from hub_upload.doctor import _identity, look_at_hub


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    with hub(tmp_path, monkeypatch) as double:
        yield double


def test_a_good_token(double: HubDouble) -> None:
    found = look_at_hub()
    assert found.state == "ok"
    assert "ada" in found.detail
    assert "write" in found.detail
    assert TOKEN not in str(dataclasses.asdict(found))


def test_a_token_that_nobody_knows(double: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_" + "x" * 30)
    found = look_at_hub()
    assert found.state == "wrong"
    assert "hf_x" not in str(dataclasses.asdict(found))


def test_no_token(double: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert look_at_hub().state == "absent"
    assert not double.requests


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    found = look_at_hub()
    assert found.state == "absent"
    assert TOKEN not in str(dataclasses.asdict(found))


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ({"name": "ada"}, "ada, token with the role unknown"),
        ({"name": "ada", "auth": None, "orgs": None}, "ada, token with the role unknown"),
        (
            {"name": "ada", "auth": {"accessToken": {"role": "write"}}, "orgs": [{"name": "weather"}, "?"]},
            "ada, token with the role write; in weather",
        ),
        (
            {
                "name": "ada",
                "auth": {
                    "accessToken": {
                        "role": "fineGrained",
                        "fineGrained": {
                            "scoped": [
                                {"entity": {"type": "dataset", "name": "weather/s"}, "permissions": ["repo.write"]},
                                {"entity": None, "permissions": 3},
                                "?",
                            ]
                        },
                    }
                },
            },
            "ada, token with the role fineGrained; weather/s: repo.write; None: unknown rights; None: unknown rights",
        ),
    ],
)
def test_whatever_the_hub_says_of_it(who: dict[str, Any], said: str) -> None:
    assert _identity(who) == said
