"""Backends by name, from the options of a command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.code import code_digest
from curation.errors import ConfigError
from hub_upload.triggers import command, github, hf_jobs, local
from hub_upload.triggers.protocol import Backend

NAMES = (local.NAME, hf_jobs.NAME, github.NAME, command.NAME)


@dataclass(frozen=True, slots=True)
class Options:
    """What may be said about a backend; None, or nothing, where it was not.

    Attributes:
        image: see `hf_jobs.Machine`, as for the next six.
        flavor: hardware.
        job_timeout: how long the job may run.
        namespace: who pays.
        package: requirement that installs this project.
        secrets: names of variables.
        verdict_repo: dataset for verdicts.
        watch: check every later release, too.
        github_repo: see `github.Workflow`, as for the next two.
        workflow: file name.
        event_type: type of the event.
        command: see `command.Commands`, as for the next two.
        poll_command: asks for the state.
        verdict_command: prints the verdict.
    """

    image: str | None = None
    flavor: str | None = None
    job_timeout: str | None = None
    namespace: str | None = None
    package: str | None = None
    secrets: tuple[str, ...] = ()
    verdict_repo: str | None = None
    watch: bool = False
    github_repo: str | None = None
    workflow: str | None = None
    event_type: str | None = None
    command: str | None = None
    poll_command: str | None = None
    verdict_command: str | None = None


_OPTIONS: Mapping[str, tuple[str, ...]] = {
    local.NAME: (),
    hf_jobs.NAME: (
        "image",
        "flavor",
        "job_timeout",
        "namespace",
        "package",
        "secrets",
        "verdict_repo",
        "watch",
    ),
    github.NAME: ("github_repo", "workflow", "event_type"),
    command.NAME: ("command", "poll_command", "verdict_command"),
}


def make_backend(name: str, options: Options, state: Path) -> tuple[Backend, dict[str, Any]]:
    """Return a backend, and its settings as a spec holds them.

    Raises:
        ConfigError: if an option is not this backend's, is missing, or has a value that it cannot have.
    """
    for option in Options.__dataclass_fields__:
        if getattr(options, option) not in (None, False, ()) and option not in _OPTIONS[name]:
            owner = next(each for each, theirs in _OPTIONS.items() if option in theirs)
            flag = _flag(option)
            raise ConfigError(f"{flag} does not go with --backend {name}", flag, f"it is of {owner}", "leave it out")
    makers: dict[str, Callable[[Options, Path], tuple[Backend, dict[str, Any]]]] = {
        local.NAME: _local,
        hf_jobs.NAME: _hf_jobs,
        github.NAME: _github,
        command.NAME: _command,
    }
    return makers[name](options, state)


def _local(_: Options, state: Path) -> tuple[Backend, dict[str, Any]]:
    # Other code may come to another verdict.
    return local.LocalBackend(state), {"code": code_digest()}


def _hf_jobs(options: Options, _: Path) -> tuple[Backend, dict[str, Any]]:
    given = {
        "image": options.image,
        "flavor": options.flavor,
        "timeout": options.job_timeout,
        "namespace": options.namespace,
        "package": options.package,
        "verdict_repository": options.verdict_repo,
    }
    chosen: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    machine = hf_jobs.Machine(**chosen, secrets=tuple(sorted(set(options.secrets))))
    return hf_jobs.HfJobsBackend(machine), machine.settings()


def _github(options: Options, state: Path) -> tuple[Backend, dict[str, Any]]:
    repository = _needed("--github-repo", options.github_repo, "OWNER/NAME")
    given = {"workflow": options.workflow, "event": options.event_type}
    workflow = github.Workflow(repository, **{key: value for key, value in given.items() if value is not None})
    return github.GitHubBackend(workflow, state), workflow.settings()


def _command(options: Options, state: Path) -> tuple[Backend, dict[str, Any]]:
    submit = _needed("--command", options.command, "'sbatch --wait job.sh'")
    commands = command.Commands.parse(submit, options.poll_command, options.verdict_command)
    return command.CommandBackend(commands, state), commands.settings()


def _needed(option: str, value: str | None, example: str) -> str:
    if not value:
        raise ConfigError(f"This backend needs {option}", option, "it is missing", f"{option} {example}")
    return value


def _flag(option: str) -> str:
    return "--" + {"secrets": "secret"}.get(option, option).replace("_", "-")
