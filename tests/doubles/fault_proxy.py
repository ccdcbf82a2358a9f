"""A proxy in front of the double of the Hub that breaks chosen requests in chosen ways; give its `url` as HF_ENDPOINT.

What it does not break it passes on byte for byte, the client's Host header too: addresses that the double hands out
lead through the proxy. A fault is chosen by the name of the step and by how many times the step has been asked for.
Bytes that a client stores by xet do not come by: they go from the client's hand into the store's folder.
"""

from __future__ import annotations

import http.client
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import ClassVar, Literal, get_args

from http_double import HangUpError, HttpDouble, Piped, Reply, Request, Route
from hub_double import HubDouble, refuse
from hub_store import AddBlob, HubError

Kind = Literal["503", "429", "404", "hang", "stalled", "lost", "truncated", "moved"]
"""How a request goes wrong.

- `503`, `429`, `404`: the server says so and does nothing; 429 says when to come back.
- `hang`: the connection stays open, nothing is done and nothing comes back; `stalled`: the same, but it is done.
- `lost`: it is done, and the connection is closed instead of an answer.
- `truncated`: it is done, and the connection is closed in the middle of the answer (an empty one is lost).
- `moved`: somebody else's commit gets onto `main` first; then the request goes its way.
"""
KINDS: tuple[Kind, ...] = get_args(Kind)
Choice = Callable[[str, int], Kind | None]
"""Chooses by a step and the number of its request, from 1."""

_REPO = r"/api/(?:model|dataset|space)s/[^/]+/[^/]+"
_STEPS: Mapping[str, str] = {
    "whoami": "GET /api/whoami-v2",
    "create-repo": "POST /api/repos/create",
    "validate-yaml": "POST /api/validate-yaml",
    "auth-check": f"GET {_REPO}/auth-check(?:/write)?",
    "info": f"GET {_REPO}(?:/revision/[^/]+)?",
    "refs": f"GET {_REPO}/refs",
    "branch": f"POST {_REPO}/branch/.+",
    "delete-branch": f"DELETE {_REPO}/branch/.+",
    "preupload": f"POST {_REPO}/preupload/.+",
    "xet-token": f"GET {_REPO}/xet-(?:read|write)-token/.+",
    "lfs-batch": r"POST .+\.git/info/lfs/objects/batch",
    "lfs-put": "PUT /lfs-objects/.+",
    "lfs-verify": r"POST .+\.git/info/lfs/verify",
    "commit": f"POST {_REPO}/commit/.+",
    "tree": f"GET {_REPO}/tree/.+",
    "paths-info": f"POST {_REPO}/paths-info/.+",
    "tag": f"POST {_REPO}/tag/.+",
    "delete-tag": f"DELETE {_REPO}/tag/.+",
    "commits": f"GET {_REPO}/commits/.+",
    "settings": f"PUT {_REPO}/settings",
    "resolve": "(?:GET|HEAD) .+/resolve/.+",
}
STEPS = (*_STEPS, "other")
# What concerns one connection and not the message, and what the server at the front writes itself.
_HOP = ("connection", "keep-alive", "transfer-encoding", "date", "server")
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that happened: to which step, at its which request, and how."""

    step: str
    number: int
    kind: Kind


def step_of(request: Request) -> str:
    """Return the name of what a request is for."""
    line = f"{request.method} {request.path}"
    return next((step for step, pattern in _STEPS.items() if re.fullmatch(pattern, line)), "other")


def never(step: str, number: int) -> Kind | None:
    return None


def first(kind: Kind, step: str, times: int = 1) -> Choice:
    """Choose a fault for the first so many requests of a step: a client that tries again gets through."""
    return lambda asked, number: kind if asked == step and number <= times else None


class FaultProxy(HttpDouble):
    """The proxy at `url`.

    Attributes:
        choose: which fault; may be changed while it serves.
        steps: the steps that were asked for, in order.
        struck: the faults that happened.
        reset_s: in how many seconds an answer of 429 bids to come back.
    """

    serial: ClassVar[bool] = False
    streamed: ClassVar[re.Pattern[str]] = re.compile(".*")

    def __init__(self, double: HubDouble, choose: Choice = never, *, reset_s: int = 1) -> None:
        self.double, self.choose, self.reset_s = double, choose, reset_s
        self.steps: list[str] = []
        self.struck: list[Struck] = []
        self._counts: Counter[str] = Counter()
        self._closing = threading.Event()
        super().__init__()

    def routes(self) -> Sequence[Route]:
        return ()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        super().__exit__(kind, error, trace)

    def unknown(self, request: Request) -> Reply:
        step = step_of(request)
        with self._lock:
            self._counts[step] += 1
            number = self._counts[step]
            self.steps.append(step)
            kind = self.choose(step, number)
            if kind is not None:
                self.struck.append(Struck(step, number, kind))
        return self._forward(request) if kind is None else self._strike(kind, request)

    def _strike(self, kind: Kind, request: Request) -> Reply:
        if kind in ("503", "429", "404"):
            return self._refuse(int(kind))
        if kind == "moved":
            self._move(request)
            return self._forward(request)
        reply = None if kind == "hang" else self._forward(request)
        if kind in ("hang", "stalled"):
            self._closing.wait()
        if kind == "truncated" and reply is not None and request.method != "HEAD" and len(reply.body):
            return replace(reply, cut=len(reply.body) // 2)
        raise HangUpError

    def _refuse(self, status: int) -> Reply:
        messages = {503: "Service Unavailable", 429: "Too Many Requests", 404: "Not Found"}
        reply = refuse(HubError(status, messages[status]))
        if status != 429:
            return reply
        limit = {"ratelimit": f'"api";r=0;t={self.reset_s}', "Retry-After": str(self.reset_s)}
        return replace(reply, headers={**reply.headers, **limit})

    def _move(self, request: Request) -> None:
        """Put a commit on `main` of the request's repository, or of all where it names none."""
        repos = list(self.double.store.repos.values())
        for repo in [repo for repo in repos if f"/{repo.name}" in request.path] or repos:
            text = f"{len(repo.log)}\n".encode()
            self.double.store.commit(repo, [AddBlob("competitor.txt", text)], "Come first", author="competitor")

    def _forward(self, request: Request) -> Reply:
        # A connection for each request: none of them waits for another, hung one.
        connection = http.client.HTTPConnection("127.0.0.1", self.double.port, blocksize=_PIECE)
        chunked = request.headers.get("transfer-encoding") == "chunked"
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name not in _HOP or name == "transfer-encoding":
                connection.putheader(name, value)
        connection.putheader("Connection", "close")
        has_body = chunked or request.headers.get("content-length", "0") != "0"
        connection.endheaders(request.stream if has_body else None, encode_chunked=chunked)
        response = connection.getresponse()
        headers = {name: value for name, value in response.getheaders() if name.lower() not in _HOP}
        length = 0 if request.method == "HEAD" else int(response.headers.get("content-length", 0))
        if length > _PIECE:
            return Reply(response.status, Piped(response, length), headers)
        return Reply(response.status, response.read(), headers)
