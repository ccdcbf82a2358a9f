"""Who may do what on the double of the Hub: tokens, and the exchange of a workflow's identity for a short-lived one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from hub_store import HubError, Repo

_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
_PREFIXES = {"datasets": "dataset", "spaces": "space"}


@dataclass(frozen=True, slots=True)
class Account:
    """What a token stands for.

    Attributes:
        name: the user, who owns the namespace of this name.
        orgs: further namespaces whose repositories the token reaches.
        only: kind and name of the one repository that the token is good for.
        expires: seconds of Unix time.
    """

    name: str
    role: Literal["read", "write"] = "write"
    orgs: tuple[str, ...] = ()
    only: tuple[str, str] | None = None
    expires: float = float("inf")

    def member_of(self, namespace: str) -> bool:
        return namespace in (self.name, *self.orgs)

    def may_read(self, repo: Repo) -> bool:
        return self.member_of(repo.namespace) and self.only in (None, (repo.kind, repo.name))

    def may_write(self, repo: Repo) -> bool:
        return self.role == "write" and self.may_read(repo)


@dataclass
class Accounts:
    """The tokens that the double knows.

    Attributes:
        publishers: resources (`datasets/ORG/NAME`) for which an identity token is exchanged, by that token.
    """

    tokens: dict[str, Account]
    publishers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lifetime_s: float = 3600.0

    def of(self, authorization: str | None) -> Account | None:
        """Return who sent a request, None if nobody says so.

        Raises:
            HubError: for a token that is unknown or out of date.
        """
        if authorization is None:
            return None
        account = self.tokens.get(authorization.removeprefix("Bearer "))
        if account is None or account.expires < time.time():
            raise HubError(401, "Invalid credentials in Authorization header")
        return account

    def exchange(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return a new token, which may write to one repository, as RFC 8693 words it."""
        if asked.get("grant_type") != _GRANT or asked.get("subject_token_type") != _ID_TOKEN:
            raise HubError(400, "unsupported_grant_type")
        resource = str(asked.get("resource"))
        if resource not in self.publishers.get(str(asked.get("subject_token")), ()):
            raise HubError(403, f"No trusted publisher of {resource} matches this identity token")
        head, _, rest = resource.partition("/")
        only = (_PREFIXES[head], rest) if head in _PREFIXES else ("model", resource)
        token = f"hf_jwt_{uuid4().hex}"
        namespace = only[1].partition("/")[0]
        self.tokens[token] = Account(namespace, only=only, expires=time.time() + self.lifetime_s)
        kind = "urn:ietf:params:oauth:token-type:access_token"
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": int(self.lifetime_s),
            "issued_token_type": kind,
        }
