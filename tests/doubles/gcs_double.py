"""A double of Google Cloud Storage's JSON API: buckets and objects in memory, with generations.

It knows what google-cloud-storage and gcsfs use: media, multipart and resumable uploads, downloads with ranges,
listings with prefix, delimiter and pages, delete, rewrite, move, compose, batches, preconditions on generations.
"""

from __future__ import annotations

import base64
import email
import email.policy
import fnmatch
import hashlib
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import google_crc32c
import orjson
from http_double import HttpDouble, Reply, Request, Route, parse_request

_BUCKET, _OBJECT = r"/storage/v1/b/([^/]+)", r"/storage/v1/b/([^/]+)/o/([^/]+)"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(frozen=True)
class Blob:
    """One generation of an object; `described` is what the client says about it."""

    data: bytes
    generation: int
    described: Mapping[str, Any]
    metageneration: int = 1
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat().replace("+00:00", "Z"))


@dataclass
class _Upload:
    bucket: str
    name: str
    described: Mapping[str, Any]
    query: Mapping[str, str]
    data: bytearray = field(default_factory=bytearray)


class GcsDouble(HttpDouble):
    """The JSON API at `url`; give that to clients as `STORAGE_EMULATOR_HOST`.

    Attributes:
        buckets: objects by name, by bucket.
        page: greatest number of entries of one page of a listing.
    """

    def __init__(self, *buckets: str, page: int = 1000) -> None:
        self.buckets: dict[str, dict[str, Blob]] = {name: {} for name in buckets}
        self.page = page
        self._generations = itertools.count(1_700_000_000_000_001)
        self._uploads: dict[str, _Upload] = {}
        super().__init__()

    def put(self, bucket: str, name: str, data: bytes) -> None:
        """Put an object there, as somebody else would."""
        self.buckets[bucket][name] = Blob(data, next(self._generations), {})

    def routes(self) -> Sequence[Route]:
        upload = r"/(?:resumable/)?upload/storage/v1/b/([^/]+)/o"
        return (
            ("GET", r"/storage/v1/b", self._list_buckets),
            ("POST", r"/storage/v1/b", self._make_bucket),
            ("GET", _BUCKET, self._bucket),
            ("DELETE", _BUCKET, self._delete_bucket),
            ("GET", _BUCKET + "/storageLayout", self._layout),
            ("GET", _BUCKET + "/o", self._list),
            ("GET", _OBJECT, self._get),
            ("GET", "/download" + _OBJECT, self._get),
            ("DELETE", _OBJECT, self._delete),
            ("PATCH", _OBJECT, self._patch),
            ("POST", _OBJECT + r"/(?:rewriteTo|copyTo)/b/([^/]+)/o/([^/]+)", self._copy),
            ("POST", _OBJECT + r"/moveTo/o/([^/]+)", self._move),
            ("POST", _OBJECT + "/compose", self._compose),
            ("POST", upload, self._upload),
            ("PUT", upload, self._continue),
            ("DELETE", upload, self._abort),
            ("POST", r"/batch/storage/v1", self._batch),
        )

    def _bucket(self, request: Request) -> Reply:
        (bucket,) = request.match
        return Reply.of(_about_bucket(bucket)) if bucket in self.buckets else _no_bucket()

    def _layout(self, request: Request) -> Reply:
        (bucket,) = request.match
        layout = {"kind": "storage#storageLayout", "bucket": bucket, "location": "US", "locationType": "region"}
        return Reply.of(layout) if bucket in self.buckets else _no_bucket()

    def _list_buckets(self, request: Request) -> Reply:
        return Reply.of({"kind": "storage#buckets", "items": [_about_bucket(name) for name in sorted(self.buckets)]})

    def _make_bucket(self, request: Request) -> Reply:
        name = request.json()["name"]
        if name in self.buckets:
            return Reply.error(409, "You already own this bucket.")
        self.buckets[name] = {}
        return Reply.of(_about_bucket(name))

    def _delete_bucket(self, request: Request) -> Reply:
        (bucket,) = request.match
        if self.buckets.get(bucket):
            return Reply.error(409, "The bucket you tried to delete is not empty.")
        return Reply(204) if self.buckets.pop(bucket, None) is not None else _no_bucket()

    def _list(self, request: Request) -> Reply:
        (bucket,), query = request.match, request.query
        if bucket not in self.buckets:
            return _no_bucket()
        names, prefixes = self._matching(bucket, query)
        entries = sorted([*names, *prefixes])
        start = int(query.get("pageToken") or 0)
        stop = start + min(int(query.get("maxResults") or self.page), self.page)
        shown, prefix_set = entries[start:stop], set(prefixes)
        value: dict[str, Any] = {"kind": "storage#objects"}
        value["items"] = [self._about(bucket, name) for name in shown if name in set(names) - (prefix_set - set(names))]
        value["prefixes"] = [name for name in shown if name in prefix_set]
        if stop < len(entries):
            value["nextPageToken"] = str(stop)
        return Reply.of(value)

    def _matching(self, bucket: str, query: Mapping[str, str]) -> tuple[list[str], list[str]]:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        first, end, pattern = query.get("startOffset", ""), query.get("endOffset", ""), query.get("matchGlob", "")
        names, prefixes = [], set()
        for name in sorted(self.buckets[bucket]):
            if not name.startswith(prefix) or name < first or (end and name >= end):
                continue
            if pattern and not fnmatch.fnmatchcase(name, pattern):
                continue
            head, found, rest = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
            if found:
                prefixes.add(prefix + head + delimiter)
            if not found or (not rest and query.get("includeTrailingDelimiter") == "true"):
                names.append(name)
        return names, sorted(prefixes)

    def _get(self, request: Request) -> Reply:
        bucket, name = request.match
        blob = self._find(bucket, name, request.query)
        if blob is None:
            return _no_object(bucket, name)
        # A read whose generation is the one the client has is answered by 304, which has no body.
        if refused := _refusal(blob, request.query, reading=True):
            return refused
        if request.query.get("alt") != "media":
            return Reply.of(self._about(bucket, name))
        return _media(blob, request.headers.get("range", ""))

    def _find(self, bucket: str, name: str, query: Mapping[str, str]) -> Blob | None:
        blob = self.buckets.get(bucket, {}).get(name)
        wanted = query.get("generation")
        return None if blob is None or (wanted and int(wanted) != blob.generation) else blob

    def _delete(self, request: Request) -> Reply:
        bucket, name = request.match
        blob = self._find(bucket, name, request.query)
        if blob is None:
            return _no_object(bucket, name)
        if refused := _refusal(blob, request.query):
            return refused
        del self.buckets[bucket][name]
        return Reply(204)

    def _patch(self, request: Request) -> Reply:
        bucket, name = request.match
        blob = self._find(bucket, name, request.query)
        if blob is None:
            return _no_object(bucket, name)
        if refused := _refusal(blob, request.query):
            return refused
        described = {**blob.described, **request.json()}
        self.buckets[bucket][name] = Blob(blob.data, blob.generation, described, blob.metageneration + 1, blob.created)
        return Reply.of(self._about(bucket, name))

    def _copy(self, request: Request) -> Reply:
        bucket, name, to_bucket, to_name = request.match
        query = request.query
        blob = self._find(bucket, name, {"generation": query.get("sourceGeneration", "")})
        if blob is None:
            return _no_object(bucket, name)
        if refused := _refusal(blob, _of_source(query)):
            return refused
        reply = self._store(to_bucket, to_name, blob.data, {**blob.described, **request.json()}, query)
        if reply.status != 200 or "copyTo" in request.path:
            return reply
        size = str(len(blob.data))
        done = {"kind": "storage#rewriteResponse", "done": True, "totalBytesRewritten": size, "objectSize": size}
        return Reply.of({**done, "resource": orjson.loads(reply.body)})

    def _move(self, request: Request) -> Reply:
        bucket, name, to_name = request.match
        blob = self._find(bucket, name, {})
        if blob is None:
            return _no_object(bucket, name)
        if refused := _refusal(blob, _of_source(request.query)):
            return refused
        reply = self._store(bucket, to_name, blob.data, blob.described, request.query)
        if reply.status == 200:
            del self.buckets[bucket][name]
        return reply

    def _compose(self, request: Request) -> Reply:
        bucket, name = request.match
        asked = request.json()
        parts = [(each["name"], self._find(bucket, each["name"], {})) for each in asked["sourceObjects"]]
        if missing := [part for part, blob in parts if blob is None]:
            return _no_object(bucket, missing[0])
        data = b"".join(blob.data for _, blob in parts if blob is not None)
        return self._store(bucket, name, data, asked.get("destination", {}), request.query)

    def _upload(self, request: Request) -> Reply:
        (bucket,), query = request.match, request.query
        if bucket not in self.buckets:
            return _no_bucket()
        if "upload_id" in query:
            # gcsfs goes on with POST, where the documentation and the other client say PUT.
            return self._continue(request)
        kind = query.get("uploadType")
        if kind == "multipart":
            described, data = _related(request)
            return self._store(bucket, query.get("name") or described["name"], data, described, query)
        if kind == "media":
            described = {"contentType": request.headers.get("content-type", "application/octet-stream")}
            return self._store(bucket, query["name"], request.body, described, query)
        described = request.json()
        described.setdefault("contentType", request.headers.get("x-upload-content-type", "application/octet-stream"))
        identity = f"upload-{next(self._generations)}"
        name = query.get("name") or described["name"]
        self._uploads[identity] = _Upload(bucket, name, described, query)
        place = f"{self.url}/upload/storage/v1/b/{quote(bucket)}/o?uploadType=resumable&upload_id={identity}"
        return Reply(200, b"", {"Location": place, "X-GUploader-UploadID": identity})

    def _continue(self, request: Request) -> Reply:
        upload = self._uploads.get(request.query.get("upload_id", ""))
        if upload is None:
            return Reply.error(404, "There is no such upload.")
        match = _CONTENT_RANGE.fullmatch(request.headers.get("content-range", ""))
        start, total = (int(match[1] or len(upload.data)), match[3]) if match else (0, str(len(request.body)))
        if start > len(upload.data):
            return Reply.error(503, "The bytes before these are missing.")
        # What is sent twice is taken once.
        upload.data += request.body[len(upload.data) - start :]
        if total == "*" or len(upload.data) < int(total):
            held = {"Range": f"bytes=0-{len(upload.data) - 1}"} if upload.data else {}
            return Reply(308, b"", held)
        del self._uploads[request.query["upload_id"]]
        return self._store(upload.bucket, upload.name, bytes(upload.data), upload.described, upload.query)

    def _abort(self, request: Request) -> Reply:
        self._uploads.pop(request.query.get("upload_id", ""), None)
        return Reply(499)

    def _store(
        self, bucket: str, name: str, data: bytes, described: Mapping[str, Any], query: Mapping[str, str]
    ) -> Reply:
        if bucket not in self.buckets:
            return _no_bucket()
        if refused := _refusal(self.buckets[bucket].get(name), query):
            return refused
        known = {key: value for key, value in described.items() if key in ("contentType", "metadata", "cacheControl")}
        self.buckets[bucket][name] = Blob(data, next(self._generations), known)
        about = self._about(bucket, name)
        for digest in ("md5Hash", "crc32c"):
            if described.get(digest, about[digest]) != about[digest]:
                del self.buckets[bucket][name]
                return Reply.error(400, f"Provided {digest} does not match calculated {digest}.")
        return Reply.of(about)

    def _batch(self, request: Request) -> Reply:
        boundary = "batch_of_the_double"
        answers = []
        for part in _parts(request):
            head, _, rest = part.get_payload(decode=True).partition(b"\r\n")
            inner = email.message_from_bytes(rest, policy=email.policy.HTTP)
            method, target, *_ = head.decode().split(" ")
            body = inner.get_payload(decode=True) or b""
            headers = {name.lower(): value for name, value in inner.items()}
            target = re.sub(r"^https?://[^/]+", "", target)
            reply = self.dispatch(parse_request(method, target, headers, body))
            number = part.get("Content-ID", "<0>").strip("<>")
            answers.append(
                b"--%b\r\nContent-Type: application/http\r\nContent-ID: <response-%b>\r\n\r\n"
                b"HTTP/1.1 %d Double\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b\r\n"
                % (boundary.encode(), number.encode(), reply.status, len(reply.body), reply.body)
            )
        closing = b"--%b--\r\n" % boundary.encode()
        return Reply(200, b"".join(answers) + closing, {"Content-Type": f"multipart/mixed; boundary={boundary}"})

    def _about(self, bucket: str, name: str) -> dict[str, Any]:
        blob = self.buckets[bucket][name]
        return {
            "contentType": "application/octet-stream",
            **blob.described,
            "kind": "storage#object",
            "id": f"{bucket}/{name}/{blob.generation}",
            "selfLink": f"{self.url}/storage/v1/b/{bucket}/o/{quote(name, safe='')}",
            "mediaLink": f"{self.url}/download/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media",
            "bucket": bucket,
            "name": name,
            "generation": str(blob.generation),
            "metageneration": str(blob.metageneration),
            "size": str(len(blob.data)),
            "md5Hash": base64.b64encode(hashlib.md5(blob.data).digest()).decode(),
            "crc32c": _crc32c(blob.data),
            "etag": f"{blob.generation}/{blob.metageneration}",
            "timeCreated": blob.created,
            "updated": blob.created,
            "storageClass": "STANDARD",
        }


def _about_bucket(name: str) -> dict[str, Any]:
    about = {"kind": "storage#bucket", "id": name, "name": name, "location": "US-CENTRAL1", "projectNumber": "1"}
    return {**about, "storageClass": "STANDARD", "softDeletePolicy": {"retentionDurationSeconds": "0"}}


def _crc32c(data: bytes) -> str:
    return base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()


def _no_bucket() -> Reply:
    return Reply.error(404, "The specified bucket does not exist.")


def _no_object(bucket: str, name: str) -> Reply:
    return Reply.error(404, f"No such object: {bucket}/{name}")


_TESTS: Mapping[str, Callable[[Blob | None, int], bool]] = {
    # Generation 0 means that there is no object.
    "ifGenerationMatch": lambda blob, value: (blob.generation if blob else 0) == value,
    "ifGenerationNotMatch": lambda blob, value: (blob.generation if blob else 0) != value,
    "ifMetagenerationMatch": lambda blob, value: blob is not None and blob.metageneration == value,
    "ifMetagenerationNotMatch": lambda blob, value: blob is None or blob.metageneration != value,
}


def _of_source(query: Mapping[str, str]) -> dict[str, str]:
    return {key.replace("Source", ""): value for key, value in query.items() if key.startswith("ifSource")}


def _refusal(blob: Blob | None, query: Mapping[str, str], *, reading: bool = False) -> Reply | None:
    for name, test in _TESTS.items():
        if name in query and not test(blob, int(query[name])):
            unchanged = reading and name.endswith("NotMatch")
            return Reply(304) if unchanged else Reply.error(412, "At least one of the pre-conditions did not hold.")
    return None


def _media(blob: Blob, wanted: str) -> Reply:
    size = len(blob.data)
    headers = {
        "Content-Type": "application/octet-stream",
        "X-Goog-Generation": str(blob.generation),
        "X-Goog-Hash": f"crc32c={_crc32c(blob.data)}",
        "X-Goog-Stored-Content-Length": str(size),
        "X-Goog-Stored-Content-Encoding": "identity",
        "ETag": f'"{blob.generation}"',
    }
    match = _RANGE.fullmatch(wanted)
    if match is None:
        return Reply(200, blob.data, headers)
    first = int(match[1]) if match[1] else max(size - int(match[2]), 0)
    last = min(int(match[2]) if match[1] and match[2] else size - 1, size - 1)
    if first >= size:
        return Reply(416, b"", {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Reply(206, blob.data[first : last + 1], headers)


def _parts(request: Request) -> list[Any]:
    head = f"Content-Type: {request.headers['content-type']}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    return list(email.message_from_bytes(head + request.body, policy=email.policy.HTTP).iter_parts())


def _related(request: Request) -> tuple[Mapping[str, Any], bytes]:
    """Return the description and the bytes of a multipart upload, cut by hand: bytes are no text."""
    boundary = re.search(r"boundary=[\"']?([^\"';]+)", request.headers["content-type"])
    assert boundary is not None
    _, first, second, *_ = request.body.split(b"--" + boundary[1].encode())
    described = first.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1]
    _, gap, data = second.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not gap:
        _, gap, data = second.lstrip(b"\n").partition(b"\n\n")
    return orjson.loads(described), data.removesuffix(b"\r\n") if b"\r\n" in gap else data.removesuffix(b"\n")
