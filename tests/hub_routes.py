"""What the test Hub answers: one function for each kind of request."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

import yaml
from hub_store import EVER, Blob, HubError, PullRequest, Repository, is_lfs

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub_server import Hub

USER = "tester"
TOKEN = "hf_fake-secret"  # noqa: S105  it opens nothing but the test Hub
KINDS = {"models": "model", "datasets": "dataset", "spaces": "space", "": "model"}


@dataclass(frozen=True)
class Call:
    """A request as a route sees it."""

    hub: Hub
    method: str
    body: bytes
    query: dict[str, list[str]]
    headers: dict[str, str]
    """By lower-case name."""
    parts: dict[str, str]
    """The named parts of the path, unquoted; empty where one is missing."""

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body or b"{}")

    @property
    def repository(self) -> Repository:
        """The repository that the path names; as on the Hub, strangers get 401 for none."""
        found = self.hub.repositories.get((KINDS[self.parts["kind"]], self.parts["name"]))
        if found is None:
            status = 404 if "authorization" in self.headers else 401
            raise HubError(status, "RepoNotFound", "Repository not found")
        return found

    @property
    def revision(self) -> str:
        """The revision that the path names; `main` without one."""
        return self.parts.get("revision") or "main"


@dataclass(frozen=True)
class Reply:
    """An answer that is more than JSON with status 200."""

    body: bytes | dict[str, Any] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Answer = Reply | dict[str, Any] | list[dict[str, Any]]
ROUTES: list[tuple[str, re.Pattern[str], Callable[[Call], Answer]]] = []
NAME = r"(?P<name>[^/]+/[^/]+)"
API = rf"/api/(?P<kind>models|datasets|spaces)/{NAME}"
GIT = rf"/(?:(?P<kind>datasets|spaces)/)?{NAME}"
REVISION = r"(?P<revision>refs%2F[^/]+|refs/(?:pr|convert)/[^/]+|[^/]+)"


def route(methods: str, pattern: str) -> Callable[[Callable[[Call], Answer]], Any]:
    """Register a function for the paths that match; its name is the kind of request."""

    def register(function: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        ROUTES.append((methods, re.compile(pattern), function))
        return function

    return register


@route("GET", r"/api/whoami-v2")
def whoami(call: Call) -> Answer:
    if call.headers.get("authorization") != f"Bearer {TOKEN}":
        raise HubError(401, "", "Invalid credentials in Authorization header")
    role = {"accessToken": {"role": "write"}}
    return {"type": "user", "id": "0", "name": USER, "fullname": USER, "orgs": [], "auth": role}


@route("POST", r"/api/repos/create")
def create(call: Call) -> Answer:
    wanted = call.json
    kind, name = wanted.get("type") or "model", f"{wanted.get('organization') or USER}/"
    name += wanted["name"]
    url = f"{call.hub.url}/{'' if kind == 'model' else kind + 's/'}{name}"
    if (kind, name) in call.hub.repositories:
        return Reply({"error": "You already created this repo", "url": url}, 409)
    if kind == "space" and wanted.get("sdk") not in {"static", "docker", "gradio"}:
        raise HubError(400, "", "a Space needs an sdk")
    call.hub.repositories[kind, name] = Repository(kind, name, sdk=wanted.get("sdk"))
    return {"url": url, "name": name, "id": name}


@route("POST", r"/api/validate-yaml")
def validate(call: Call) -> Answer:
    """Refuse a head that is no YAML and a `model-index` of another form; warn of no head."""
    head = re.match(r"\s*---\r?\n(.*?)^---", call.json["content"], re.DOTALL | re.MULTILINE)
    if head is None:
        said = {"message": "empty or missing yaml metadata in repo card"}
        return {"errors": [], "warnings": [said]}
    try:
        index = (yaml.safe_load(head[1]) or {}).get("model-index") or []
        for result in (result for element in index for result in element["results"]):
            assert isinstance(result["task"]["type"], str)
            assert isinstance(result["dataset"]["type"] + result["dataset"]["name"], str)
            assert all(isinstance(metric["type"], str) for metric in result["metrics"])
            assert all("value" in metric for metric in result["metrics"])
    except (yaml.YAMLError, AssertionError, AttributeError, KeyError, TypeError) as error:
        said = {"message": f"metadata is not valid: {error!r}"}
        return Reply({"error": "invalid", "errors": [said], "warnings": []}, 400)
    return {"errors": [], "warnings": []}


@route("POST", rf"{API}/preupload/(?P<revision>.+)")
def preupload(call: Call) -> Answer:
    files = call.repository.files(call.revision)
    modes = []
    for wanted in call.json["files"]:
        path = wanted["path"]
        mode = "lfs" if is_lfs(path, wanted["size"]) else "regular"
        old = files[path].oid if path in files else None
        modes.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": old})
    return {"files": modes}


@route("POST", rf"{GIT}\.git/info/lfs/objects/batch")
def lfs_batch(call: Call) -> Answer:
    assert call.repository
    objects = []
    for wanted in call.json["objects"]:
        oid = wanted["oid"]
        upload = {"actions": {"upload": {"href": f"{call.hub.url}/_lfs/{oid}"}}}
        known = oid in call.hub.uploads
        objects.append({"oid": oid, "size": wanted["size"], **({} if known else upload)})
    kind = {"Content-Type": "application/vnd.git-lfs+json"}
    return Reply({"transfer": "basic", "objects": objects}, headers=kind)


@route("PUT", r"/_lfs/(?P<oid>[0-9a-f]{64})")
def lfs_upload(call: Call) -> Answer:
    blob = Blob(call.body, lfs=True)
    if blob.sha256 != call.parts["oid"]:
        raise HubError(400, "", "the content is not what its name says")
    call.hub.uploads[blob.sha256] = blob
    return {}


@route("POST", rf"{API}/commit/(?P<revision>.+)")
def commit(call: Call) -> Answer:
    repository, revision = call.repository, call.revision
    operations = [json.loads(line) for line in call.body.splitlines() if line]
    sha, title = repository.commit(revision, operations, call.hub.uploads)
    section = "" if repository.kind == "model" else f"{repository.kind}s/"
    url = f"{call.hub.url}/{section}{repository.name}"
    answer = {"commitUrl": f"{url}/commit/{sha}", "commitOid": sha, "success": True}
    if call.query.get("create_pr") == ["1"]:
        number = len(repository.pulls) + 1
        repository.pulls[number] = PullRequest(sha, title)
        return {**answer, "pullRequestUrl": f"{url}/discussions/{number}"}
    repository.point(revision, sha)
    return answer


@route("GET", rf"{API}/tree/{REVISION}(?:/(?P<path>.*))?")
def tree(call: Call) -> Answer:
    recursive = call.query.get("recursive", [""])[0].lower() in {"1", "true"}
    folder = call.parts["path"].rstrip("/")
    return call.repository.tree(call.revision, folder, recursive=recursive)


@route("POST", rf"{API}/paths-info/(?P<revision>.+)")
def paths_info(call: Call) -> Answer:
    form = parse_qs(call.body.decode())
    paths = call.json["paths"] if call.body[:1] == b"{" else form.get("paths", [])
    return call.repository.paths(call.revision, paths)


@route("GET", rf"{API}/refs")
def refs(call: Call) -> Answer:
    return call.repository.refs()


@route("GET", rf"{API}/commits/(?P<revision>.+)")
def commits(call: Call) -> Answer:
    return call.repository.history(call.revision)


@route("POST|DELETE", rf"{API}/(?P<what>tag|branch)/(?P<revision>.+)")
def ref(call: Call) -> Answer:
    repository, what = call.repository, call.parts["what"]
    names = repository.tags if what == "tag" else repository.branches
    if call.method == "DELETE":
        names.pop(call.revision, None)
        return {}
    name, start = call.revision, call.json.get("startingPoint") or "main"
    if what == "tag":
        name, start = call.json["tag"], call.revision
    if name in names:
        raise HubError(409, "Conflict", f"{what} {name} already exists")
    names[name] = repository.resolve(start)
    return {}


@route("GET", rf"{API}/discussions")
def discussions(call: Call) -> Answer:
    found = [
        {"num": number, "title": pull.title, "status": pull.status, "isPullRequest": True,
         "createdAt": EVER, "author": {"name": USER},
         "repo": {"name": call.repository.name, "type": call.repository.kind}}
        for number, pull in call.repository.pulls.items()
    ]  # fmt: skip
    return {"count": len(found), "start": 0, "discussions": found}


@route("POST", rf"{API}/discussions/(?P<number>\d+)/merge")
def merge(call: Call) -> Answer:
    pull = call.repository.pulls[int(call.parts["number"])]
    call.repository.branches["main"], pull.status = pull.sha, "merged"
    event = {"id": "0", "type": "status-change", "createdAt": EVER, "author": {"name": USER}}
    return {**event, "newStatus": "merged", "data": {"status": "merged"}}


@route("GET", rf"{API}(?:/revision/(?P<revision>.+))?")
def info(call: Call) -> Answer:
    return call.repository.info(call.revision)


@route("GET|HEAD", rf"{GIT}/resolve/{REVISION}/(?P<path>.+)")
def resolve(call: Call) -> Answer:
    repository = call.repository
    if repository.gated:
        status = 403 if "authorization" in call.headers else 401
        raise HubError(status, "GatedRepo", "Access to this dataset is restricted")
    sha = repository.resolve(call.revision)
    blob = repository.files(sha).get(call.parts["path"])
    headers = {"X-Repo-Commit": sha}
    if blob is None:
        headers |= {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"}
        return Reply({"error": "Entry not found"}, 404, headers)
    headers |= {"ETag": f'"{blob.etag}"', "Accept-Ranges": "bytes"}
    size = len(blob.data)
    if blob.lfs:
        headers |= {"X-Linked-Etag": f'"{blob.sha256}"', "X-Linked-Size": str(size)}
    part = re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("range", ""))
    if part is None or not size:
        return Reply(blob.data, 200, headers)
    first, last = int(part[1]), min(int(part[2] or size - 1), size - 1)
    if first >= size:
        return Reply(b"", 416, headers)
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Reply(blob.data[first : last + 1], 206, headers)


def find_route(method: str, path: str) -> tuple[str, Callable[[Call], Answer], dict[str, str]]:
    """Return the kind of a request, the function that answers it, and the parts of its path."""
    for methods, pattern, function in ROUTES:
        if method in methods.split("|") and (match := pattern.fullmatch(path)):
            parts = {name: unquote(part or "") for name, part in match.groupdict().items()}
            return function.__name__, function, parts
    return "unknown", _unknown, {}


def _unknown(call: Call) -> Answer:
    raise HubError(404, "", "the test Hub has no such endpoint")


def reply_to(function: Callable[[Call], Answer], call: Call) -> Reply:
    try:
        answer = function(call)
    except HubError as error:
        headers = {"X-Error-Message": error.message}
        if error.code:
            headers["X-Error-Code"] = error.code
        return Reply({"error": error.message}, error.status, headers)
    if isinstance(answer, Reply):
        return answer
    return Reply(json.dumps(answer).encode(), headers={"Content-Type": "application/json"})
