"""A repository on the Hub, as it stands and as one commit changes it."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hf_datasets.command import say
from hf_datasets.errors import InputError, one_line
from hf_datasets.hub import REASON_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from huggingface_hub import HfApi

Kind = Literal["dataset", "model", "space"]
STALE = 412
"""HTTP status of a commit whose parent is no longer the newest one."""
SERVER_ERROR = 500
"""From this status on, the Hub itself failed, perhaps after it had done the work."""


@dataclass(frozen=True)
class RemoteFile:
    """What the Hub says about a file without sending it."""

    size: int
    oid: str
    """git's sha1 of it, or of the pointer to it."""
    sha256: str | None
    """Of the content, for a file that travels by LFS."""


@dataclass(frozen=True)
class Content:
    """A file to publish."""

    source: Path | bytes

    @cached_property
    def size(self) -> int:
        """Bytes."""
        return self.source.stat().st_size if isinstance(self.source, Path) else len(self.source)

    def same(self, file: RemoteFile | None) -> bool:
        """Whether the Hub has exactly this, told by size and digest."""
        if file is None or file.size != self.size:
            return False
        return self._digest("sha256") == file.sha256 if file.sha256 else self._git() == file.oid

    def _git(self) -> str:
        return self._digest("sha1", b"blob %d\0" % self.size)

    def _digest(self, kind: str, start: bytes = b"") -> str:
        total = hashlib.new(kind, start, usedforsecurity=False)
        if isinstance(self.source, bytes):
            total.update(self.source)
            return total.hexdigest()
        with self.source.open("rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
        return total.hexdigest()


@dataclass(frozen=True)
class Remote:
    """A repository at one moment."""

    name: str
    """org/name."""
    head: str | None
    """The newest commit of `main`; None: the repository does not exist."""
    files: Mapping[str, RemoteFile]
    """Files of `head` by path."""
    tags: tuple[str, ...]
    kind: Kind = "dataset"

    @property
    def url(self) -> str:
        """Where people look at it."""
        from huggingface_hub import constants

        section = "" if self.kind == "model" else f"{self.kind}s/"
        return f"{constants.ENDPOINT}/{section}{self.name}"


@dataclass(frozen=True)
class Plan:
    """What one commit does to a repository."""

    title: str
    description: str
    files: Mapping[str, Content]
    """Files to add or to replace, by path; those that the Hub has already are not among them."""
    removed: tuple[str, ...]
    """Files to delete."""

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.files or self.removed)

    def holds(self, files: Mapping[str, RemoteFile]) -> bool:
        """Whether a state of the repository already has all of this."""
        there = all(content.same(files.get(path)) for path, content in self.files.items())
        return there and not any(path in files for path in self.removed)


def _api() -> HfApi:
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    return HfApi(library_name="genezoo")


@contextlib.contextmanager
def hub_errors(doing: str, state: str = "nothing was changed there") -> Iterator[None]:
    """Turn whatever goes wrong with the Hub into one line, without the token."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001  the client raises whatever broke
        from huggingface_hub import get_token

        if _status(error) == STALE:
            message = (
                f"cannot {doing}: somebody else changed it just now; {state}; "
                "the same command again takes the change into account"
            )
            raise InputError(message) from None
        reason = one_line(error) or type(error).__name__
        if token := get_token():
            reason = reason.replace(token, "(token)")
        if len(reason) > REASON_LENGTH:
            reason = reason[:REASON_LENGTH].rpartition(" ")[0] + " …"
        message = (
            f"cannot {doing}: {reason}; {state}; "
            "check the name, your rights (`hf auth login`) and the connection"
        )
        raise InputError(message) from None


def read_remote(name: str, kind: Kind = "dataset") -> Remote:
    """Return the state of a repository; one that does not exist has no head."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    api = _api()
    with hub_errors(f"read {name} on the Hub"):
        try:
            head = api.repo_info(name, repo_type=kind).sha
        except GatedRepoError:
            raise
        except RepositoryNotFoundError:
            return Remote(name, None, {}, (), kind)
        tags = tuple(tag.name for tag in api.list_repo_refs(name, repo_type=kind).tags)
        return Remote(name, head, files_at(name, str(head), kind), tags, kind)


def files_at(name: str, revision: str, kind: Kind = "dataset") -> dict[str, RemoteFile]:
    """Return the files of a revision by path, with their digests."""
    from huggingface_hub.hf_api import RepoFile

    with hub_errors(f"list the files of {name}@{revision} on the Hub"):
        tree = _api().list_repo_tree(name, recursive=True, revision=revision, repo_type=kind)
        return {
            item.path: RemoteFile(item.size, item.blob_id, item.lfs.sha256 if item.lfs else None)
            for item in tree
            if isinstance(item, RepoFile)
        }


def download(name: str, revision: str, path: str, kind: Kind = "dataset") -> Path:
    """Return one file of a revision, from the Hub or from the cache."""
    with hub_errors(f"read {path} of {name}@{revision} on the Hub"):
        found = _api().hf_hub_download(name, path, revision=revision, repo_type=kind)
        return Path(str(found))


def commit(remote: Remote, plan: Plan, *, private: bool) -> str:
    """Send everything as one commit on `main`; create the repository first if there is none."""
    api, head = _require_token(), remote.head
    state = "nothing was changed there"
    if head is None:
        with hub_errors(f"create {remote.name} on the Hub"):
            sdk = "static" if remote.kind == "space" else None
            api.create_repo(remote.name, repo_type=remote.kind, private=private, space_sdk=sdk)
            head = api.repo_info(remote.name, repo_type=remote.kind).sha
            say(f"created {remote.name}")
        state = f"{remote.name} was created and is empty"
    with hub_errors(f"push to {remote.name}", state):
        try:
            return str(_commit(api, remote, plan, head).oid)
        except Exception as error:  # the client raises whatever broke
            status = _status(error)
            if status is not None and status < SERVER_ERROR:
                raise
            return _arrived(remote, plan, head, error)


def _arrived(remote: Remote, plan: Plan, before: str | None, error: Exception) -> str:
    """Return the newest commit if it is ours after all: its answer may have been lost."""
    try:
        after = read_remote(remote.name, remote.kind)
    except InputError:
        message = (
            f"cannot push to {remote.name}: {one_line(error)}; whether it arrived is not known; "
            "the same command again finds out"
        )
        raise InputError(message) from None
    if after.head == before or not plan.holds(after.files):
        raise error
    return str(after.head)


def _status(error: Exception) -> int | None:
    """Return the HTTP status of an answer that is an error, None if there was no answer."""
    status: int | None = getattr(getattr(error, "response", None), "status_code", None)
    return status


def open_pull_request(remote: Remote, plan: Plan) -> tuple[str, str, bool]:
    """Send everything as a pull request; return its revision, its URL, and whether it is new."""
    api = _require_token()
    if remote.head is None:
        message = (
            f"no {remote.kind} {remote.name} on the Hub to open a pull request on; leave out --pr"
        )
        raise InputError(message)
    with hub_errors(f"open a pull request on {remote.name}"):
        known = api.get_repo_discussions(
            remote.name,
            repo_type=remote.kind,
            discussion_type="pull_request",
            discussion_status="open",
        )
        for pull in known:
            reference = f"refs/pr/{pull.num}"
            alike = pull.is_pull_request and pull.status == "open" and pull.title == plan.title
            if alike and plan.holds(files_at(remote.name, reference, remote.kind)):
                return reference, pull.url, False
        done = _commit(api, remote, plan, remote.head, create_pr=True)
        return str(done.pr_revision), str(done.pr_url), True


def _commit(api: HfApi, remote: Remote, plan: Plan, parent: str | None, **options: bool) -> Any:  # noqa: ANN401  CommitInfo, which is imported on use
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd(path, content.source) for path, content in plan.files.items()
    ]
    operations += [CommitOperationDelete(path) for path in plan.removed]
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        done = api.create_commit(
            remote.name,
            operations,
            commit_message=plan.title,
            commit_description=plan.description,
            repo_type=remote.kind,
            parent_commit=parent,
            create_pr=options.get("create_pr", False),
        )
    for remark in remarks:  # what the Hub has to say about a card that it takes
        say(f"note: {one_line(remark.message)}")
    return done


def commits(remote: Remote) -> list[tuple[str, str]]:
    """Return the commits of `main`, newest first, each as sha and title."""
    with hub_errors(f"list the commits of {remote.name} on the Hub"):
        found = _api().list_repo_commits(remote.name, repo_type=remote.kind)
        return [(commit.commit_id, commit.title) for commit in found]


def create_tag(name: str, tag: str, sha: str, kind: Kind = "dataset") -> None:
    """Give a commit its version."""
    state = f"commit {sha[:12]} is there without it, and the same command again adds it"
    with hub_errors(f"tag {name} as {tag}", state):
        _require_token().create_tag(name, tag=tag, revision=sha, repo_type=kind)


def _require_token() -> HfApi:
    from huggingface_hub import get_token

    if get_token() is None:
        message = "no token for the Hub; run `hf auth login` or set HF_TOKEN to one that may write"
        raise InputError(message)
    return _api()
