"""What can go wrong with the Hub, by what a user can do about it."""

from __future__ import annotations

from curation.errors import AuthError, CurationError


class HubError(CurationError):
    """The Hub does not do what was asked."""


class HubUnavailableError(HubError):
    """The Hub does not answer, or asks to come back later: the same command may work then.

    Attributes:
        after: seconds that it asks to wait; 0 where it does not say.
    """

    after = 0.0


class HubMissingError(HubError):
    """The Hub has no such repository, revision or file, or does not show it to us."""


class HubAccessError(HubError, AuthError):
    """The Hub does not let us."""


class HubConflictError(HubError):
    """Somebody else was faster, or the name is taken."""

    exit_code = 4
