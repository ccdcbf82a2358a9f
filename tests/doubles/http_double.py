"""A server on loopback that answers by a table of routes and remembers what it was asked."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import orjson


@dataclass(frozen=True)
class Request:
    """What a client sent: `match` holds the path's groups, decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    match: tuple[str, ...] = ()

    def json(self) -> Any:
        return orjson.loads(self.body) if self.body else {}


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200) -> Reply:
        return cls(status, orjson.dumps(value), {"Content-Type": "application/json; charset=UTF-8"})

    @classmethod
    def error(cls, status: int, message: str) -> Reply:
        """An error in the form that Google's services give it."""
        reasons = [{"message": message, "reason": "double", "domain": "global"}]
        return cls.of({"error": {"code": status, "message": message, "errors": reasons}}, status)


Route = tuple[str, str, Callable[[Request], Reply]]
"""Method, pattern of the whole path, handler."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that hangs up early, as those do that read ahead, is no fault of the double.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class HttpDouble:
    """Serves while it is entered.

    Attributes:
        requests: what was asked, in order of arrival.
        fault: asked before each request; a reply of it is sent in place of the right one, None lets it pass.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.fault: Callable[[Request], Reply | None] = lambda request: None
        self._routes = [(method, re.compile(pattern), handler) for method, pattern, handler in self.routes()]
        self._lock = threading.RLock()
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Without it each small reply waits for the client's delayed acknowledgement.
            disable_nagle_algorithm = True

            def _serve(self) -> None:
                reply = double.answer(_read(self))
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(reply.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def routes(self) -> Sequence[Route]:
        raise NotImplementedError

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            return self.fault(request) or self.dispatch(request)

    def dispatch(self, request: Request) -> Reply:
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if method == request.method and match:
                groups = tuple(unquote(group or "") for group in match.groups())
                return handler(Request(**{**vars(request), "match": groups}))
        return Reply.error(501, f"the double does not know {request.method} {request.path}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _read(handler: BaseHTTPRequestHandler) -> Request:
    headers = {name.lower(): value for name, value in handler.headers.items()}
    if headers.get("transfer-encoding") == "chunked":
        body = _chunks(handler)
    else:
        body = handler.rfile.read(int(headers.get("content-length", 0)))
    return parse_request(handler.command, handler.path, headers, body)


def _chunks(handler: BaseHTTPRequestHandler) -> bytes:
    parts = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)


def parse_request(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    """Return a request whose path is still quoted, as object names may hold quoted slashes."""
    parts = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return Request(method, parts.path, query, headers, body)
