"""The folder of a job in a store: S3 and its like, or a file server, through fsspec."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import io
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from extractors.jobs.lease import Lease
from extractors.jobs.remote import RemotePath
from extractors.jobs.storage import LOCK, STATE, TEMPORARY, JobFolder
from extractors.jobs.trouble import explaining
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsspec import AbstractFileSystem  # type: ignore[import-untyped]

OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"}
"""Where what is put appears whole or not at all, in place of what was there.

S3: "Amazon S3 never adds partial objects; if you receive a success response, Amazon S3 added the
entire object to the bucket" (docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html); the parts
of an upload are no object before CompleteMultipartUpload (…/API/API_CompleteMultipartUpload.html).
Those of Google and Microsoft work alike; that is untested here.
"""
PART = 8 << 20
"""Bytes of a part: four at a time are in memory, where s3fs would hold half a gigabyte."""
_HELD: dict[str, Lease] = {}
"""The leases of this process."""


@dataclass(frozen=True)
class RemoteFolder(JobFolder):
    """A folder of a store.

    A file is written on this machine and then put: in an object store under its name, elsewhere
    under another one, from which it is moved. A put that breaks off leaves nothing to be seen;
    parts of it that a dead process left in S3 are removed by a rule of the bucket
    (AbortIncompleteMultipartUpload).
    """

    root: RemotePath

    @classmethod
    def of(cls, url: str) -> RemoteFolder:
        """Take a URL; InputError for a place in which no job can be."""
        root = RemotePath.of(url)
        remedy = "write to a folder or to s3://BUCKET/FOLDER/"
        if root.protocol == "hf":
            message = (
                f"{url}: on the Hub each file would be a commit; {remedy}, then `publish push`"
            )
            raise InputError(message)
        if root.protocol in {"http", "https", "github", "git", "gist", "zip", "tar", "libarchive"}:
            message = f"{url}: nothing can be written by {root.protocol}://; {remedy}"
            raise InputError(message)
        if root.protocol not in OBJECT_STORES:
            from fsspec import AbstractFileSystem

            if type(root.store).mv is AbstractFileSystem.mv:  # a copy, not a change of name
                message = f"{url}: no file can be put there whole; {remedy}"
                raise InputError(message)
        return cls(root)

    @property
    def shown(self) -> str:
        """The URL."""
        return f"{self.root}/"

    def read(self, name: str) -> str | None:
        """Return the text of a file, None when it is not there."""
        try:
            data: bytes = (self.root / name).ask(lambda store, path: store.cat_file(path))
        except FileNotFoundError:
            return None
        return data.decode()

    @contextlib.contextmanager
    def lines(self, name: str) -> Iterator[IO[str]]:
        """Open a text file for reading."""
        with (self.root / name).open() as stream, io.TextIOWrapper(stream, "utf-8") as text:
            yield text

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yield a path of this machine; what was written there is put, whole."""
        temporary = machine_scratch() / f"{secrets.token_hex(8)}-{Path(name).name}"
        temporary.touch(mode=0o600)
        try:
            yield temporary
            (self.root / name).ask(lambda store, path: self._put(store, temporary, path))
        finally:
            temporary.unlink(missing_ok=True)

    def _put(self, store: AbstractFileSystem, local: Path, path: str) -> None:
        if self.root.protocol in {"s3", "s3a"}:
            store.put_file(str(local), path, chunksize=PART)
        elif self.root.protocol in OBJECT_STORES:
            store.put_file(str(local), path)
        else:
            unfinished = f"{(self.root / TEMPORARY).path}/{local.name}"
            for wanted in (unfinished, path):
                store.makedirs(wanted.rpartition("/")[0], exist_ok=True)
            store.put_file(str(local), unfinished)
            try:
                store.mv(unfinished, path)
            except FileExistsError:  # SMB does not replace
                store.rm_file(path)
                store.mv(unfinished, path)

    def size(self, name: str) -> int | None:
        """Return the bytes of a file, None when it is not there."""
        info = (self.root / name).info()
        return None if info is None or info["type"] != "file" else int(info["size"])

    def digest(self, name: str) -> str:
        """Return the sha256 of a file's bytes, in hex; it passes, and is not kept."""
        with (self.root / name).open() as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            (self.root / name).ask(lambda store, path: store.rm_file(path))

    def is_job(self) -> bool:
        """Whether a job has been here. InputError when one cannot look."""
        with explaining(self.root):
            return (self.root / STATE).info() is not None

    def names(self) -> list[str]:
        """Return what lies directly in the folder; nothing when it is not there."""
        return sorted(entry["name"].rpartition("/")[2] for entry in self._entries(self.root))

    def listing(self, below: str) -> dict[str, int]:
        """Return the files directly in a sub-folder: 1,000 come with one request."""
        return {
            f"{below}/{entry['name'].rpartition('/')[2]}": int(entry["size"])
            for entry in self._entries(self.root / below)
            if entry["type"] == "file"
        }

    def _entries(self, folder: RemotePath) -> list[dict[str, Any]]:
        def look(store: AbstractFileSystem, path: str) -> list[dict[str, Any]]:
            store.invalidate_cache()
            found: list[dict[str, Any]] = store.ls(path, detail=True)
            return [entry for entry in found if entry["name"].rstrip("/") != path.rstrip("/")]

        try:
            return folder.ask(look)
        except FileNotFoundError:
            return []

    def clear(self, outputs: str) -> None:
        """Remove all that a job wrote; OSError when something of it stays."""
        for _ in range(2):
            state = [f"{STATE}/{name}" for name in (self.root / STATE).files()]
            found = [name for name in self.names() if fnmatch(name, outputs)]
            found += [name for name in state if name != LOCK]
            if not found:
                return
            self.root.ask(lambda store, path, found=found: self._remove(store, path, found))  # type: ignore[misc]
        message = f"{self.shown}: {len(found)} files cannot be removed, {found[0]} is one"
        raise PermissionError(message)

    @staticmethod
    def _remove(store: AbstractFileSystem, path: str, names: list[str]) -> None:
        with contextlib.suppress(FileNotFoundError):
            store.rm([f"{path}/{name}" for name in names])

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the job's lease, see `Lease`."""
        lease = Lease(self.root / LOCK, self.shown)
        with explaining(self.root):
            if self.root.protocol not in OBJECT_STORES:
                self.root.ask(lambda store, path: store.makedirs(f"{path}/{STATE}", exist_ok=True))
            lease.take()
        _HELD[self.root.url] = lease
        try:
            yield
            lease.require()
        finally:
            del _HELD[self.root.url]
            lease.release()

    def require_alone(self) -> None:
        """InputError when the lease was lost to another process."""
        if (lease := _HELD.get(self.root.url)) is not None:
            lease.require()

    def scratch(self) -> Path:
        """Return a folder of this process."""
        return machine_scratch()


def machine_scratch() -> Path:
    """Return an own folder of this process below $TMPDIR, and remove those of dead ones."""
    return _machine_scratch(os.getpid())


@cache
def _machine_scratch(process: int) -> Path:
    """Make the folder. It is known to be in use by a lock, which the system frees at the end."""
    base = Path(tempfile.gettempdir()) / f"genezoo-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    if base.stat().st_uid != os.getuid():
        message = f"{base} belongs to another user; set TMPDIR to a folder of yours"
        raise InputError(message)
    with (base / "lock").open("w") as lock:  # one at a time: nobody's folder lacks its lock
        fcntl.flock(lock, fcntl.LOCK_EX)
        for other in base.glob("*/lock"):
            with other.open("w") as held:
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                shutil.rmtree(other.parent, ignore_errors=True)
        mine = base / f"{process}-{secrets.token_hex(4)}"
        mine.mkdir(mode=0o700)
        # Never closed: the lock lasts as long as the process.
        fcntl.flock(os.open(mine / "lock", os.O_CREAT | os.O_WRONLY, 0o600), fcntl.LOCK_EX)
    atexit.register(shutil.rmtree, mine, ignore_errors=True)
    return mine
