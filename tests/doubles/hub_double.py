"""A double of the Hugging Face Hub over HTTP, for the real client: give its `url` as HF_ENDPOINT.

It speaks what huggingface_hub 2.4, hf_xet, datasets and fsspec use to write and to read repositories: identity, repos,
branches, tags, preupload, uploads by LFS and by xet, commits, trees, paths, revisions, downloads with ranges. Pull
requests, discussions and squashing are not part of it. State and its rules are in `hub_store`, who may do what in
`hub_accounts`; here are the routes, each of them small.

HF_ENDPOINT is read when the client is imported: a test either passes `endpoint=` to `HfApi` or starts a subprocess.
With `xet=True` two processes must not upload at the same moment (see `xet_store`); threads of one process may.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, urlencode
from uuid import uuid4

import orjson
from http_double import FilePart, HttpDouble, Reply, Request, Route
from hub_accounts import Account, Accounts
from hub_card import check_card
from hub_store import (
    LARGEST_BLOB,
    LFS_SUFFIXES,
    AddBlob,
    AddObject,
    Change,
    Commit,
    DeleteFile,
    DeleteFolder,
    Entry,
    HubError,
    HubStore,
    Repo,
    no_entry,
    pointer_of,
)

_API, _WEB = r"/api/(model|dataset|space)s/([^/]+/[^/]+)", r"/(?:(dataset|space)s/)?([^/]+/[^/]+?)"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_MOST_PATHS = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request about a repository: `rest` holds what the route's pattern matched behind the repository's name."""

    request: Request
    repo: Repo
    account: Account | None
    rest: tuple[str, ...]

    @property
    def base(self) -> str:
        """Where the client believes the server to be: behind a proxy, the proxy."""
        return f"http://{self.request.headers['host']}"

    @property
    def author(self) -> str:
        return self.account.name if self.account else "nobody"


@dataclass(frozen=True, slots=True)
class Made:
    """A commit that came by HTTP."""

    repo: Repo
    branch: str
    commit: Commit


class HubDouble(HttpDouble):
    """The Hub at `url`.

    Attributes:
        store: the repositories, to look at and to change as somebody else would.
        accounts: who has which token.
        commits: the commits that came by HTTP, in order.
        xet: whether the routes for xet's tokens are there; a client that wants to upload by xet fails without them.
        verify: whether an upload by LFS ends with the client's word that it is there.
        page: greatest number of entries of one page of a listing, a twentieth of it where the listing is expanded.
    """

    serial: ClassVar[bool] = False
    streamed: ClassVar[re.Pattern[str]] = re.compile(r"PUT /lfs-objects/.*")

    def __init__(
        self,
        folder: Path,
        tokens: Mapping[str, Account],
        *,
        xet: bool = True,
        verify: bool = True,
        page: int = 1000,
        more_routes: Iterable[Route] = (),
    ) -> None:
        self.store = HubStore(folder)
        self.accounts = Accounts(dict(tokens))
        self.commits: list[Made] = []
        self.xet, self.verify, self.page = xet, verify, page
        self._announced: dict[str, tuple[Repo, str, int]] = {}
        self._more_routes = tuple(more_routes)
        super().__init__()

    @property
    def uploaded_bytes(self) -> int:
        """Bytes of large files that clients sent: bodies of LFS uploads, and what the xet store grew by."""
        return self.store.contents.received + self.store.xet.size

    def routes(self) -> Sequence[Route]:
        reads, writes = self._reads, self._writes
        return (
            *self._more_routes,
            ("GET", "/api/whoami-v2", self._whoami),
            ("POST", "/oauth/token", lambda request: Reply.of(self.accounts.exchange(request.json()))),
            ("POST", "/api/validate-yaml", _validate_yaml),
            ("POST", "/api/repos/create", self._create_repo),
            ("DELETE", "/api/repos/delete", self._delete_repo),
            ("GET", _API + "/auth-check", reads(lambda asked: Reply.of({}))),
            ("GET", _API + "/auth-check/write", writes(lambda asked: Reply.of({}))),
            ("PUT", _API + "/settings", writes(_settings)),
            ("GET", _API, reads(self._info)),
            ("GET", _API + "/revision/([^/]+)", reads(self._info)),
            ("GET", _API + "/refs", reads(_refs)),
            ("POST", _API + "/branch/([^/]+)", writes(self._create_branch)),
            ("DELETE", _API + "/branch/([^/]+)", writes(self._delete_branch)),
            ("POST", _API + "/tag/([^/]+)", writes(self._create_tag)),
            ("DELETE", _API + "/tag/([^/]+)", writes(self._delete_tag)),
            ("GET", _API + "/commits/([^/]+)", reads(self._commits)),
            ("GET", _API + "/tree/([^/]+)(?:/(.+))?", reads(self._tree)),
            ("POST", _API + "/paths-info/([^/]+)", reads(self._paths_info)),
            ("POST", _API + "/preupload/([^/]+)", writes(_preupload)),
            ("POST", _API + "/commit/([^/]+)", writes(self._commit)),
            ("GET", _API + "/xet-read-token/([^/]+)", reads(self._xet_token)),
            ("GET", _API + "/xet-write-token/([^/]+)", writes(self._xet_token)),
            ("POST", _API + "/lfs-files/duplicate", reads(self._duplicate)),
            ("POST", _WEB + r"\.git/info/lfs/objects/batch", writes(self._lfs_batch)),
            ("POST", _WEB + r"\.git/info/lfs/verify", writes(self._lfs_verify)),
            ("PUT", "/lfs-objects/([0-9a-f]+)", self._lfs_put),
            ("GET", _WEB + "/resolve/([^/]+)/(.+)", reads(self._resolve)),
            ("HEAD", _WEB + "/resolve/([^/]+)/(.+)", reads(self._resolve)),
        )

    def dispatch(self, request: Request) -> Reply:
        try:
            return super().dispatch(request)
        except HubError as error:
            return refuse(error)

    def unknown(self, request: Request) -> Reply:
        return refuse(HubError(404, f"The double does not know {request.method} {request.path}"))

    def _reads(self, handler: Callable[[Asked], Reply]) -> Callable[[Request], Reply]:
        return lambda request: handler(self._ask(request))

    def _writes(self, handler: Callable[[Asked], Reply]) -> Callable[[Request], Reply]:
        def handle(request: Request) -> Reply:
            asked = self._ask(request)
            if asked.account is None:
                raise HubError(401, "Invalid username or password.")
            if not asked.account.may_write(asked.repo):
                raise HubError(403, f"You have read access but not the required permissions for {asked.repo.name}")
            return handler(asked)

        return handle

    def _ask(self, request: Request) -> Asked:
        kind, name, *rest = request.match
        account = self.accounts.of(request.headers.get("authorization"))
        repo = self.store.repos.get((kind or "model", name))
        hidden = repo is None or (repo.private and not (account and account.may_read(repo)))
        if repo is None or hidden:
            # To strangers a private repository is the same as none.
            raise HubError(404 if account else 401, "Repository not found", "RepoNotFound")
        return Asked(request, repo, account, tuple(rest))

    def _known(self, request: Request) -> Account:
        account = self.accounts.of(request.headers.get("authorization"))
        if account is None:
            raise HubError(401, "Invalid username or password.")
        return account

    def _whoami(self, request: Request) -> Reply:
        account = self._known(request)
        orgs = [{"type": "org", "name": name, "fullname": name, "roleInOrg": account.role} for name in account.orgs]
        token = {"displayName": "token", "role": account.role}
        auth = {"type": "access_token", "accessToken": token}
        return Reply.of({"type": "user", "name": account.name, "fullname": account.name, "orgs": orgs, "auth": auth})

    def _create_repo(self, request: Request) -> Reply:
        account, wanted = self._known(request), request.json()
        kind, name = wanted.get("type") or "model", f"{wanted.get('organization') or account.name}/{wanted['name']}"
        namespace = name.partition("/")[0]
        if account.only or account.role != "write" or not account.member_of(namespace):
            raise HubError(403, f'You don\'t have the rights to create a {kind} under the namespace "{namespace}"')
        url = f"http://{request.headers['host']}/{_prefix(kind)}{name}"
        private = wanted.get("visibility") == "private" or wanted.get("private") is True
        try:
            self.store.create_repo(kind, name, private=private, author=account.name)
        except HubError as error:
            error.extra["url"] = url
            raise
        return Reply.of({"url": url, "name": name, "id": _identity(kind, name)})

    def _delete_repo(self, request: Request) -> Reply:
        account, wanted = self._known(request), request.json()
        kind, name = wanted.get("type") or "model", f"{wanted.get('organization') or account.name}/{wanted['name']}"
        repo = self.store.repos.get((kind, name))
        if repo is None or not account.may_read(repo):
            raise HubError(404, "Repository not found", "RepoNotFound")
        if account.only or not account.may_write(repo):
            raise HubError(403, f"You cannot delete {name}")
        del self.store.repos[kind, name]
        return Reply.of({})

    def _info(self, asked: Asked) -> Reply:
        repo, request = asked.repo, asked.request
        commit = repo.resolve(asked.rest[0] if asked.rest else "main")
        info = {
            "_id": _identity(repo.kind, repo.name),
            "id": repo.name,
            "author": repo.namespace,
            "sha": commit.id,
            "lastModified": commit.date,
            "createdAt": repo.created,
            "private": repo.private,
            "gated": repo.gated,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "usedStorage": sum(entry.size for entry in commit.files.values()),
            "siblings": [_sibling(path, entry, request) for path, entry in sorted(commit.files.items())],
        }
        wanted = {*request.queries.get("expand", ()), *request.queries.get("expand[]", ())}
        return Reply.of({key: value for key, value in info.items() if key in {"_id", "id", *(wanted or info)}})

    def _create_branch(self, asked: Asked) -> Reply:
        self.store.create_branch(asked.repo, asked.rest[0], asked.request.json().get("startingPoint"))
        return Reply.of({})

    def _delete_branch(self, asked: Asked) -> Reply:
        self.store.delete_branch(asked.repo, asked.rest[0])
        return Reply.of({})

    def _create_tag(self, asked: Asked) -> Reply:
        self.store.create_tag(asked.repo, asked.request.json()["tag"], asked.rest[0])
        return Reply.of({})

    def _delete_tag(self, asked: Asked) -> Reply:
        self.store.delete_tag(asked.repo, asked.rest[0])
        return Reply.of({})

    def _commits(self, asked: Asked) -> Reply:
        history = list(asked.repo.history(asked.repo.resolve(asked.rest[0])))
        return self._paged(asked, history, self.page // 20, _commit_line)

    def _tree(self, asked: Asked) -> Reply:
        commit, folder = asked.repo.resolve(asked.rest[0]), asked.rest[1].strip("/")
        recursive, expand = (asked.request.query.get(name, "").lower() == "true" for name in ("recursive", "expand"))
        entries = list_tree(commit, folder, recursive=recursive)
        if not entries and folder:
            raise no_entry(f"{folder} does not exist on {asked.rest[0]!r}")
        size = self.page // 20 if expand else self.page
        return self._paged(asked, entries, size, lambda path: self._about(asked.repo, commit, path, expand=expand))

    def _paths_info(self, asked: Asked) -> Reply:
        commit, form = asked.repo.resolve(asked.rest[0]), asked.request.form()
        paths = form.get("paths", ())
        if len(paths) > _MOST_PATHS:
            raise HubError(413, "too many parameters")
        expand = form.get("expand", ["false"])[-1].lower() == "true"
        folders = {folder for path in commit.files for folder in _folders(path)}
        found = [path for path in dict.fromkeys(paths) if path in commit.files or path in folders]
        return Reply.of([self._about(asked.repo, commit, path, expand=expand) for path in found])

    def _about(self, repo: Repo, commit: Commit, path: str, *, expand: bool) -> dict[str, Any]:
        """Describe a file or a folder of a commit."""
        entry = commit.files.get(path)
        about: dict[str, Any] = _folder_line(commit, path) if entry is None else _file_line(path, entry)
        if entry and entry.sha256 and (file := self.store.xet.find(entry.sha256)):
            about["xetHash"] = file.hash
        if expand:
            last = repo.log[max(commit.touched[each] for each in _within(commit, path))]
            about["lastCommit"] = {"id": last.id, "title": last.title, "date": last.date}
        return about

    def _paged(self, asked: Asked, items: Sequence[Any], size: int, line: Callable[[Any], Any]) -> Reply:
        size, start = max(size, 1), int(asked.request.query.get("cursor", 0))
        headers = {}
        if start + size < len(items):
            query = urlencode({**asked.request.query, "cursor": start + size})
            headers["Link"] = f'<{asked.base}{asked.request.path}?{query}>; rel="next"'
        return Reply.of([line(item) for item in items[start : start + size]], headers=headers)

    def _commit(self, asked: Asked) -> Reply:
        if asked.request.query.get("create_pr"):
            raise HubError(400, "Pull requests are not part of the double.")
        head, *changes = [orjson.loads(line) for line in asked.request.body.splitlines() if line.strip()]
        branch, said = asked.rest[0], head["value"]
        commit = self.store.commit(
            asked.repo,
            [_change(change["key"], change["value"]) for change in changes],
            said["summary"],
            branch=branch,
            description=said.get("description", ""),
            author=asked.author,
            parent=said.get("parentCommit"),
        )
        self.commits.append(Made(asked.repo, branch, commit))
        url = f"{asked.base}/{_prefix(asked.repo.kind)}{asked.repo.name}/commit/{commit.id}"
        return Reply.of({"success": True, "commitOid": commit.id, "commitUrl": url, "hookOutput": ""})

    def _xet_token(self, asked: Asked) -> Reply:
        if not self.xet:
            raise HubError(404, "There is no xet here.")
        asked.repo.resolve(asked.rest[0])
        token, expires = uuid4().hex, int(time.time()) + 3600
        url = self.store.xet.url
        headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(expires)}
        return Reply.of({"casUrl": url, "accessToken": token, "exp": expires}, headers=headers)

    def _duplicate(self, asked: Asked) -> Reply:
        """Give another repository the use of objects: a copy between repositories starts with this."""
        wanted = asked.request.json()
        target = self.store.repos.get((wanted["target"]["type"], wanted["target"]["name"]))
        if target is None or asked.account is None or not asked.account.may_write(target):
            raise HubError(404, "Repository not found", "RepoNotFound")
        oids = [file["sha256"] for file in wanted["files"]]
        missing = [oid for oid in oids if self.store.contents.size_of(asked.repo, oid) is None]
        target.objects |= {oid for oid in oids if oid in asked.repo.objects}
        return Reply.of({"failed": [{"sha256": oid, "error": "no such object"} for oid in missing]})

    def _lfs_batch(self, asked: Asked) -> Reply:
        wanted = asked.request.json()
        if wanted.get("operation") != "upload":
            raise HubError(400, "Only uploads are part of the double.")
        return Reply.of({"transfer": "basic", "objects": [self._upload(asked, each) for each in wanted["objects"]]})

    def _upload(self, asked: Asked, wanted: Mapping[str, Any]) -> dict[str, Any]:
        oid, size = wanted["oid"], wanted["size"]
        if self.store.contents.size_of(asked.repo, oid) is not None:
            return {"oid": oid, "size": size}
        # As with the Hub's storage, it is the address that gives the right to write there, once.
        place = uuid4().hex
        self._announced[place] = (asked.repo, oid, size)
        actions = {"upload": {"href": f"{asked.base}/lfs-objects/{place}"}}
        if self.verify:
            repo = asked.repo
            actions["verify"] = {"href": f"{asked.base}/{_prefix(repo.kind)}{repo.name}.git/info/lfs/verify"}
        return {"oid": oid, "size": size, "authenticated": True, "actions": actions}

    def _lfs_put(self, request: Request) -> Reply:
        if request.match[0] not in self._announced:
            raise HubError(403, "This address is not signed.")
        repo, oid, size = self._announced[request.match[0]]
        self.store.contents.receive(request.stream, oid, size)
        if not self.verify:
            repo.objects.add(oid)
        return Reply(200, headers={"ETag": f'"{oid}"'})

    def _lfs_verify(self, asked: Asked) -> Reply:
        said = asked.request.json()
        if not self.store.contents.has(said["oid"]):
            raise HubError(404, f"Object {said['oid']} was not uploaded.")
        asked.repo.objects.add(said["oid"])
        return Reply.of({})

    def _resolve(self, asked: Asked) -> Reply:
        revision, path = asked.rest
        commit = asked.repo.resolve(revision)
        entry = commit.files.get(path)
        if entry is None:
            missing = refuse(no_entry(f"{path} does not exist on {revision!r}"))
            return Reply(404, missing.body, {**missing.headers, "X-Repo-Commit": commit.id})
        headers = {"X-Repo-Commit": commit.id, "ETag": f'"{entry.etag}"', "Accept-Ranges": "bytes"}
        if entry.sha256:
            headers |= {"X-Linked-Etag": f'"{entry.sha256}"', "X-Linked-Size": str(entry.size)}
            headers |= self._xet_headers(asked, commit, entry.sha256)
        # A HEAD must not put a file of the xet store together.
        place = self.store.contents.path_of(entry) if asked.request.method == "GET" else Path()
        return _ranged(FilePart(place, 0, entry.size), asked.request.headers.get("range", ""), headers)

    def _xet_headers(self, asked: Asked, commit: Commit, sha256: str) -> dict[str, str]:
        file = self.store.xet.find(sha256) if self.xet else None
        if file is None:
            return {}
        route = f"{asked.base}/api/{asked.repo.kind}s/{asked.repo.name}/xet-read-token/{commit.id}"
        return {"X-Xet-Hash": file.hash, "X-Xet-Refresh-Route": route, "Link": f'<{route}>; rel="xet-auth"'}


def refuse(error: HubError) -> Reply:
    """Return an error as the Hub words it."""
    # A header holds no line ends and no letters beyond Latin-1.
    headers = {"X-Error-Message": quote(error.message, safe=" !\"#$&'()*+,-./:;<=>?@[]^_`{|}~")}
    if error.code:
        headers["X-Error-Code"] = error.code
    return Reply.of({"error": error.message, **error.extra}, error.status, headers)


def list_tree(commit: Commit, folder: str, *, recursive: bool) -> list[str]:
    """Return the sorted paths of files and folders in a folder of a commit."""
    prefix = f"{folder}/" if folder else ""
    found = set()
    for path in commit.files:
        if path.startswith(prefix):
            inner = [each for each in (*_folders(path), path) if len(each) > len(prefix) and each != folder]
            found.update(inner if recursive else inner[:1])
    return sorted(found)


def _folders(path: str) -> Iterator[str]:
    """Yield the folders that a path is in, the outermost first."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        yield "/".join(parts[:count])


def _within(commit: Commit, path: str) -> list[str]:
    """Return a file, or the files in a folder."""
    return [path] if path in commit.files else [each for each in commit.files if each.startswith(f"{path}/")]


def _file_line(path: str, entry: Entry) -> dict[str, Any]:
    line: dict[str, Any] = {"type": "file", "path": path, "size": entry.size, "oid": entry.oid}
    if entry.sha256:
        pointer = len(pointer_of(entry.sha256, entry.size))
        line["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": pointer}
    return line


def _folder_line(commit: Commit, path: str) -> dict[str, Any]:
    inside = "".join(f"{each} {commit.files[each].oid}\n" for each in sorted(_within(commit, path)))
    return {"type": "directory", "path": path, "size": 0, "oid": hashlib.sha1(inside.encode()).hexdigest()}


def _sibling(path: str, entry: Entry, request: Request) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": path}
    if request.query.get("blobs", "").lower() == "true":
        sibling |= {"size": entry.size, "blobId": entry.oid}
        if entry.sha256:
            pointer = len(pointer_of(entry.sha256, entry.size))
            sibling["lfs"] = {"size": entry.size, "sha256": entry.sha256, "pointerSize": pointer}
    return sibling


def _commit_line(commit: Commit) -> dict[str, Any]:
    authors = [{"user": commit.author, "avatar": ""}]
    line = {"id": commit.id, "title": commit.title, "message": commit.description}
    return {**line, "authors": authors, "date": commit.date}


def _refs(asked: Asked) -> Reply:
    def lines(kind: str, names: Mapping[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid} for name, oid in names.items()]

    refs: dict[str, Any] = {"branches": lines("heads", asked.repo.branches), "tags": lines("tags", asked.repo.tags)}
    return Reply.of({**refs, "converts": [], "pullRequests": []})


def _settings(asked: Asked) -> Reply:
    said = asked.request.json()
    if "visibility" in said:
        asked.repo.private = said["visibility"] == "private"
    if "gated" in said:
        asked.repo.gated = said["gated"]
    return Reply.of({"private": asked.repo.private, "gated": asked.repo.gated})


def _validate_yaml(request: Request) -> Reply:
    errors, warnings = check_card(request.json()["content"])
    said = {"errors": [{"message": each} for each in errors], "warnings": [{"message": each} for each in warnings]}
    return Reply.of(said, 400 if errors else 200)


def _preupload(asked: Asked) -> Reply:
    """Say for each file whether it goes into LFS, and what is there under its name, so that nothing is sent twice."""
    commit = asked.repo.resolve(asked.rest[0])
    lines = []
    for file in asked.request.json()["files"]:
        line = {"path": file["path"], "uploadMode": _mode(file), "shouldIgnore": False}
        entry = commit.files.get(file["path"])
        lines.append({**line, "oid": entry.etag} if entry else line)
    return Reply.of({"files": lines, "commitOid": commit.id})


def _mode(file: Mapping[str, Any]) -> str:
    if file["path"].endswith(LFS_SUFFIXES) or file["size"] > LARGEST_BLOB:
        return "lfs"
    sample = base64.b64decode(file["sample"])
    try:
        # The sample may end within a letter.
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "lfs"
    return "lfs" if b"\0" in sample else "regular"


def _change(key: str, value: Mapping[str, Any]) -> Change:
    path = value["path"]
    if key == "file":
        encoded = value.get("encoding") == "base64"
        return AddBlob(path, base64.b64decode(value["content"]) if encoded else value["content"].encode())
    if key == "lfsFile":
        return AddObject(path, value["oid"], value.get("size"))
    if key == "deletedFile":
        return DeleteFile(path)
    if key == "deletedFolder":
        return DeleteFolder(path)
    raise HubError(400, f"Unknown operation {key!r}")


def _ranged(whole: FilePart, wanted: str, headers: Mapping[str, str]) -> Reply:
    size, match = whole.length, _RANGE.fullmatch(wanted)
    if match is None or match.groups() == ("", ""):
        return Reply(200, whole, headers)
    first = int(match[1]) if match[1] else max(size - int(match[2]), 0)
    last = min(int(match[2]) if match[1] and match[2] else size - 1, size - 1)
    if first > last:
        return Reply(416, b"", {**headers, "Content-Range": f"bytes */{size}"})
    ranged = {**headers, "Content-Range": f"bytes {first}-{last}/{size}"}
    return Reply(206, FilePart(whole.path, first, last - first + 1), ranged)


def _prefix(kind: str) -> str:
    return "" if kind == "model" else f"{kind}s/"


def _identity(kind: str, name: str) -> str:
    return hashlib.sha1(f"{kind} {name}".encode()).hexdigest()[:24]
