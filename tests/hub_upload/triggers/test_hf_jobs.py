"""Jobs of the Hub's double, by the real client: created once, found again, read to the end of their log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hub_double import HubDouble
from hub_jobs import Fault, HubJobs
from small_releases import REPO, TOKEN, hub
from trigger_runs import COMMIT, DETAILS, DIGEST, SECRETS, Times, on_hub, request, verdict, verdict_bytes

from curation.errors import ConfigError, CurationError
from hub_upload.errors import HubAccessError, HubError
from hub_upload.triggers import Outcome, Request, Spec, Target, TriggerError, run_trigger
from hub_upload.triggers.hf_jobs import LABEL, HfJobsBackend, Machine
from hub_upload.triggers.log_lines import to_lines
from hub_upload.triggers.protocol import TransientError, TriggerConflictError
from hub_upload.triggers.verdict_repository import VerdictRepository

MACHINE = Machine(flavor="t4-small", namespace="weather")
ASKED = request("hf-jobs", **MACHINE.settings())


def answers(data: bytes, key: str = ASKED.key) -> tuple[str, Sequence[str]]:
    return "COMPLETED", [*DETAILS, *to_lines(data, key), "done"]


@pytest.fixture
def jobs() -> Iterator[HubJobs]:
    found = HubJobs(TOKEN, lambda _: answers(verdict_bytes()))
    yield found
    found.closing.set()


@pytest.fixture
def double(jobs: HubJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    with hub(tmp_path / "hub", monkeypatch, more_routes=jobs.routes()) as server:
        yield server


def backend(times: Times, machine: Machine = MACHINE) -> HfJobsBackend:
    return HfJobsBackend(machine, patience=times.patience())


def run(times: Times | None = None, asked: Request = ASKED, machine: Machine = MACHINE) -> Outcome:
    times = times or Times()
    return run_trigger(backend(times, machine), asked, timeout=600, clock=times.clock)


def test_a_run_from_job_to_verdict(double: HubDouble, jobs: HubJobs) -> None:
    outcome = run()
    assert outcome.verdict == verdict()
    assert jobs.bodies == [backend(Times()).payload(ASKED)["body"]]
    assert outcome.handle.url == f"{double.url}/jobs/weather/{outcome.handle.id}"
    assert run().handle.found
    assert len(jobs.jobs) == 1


def test_the_body_pins_the_commit_and_mounts_it_to_be_read_only(double: HubDouble, jobs: HubJobs) -> None:
    before = Target(f"hf://datasets/weather/older@{COMMIT[::-1]}", "cd" * 32, "weather/older", COMMIT[::-1])
    asked = Request(on_hub(), Spec("hf-jobs", before.digest), before)
    jobs.work = lambda _: answers(verdict_bytes(), asked.key)
    run(asked=asked)
    body = jobs.bodies[0]
    assert body["volumes"] == [
        {"type": "dataset", "source": REPO, "mountPath": "/release", "revision": COMMIT, "readOnly": True},
        {
            "type": "dataset",
            "source": "weather/older",
            "mountPath": "/baseline",
            "revision": COMMIT[::-1],
            "readOnly": True,
        },
    ]
    assert body["labels"][LABEL] == asked.tag
    assert all(len(value) <= 63 for value in body["labels"].values())
    assert body["command"][:4] == ["uv", "run", "--no-project", "--with"]
    assert body["command"][-2:] == ["--baseline", "/baseline"]
    assert (body["flavor"], body["timeoutSeconds"], body["attempts"]) == ("t4-small", 7_200, 1)


def test_the_owner_of_the_token_pays_by_default(double: HubDouble, jobs: HubJobs) -> None:
    machine = Machine()
    asked = request("hf-jobs", **machine.settings())
    jobs.work = lambda _: answers(verdict_bytes(), asked.key)
    run(asked=asked, machine=machine)
    assert [job["owner"]["name"] for job in jobs.jobs] == ["ada"]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("kind", ["503", "429", "lost", "cut"])
@pytest.mark.parametrize(
    "pattern",
    [
        "POST /api/jobs/weather",
        "GET /api/jobs/weather",
        "GET /api/jobs/weather/[0-9a-f]{24}",
        "GET /api/jobs/weather/[0-9a-f]{24}/logs",
    ],
)
def test_faults_start_no_second_job(pattern: str, kind: Any, times: int, double: HubDouble, jobs: HubJobs) -> None:
    jobs.faults.append(Fault(pattern, kind, times))
    assert run().verdict == verdict()
    assert len(jobs.jobs) == 1
    assert jobs.faults[0].times < times


def test_a_hub_that_hangs_is_given_up_and_the_job_is_found_later(
    double: HubDouble, jobs: HubJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx2
    from huggingface_hub import get_session

    jobs.faults.append(Fault("GET .*/[0-9a-f]{24}", "hang", 100))
    monkeypatch.setattr(get_session(), "timeout", httpx2.Timeout(0.2))
    times = Times()
    with pytest.raises(TriggerError, match="not ended in time"):
        run_trigger(backend(times), ASKED, timeout=5, clock=times.clock)
    jobs.closing.set()
    jobs.faults.clear()
    assert run().handle.found
    assert len(jobs.jobs) == 1


def test_two_at_once_share_the_first_job(double: HubDouble, jobs: HubJobs) -> None:
    """Somebody else's job of the same key appears between our look and our own."""
    first = backend(Times())
    look, looks = first._listed, list[int]()

    def late(asked: Request) -> Any:
        found = look(asked)
        if not looks:
            jobs.add({"labels": {LABEL: ASKED.tag}})
        looks.append(1)
        return found

    first._listed = late  # type: ignore[method-assign]
    outcome = run_trigger(first, ASKED, timeout=600, clock=Times().clock)
    assert outcome.handle.found
    assert outcome.handle.id == jobs.jobs[0]["id"]
    assert [job["status"]["stage"] for job in jobs.jobs] == ["COMPLETED", "CANCELED"]


def test_many_at_once_end_with_one_job(double: HubDouble, jobs: HubJobs) -> None:
    with ThreadPoolExecutor(6) as pool:
        handles = list(pool.map(lambda _: backend(Times()).submit(ASKED), range(12)))
    assert {handle.id for handle in handles} == {jobs.jobs[0]["id"]}
    assert [job["status"]["stage"] for job in jobs.jobs[1:]] == ["CANCELED"] * (len(jobs.jobs) - 1)


@pytest.mark.parametrize(
    ("stage", "log", "words", "why"),
    [
        ("ERROR", ["loading", "CUDA out of memory"], "failed before", "out of memory"),
        ("CANCELED", [], "was cancelled", ""),
        ("DELETED", [], "was cancelled", ""),
    ],
)
def test_jobs_that_come_to_nothing(
    stage: str, log: list[str], words: str, why: str, double: HubDouble, jobs: HubJobs
) -> None:
    jobs.work = lambda _: (stage, [*log, f"the token was {TOKEN}\x1b[2J"])
    with pytest.raises(TriggerError, match=words) as raised:
        run()
    assert why in raised.value.why
    assert TOKEN not in str(raised.value)
    assert "\x1b" not in str(raised.value)
    # The same command finds the same job; another attempt is another job.
    with pytest.raises(TriggerError, match=words):
        run()
    assert len(jobs.jobs) == 1
    jobs.work = lambda _: answers(verdict_bytes(), again.key)
    again = request("hf-jobs", attempt=2, **MACHINE.settings())
    assert run(asked=again).verdict == verdict()
    assert len(jobs.jobs) == 2


@pytest.mark.parametrize(
    ("log", "error"),
    [
        ([], TransientError),
        (list(to_lines(verdict_bytes(), ASKED.key))[:-1], TransientError),
        (list(to_lines(verdict_bytes(), "ef" * 32)), TransientError),
        (list(to_lines(verdict_bytes(digest="cd" * 32), ASKED.key)), TriggerConflictError),
        (list(to_lines(verdict_bytes()[:99], ASKED.key)), TriggerError),
    ],
    ids=["nothing", "cut", "of another run", "of another release", "half a verdict"],
)
def test_logs_without_the_verdict(log: list[str], error: type[TriggerError], double: HubDouble, jobs: HubJobs) -> None:
    jobs.work = lambda _: ("COMPLETED", log)
    with pytest.raises(error):
        run()


@pytest.mark.parametrize("kind", ["403"])
@pytest.mark.parametrize("pattern", ["POST /api/jobs/weather", "GET /api/jobs/weather"])
def test_who_may_not(pattern: str, kind: Any, double: HubDouble, jobs: HubJobs) -> None:
    jobs.faults.append(Fault(pattern, kind, 9))
    with pytest.raises(HubAccessError) as raised:
        run()
    assert raised.value.exit_code == 5
    assert TOKEN not in str(raised.value)
    assert jobs.jobs == []


def test_who_is_not_known(double: HubDouble, jobs: HubJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRETS[0][:-3] + "xyz")
    with pytest.raises(HubAccessError) as raised:
        run()
    assert SECRETS[0][:-3] not in str(raised.value)


def test_secrets_are_passed_on_and_shown_nowhere(
    double: HubDouble, jobs: HubJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READER", "s3cret-of-no-known-form")
    machine = Machine(namespace="weather", secrets=("READER",))
    asked = request("hf-jobs", **machine.settings())
    jobs.work = lambda _: answers(verdict_bytes(), asked.key)
    shown = backend(Times(), machine).payload(asked)
    assert "s3cret" not in str(shown) + str(machine.settings()) + repr(machine)
    outcome = run(asked=asked, machine=machine)
    assert "s3cret" not in repr(outcome)
    assert jobs.bodies == [shown["body"] | {"secrets": {"READER": "s3cret-of-no-known-form"}}]


def test_a_secret_that_is_not_set(double: HubDouble, jobs: HubJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("READER", raising=False)
    machine = Machine(namespace="weather", secrets=("READER",))
    with pytest.raises(HubAccessError, match="missing") as raised:
        run(asked=request("hf-jobs", **machine.settings()), machine=machine)
    assert "READER" in raised.value.why
    assert jobs.jobs == []


@pytest.mark.parametrize(
    "change",
    [
        {"image": "-v/:/host"},
        {"image": "a b"},
        {"flavor": "T4"},
        {"flavor": ""},
        {"timeout": "0"},
        {"timeout": "soon"},
        {"namespace": "a/b"},
        {"package": "--index-url=http://evil"},
        {"package": "a\nb"},
        {"secrets": (SECRETS[0] + "=x",)},
        {"secrets": ("HF TOKEN",)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_values_that_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as raised:
        Machine(**change)
    assert raised.value.exit_code == 2
    assert SECRETS[0] not in str(raised.value)


def test_an_image_that_has_everything() -> None:
    body = HfJobsBackend(Machine(package="")).payload(ASKED)["body"]
    assert body["command"][:3] == ["python", "-m", "hub_upload.triggers.job"]


def test_folders_cannot_be_mounted() -> None:
    folder = Target("/data/release", DIGEST)
    for asked in (Request(folder, Spec("hf-jobs")), Request(on_hub(), Spec("hf-jobs"), folder)):
        with pytest.raises(ConfigError, match="needs a release on the Hub"):
            HfJobsBackend(MACHINE).payload(asked)


@pytest.mark.parametrize("name", [REPO, REPO.upper()])
def test_the_watched_repository_gets_no_verdicts(name: str) -> None:
    machine = Machine(verdict_repository=name)
    with pytest.raises(ConfigError, match="cannot go where the releases are"):
        HfJobsBackend(machine).payload(request("hf-jobs", **machine.settings()))


def test_an_answer_that_is_no_job(double: HubDouble, jobs: HubJobs) -> None:
    jobs.jobs.append({"id": "x", "owner": {"name": "weather"}, "labels": {LABEL: ASKED.tag}})
    with pytest.raises(CurationError) as raised:
        run()
    assert isinstance(raised.value, HubError)


def test_a_verdict_in_a_repository_of_its_own(double: HubDouble, jobs: HubJobs) -> None:
    machine = Machine(namespace="weather", verdict_repository="weather/verdicts")
    asked = request("hf-jobs", **machine.settings())

    def work(job: dict[str, Any]) -> tuple[str, Sequence[str]]:
        assert job["command"][-2:] == ["--verdict-repo", "weather/verdicts"]
        VerdictRepository("weather/verdicts").write(DIGEST, asked.key, verdict_bytes("fail"))
        return "COMPLETED", []

    jobs.work = work
    assert run(asked=asked, machine=machine).verdict == verdict("fail")
