"""What a backend is: it starts the gate of one release somewhere, says how far it is, and hands over the verdict.

Nothing here knows a backend. A request is named by its key, which is a function of the release and of the spec alone:
whoever asks again, from whichever machine, asks for the same run.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from curation.errors import AuthError, CurationError
from curation.files import to_json

SCHEMA = "curation-trigger/1"

State = Literal["queued", "running", "done", "failed", "cancelled", "unknown"]
ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled"})

_TAG_DIGITS = 40


class TriggerError(CurationError):
    """A run cannot be started, has failed, or gives no verdict that can be used."""


class TriggerConflictError(TriggerError):
    """What is there is not what was asked for."""

    exit_code = 4


class TriggerAuthError(TriggerError, AuthError):
    """The service does not know who asks, or does not allow it."""


class TransientError(TriggerError):
    """The service could not be asked; it says nothing about the run, and may be asked again."""


@dataclass(frozen=True, slots=True)
class Target:
    """One release, known by its digest.

    Attributes:
        reference: what to open: an absolute folder, or `hf://datasets/ORG/NAME@COMMIT` with the commit that the
            revision stood for when it was looked up.
        digest: SHA-256 of its manifest, 64 hexadecimal digits.
        repository: `ORG/NAME` on the Hub, None for a folder.
        commit: the commit, None for a folder.
    """

    reference: str
    digest: str
    repository: str | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """What a verdict depends on besides the release.

    Attributes:
        backend: name of the backend.
        baseline: digest of the release that is compared with, None for none.
        attempt: a run that failed is found again as it is; another number asks for another run.
        settings: settings of the backend, as JSON values and without secrets: image, flavour, code, command ...
    """

    backend: str
    baseline: str | None = None
    attempt: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the spec's canonical JSON."""
        return sha256_json(
            {
                "schema": SCHEMA,
                "backend": self.backend,
                "gate": {"baseline": self.baseline},
                "attempt": self.attempt,
                "settings": dict(self.settings),
            }
        )


@dataclass(frozen=True)
class Request:
    """One run of the gate that is asked for."""

    release: Target
    spec: Spec
    baseline: Target | None = None

    @functools.cached_property
    def key(self) -> str:
        """The idempotency key, 64 hexadecimal digits.

        No text of the release can hold it: the key is a digest of the manifest, which holds the digest of the text.
        """
        return request_key(self.release.digest, self.spec.digest)

    @property
    def tag(self) -> str:
        """The first 40 digits of the key, for names that may not be longer than 63 characters."""
        return self.key[:_TAG_DIGITS]


@dataclass(frozen=True, slots=True)
class Handle:
    """A run that was submitted.

    Attributes:
        key: of the request.
        id: what the backend calls the run; empty while it has no name yet.
        url: where a person can watch it, empty for nowhere.
        found: whether it had been submitted before.
    """

    key: str
    id: str
    url: str = ""
    found: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """How far a run is.

    Attributes:
        state: `unknown` where the backend does not say; it is asked again then.
        detail: for people: a message, the end of a log.
        url: where a person can watch it, if that is known only now.
    """

    state: State
    detail: str = ""
    url: str = ""


class Backend(Protocol):
    """Where runs take place."""

    @property
    def name(self) -> str:
        """The backend's name on the command line."""

    def payload(self, request: Request) -> dict[str, Any]:
        """Return what `submit` would send or run, as JSON values, with the names of secrets and never their values."""

    def submit(self, request: Request) -> Handle:
        """Start the run, or find it if it was started before.

        Raises:
            TriggerError: if it cannot be started; nothing runs then, or the next call finds it.
        """

    def poll(self, handle: Handle) -> Status:
        """Return how far the run is.

        Raises:
            TransientError: if that cannot be asked just now.
        """

    def fetch_verdict(self, handle: Handle) -> bytes:
        """Return the verdict of a run that is done, as it came and of bounded size: `parse_verdict` judges it.

        Raises:
            TriggerError: if there is none.
        """


def request_key(release: str, spec: str) -> str:
    """Return the idempotency key of a release's digest and a spec's."""
    return sha256_json({"schema": SCHEMA, "release": release, "spec": spec})


def sha256_json(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(to_json(value).encode()).hexdigest()
