"""A dataset repository that holds verdicts, and is not the one that they speak about."""

from __future__ import annotations

from dataclasses import dataclass

from curation.errors import ConfigError
from hub_upload.client import connect
from hub_upload.errors import HubConflictError, HubError
from hub_upload.references import PREFIX, parse_reference
from hub_upload.repository import MAIN, Repository
from hub_upload.triggers.targets import read_file
from hub_upload.triggers.verdicts import MAX_VERDICT_BYTES

_TRIES = 5


@dataclass(frozen=True, slots=True)
class VerdictRepository:
    """Where verdicts lie, by release and run.

    Attributes:
        name: `ORG/NAME`.
    """

    name: str

    @classmethod
    def beside(cls, watched: str, name: str) -> VerdictRepository:
        """Return the repository of a name, for verdicts on another one.

        Raises:
            ConfigError: if it is the watched one: a commit to it would start the next run, and so on for ever.
        """
        parse_reference(f"{PREFIX}datasets/{name}")
        # The Hub takes names without regard to case.
        if name.lower() == watched.lower():
            why = "each verdict would be a push to the watched repository, which starts the next run"
            raise ConfigError(
                "Verdicts cannot go where the releases are", "--verdict-repo", why, "name another repository"
            )
        return cls(name)

    def write(self, digest: str, key: str, data: bytes) -> None:
        """Commit a verdict; writing the same one again changes nothing. A missing repository is made, private.

        Raises:
            HubError: if the Hub does not take it.
        """
        from huggingface_hub import CommitOperationAdd

        repository = Repository(self.name, connect(None))
        for _ in range(_TRIES):
            head = repository.head()
            if head is None:
                repository.create(private=True)
                continue
            try:
                addition = CommitOperationAdd(_path(digest, key), data)
                repository.commit(MAIN, head.commit, [addition], f"Verdict {key}")
            except HubConflictError:
                continue
            return
        raise HubError("The verdict cannot be committed", self.name, "others commit all the time", "run again later")

    def read(self, digest: str, key: str) -> bytes:
        """Return a verdict.

        Raises:
            HubMissingError: if it is not there.
        """
        repository = Repository(self.name, connect(None))
        return read_file(repository, _path(digest, key), repository.resolve(None), limit=MAX_VERDICT_BYTES)


def _path(digest: str, key: str) -> str:
    return f"verdicts/{digest}/{key}.json"
