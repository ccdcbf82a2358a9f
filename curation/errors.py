"""The one family of errors that a user is meant to read.

An error is a paragraph: what went wrong, where, why, and what to do next. The command line prints
it without a traceback and exits with the error's code.
"""

from __future__ import annotations

import errno
import os


class CurationError(Exception):
    """Something that a user can act on.

    Args:
        what: One sentence, without a full stop at the end, that says what went wrong.
        where: File and row, or file and line of the config.
        why: The cause, with the offending value.
        hint: What to do next, ideally a command.
    """

    exit_code = 1

    def __init__(self, what: str, where: str = "", why: str = "", hint: str = "") -> None:
        # All of it is in `args`: Beam makes errors anew from these, with a word about the step after the first.
        super().__init__(what, where, why, hint)
        self.what = what
        self.where = where
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.what]
        lines += [f"  {label}: {value}" for label, value in self._details() if value]
        return "\n".join(lines)

    def _details(self) -> tuple[tuple[str, str], ...]:
        return (("where", self.where), ("why", self.why), ("next", self.hint))


class ConfigError(CurationError):
    """The config, or the command line, asks for something that cannot be."""

    exit_code = 2


class LicenceClashError(ConfigError):
    """The licences of what a config puts together do not allow it."""


class SourceError(CurationError):
    """A source cannot be read as it was declared."""


class ReleaseError(CurationError):
    """A release on disk is not what its manifest says."""


class AlarmError(CurationError):
    """A rule took more of a language than the config allows."""


class AuthError(CurationError):
    """A service does not know who asks, or does not allow what is asked."""

    exit_code = 5


class GateFailedError(CurationError):
    """The gate ended with the verdict `fail`."""

    exit_code = 3


_NEXT = {
    errno.ENOSPC: "make room there, or name a place with more",
    errno.EDQUOT: "make room there, or ask for a larger quota",
    errno.EROFS: "name a place that can be written",
    errno.EACCES: "name a place that you may write, or have its rights changed",
    errno.EPERM: "name a place that you may write, or have its rights changed",
    errno.EIO: "see that the disk is sound",
    errno.ESTALE: "see that the file system is mounted on every machine",
}


def of_os_error(error: OSError, *, where: str = "") -> CurationError:
    """Say what the operating system refused.

    Args:
        error: what it raised.
        where: the path, where the error does not name it.
    """
    hint = _NEXT.get(error.errno or 0, "see to it")
    return CurationError(
        "The operating system refuses to read or write",
        where=str(error.filename or where),
        why=os.strerror(error.errno) if error.errno else str(error),
        hint=f"{hint}; the same command goes on where it stopped",
    )
