"""Webhooks of the Hub's double: one for each dataset, however often it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_double import HubDouble
from hub_jobs import Fault, HubJobs
from small_releases import REPO, TOKEN, hub
from trigger_runs import Times, request

from hub_upload.client import connect
from hub_upload.errors import HubAccessError, HubConflictError
from hub_upload.triggers import Handle, Request
from hub_upload.triggers.hf_jobs import HfJobsBackend, Machine
from hub_upload.triggers.watching import watch, webhook_payload

MACHINE = Machine(namespace="weather")
ASKED = request("hf-jobs", **MACHINE.settings())


@pytest.fixture
def jobs() -> HubJobs:
    return HubJobs(TOKEN)


@pytest.fixture
def double(jobs: HubJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    with hub(tmp_path, monkeypatch, more_routes=jobs.routes()) as server:
        yield server


def started(jobs: HubJobs, asked: Request = ASKED) -> Handle:
    job = jobs.add(HfJobsBackend(MACHINE).payload(asked)["body"])
    return Handle(asked.key, job["id"])


def asked_for(jobs: HubJobs, asked: Request = ASKED, secrets: tuple[str, ...] = ()) -> str:
    return watch(connect(None), asked, started(jobs, asked), secrets, patience=Times().patience())


def test_a_webhook_is_made_once(double: HubDouble, jobs: HubJobs) -> None:
    first = asked_for(jobs)
    assert asked_for(jobs) == first
    assert jobs.bodies == [webhook_payload(ASKED, (), jobs.jobs[0]["id"])["body"]]
    assert jobs.bodies[0]["watched"] == [{"type": "dataset", "name": REPO}]
    assert jobs.bodies[0]["domains"] == ["repo"]


def test_the_next_release_finds_the_webhook_of_the_last(double: HubDouble, jobs: HubJobs) -> None:
    later = Request(type(ASKED.release)("hf://x", "cd" * 32, REPO, "f" * 40), ASKED.spec)
    assert asked_for(jobs) == asked_for(jobs, later)
    assert len(jobs.webhooks) == 1


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("kind", ["503", "429", "lost"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_faults_make_no_second_webhook(method: str, kind: Any, times: int, double: HubDouble, jobs: HubJobs) -> None:
    jobs.faults.append(Fault(f"{method} /api/settings/webhooks", kind, times))
    assert asked_for(jobs) == jobs.webhooks[0]["id"]
    assert len(jobs.webhooks) == 1


def test_two_specs_do_not_watch_side_by_side(double: HubDouble, jobs: HubJobs) -> None:
    asked_for(jobs)
    other = request("hf-jobs", attempt=2, **MACHINE.settings())
    with pytest.raises(HubConflictError, match="watched already") as raised:
        asked_for(jobs, other)
    assert raised.value.exit_code == 4
    assert jobs.webhooks[0]["id"] in raised.value.hint


def test_webhooks_of_others_are_left_alone(double: HubDouble, jobs: HubJobs) -> None:
    watched = [{"type": "dataset", "name": REPO}]
    about = {"watched": watched, "domains": ["repo"], "disabled": False}
    ours = {"command": HfJobsBackend(MACHINE).payload(ASKED)["body"]["command"]}
    jobs.webhooks += [
        {"id": "1" * 24, "url": "https://example.org", **about},
        {"id": "2" * 24, "job": {"command": ["echo"]}, **about},
        {"id": "3" * 24, "job": ours, **about, "disabled": True},
        {"id": "4" * 24, "job": ours, **about, "watched": [{"type": "dataset", "name": "weather/other"}]},
    ]
    assert asked_for(jobs) == f"{5:024x}"


def test_secrets_go_to_the_webhook_by_name(double: HubDouble, jobs: HubJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READER", "s3cret")
    asked_for(jobs, secrets=("READER",))
    assert jobs.bodies[0]["secrets"] == {"READER": "s3cret"}
    assert webhook_payload(ASKED, ("READER",))["body"]["secrets"] == ["READER"]
    monkeypatch.delenv("READER")
    jobs.webhooks.clear()
    with pytest.raises(HubAccessError):
        asked_for(jobs, secrets=("READER",))
