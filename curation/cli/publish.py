"""`curate publish`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from curation.cli.output import plain, result, say

if TYPE_CHECKING:
    from hub_upload import Publication

_SHOWN = 20


@click.command("publish")
@click.argument("release", type=click.Path(path_type=Path), required=False)
@click.option("--repo", required=True, metavar="ORG/NAME", help="Dataset on the Hub; made if need be, private.")
@click.option("--version", "version", metavar="vX.Y.Z", help="The version, which becomes a tag.")
@click.option("--public", is_flag=True, help="Everybody may see it.")
@click.option("--override", default="", metavar="REASON", help="Publish without a passing verdict; goes into the card.")
@click.option(
    "--yank", "yanked", metavar="vX.Y.Z", help="Instead: say in the card that this version is not to be used."
)
@click.option("--reason", default="", help="Why it is yanked.")
@click.option("--dry-run", is_flag=True, help="Only show what would change on the Hub.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def publish_command(
    release: Path | None,
    repo: str,
    version: str | None,
    public: bool,
    override: str,
    yanked: str | None,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Publish RELEASE as a version of a dataset on the Hugging Face Hub: all of it, verified, or nothing.

    It needs the gate's passing verdict on exactly this release. A token comes from HF_TOKEN, or from the identity of a
    CI job (OIDC). Whatever cuts it off, the same command goes on; a version that is there already is left alone.

        curate publish run/release --repo ORG/NAME --version v1.0.0

        curate publish --repo ORG/NAME --yank v1.0.0 --reason "half of swh_Latn is Comorian"
    """
    if yanked is not None:
        if release is not None or version is not None or override or public:
            raise click.UsageError("--yank goes with --repo, --reason and --dry-run only")
        _yank(repo, yanked, reason, dry_run=dry_run, as_json=as_json)
        return
    if release is None or version is None or reason:
        raise click.UsageError("name the folder RELEASE, --repo and --version; --reason goes with --yank")
    from hub_upload import publish

    done = publish(release, repo, version, public=public, override=override, dry_run=dry_run, say=_say)
    result(asdict(done), publication_text(done, dry_run=dry_run), as_json=as_json)


def _yank(repo: str, version: str, reason: str, *, dry_run: bool, as_json: bool) -> None:
    from hub_upload.yanking import yank

    done = yank(repo, version, reason, dry_run=dry_run, say=_say)
    verb = "would be yanked" if dry_run else "is yanked"
    text = f"{done.repository}: {done.version} {verb}: {plain(done.reason)}\n{done.patch} says so in its card"
    more = "publish what replaces it under a version above that"
    result(asdict(done), f"{text}; {more}", as_json=as_json)


def publication_text(done: Publication, *, dry_run: bool) -> str:
    """Return what a publication did, or would do, for people."""
    lines = [f"{done.repository} {done.version} (manifest sha256 {done.manifest_sha256})"]
    if done.state == "new":
        verb = "would be " if dry_run else ""
        lines += [f"  + {plain(path)}" for path in done.added[:_SHOWN]]
        lines += [f"  - {plain(path)}" for path in done.deleted[:_SHOWN]]
        more = len(done.added) + len(done.deleted) - min(len(done.added), _SHOWN) - min(len(done.deleted), _SHOWN)
        lines += [f"  and {more:,} more"] if more else []
        counts = f"{len(done.added):,} added, {done.kept:,} kept, {len(done.deleted):,} deleted"
        lines.append(f"files {verb}{counts}; {done.bytes:,} bytes to move at most")
        lines += ["the repository would be created"] if dry_run and done.creates else []
    elif done.state == "promoted":
        lines.append("it stood on the default branch already, without its tag")
    else:
        lines.append("it is there already, with the same bytes")
    if done.override:
        lines.append(f"in spite of the gate: {plain(done.override)}")
    if not dry_run:
        lines.append(f"published as commit {done.commit}")
        lines.append(f"curate verify hf://datasets/{done.repository}@{done.version}")
    return "\n".join(lines)


def _say(text: str) -> None:
    say(plain(text))
