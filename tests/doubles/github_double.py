"""A double of GitHub's REST API: events, runs of one workflow, artifacts. Give its `url` as GITHUB_API_URL."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from http_double import HangUpError, HttpDouble, Reply, Request, Route

REPO, WORKFLOW = "weather-lab/ci", "smoke-test.yml"
_REPO = f"/repos/{REPO}"


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return an archive of files by name."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


class GitHubDouble(HttpDouble):
    """GitHub at `url`.

    Attributes:
        work: decides how a run ends: from the event's payload its conclusion and the archive of its artifact, or None.
        delay: how often the runs must be listed until one that was started shows.
        runs: all runs.
        events: bodies of the events that were taken.
        lost: how many events are taken whose answer is then lost.
        where_zips_are: address of a store for artifacts, this server's own by default.
    """

    def __init__(self, token: str, work: Callable[[dict[str, Any]], tuple[str, bytes | None]]) -> None:
        self.token, self.work, self.delay, self.lost = token, work, 0, 0
        self.runs: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.zips: dict[int, bytes] = {}
        self.where_zips_are = ""
        self.expired = False
        super().__init__()

    def routes(self) -> Sequence[Route]:
        return (
            ("POST", f"{_REPO}/dispatches", self._dispatch),
            ("GET", f"{_REPO}/actions/workflows/{WORKFLOW}/runs", self._list),
            ("GET", rf"{_REPO}/actions/runs/(\d+)", self._run),
            ("GET", rf"{_REPO}/actions/runs/(\d+)/artifacts", self._artifacts),
            ("GET", rf"{_REPO}/actions/artifacts/(\d+)/zip", self._zip),
            ("GET", r"/store/(\d+)", self._stored),
        )

    def dispatch(self, request: Request) -> Reply:
        store = request.path.startswith("/store/")
        if store and "authorization" in request.headers:
            return Reply.of({"message": "a store must not see the token"}, 400)
        if not store and request.headers.get("authorization") != f"Bearer {self.token}":
            return Reply.of({"message": f"Bad credentials {request.headers.get('authorization')}"}, 401)
        return super().dispatch(request)

    def unknown(self, request: Request) -> Reply:
        return Reply.of({"message": "Not Found"}, 404)

    def _dispatch(self, request: Request) -> Reply:
        body = request.json()
        self.events.append(body)
        payload = body["client_payload"]
        self.add_run(f"smoke-test {payload['key']}", payload)
        if self.lost:
            self.lost -= 1
            raise HangUpError
        return Reply(204)

    def add_run(self, title: str, payload: dict[str, Any]) -> dict[str, Any]:
        number = len(self.runs) + 1
        run = {
            "id": number,
            "display_title": title,
            "status": "queued",
            "conclusion": None,
            "html_url": f"https://github.com/{REPO}/actions/runs/{number}",
            "payload": payload,
        }
        self.runs.append(run)
        return run

    def _list(self, request: Request) -> Reply:
        assert request.query["event"] == "repository_dispatch"
        if self.delay and self.runs:
            self.delay -= 1
            return Reply.of({"total_count": 0, "workflow_runs": []})
        size, page = int(request.query["per_page"]), int(request.query["page"])
        newest = self.runs[::-1][(page - 1) * size : page * size]
        return Reply.of({"total_count": len(self.runs), "workflow_runs": newest})

    def _run(self, request: Request) -> Reply:
        run = self.runs[int(request.match[0]) - 1]
        following = {"queued": "in_progress", "in_progress": "completed"}.get(run["status"])
        if following == "completed":
            run["conclusion"], data = self.work(run["payload"])
            if data is not None:
                self.zips[run["id"]] = data
        run["status"] = following or run["status"]
        return Reply.of(run)

    def _artifacts(self, request: Request) -> Reply:
        run = int(request.match[0])
        made = [{"id": run, "name": request.query["name"], "expired": self.expired}] if run in self.zips else []
        return Reply.of({"total_count": len(made), "artifacts": made})

    def _zip(self, request: Request) -> Reply:
        return Reply(302, b"", {"Location": f"{self.where_zips_are or self.url}/store/{request.match[0]}"})

    def _stored(self, request: Request) -> Reply:
        return Reply(200, self.zips[int(request.match[0])], {"Content-Type": "application/zip"})
