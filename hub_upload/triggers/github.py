"""The gate in a workflow of GitHub Actions, started by a `repository_dispatch` event.

A dispatch returns nothing: the run appears seconds later. It is found by the key, which the workflow puts into its
`run-name`; `examples/github/smoke-test.yml` does, and leaves the verdict as an artifact `verdict-KEY`.
"""

from __future__ import annotations

import functools
import io
import re
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curation.errors import ConfigError
from hub_upload.triggers.github_api import GitHubApi, UnansweredError
from hub_upload.triggers.printing import printable
from hub_upload.triggers.protocol import SCHEMA, Handle, Request, State, Status, TransientError, TriggerError
from hub_upload.triggers.verdicts import MAX_VERDICT_BYTES
from hub_upload.triggers.waiting import Clock
from hub_upload.triggers.workplace import Workplace

NAME = "github"
ARTIFACT = "verdict"

_FORMS = {
    "repository": re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9_.-]{1,100}"),
    "workflow": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.ya?ml"),
    "event": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"),
}
_TAG_WORD = re.compile(r"\b[0-9a-f]{40}\b")
_PAGE, _PAGES = 100, 10
# GitHub shows a run within seconds. A dispatch whose answer was lost is sent again after this many without one.
_SETTLE_S, _LOOK_S = 60.0, 3.0
_SENDS = 3
_ZIP_BYTES = 32 << 20
_ZIP_MEMBERS = 64
_MEMBERS = ("verdict.json", "gate/verdict.json")
_STATES: dict[str, State] = {"in_progress": "running", "completed": "done"}


@dataclass(frozen=True, slots=True)
class Workflow:
    """Which workflow is started.

    Attributes:
        repository: `OWNER/NAME` on GitHub.
        workflow: file name of the workflow.
        event: type of the event that it listens to.
    """

    repository: str
    workflow: str = "smoke-test.yml"
    event: str = "curation-smoke-test"

    def __post_init__(self) -> None:
        """Refuse what would not be one part of an address."""
        for name, form in _FORMS.items():
            value = getattr(self, name)
            if not form.fullmatch(value) or ".." in value:
                hint = "--github-repo OWNER/NAME --workflow FILE.yml --event-type NAME"
                raise ConfigError(f"This is no {name} of GitHub", why=repr(value)[:120], hint=hint)

    def settings(self) -> dict[str, Any]:
        """Return what identifies a run, for the spec."""
        return asdict(self)


class GitHubBackend:
    """Starts a workflow.

    Args:
        workflow: which.
        state: folder in which dispatches are remembered until their run shows.
        connect: makes the connection, when it is first needed.
        clock: what to wait for a lost answer with.
        now: seconds since 1970.
    """

    def __init__(
        self,
        workflow: Workflow,
        state: Path,
        connect: Callable[[str], GitHubApi] = GitHubApi.from_environment,
        clock: Clock | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._workflow = workflow
        self._state = state
        self._connect = connect
        self._clock = clock or Clock()
        self._now = now
        self._runs: dict[str, int] = {}

    @property
    def name(self) -> str:
        """See `Backend`."""
        return NAME

    @functools.cached_property
    def _api(self) -> GitHubApi:
        return self._connect(self._workflow.repository)

    def payload(self, request: Request) -> dict[str, Any]:
        """Return the address below the API, and the body that is posted to it."""
        return {"post": f"repos/{self._workflow.repository}/dispatches", "body": self._body(request)}

    def submit(self, request: Request) -> Handle:
        """Dispatch the event, unless a run of this key is there, or was dispatched a moment ago."""
        payload = self._body(request)
        place = Workplace.of(self._state, NAME, request.key)
        with place.reserved():
            run = self._find(request.tag)
            found = run is not None or self._age(place) < _SETTLE_S
            if not found:
                run = self._dispatch(place, request, payload)
        return Handle(request.key, str(run["id"]) if run else "", self._page(run), found)

    def poll(self, handle: Handle) -> Status:
        """Ask for the run, once it shows; a failed run that left a verdict is done."""
        run = self._find(_tag(handle))
        if run is None:
            young = self._age(Workplace.of(self._state, NAME, handle.key)) < _SETTLE_S
            why = "" if young else f"no run has {_tag(handle)} in its name; does the default branch hold the workflow?"
            return Status("queued" if young else "unknown", why)
        state, page = _STATES.get(str(run.get("status")), "queued"), self._page(run)
        if state != "done":
            return Status(state, url=page)
        conclusion = printable(str(run.get("conclusion")), limit=40)
        if conclusion == "cancelled":
            return Status("cancelled", url=page)
        if self._artifact(handle) is None:
            why = f"it ended with {conclusion}, and left no artifact {ARTIFACT}-{_tag(handle)}"
            return Status("failed", why, page)
        return Status("done", conclusion, page)

    def fetch_verdict(self, handle: Handle) -> bytes:
        """Download the artifact and take the verdict out of it."""
        artifact = self._artifact(handle)
        if artifact is None:
            raise TransientError("The run has no artifact yet", handle.url)
        data = self._api.download(f"actions/artifacts/{artifact}/zip", _ZIP_BYTES)
        return verdict_in_zip(data)

    def _body(self, request: Request) -> dict[str, Any]:
        if request.release.repository is None or (request.baseline and request.baseline.repository is None):
            why = "a workflow cannot see a folder of this machine"
            raise ConfigError(
                "GitHub needs a release on the Hub", request.release.reference, why, "publish it first (curate publish)"
            )
        return {
            "event_type": self._workflow.event,
            "client_payload": {
                "schema": SCHEMA,
                "key": request.tag,
                "release": request.release.reference,
                "manifest_sha256": request.release.digest,
                "baseline": request.baseline.reference if request.baseline else "",
            },
        }

    def _dispatch(self, place: Workplace, request: Request, payload: dict[str, Any]) -> dict[str, Any] | None:
        """Send the event until it is known to have been taken; return the run if it shows by then."""
        for _ in range(_SENDS):
            place.record(request, at=self._now())
            try:
                self._api.post("dispatches", payload)
            except UnansweredError as error:
                if (run := self._await_run(request.tag)) is not None:
                    return run
                lost = error
            except Exception:
                place.forget()
                raise
            else:
                return None
        place.forget()
        raise lost

    def _await_run(self, tag: str) -> dict[str, Any] | None:
        """Look whether an event whose answer was lost has started a run after all."""
        deadline = self._clock.now() + _SETTLE_S
        while True:
            try:
                if (run := self._find(tag)) is not None:
                    return run
            except TransientError:
                pass
            if self._clock.now() >= deadline:
                return None
            self._clock.sleep(_LOOK_S)

    def _find(self, tag: str) -> dict[str, Any] | None:
        """Return the first run that was made under a tag."""
        if tag in self._runs:
            return _mapping(self._api.get(f"actions/runs/{self._runs[tag]}"))
        found = None
        for page in range(1, _PAGES + 1):
            runs = self._listed(page)
            found = min((run for run in runs if _is_run_of(run, tag)), key=lambda run: int(run["id"]), default=found)
            if len(runs) < _PAGE or found:
                break
        if found:
            self._runs[tag] = int(found["id"])
        return found

    def _listed(self, page: int) -> list[dict[str, Any]]:
        path = f"actions/workflows/{self._workflow.workflow}/runs"
        answer = _mapping(self._api.get(path, event="repository_dispatch", per_page=_PAGE, page=page))
        return _mappings(answer.get("workflow_runs"))

    def _artifact(self, handle: Handle) -> int | None:
        """Return the id of the newest artifact with the verdict: a run that is repeated leaves several."""
        tag = _tag(handle)
        run, name = self._runs[tag], f"{ARTIFACT}-{tag}"
        answer = _mapping(self._api.get(f"actions/runs/{run}/artifacts", name=name, per_page=_PAGE))
        kept = [each for each in _mappings(answer.get("artifacts")) if each.get("name") == name]
        if any(each.get("expired") is True for each in kept):
            hint = "another --attempt N runs it again"
            raise TriggerError("GitHub keeps the verdict of this run no more", handle.url, "it has expired", hint)
        return max((each["id"] for each in kept if type(each.get("id")) is int), default=None)

    def _age(self, place: Workplace) -> float:
        """Return the seconds since the event was sent from this machine."""
        at = (place.recorded() or {}).get("at")
        return self._now() - at if isinstance(at, int | float) else float("inf")

    def _page(self, run: Mapping[str, Any] | None) -> str:
        page = printable(str(run.get("html_url", "")), limit=300) if run else ""
        return page or f"https://github.com/{self._workflow.repository}/actions/workflows/{self._workflow.workflow}"


def verdict_in_zip(data: bytes) -> bytes:
    """Return the verdict that an artifact holds.

    Raises:
        TransientError: if the archive is cut off.
        TriggerError: if it holds none, or one that is encrypted or too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            chosen = [each for each in members if each.filename in _MEMBERS]
            if len(members) > _ZIP_MEMBERS or len(chosen) != 1:
                why = f"{len(members)} files, {len(chosen)} of them called {' or '.join(_MEMBERS)}"
                raise TriggerError("The artifact does not hold one verdict", why=why)
            if chosen[0].flag_bits & 1 or chosen[0].file_size > MAX_VERDICT_BYTES:
                why = f"it is encrypted or has more than {MAX_VERDICT_BYTES:,} bytes"
                raise TriggerError("The verdict in the artifact is not read", why=why)
            # What the archive says of the size need not be true.
            with archive.open(chosen[0]) as stream:
                return stream.read(MAX_VERDICT_BYTES + 1)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error) as error:
        raise TransientError("The artifact cannot be unpacked", why=type(error).__name__) from error


def _is_run_of(run: Mapping[str, Any], tag: str) -> bool:
    return tag in _TAG_WORD.findall(str(run.get("display_title", ""))) and type(run.get("id")) is int


def _tag(handle: Handle) -> str:
    return handle.key[:40]


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
