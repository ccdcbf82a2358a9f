"""A server on loopback that answers by a table of routes and remembers what it was asked."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, ClassVar, Self
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

_PIECE, _BUFFER = 1 << 20, 1 << 16


@dataclass(frozen=True)
class Request:
    """What a client sent: `match` holds the path's groups, decoded.

    Attributes:
        path: the path as it was sent, still quoted.
        query: the last value of each parameter.
        headers: by name in small letters.
        body: the whole body, empty where the route reads `stream`.
        target: path and query as they were sent.
        queries: all values of each parameter.
        stream: the body as a file, its chunks joined.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    match: tuple[str, ...] = ()
    target: str = ""
    queries: Mapping[str, Sequence[str]] = field(default_factory=dict)
    stream: BinaryIO = field(default_factory=io.BytesIO)

    def json(self) -> Any:
        return orjson.loads(self.body) if self.body else {}

    def form(self) -> Mapping[str, Sequence[str]]:
        """Return all values of each field of a form."""
        return parse_qs(self.body.decode(), keep_blank_values=True)


@dataclass(frozen=True)
class FilePart:
    """Bytes `start` to `start + length` of a file, which are sent without being held."""

    path: Path
    start: int
    length: int

    def __len__(self) -> int:
        return self.length


@dataclass(frozen=True)
class Piped:
    """A body that another server is sending."""

    stream: BinaryIO
    length: int

    def __len__(self) -> int:
        return self.length


@dataclass(frozen=True)
class Reply:
    """What is sent back.

    Attributes:
        body: bytes, part of a file, or a length and a stream of so many bytes.
        cut: after how many bytes of the body the connection breaks; None where it does not.
    """

    status: int = 200
    body: bytes | FilePart | Piped = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None

    @classmethod
    def of(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        kind = {"Content-Type": "application/json; charset=UTF-8"}
        return cls(status, orjson.dumps(value), {**kind, **(headers or {})})

    @classmethod
    def error(cls, status: int, message: str) -> Reply:
        """An error in the form that Google's services give it."""
        reasons = [{"message": message, "reason": "double", "domain": "global"}]
        return cls.of({"error": {"code": status, "message": message, "errors": reasons}}, status)


class HangUpError(Exception):
    """Raised by a handler: the connection is closed without a word."""


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
        serial: whether one request is handled at a time; those that say no look after their state themselves.
        streamed: pattern of "METHOD path" of the requests whose handlers read the body from `Request.stream`.
        requests: what was asked, in order of arrival, without the bodies that were streamed.
        fault: asked before each request; a reply of it is sent in place of the right one, None lets it pass.
    """

    serial: ClassVar[bool] = True
    streamed: ClassVar[re.Pattern[str]] = re.compile("(?!)")

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
                request = _read(self, double.streamed)
                try:
                    reply = double.answer(request)
                    # What a handler left unread would be taken for the next request.
                    shutil.copyfileobj(request.stream, _Nowhere(), _PIECE)
                    _send(self, reply)
                except HangUpError:
                    self.close_connection = True

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
        self.requests.append(replace(request, stream=io.BytesIO()))
        with self._lock if self.serial else contextlib.nullcontext():
            return self.fault(request) or self.dispatch(request)

    def dispatch(self, request: Request) -> Reply:
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if method == request.method and match:
                groups = tuple(unquote(group or "") for group in match.groups())
                return handler(replace(request, match=groups))
        return self.unknown(request)

    def unknown(self, request: Request) -> Reply:
        """Answer what no route answers."""
        return Reply.error(501, f"the double does not know {request.method} {request.path}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Nowhere:
    def write(self, data: bytes) -> int:
        return len(data)


def _read(handler: BaseHTTPRequestHandler, streamed: re.Pattern[str]) -> Request:
    headers = {name.lower(): value for name, value in handler.headers.items()}
    chunked = headers.get("transfer-encoding") == "chunked"
    lengths = _chunk_lengths(handler.rfile) if chunked else iter([int(headers.get("content-length", 0))])
    stream = io.BufferedReader(_Body(handler.rfile, lengths), _BUFFER)
    path, _, _ = handler.path.partition("?")
    if streamed.fullmatch(f"{handler.command} {path}"):
        return replace(parse_request(handler.command, handler.path, headers, b""), stream=stream)
    return parse_request(handler.command, handler.path, headers, stream.read())


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    handler.send_response(reply.status)
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    if not any(name.lower() == "content-length" for name in reply.headers):
        handler.send_header("Content-Length", str(len(reply.body)))
    handler.end_headers()
    if handler.command == "HEAD":
        return
    if reply.cut is None:
        _copy(reply.body, handler.wfile, len(reply.body))
        return
    _copy(reply.body, handler.wfile, min(reply.cut, len(reply.body)))
    handler.close_connection = True


def _copy(body: bytes | FilePart | Piped, out: Any, length: int) -> None:
    if isinstance(body, bytes):
        out.write(body[:length])
    elif isinstance(body, FilePart):
        with body.path.open("rb") as stream:
            stream.seek(body.start)
            _move(stream, out, length)
    else:
        _move(body.stream, out, length)


def _move(stream: BinaryIO, out: Any, length: int) -> None:
    while length and (piece := stream.read(min(_PIECE, length))):
        out.write(piece)
        length -= len(piece)


class _Body(io.RawIOBase):
    """A request's body: `lengths` gives the length of each stretch of the connection that belongs to it."""

    def __init__(self, source: Any, lengths: Iterator[int]) -> None:
        super().__init__()
        self._source, self._lengths, self._left = source, lengths, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            length = next(self._lengths, None)
            if length is None:
                return 0
            self._left = length
        piece = _or_reset(self._source.read1(min(len(buffer), self._left)))
        buffer[: len(piece)] = piece
        self._left -= len(piece)
        return len(piece)


def _chunk_lengths(source: Any) -> Iterator[int]:
    while length := int(_or_reset(source.readline()).split(b";")[0], 16):
        yield length
        source.readline()
    source.readline()


def _or_reset(piece: bytes) -> bytes:
    if not piece:
        raise ConnectionResetError("the client stopped in the middle of a body")
    return piece


def parse_request(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    """Return a request whose path is still quoted, as object names may hold quoted slashes."""
    parts = urlsplit(target)
    queries = parse_qs(parts.query, keep_blank_values=True)
    query = {name: values[-1] for name, values in queries.items()}
    return Request(method, parts.path, query, headers, body, target=target, queries=queries)
