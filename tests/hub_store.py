"""What the test Hub holds: repositories with commits, branches, tags and pull requests."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

LFS_SUFFIXES = (".parquet", ".arrow", ".bin", ".gz", ".zst", ".npy", ".safetensors", ".pkl")
LFS_BYTES = 10 << 20
"""Files of these suffixes, and larger files, travel by LFS; all others inside the commit."""
PULL_REQUEST = re.compile(r"refs/pr/(\d+)")
SHORTEST_SHA = 7
EVER = "2026-01-01T00:00:00.000Z"
"""The Hub's only date: the same pushes give the same commits."""


class HubError(Exception):
    """An answer that is an error: HTTP status, and the code by which clients tell them apart."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def is_lfs(path: str, size: int) -> bool:
    """Whether the Hub wants a file by LFS."""
    return path.endswith(LFS_SUFFIXES) or size > LFS_BYTES


@dataclass(frozen=True)
class Blob:
    """The content of a file."""

    data: bytes
    lfs: bool

    @cached_property
    def sha256(self) -> str:
        """The digest by which LFS names it."""
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def stored(self) -> bytes:
        """What git keeps of it: a pointer for an LFS file, else the content."""
        if not self.lfs:
            return self.data
        version = "https://git-lfs.github.com/spec/v1"
        return f"version {version}\noid sha256:{self.sha256}\nsize {len(self.data)}\n".encode()

    @cached_property
    def oid(self) -> str:
        """The digest by which git names it."""
        return git_digest(b"blob %d\0" % len(self.stored) + self.stored)

    @property
    def etag(self) -> str:
        """The name under which clients cache it."""
        return self.sha256 if self.lfs else self.oid

    def pointer(self) -> dict[str, Any]:
        """Return what listings say of an LFS file, nothing for another."""
        if not self.lfs:
            return {}
        sizes = {"size": len(self.data), "pointerSize": len(self.stored)}
        return {"lfs": {"oid": self.sha256, "sha256": self.sha256, **sizes}}

    def entry(self, path: str) -> dict[str, Any]:
        """Return its line in a listing of files."""
        size = len(self.data)
        return {"type": "file", "oid": self.oid, "size": size, "path": path, **self.pointer()}


def git_digest(content: bytes) -> str:
    """Return the sha1 of `content`: git's name for it, not a protection."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def folder_entry(path: str) -> dict[str, Any]:
    """Return the line of a folder in a listing."""
    return {"type": "directory", "oid": git_digest(path.encode()), "size": 0, "path": path}


def read_folder(folder: Path) -> dict[str, Blob]:
    """Return all files of a folder by their path in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name, data = path.relative_to(folder).as_posix(), path.read_bytes()
            found[name] = Blob(data, is_lfs(name, len(data)))
    return found


@dataclass(frozen=True)
class Commit:
    """A state of a repository."""

    files: Mapping[str, Blob]
    parent: str | None
    title: str


@dataclass
class PullRequest:
    """A commit beside the branches, waiting to be merged."""

    sha: str
    title: str
    status: str = "open"


@dataclass
class Repository:
    """A dataset, a model or a space; a new one has one commit, which is empty."""

    kind: str
    """dataset, model or space."""
    name: str
    """org/name."""
    gated: bool = False
    """Whether its files, not their names, are kept from everyone."""
    sdk: str | None = None
    """What runs a space."""
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, PullRequest] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.branches["main"] = self.add_commit({}, None, "initial commit")

    def add_commit(self, files: Mapping[str, Blob], parent: str | None, title: str) -> str:
        """Keep a state; return its sha, which depends on the state and on all before it."""
        content = {path: blob.oid for path, blob in files.items()}
        text = json.dumps([self.kind, self.name, parent, title, content], sort_keys=True)
        sha = git_digest(text.encode())
        self.commits[sha] = Commit(dict(files), parent, title)
        return sha

    def resolve(self, revision: str) -> str:
        """Return the sha behind a branch, a tag, a pull request or the start of a sha."""
        pull = PULL_REQUEST.fullmatch(revision)
        if pull and int(pull[1]) in self.pulls:
            return self.pulls[int(pull[1])].sha
        for names in (self.branches, self.tags):
            if revision in names:
                return names[revision]
        found = [sha for sha in self.commits if sha.startswith(revision)]
        if len(revision) >= SHORTEST_SHA and len(found) == 1:
            return found[0]
        raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")

    def files(self, revision: str) -> Mapping[str, Blob]:
        """Return the files of a revision by their path."""
        return self.commits[self.resolve(revision)].files

    def point(self, revision: str, sha: str) -> None:
        """Move a branch or a pull request on to a commit."""
        if pull := PULL_REQUEST.fullmatch(revision):
            self.pulls[int(pull[1])].sha = sha
        else:
            self.branches[revision] = sha

    def info(self, revision: str) -> dict[str, Any]:
        """Return what the Hub says about a repository at a revision."""
        sha = self.resolve(revision)
        return {
            "_id": "0" * 24, "id": self.name, "author": self.name.split("/")[0], "sha": sha,
            "lastModified": EVER, "createdAt": EVER, "private": False, "disabled": False,
            "gated": "auto" if self.gated else False, "downloads": 0, "likes": 0, "tags": [],
            "siblings": [
                {"rfilename": path, "blobId": blob.oid, "size": len(blob.data), **blob.pointer()}
                for path, blob in self.commits[sha].files.items()
            ],
        }  # fmt: skip

    def tree(self, revision: str, folder: str, *, recursive: bool) -> list[dict[str, Any]]:
        """List a folder; an empty name is the root."""
        files, prefix = self.files(revision), f"{folder}/" if folder else ""
        found: dict[str, dict[str, Any]] = {}
        for path, blob in sorted(files.items()):
            if not path.startswith(prefix):
                continue
            parts = path[len(prefix) :].split("/")
            folders = [prefix + "/".join(parts[:depth]) for depth in range(1, len(parts))]
            found |= {name: folder_entry(name) for name in folders[: None if recursive else 1]}
            if recursive or len(parts) == 1:
                found[path] = blob.entry(path)
        if folder and not found:
            raise HubError(404, "EntryNotFound", f"{folder} does not exist")
        return list(found.values())

    def paths(self, revision: str, wanted: Iterable[str]) -> list[dict[str, Any]]:
        """List those of the wanted files and folders that are there."""
        files, found = self.files(revision), []
        for path in (name.rstrip("/") for name in wanted):
            if path in files:
                found.append(files[path].entry(path))
            elif any(name.startswith(f"{path}/") for name in files):
                found.append(folder_entry(path))
        return found

    def history(self, revision: str) -> list[dict[str, Any]]:
        """List the commits that lead to a revision, newest first."""
        found, sha = [], self.resolve(revision)
        while sha:
            commit = self.commits[sha]
            found.append(
                {"id": sha, "title": commit.title, "message": "", "date": EVER, "authors": []}
            )
            sha = commit.parent or ""
        return found

    def refs(self) -> dict[str, Any]:
        """List branches, tags and pull requests."""

        def listed(names: Mapping[str, str], prefix: str) -> list[dict[str, str]]:
            return [
                {"name": name, "ref": prefix + name, "targetCommit": sha}
                for name, sha in names.items()
            ]

        pulls = {str(number): pull.sha for number, pull in self.pulls.items()}
        return {
            "branches": listed(self.branches, "refs/heads/"),
            "tags": listed(self.tags, "refs/tags/"),
            "converts": [],
            "pullRequests": listed(pulls, "refs/pr/"),
        }

    def commit(
        self, revision: str, operations: Iterable[dict[str, Any]], uploads: Mapping[str, Blob]
    ) -> tuple[str, str]:
        """Apply the lines of a commit request; return the new sha and its title.

        No ref is moved. All operations hold or none: 412 if `parentCommit` is not the newest.
        """
        base = self.resolve(revision)
        files, title = dict(self.commits[base].files), "commit"
        for operation in operations:
            value: dict[str, Any] = operation["value"]
            path = str(value.get("path", "")).rstrip("/")
            match operation["key"]:
                case "header":
                    title = value["summary"]
                    if value.get("parentCommit") not in {None, base}:
                        raise HubError(412, "PreconditionFailed", "A commit has happened since")
                case "file":
                    files[path] = Blob(base64.b64decode(value["content"]), lfs=False)
                case "lfsFile":
                    if value["oid"] not in uploads:
                        raise HubError(400, "LfsMissing", f"LFS object of {path} does not exist")
                    files[path] = uploads[value["oid"]]
                case "deletedFile" if path in files:
                    del files[path]
                case "deletedFolder" if any(name.startswith(f"{path}/") for name in files):
                    files = {n: blob for n, blob in files.items() if not n.startswith(f"{path}/")}
                case _:
                    raise HubError(404, "EntryNotFound", f"no such file or operation: {path}")
        return self.add_commit(files, base, title), title
