"""GitHub's REST API, as much of it as a trigger needs: with timeouts, bounded answers and bounded retries.

httpx2 makes the requests: huggingface_hub, without which nothing here works, needs it, so that it is no further
dependency. Redirects are followed by hand, since the address of an artifact must not get the token.
"""

from __future__ import annotations

import functools
import json
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from curation.errors import ConfigError
from hub_upload.calls import Patience
from hub_upload.triggers.printing import printable
from hub_upload.triggers.protocol import TransientError, TriggerAuthError, TriggerConflictError, TriggerError

DEFAULT_API = "https://api.github.com"
TOKENS = ("GITHUB_TOKEN", "GH_TOKEN")

_VERSION = "2022-11-28"
_TIMEOUT = httpx2.Timeout(60.0, connect=15.0)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PRINTABLE = re.compile(r"[!-~]+")
_ANSWER_BYTES = 16 << 20
_MESSAGE_BYTES = 65_536
_REDIRECTS = 3
# Refused before anything was done with the request; every other failure may have come after.
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class UnansweredError(TransientError):
    """GitHub may have done what was asked, or not: the answer was lost."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body's value.

        Raises:
            TransientError: if it is cut off.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise TransientError("GitHub's answer cannot be understood", why=type(error).__name__) from error


@dataclass(frozen=True)
class GitHubApi:
    """Requests about one repository.

    Attributes:
        repository: `OWNER/NAME`.
        token: sent to the API and to nobody else.
        address: of the API.
        patience: how often a request is tried, and how long is waited in between.
        now: seconds since 1970, to compare with the server's.
    """

    repository: str
    token: str = field(repr=False)
    address: str
    patience: Patience = field(default_factory=Patience)
    now: Callable[[], float] = time.time

    @classmethod
    def from_environment(cls, repository: str, patience: Patience | None = None) -> GitHubApi:
        """Take the token and the address from the environment.

        Raises:
            TriggerAuthError: if there is no token.
            ConfigError: if the address is not one that a token may be sent to.
        """
        token = next((os.environ[name].strip() for name in TOKENS if os.environ.get(name, "").strip()), "")
        if not _PRINTABLE.fullmatch(token):
            why = "it holds characters that no token has" if token else f"neither {' nor '.join(TOKENS)} is set"
            hint = "GITHUB_TOKEN=$(gh auth token) curate trigger ...; it needs write access to the contents"
            raise TriggerAuthError("There is no token for GitHub", why=why, hint=hint)
        address = checked_address(os.environ.get("GITHUB_API_URL") or DEFAULT_API, "GITHUB_API_URL")
        return cls(repository, token, address, patience or Patience())

    def get(self, path: str, **query: str | int) -> Any:
        """Return the JSON value at a path below the repository; tried again as the patience allows.

        Raises:
            TransientError: if GitHub does not answer, or asks to come back later than can be waited.
            TriggerError: as GitHub answers.
        """
        address = self._address(path) + (f"?{httpx2.QueryParams(query)}" if query else "")
        return self._patiently(lambda: self._send("GET", address)).json()

    def post(self, path: str, body: object) -> None:
        """Post a JSON value, once at most: it is tried again only where it is certain that nothing was done.

        Raises:
            UnansweredError: if it may have been done.
            TransientError: if it was not, however often it was tried.
            TriggerError: as GitHub answers.
        """
        content = json.dumps(body).encode()
        self._patiently(lambda: self._send("POST", self._address(path), content), again_if_unanswered=False)

    def download(self, path: str, limit: int) -> bytes:
        """Return the bytes that a path redirects to.

        Raises:
            TriggerError: if there are more than `limit` of them.
        """
        return self._patiently(lambda: self._follow(self._address(path), limit)).body

    @functools.cached_property
    def _client(self) -> httpx2.Client:
        return httpx2.Client(timeout=_TIMEOUT, follow_redirects=False)

    def _follow(self, address: str, limit: int) -> Answer:
        answer = self._send("GET", address, limit=limit)
        for _ in range(_REDIRECTS):
            if not 300 <= answer.status < 400:
                return answer
            address = checked_address(
                urljoin(address, answer.headers.get("location", "")),
                "the address of an artifact",
                loopback=urlsplit(self.address).scheme == "http",
            )
            answer = self._send("GET", address, limit=limit, token=False)
        raise TriggerError("GitHub leads from one address to the next", self.repository)

    def _send(
        self, method: str, address: str, content: bytes | None = None, *, limit: int = _ANSWER_BYTES, token: bool = True
    ) -> Answer:
        headers = {"Accept": "application/vnd.github+json", "User-Agent": "ml-embed-curation"}
        headers |= {"X-GitHub-Api-Version": _VERSION} if token else {}
        headers |= {"Authorization": f"Bearer {self.token}"} if token else {}
        try:
            with self._client.stream(method, address, headers=headers, content=content) as response:
                body = _bounded(response, limit if response.is_success else _MESSAGE_BYTES)
                answer = Answer(response.status_code, response.headers, body)
        except httpx2.HTTPError as error:
            kind = TransientError if isinstance(error, _NOT_SENT) else UnansweredError
            raise kind("GitHub does not answer", self.repository, type(error).__name__, "try again later") from error
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise self._refusal(answer)
        if token and answer.status in (301, 307, 308):
            raise ConfigError("The repository has moved", self.repository, "GitHub redirects", "name its new address")
        return answer

    def _refusal(self, answer: Answer) -> TriggerError | ConfigError:
        """Return the error for an answer that is one."""
        why = f"HTTP {answer.status}: {self._message(answer)}"
        if (wait := self._asked_to_wait(answer)) is not None:
            return _LaterError(wait, self.repository, why)
        kinds: dict[int, tuple[type[TriggerError | ConfigError], str]] = {
            401: (TriggerAuthError, "GitHub does not know the token"),
            403: (TriggerAuthError, "The token may not do that"),
            404: (TriggerError, "GitHub has no such thing, or does not show it to this token"),
            409: (TriggerConflictError, "GitHub says that this conflicts with what is there"),
            422: (ConfigError, "GitHub does not understand what was asked"),
        }
        hint = "check the repository, the workflow's file name, and what the token may do"
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.REQUEST_TIMEOUT:
            return UnansweredError("GitHub is not well", self.repository, why, "try again later")
        kind, what = kinds.get(answer.status, (TriggerError, "GitHub refuses"))
        return kind(what, self.repository, why, hint)

    def _asked_to_wait(self, answer: Answer) -> float | None:
        """Return the seconds until the limit of requests is lifted, None where there is none."""
        spent = answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers
        if answer.status != HTTPStatus.TOO_MANY_REQUESTS and not (answer.status == HTTPStatus.FORBIDDEN and spent):
            return None
        later, reset = answer.headers.get("retry-after", ""), answer.headers.get("x-ratelimit-reset", "")
        if later.isdecimal():
            return float(later)
        return max(0.0, float(reset) - self.now()) if reset.isdecimal() else 0.0

    def _message(self, answer: Answer) -> str:
        try:
            message = answer.json().get("message", "")
        except (TransientError, AttributeError):
            message = ""
        return printable(str(message), limit=300)

    def _patiently(self, call: Callable[[], Answer], *, again_if_unanswered: bool = True) -> Answer:
        for number in range(self.patience.tries - 1):
            try:
                return call()
            except _LaterError as error:
                wait = max(error.seconds, self._pause(number))
                if wait > self.patience.cap:
                    raise
            except UnansweredError:
                if not again_if_unanswered:
                    raise
                wait = self._pause(number)
            except TransientError:
                wait = self._pause(number)
            self.patience.sleep(wait)
        return call()

    def _pause(self, number: int) -> float:
        backoff = min(self.patience.base * 2.0**number, self.patience.cap)
        # By chance, so that many who were turned away together do not come back together.
        return backoff * random.uniform(0.5, 1.0)  # noqa: S311 - no secret hangs on it

    def _address(self, path: str) -> str:
        return f"{self.address}/repos/{self.repository}/{path}"


class _LaterError(TransientError):
    def __init__(self, seconds: float, where: str, why: str) -> None:
        super().__init__("GitHub takes no more requests for now", where, why, "run the same command again later")
        self.seconds = seconds


def checked_address(address: str, where: str, *, loopback: bool = True) -> str:
    """Return an address without a `/` at its end, if it is https, or http on this machine.

    Raises:
        ConfigError: if it is anything else, or holds a user or a password.
    """
    try:
        parts = urlsplit(address)
        host, user = parts.hostname or "", parts.username
    except ValueError:
        parts, host, user = urlsplit(""), "", None
    local = loopback and parts.scheme == "http" and host in _LOOPBACK
    if not host or user is not None or not (parts.scheme == "https" or local) or not _PRINTABLE.fullmatch(address):
        why = f"{parts.scheme or 'no scheme'}://{printable(host, limit=80)} is not https"
        raise ConfigError("This address is not used", where, why, f"unset it, for {DEFAULT_API}")
    return address.rstrip("/")


def _bounded(response: httpx2.Response, limit: int) -> bytes:
    body = bytearray()
    for piece in response.iter_bytes(65_536):
        body += piece
        if len(body) > limit:
            if response.is_success:
                raise TriggerError("GitHub's answer is too large", why=f"it has more than {limit:,} bytes")
            break
    return bytes(body)
