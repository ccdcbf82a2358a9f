"""Bringing a release to the default branch: staged on its own branch, verified, copied over in one commit, verified.

What has been uploaded stays on the Hub, committed or not, so that a second attempt sends only the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from hub_upload.candidate import Candidate
from hub_upload.errors import HubConflictError, HubError
from hub_upload.inventory import Changes, LocalFile, Tree, changes
from hub_upload.repository import MAIN, Repository

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

    from hub_upload.repository import Operation

# Files and bytes of one call of the uploader, and calls at a time: one gathers bytes while the other sends them. It
# keeps in memory what is under way (see benchmarks/publishing.py).
_BATCH_FILES, _BATCH_BYTES, _UPLOADS = 80, 1 << 30, 2
_SHOWN = 5


def promote(
    repository: Repository, found: Candidate, head: str, files: Mapping[str, LocalFile], say: Callable[[str], None]
) -> str:
    """Bring a release to the default branch.

    Args:
        repository: the repository.
        found: the release.
        head: the newest commit of the default branch: the release comes upon that, or not at all.
        files: all files as they are to stand there.
        say: is told what is being done.

    Returns:
        Its commit on the default branch, whose files are compared with the release.

    Raises:
        HubConflictError: if the default branch has another head by now.
        HubError: if the Hub holds other bytes than were sent.
    """
    staged = _stage(repository, found, head, files, say)
    staged_tree = _verified(repository, staged, files, "The staged files are not those that were sent")
    say(f"{repository.name}: {len(files):,} files are staged and verified")
    tree = repository.tree(head)
    difference = changes(files, tree)
    if not difference:
        return head
    operations = [*_moves(difference, staged, staged_tree), *_deletions(difference)]
    try:
        commit = repository.commit(MAIN, head, operations, found.title, _message(found, staged))
    except HubConflictError as error:
        hint = "nothing was published: run the same command again, and look with --dry-run at what it would change"
        raise HubConflictError(f"{MAIN} was changed by somebody else", error.where, error.why, hint) from error
    _verified(repository, commit, files, f"The files on {MAIN} are not those that were staged")
    say(f"{repository.name}: {MAIN} is {found.tag}")
    return commit


def _stage(
    repository: Repository, found: Candidate, start: str, files: Mapping[str, LocalFile], say: Callable[[str], None]
) -> str:
    """Put the release together on its branch, in one commit, and return that."""
    repository.create_branch(found.staging, start)
    head = repository.resolve(found.staging)
    difference = changes(files, repository.tree(head))
    if not difference:
        return head
    additions: list[CommitOperationAdd] = []

    def upload(batch: Sequence[LocalFile]) -> list[CommitOperationAdd]:
        made = [_addition(found, file) for file in batch]
        repository.upload(made, found.staging)
        return made

    with ThreadPoolExecutor(_UPLOADS) as pool:
        for made in pool.map(upload, _batches(difference.added)):
            additions += made
            say(f"{repository.name}: {len(additions):,} of {len(difference.added):,} files are there")
    title = f"Stage {found.tag} [manifest sha256:{found.short}]"
    return repository.commit(found.staging, head, [*additions, *_deletions(difference)], title)


def _addition(found: Candidate, file: LocalFile) -> CommitOperationAdd:
    """Return the operation that adds a file: the one that has hashed it, unless other bytes than the sealed ones go."""
    return (
        found.additions[file.path]
        if isinstance(file.content, Path) and file.path in found.additions
        else file.addition()
    )


def _batches(files: Sequence[LocalFile]) -> Iterator[list[LocalFile]]:
    batch: list[LocalFile] = []
    size = 0
    for file in files:
        if batch and (len(batch) == _BATCH_FILES or size + file.size > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _verified(repository: Repository, commit: str, files: Mapping[str, LocalFile], what: str) -> Tree:
    """Return the files of a commit, which are these and no others by the digests that the Hub gives."""
    tree = repository.tree(commit)
    wrong = changes(files, tree)
    if wrong:
        names = [*(file.path for file in wrong.added), *wrong.deleted]
        why = f"{len(names):,} differ: {', '.join(ascii(name) for name in names[:_SHOWN])}"
        raise HubError(what, f"{repository.name}@{commit}", why, "run the same command again")
    return tree


def _moves(difference: Changes, staged: str, tree: Tree) -> Iterator[Operation]:
    """Yield what brings the staged files over: large ones are copied on the Hub, small ones are sent again."""
    from huggingface_hub import CommitOperationCopy

    for file in difference.added:
        if tree[file.path].sha256:
            yield CommitOperationCopy(file.path, file.path, src_revision=staged)
        else:
            yield file.addition()


def _deletions(difference: Changes) -> Iterator[Operation]:
    from huggingface_hub import CommitOperationDelete

    for path in difference.deleted:
        yield CommitOperationDelete(path, is_folder=False)


def _message(found: Candidate, staged: str) -> str:
    lines = [
        f"Manifest SHA-256: {found.release.digest}",
        f"Verdict of the gate: {found.verdict}",
        f"Staged as {staged}",
    ]
    if found.notices.override:
        lines.append(f"Published in spite of the verdict: {found.notices.override}")
    return "\n".join(lines)
