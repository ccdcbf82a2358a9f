"""What runs inside a job: check one release, and hand back its verdict without writing to the release's repository.

    python -m hub_upload.triggers.job --repository ORG/NAME --release /release --digest DIGEST --spec DIGEST

Started by hand, it checks the release that is mounted at --release. Started by a webhook (WEBHOOK_PAYLOAD is set), it
ends at once unless the event has set a tag `vX.Y.Z`, and then checks that tag: the mount of a copied job is still that
of the release which it was first started for. The verdict is printed to the log; with --verdict-repo it is committed
there as well, never to the watched repository, whose webhook would start the next job.

Exits with 0 where there is a verdict, whatever it says, or nothing to do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from curation.errors import CurationError
from curation.release import layout, open_release
from hub_upload.references import Reference, release_folder
from hub_upload.triggers.local import gate_command
from hub_upload.triggers.log_lines import to_lines
from hub_upload.triggers.printing import printable
from hub_upload.triggers.protocol import Request, Spec, Target, TriggerConflictError, TriggerError, request_key
from hub_upload.triggers.verdict_repository import VerdictRepository
from hub_upload.triggers.verdicts import MAX_VERDICT_BYTES, parse_verdict
from hub_upload.triggers.webhook import PAYLOAD, released_tags
from hub_upload.triggers.workplace import read_bounded

MOUNT = Path("/release")

_HUB_FILES = (".gitattributes",)
_BY_HAND = Spec("job").digest


@dataclass(frozen=True, slots=True)
class Task:
    """What the job was started with.

    Attributes:
        repository: the watched dataset.
        spec: digest of the spec, for the key.
        release: folder of the mounted release.
        digest: digest that it must have, None for any.
        baseline: folder of the mounted release to compare with.
        verdicts: where verdicts are committed, None for nowhere.
    """

    repository: str
    spec: str
    release: Path
    digest: str | None
    baseline: Path | None
    verdicts: VerdictRepository | None


@click.command()
@click.option("--repository", required=True, metavar="ORG/NAME", help="The dataset that is checked.")
@click.option("--release", type=click.Path(path_type=Path), default=MOUNT, help="Where it is mounted.")
@click.option("--digest", help="Digest of its manifest; any is taken without.")
@click.option("--spec", default=_BY_HAND, help="Digest of the spec, for the key of the verdict.")
@click.option("--baseline", type=click.Path(path_type=Path), help="Where the release to compare with is mounted.")
@click.option("--verdict-repo", metavar="ORG/NAME", help="Commit the verdict there, too.")
def main(
    repository: str, release: Path, digest: str | None, spec: str, baseline: Path | None, verdict_repo: str | None
) -> None:
    """Check one release and hand back its verdict."""
    try:
        verdicts = VerdictRepository.beside(repository, verdict_repo) if verdict_repo else None
        run(Task(repository, spec, release, digest, baseline, verdicts), os.environ.get(PAYLOAD))
    except CurationError as error:
        click.echo(f"Error: {printable(str(error))}", err=True)
        sys.exit(error.exit_code)


def run(task: Task, payload: str | None) -> None:
    """Check the mounted release, or the tags that an event has set.

    Raises:
        TriggerConflictError: if the mounted release is not the one that was asked for.
        CurationError: if there is no verdict, or it cannot be handed back.
    """
    with tempfile.TemporaryDirectory() as folder:
        if payload is None:
            copy = _copied(task.release, Path(folder) / "release")
            if task.digest not in (None, found := open_release(copy).digest):
                raise TriggerConflictError(
                    "Another release is mounted", str(task.release), f"its digest is {found}, not {task.digest}"
                )
            _check(task, copy, Path(folder))
            return
        tags = released_tags(payload, task.repository)
        if not tags:
            click.echo("No release: the event has set no tag vX.Y.Z.", err=True)
        for tag in tags:
            organisation, _, name = task.repository.partition("/")
            _check(task, release_folder(str(Reference(organisation, name, tag))), Path(folder) / tag)


def _copied(mount: Path, target: Path) -> Path:
    """Copy a mounted repository without what the Hub itself adds; links stay links, which the gate reports."""

    def added_by_hub(folder: str, names: Sequence[str]) -> list[str]:
        return [name for name in names if name in _HUB_FILES and Path(folder) == mount]

    return Path(shutil.copytree(mount, target, symlinks=True, ignore=added_by_hub))


def _check(task: Task, release: Path, out: Path) -> None:
    """Run the gate, print its verdict, and commit it where that was asked for."""
    target = Target(str(release), open_release(release).digest)
    baseline = Target(str(task.baseline), "") if task.baseline else None
    argv = gate_command(Request(target, Spec("job"), baseline), out)
    # Its result is the file; what it says besides goes to the log.
    code = subprocess.run(argv, stdout=subprocess.DEVNULL, check=False).returncode  # noqa: S603 - our own command
    path = out / layout.VERDICT
    if not path.is_file():
        raise TriggerError("The gate left no verdict", str(release), f"it exits with {code}", "read its log above")
    data = read_bounded(path, MAX_VERDICT_BYTES)
    verdict = parse_verdict(data, target.digest)
    key = request_key(target.digest, task.spec)
    for line in to_lines(data, key):
        click.echo(line)
    click.echo(f"verdict: {verdict['status']}", err=True)
    if task.verdicts:
        task.verdicts.write(target.digest, key, data)


if __name__ == "__main__":
    main()
