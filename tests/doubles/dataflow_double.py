"""Doubles of Google's token endpoint and of Dataflow's job API, and credentials that point at them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from http_double import HttpDouble, Reply, Request, Route


class TokenDouble(HttpDouble):
    """Gives out tokens for signed requests, or refuses.

    Attributes:
        status: 200, or the status that it refuses with.
    """

    def __init__(self, status: int = 200) -> None:
        self.status = status
        super().__init__()

    def routes(self) -> Sequence[Route]:
        return (("POST", r"/token", self._token),)

    def _token(self, request: Request) -> Reply:
        if self.status != 200:
            why = "Invalid JWT Signature." if self.status == 401 else "The account is disabled."
            return Reply.of({"error": "invalid_grant", "error_description": why}, self.status)
        return Reply.of({"access_token": "token-of-the-double", "expires_in": 3600, "token_type": "Bearer"})


def write_credentials(path: Path, token_url: str) -> Path:
    """Write the key of a service account that only the double knows."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "project_id": "toy-project",
        "private_key_id": "1",
        "private_key": key.private_bytes(*form).decode(),
        "client_email": "curator@toy-project.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_url,
    }
    path.write_text(json.dumps(account))
    return path


class DataflowDouble(HttpDouble):
    """The job API: takes jobs, and says of each what it was told to say.

    Attributes:
        jobs: the submitted jobs as they came, by id.
        state: what every job ends in.
        errors: messages of an ended job, with importance JOB_MESSAGE_ERROR.
        on_submit: called with a job before it is taken; may do its work.
    """

    def __init__(self, state: str = "JOB_STATE_DONE", errors: Sequence[str] = ()) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.sizes: list[int] = []
        self.state, self.errors = state, errors
        self.on_submit = lambda job: None
        super().__init__()

    @property
    def endpoint(self) -> str:
        """The address as `--dataflow_endpoint` needs it: Beam speaks plain HTTP to `localhost` only."""
        return f"http://localhost:{self.port}"

    def routes(self) -> Sequence[Route]:
        jobs = r"/v1b3/projects/([^/]+)/locations/([^/]+)/jobs"
        return (
            ("POST", jobs, self._create),
            ("GET", jobs + r"/([^/]+)", self._get),
            ("PUT", jobs + r"/([^/]+)", self._update),
            ("GET", jobs + r"/([^/]+)/messages", self._messages),
            ("GET", jobs + r"/([^/]+)/metrics", self._metrics),
        )

    def _create(self, request: Request) -> Reply:
        job = request.json()
        identity = f"2026-11-28_00_00_00-{len(self.jobs) + 1}"
        self.jobs[identity] = job
        self.sizes.append(len(request.body))
        self.on_submit(job)
        return Reply.of(self._about(identity, "JOB_STATE_PENDING"))

    def _get(self, request: Request) -> Reply:
        identity = request.match[2]
        return (
            Reply.of(self._about(identity, self.state)) if identity in self.jobs else Reply.error(404, "No such job.")
        )

    def _update(self, request: Request) -> Reply:
        self.state = "JOB_STATE_CANCELLED"
        return Reply.of(self._about(request.match[2], self.state))

    def _messages(self, request: Request) -> Reply:
        form = {"messageImportance": "JOB_MESSAGE_ERROR", "time": "2026-11-28T00:00:00Z"}
        return Reply.of({"jobMessages": [{"id": str(n), "messageText": e, **form} for n, e in enumerate(self.errors)]})

    def _metrics(self, request: Request) -> Reply:
        return Reply.of({"metrics": [], "metricTime": "2026-11-28T00:00:00Z"})

    def _about(self, identity: str, state: str) -> dict[str, Any]:
        job = self.jobs[identity]
        kept = {"id": identity, "currentState": state, "projectId": "toy-project", "location": "europe-west1"}
        return {**kept, "name": job["name"], "clientRequestId": job.get("clientRequestId", ""), "type": job.get("type")}
