"""A double of what GitHub gives a workflow with `permissions: id-token: write`: an address to ask for its identity."""

from __future__ import annotations

from collections.abc import Sequence

from http_double import HttpDouble, Reply, Request, Route


class ActionsDouble(HttpDouble):
    """Hands out an identity token to who shows the request token.

    Attributes:
        audiences: for whom identities were asked.
    """

    def __init__(self, identity: str, request_token: str = "of-the-runner") -> None:
        self.identity, self.request_token = identity, request_token
        self.audiences: list[str] = []
        super().__init__()

    @property
    def environment(self) -> dict[str, str]:
        """What the runner sets for the workflow's steps."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/id-token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.request_token,
        }

    def routes(self) -> Sequence[Route]:
        return (("GET", "/id-token", self._identify),)

    def _identify(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {self.request_token}":
            return Reply.of({"message": "unauthorized"}, 401)
        self.audiences.append(request.query.get("audience", ""))
        return Reply.of({"value": self.identity})
