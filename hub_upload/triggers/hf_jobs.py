"""The gate as a job of Hugging Face: the tagged dataset is mounted, the verdict comes back through the log.

A job is found again by a label that holds its key. Creating one is the only call that can be done twice by accident;
where its answer is lost, the label is looked for before anything is sent again, and where two callers were equally
fast, the job that was created first is everybody's, and the other is cancelled by whoever created it.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import curation
from curation.errors import ConfigError, CurationError
from hub_upload.calls import Patience, attempt
from hub_upload.client import connect
from hub_upload.errors import HubAccessError
from hub_upload.triggers.log_lines import MAX_LINES, from_lines
from hub_upload.triggers.printing import printable
from hub_upload.triggers.protocol import Handle, Request, State, Status
from hub_upload.triggers.verdict_repository import VerdictRepository

if TYPE_CHECKING:
    from huggingface_hub import HfApi, JobInfo

T = TypeVar("T")

NAME = "hf-jobs"
LABEL = "curation-key"
MODULE = "hub_upload.triggers.job"
DEFAULT_IMAGE = "ghcr.io/astral-sh/uv:python3.12-bookworm"

_MOUNT, _BASELINE_MOUNT = "/release", "/baseline"
_STATES: dict[str, State] = {
    "SCHEDULING": "queued",
    "RUNNING": "running",
    "COMPLETED": "done",
    "ERROR": "failed",
    "CANCELED": "cancelled",
    "DELETED": "cancelled",
}
# Lines of others that may stand around those of the verdict, and characters of all.
_OTHER_LINES, _LOG_CHARS = 20_000, 64 << 20
_TAIL_LINES = 20
_LAST = datetime.max.replace(tzinfo=UTC)
_FORMS = {
    "--image": re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,299}"),
    "--flavor": re.compile(r"[a-z0-9][a-z0-9-]{0,39}"),
    "--job-timeout": re.compile(r"[1-9][0-9]{0,6}[smhd]?"),
    "--namespace": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}"),
    "--package": re.compile(r"[A-Za-z0-9][!-~ ]{0,499}"),
    "--secret": re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}"),
}


def default_package() -> str:
    """Return the requirement that installs this very version."""
    return f"ml-embed-curation[hub]=={curation.__version__}"


@dataclass(frozen=True, slots=True)
class Machine:
    """What a job runs on.

    Attributes:
        image: Docker image; it must hold `uv`, or the package where `package` is empty.
        flavor: hardware.
        timeout: how long the job may run (`30m`, `2h`).
        namespace: user or organisation that pays; the token's owner by default.
        package: requirement that installs this project, empty where the image has it.
        secrets: names of variables that the job gets as secrets, with the values that they have here.
        verdict_repository: `ORG/NAME` of a dataset that verdicts are committed to; empty for the log alone.
    """

    image: str = DEFAULT_IMAGE
    flavor: str = "cpu-upgrade"
    timeout: str = "2h"
    namespace: str = ""
    package: str = field(default_factory=default_package)
    secrets: tuple[str, ...] = ()
    verdict_repository: str = ""

    def __post_init__(self) -> None:
        """Refuse what the Hub would, and what could be an option of the job's own command."""
        given = [("--image", self.image), ("--flavor", self.flavor), ("--job-timeout", self.timeout)]
        given += [("--namespace", self.namespace)] if self.namespace else []
        given += [("--package", self.package)] if self.package else []
        given += [("--secret", name) for name in self.secrets]
        for option, value in given:
            if not _FORMS[option].fullmatch(value):
                hint = (
                    "secrets are given by the name of a variable, never by their value" if option == "--secret" else ""
                )
                # What was given in place of a secret's name may be the secret.
                why = "it is not the name of a variable" if option == "--secret" else repr(value)[:120]
                raise ConfigError(f"This value of {option} cannot be used", option, why, hint)

    def settings(self) -> dict[str, Any]:
        """Return what identifies a run, for the spec."""
        return asdict(self) | {"secrets": sorted(self.secrets)}


class HfJobsBackend:
    """Starts jobs.

    Args:
        machine: what they run on.
        client: makes the client, when it is first needed.
        patience: how often a call is tried.
    """

    def __init__(
        self,
        machine: Machine,
        client: Callable[[None], HfApi] = connect,
        patience: Patience | None = None,
    ) -> None:
        self._machine = machine
        self._connect = client
        self._patience = patience or Patience(tries=4)
        self._requests: dict[str, Request] = {}

    @property
    def name(self) -> str:
        """See `Backend`."""
        return NAME

    @functools.cached_property
    def client(self) -> HfApi:
        """The client of the Hub."""
        return self._connect(None)

    @functools.cached_property
    def namespace(self) -> str:
        """Whose jobs these are."""
        if self._machine.namespace:
            return self._machine.namespace
        found: dict[str, Any] = self._try("The Hub does not know the token", self.client.whoami)
        return str(found["name"])

    def payload(self, request: Request) -> dict[str, Any]:
        """Return the body that is posted; secrets by name, as a list."""
        settings = self._settings(request)
        machine = self._machine
        body: dict[str, Any] = {
            "command": settings["command"],
            "arguments": [],
            "environment": {},
            "flavor": machine.flavor,
            "timeoutSeconds": _seconds(machine.timeout),
            "attempts": 1,
            "labels": settings["labels"] | {"name": settings["name"]},
            "volumes": [volume.to_dict() for volume in settings["volumes"]],
            "dockerImage": machine.image,
        }
        if machine.secrets:
            body["secrets"] = sorted(machine.secrets)
        return {"post": f"api/jobs/{machine.namespace or 'OWNER_OF_THE_TOKEN'}", "body": body}

    def submit(self, request: Request) -> Handle:
        """Create the job, unless one with this key is there."""
        settings = self._settings(request)
        self._requests[request.key] = request
        secrets = secret_values(self._machine.secrets)
        found = self._find(request)
        if found is not None:
            return _handle(request, found, found=True)
        made = self._try(
            "The job cannot be started",
            lambda: self.client.run_job(**settings, secrets=secrets, namespace=self.namespace),
            done=lambda: self._listed(request),
        )
        first = self._find(request) or made
        if first.id != made.id:
            self._try(
                "The second job of this key cannot be cancelled",
                lambda: self.client.cancel_job(job_id=made.id, namespace=self.namespace) or True,
            )
        return _handle(request, first, found=first.id != made.id)

    def poll(self, handle: Handle) -> Status:
        """Ask for the job's stage; a job that failed says why with the end of its log."""
        job = self._try(
            "The job cannot be looked at",
            lambda: self.client.inspect_job(job_id=handle.id, namespace=self.namespace),
        )
        state = _STATES.get(str(getattr(job.status.stage, "value", job.status.stage)), "unknown")
        said = printable(job.status.message or "", limit=500)
        if state != "failed":
            return Status(state, said)
        return Status(state, "\n".join(filter(None, [said, self._last_words(handle)])))

    def fetch_verdict(self, handle: Handle) -> bytes:
        """Read the verdict's lines from the log, or the file in the repository of verdicts."""
        if self._machine.verdict_repository:
            digest = self._requests[handle.key].release.digest
            return VerdictRepository(self._machine.verdict_repository).read(digest, handle.key)
        lines = self._log(handle, MAX_LINES + _OTHER_LINES)
        return from_lines(lines, handle.key)

    def _settings(self, request: Request) -> dict[str, Any]:
        """Return what the client's `run_job` is called with, apart from secrets and namespace."""
        from huggingface_hub import Volume

        release, baseline = request.release, request.baseline
        if release.repository is None or (baseline is not None and baseline.repository is None):
            hint = "publish it first (curate publish)"
            raise ConfigError("A job needs a release on the Hub", release.reference, "it is a folder here", hint)
        if self._machine.verdict_repository:
            VerdictRepository.beside(release.repository, self._machine.verdict_repository)
        mounts = [(_MOUNT, release), *([(_BASELINE_MOUNT, baseline)] if baseline else [])]
        return {
            "image": self._machine.image,
            "command": self._command(request),
            "flavor": self._machine.flavor,
            "timeout": self._machine.timeout,
            "attempts": 1,
            "name": "curation-gate",
            "labels": {LABEL: request.tag, "curation-release": release.digest[:40]},
            "volumes": [
                Volume(type="dataset", source=each.repository, revision=each.commit, mount_path=mount, read_only=True)
                for mount, each in mounts
            ],
        }

    def _command(self, request: Request) -> list[str]:
        package = self._machine.package
        python = ["uv", "run", "--no-project", "--with", package, "python"] if package else ["python"]
        options = {
            "--repository": request.release.repository,
            "--spec": request.spec.digest,
            "--release": _MOUNT,
            "--digest": request.release.digest,
            "--baseline": _BASELINE_MOUNT if request.baseline else None,
            "--verdict-repo": self._machine.verdict_repository or None,
        }
        return [*python, "-m", MODULE, *(word for pair in options.items() if pair[1] for word in pair if word)]

    def _find(self, request: Request) -> JobInfo | None:
        return self._try("The jobs cannot be listed", lambda: self._listed(request))

    def _listed(self, request: Request) -> JobInfo | None:
        """Return the first job that was created under a key; copies that a webhook started came later."""
        # The namespace must be given: without, the client asks who we are at an address of its own.
        jobs = self.client.list_jobs(labels={LABEL: request.tag}, namespace=self.namespace, timeout=60)
        ours = [job for job in jobs if (job.labels or {}).get(LABEL) == request.tag]
        return min(ours, key=lambda job: (job.created_at or _LAST, job.id), default=None)

    def _log(self, handle: Handle, lines: int) -> list[str]:
        """Return the last lines of a log, no more than so many characters of them."""

        def read() -> list[str]:
            log = self.client.fetch_job_logs(job_id=handle.id, namespace=self.namespace, tail=lines)
            kept, chars = [], 0
            for line in itertools.islice(log, lines):
                chars += len(line)
                if chars > _LOG_CHARS:
                    break
                kept.append(line)
            return kept

        return self._try("The log of the job cannot be read", read)

    def _last_words(self, handle: Handle) -> str:
        try:
            return printable("\n".join(self._log(handle, _TAIL_LINES)))
        except CurationError:
            # It is known that the job has failed; why is on its page.
            return ""

    def _try(self, what: str, call: Callable[[], T], *, done: Callable[[], T | None] | None = None) -> T:
        return attempt(what, call, where=NAME, patience=self._patience, done=done)


def secret_values(names: tuple[str, ...]) -> dict[str, str]:
    """Return the values of variables by name.

    Raises:
        HubAccessError: if one is not set.
    """
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        why = f"{missing[0]} is not set"
        raise HubAccessError("A secret of the job is missing", "--secret", why, f"{missing[0]}=... curate trigger ...")
    return {name: os.environ[name] for name in names}


def _handle(request: Request, job: JobInfo, *, found: bool) -> Handle:
    return Handle(request.key, job.id, printable(job.url, limit=300), found)


def _seconds(text: str) -> int:
    units = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
    return int(text[:-1]) * units[text[-1]] if text[-1] in units else int(text)
