"""Jobs and webhooks of the Hub's double: their routes are added to `HubDouble` with `more_routes=jobs.routes()`.

A job moves on one stage each time somebody looks at it. What it would have done is the test's to say: `work` is asked
when a job ends, and returns its stage and the lines of its log.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import orjson
from http_double import HangUpError, Reply, Request, Route

Kind = Literal["503", "429", "403", "lost", "cut", "hang"]
Work = Callable[[dict[str, Any]], tuple[str, Sequence[str]]]

_NAMESPACE, _ID = r"([A-Za-z0-9-]+)", r"([0-9a-f]{24})"
# Long ago: the client stops reading a log at what was written after it asked.
_START = datetime(2020, 2, 29, tzinfo=UTC)
_OWNER = {"id": "0" * 24, "type": "org"}


def completed(_: dict[str, Any]) -> tuple[str, Sequence[str]]:
    """Do nothing, well."""
    return "COMPLETED", ()


@dataclass
class Fault:
    """Breaks the next requests that match.

    Attributes:
        pattern: of "METHOD path".
        kind: `lost` does what was asked and answers nothing, `cut` half of it; `hang` does nothing and answers
            nothing for ever.
        times: how many of them.
    """

    pattern: str
    kind: Kind
    times: int = 1


@dataclass
class HubJobs:
    """The jobs and webhooks.

    Attributes:
        work: decides how a job ends.
        token: the one that is let in.
        bodies: what was posted, in order.
        faults: what goes wrong; each is used up.
    """

    token: str
    work: Work = completed
    jobs: list[dict[str, Any]] = field(default_factory=list)
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    logs: dict[str, Sequence[str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def routes(self) -> list[Route]:
        job = f"/api/jobs/{_NAMESPACE}/{_ID}"
        table: list[Route] = [
            ("POST", f"/api/jobs/{_NAMESPACE}", self._run),
            ("GET", f"/api/jobs/{_NAMESPACE}", self._list),
            ("GET", job, self._inspect),
            ("POST", f"{job}/cancel", self._cancel),
            ("GET", f"{job}/logs", self._log),
            ("POST", "/api/settings/webhooks", self._watch),
            ("GET", "/api/settings/webhooks", self._watches),
        ]
        return [(method, pattern, self._guarded(handler)) for method, pattern, handler in table]

    def add(self, body: dict[str, Any], namespace: str = "weather") -> dict[str, Any]:
        """Make a job as somebody else would."""
        number = len(self.jobs)
        secrets = body.get("secrets") or {}
        job = {
            **{key: value for key, value in body.items() if key != "timeoutSeconds"},
            "id": f"{number + 1:024x}",
            "createdAt": _stamp(number),
            # Their values never come back.
            "secrets": dict.fromkeys(secrets, ""),
            "status": {"stage": "SCHEDULING", "message": None},
            "owner": {**_OWNER, "name": namespace},
        }
        self.jobs.append(job)
        return job

    def _guarded(self, handler: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        def handle(request: Request) -> Reply:
            if request.headers.get("authorization") != f"Bearer {self.token}":
                return _refuse(401, "Invalid username or password.")
            line = f"{request.method} {request.path}"
            kind = next((fault.kind for fault in self.faults if self._strikes(fault, line)), None)
            if kind == "hang":
                self.closing.wait()
                raise HangUpError
            if kind in ("503", "429", "403"):
                return _refuse(int(kind), f"no, {request.headers['authorization']}")
            reply = handler(request)
            if kind == "lost":
                raise HangUpError
            return replace(reply, cut=len(reply.body) // 2) if kind == "cut" else reply

        return handle

    def _strikes(self, fault: Fault, line: str) -> bool:
        struck = fault.times > 0 and re.fullmatch(fault.pattern, line) is not None
        fault.times -= struck
        return struck

    def _run(self, request: Request) -> Reply:
        self.bodies.append(request.json())
        return Reply.of(self.add(request.json(), request.match[0]))

    def _list(self, request: Request) -> Reply:
        wanted = [each.partition("=") for each in request.queries.get("label", ())]
        found = [
            job
            for job in reversed(self.jobs)
            if job["owner"]["name"] == request.match[0]
            and all((job.get("labels") or {}).get(key) == value for key, _, value in wanted)
        ]
        return Reply.of(found)

    def _inspect(self, request: Request) -> Reply:
        job = self._of(request)
        if job is None:
            return _refuse(404, "Job not found")
        following = {"SCHEDULING": "RUNNING", "RUNNING": "ENDED"}.get(job["status"]["stage"])
        if following == "ENDED":
            following, self.logs[job["id"]] = self.work(job)
        if following:
            job["status"] = {"stage": following, "message": None}
        return Reply.of(job)

    def _cancel(self, request: Request) -> Reply:
        job = self._of(request)
        if job is None:
            return _refuse(404, "Job not found")
        job["status"] = {"stage": "CANCELED", "message": None}
        return Reply.of(job)

    def _log(self, request: Request) -> Reply:
        """Answer with a stream of events, as the client reads it: comments, and a line of JSON for each of the log."""
        lines = [f"===== Job started at {_START} =====", *self.logs.get(request.match[1], ())]
        events = [orjson.dumps({"timestamp": _stamp(), "data": line}).decode() for line in lines]
        tail = int(request.query.get("tail", len(events)))
        body = ": keep-alive\n\n" + "".join(f"data: {event}\n\n" for event in events[-tail:])
        return Reply(200, body.encode(), {"Content-Type": "text/event-stream"})

    def _watch(self, request: Request) -> Reply:
        body = request.json()
        self.bodies.append(body)
        source = next(job for job in self.jobs if job["id"] == body["jobSourceId"])
        spec = {key: source.get(key) for key in ("dockerImage", "command", "arguments", "environment", "flavor")}
        made = {
            "id": f"{len(self.webhooks) + 1:024x}",
            "watched": body["watched"],
            "domains": body["domains"],
            "job": spec,
            "disabled": False,
        }
        self.webhooks.append(made)
        return Reply.of({"webhook": made})

    def _watches(self, request: Request) -> Reply:
        return Reply.of(self.webhooks)

    def _of(self, request: Request) -> dict[str, Any] | None:
        namespace, identity = request.match
        found = (job for job in self.jobs if (job["id"], job["owner"]["name"]) == (identity, namespace))
        return next(found, None)


def _stamp(seconds: int = 0) -> str:
    return f"{_START + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.000Z"


def _refuse(status: int, message: str) -> Reply:
    headers = {"X-Error-Message": message, **({"Retry-After": "1"} if status == 429 else {})}
    return Reply.of({"error": message}, status, headers)
