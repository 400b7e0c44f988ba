"""Files of other machines by their URL: whatever fsspec reaches, read a range at a time.

Each process takes its credentials from its own environment, as the store's own tools do
(AWS_*, HF_TOKEN, fsspec's configuration): a URL that holds any is refused, so that none is
pickled, printed or written into a table.
"""

from __future__ import annotations

import functools
import io
import os
import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, TypeVar

from extractors.jobs.ranges import LEAST, Ranges
from extractors.jobs.trouble import explaining, patiently
from hf_datasets.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsspec import AbstractFileSystem  # type: ignore[import-untyped]
    from fsspec.spec import AbstractBufferedFile  # type: ignore[import-untyped]

T = TypeVar("T")

CONNECT, ANSWER, REQUESTS = 10, 30, 4
"""Seconds that S3 has to take a connection and to answer, and how often one request is made."""
SHOWN = ("s3", "hf", "https", "gs", "az", "sftp", "smb")
USED_HERE = {"memory", "data", "cached", "blockcache", "filecache", "simplecache", "dir"}
USED_HERE |= {"reference", "generic", "asyncwrapper", "async_wrapper", "asynclocal"}
"""What fsspec calls protocols, but other processes would not see."""


def is_url(text: str) -> bool:
    """Whether a place is given by a URL, of this or another machine."""
    return "://" in text


@dataclass(frozen=True)
class RemotePath:
    """A file or folder of a store: what a `Path` is on this machine. Use `of` to make one."""

    url: str

    @classmethod
    def of(cls, url: str) -> RemotePath:
        """Take a URL; InputError for one of an unknown protocol or with credentials in it."""
        from fsspec.registry import known_implementations  # type: ignore[import-untyped]

        protocol, _, rest = url.partition("://")
        if protocol not in known_implementations or protocol in USED_HERE or "::" in url:
            message = (
                f"{protocol}:// is no place that all processes see{nearest(protocol, SHOWN)} "
                f"choices: {', '.join(SHOWN)} and others of fsspec"
            )
            raise InputError(message)
        bucket = rest.partition("/")[0]
        if protocol in {"s3", "s3a"} and not re.fullmatch(r"arn:.+|[\w.@:-]*", bucket, re.ASCII):
            message = f"{url}: {bucket!r} cannot be a bucket; give s3://BUCKET/FOLDER/"
            raise InputError(message)
        user, at, host = rest.partition("/")[0].rpartition("@")
        if at and (":" in user or protocol in {"s3", "s3a", "http", "https", "hf"}):
            message = (
                f"{protocol}://…@{host} has credentials in it, which would be seen by others; "
                "leave them out and set them in the environment (for S3: AWS_ACCESS_KEY_ID …)"
            )
            raise InputError(message)
        if protocol in {"http", "https"} and "?" in rest:
            message = (
                f"{url.partition('?')[0]} is followed by a query (?…), which may be a key; "
                "give a plain URL, or download the file"
            )
            raise InputError(message)
        if not rest.strip("/"):
            message = f"{url} names no place; give for example {protocol}://NAME/FOLDER/"
            raise InputError(message)
        return cls(f"{protocol}://{rest.rstrip('/')}")

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(f"{self.url}/{name}")

    def __str__(self) -> str:
        return self.url

    @property
    def protocol(self) -> str:
        """What stands before `://`."""
        return self.url.partition("://")[0]

    @property
    def name(self) -> str:
        """The last part."""
        return self.url.rpartition("/")[2]

    @property
    def parent(self) -> RemotePath:
        """The folder it is in."""
        return RemotePath(self.url.rpartition("/")[0])

    @property
    def store(self) -> AbstractFileSystem:
        """The file system of fsspec, one for each store in each process."""
        host = self.url.partition("://")[2].partition("/")[0]
        return _file_system(os.getpid(), self.protocol, f"{self.protocol}://{host}")

    @property
    def path(self) -> str:
        """The path as the store has it in its listings."""
        found: str = self.store._strip_protocol(self.url)
        return found

    def ask(self, do: Callable[[AbstractFileSystem, str], T]) -> T:
        """Return what `do` says, given file system and path; trouble is borne for a while.

        OSError, of the kind that fits, when it does not pass.
        """
        return patiently(lambda: do(self.store, self.path), self.url)

    def info(self) -> dict[str, Any] | None:
        """Return what the store says of it, None when it is not there."""
        try:
            found: dict[str, Any] = self.ask(lambda store, path: store.info(path))
        except FileNotFoundError:
            return None
        return found

    def version(self, info: dict[str, Any]) -> str:
        """Return what tells this content from a later one; "" where nothing does but the size."""
        if self.protocol == "hf":
            return ""  # the commit in the URL
        keys = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "modified")
        return next((str(info[key]) for key in keys if info.get(key)), "")

    def files(self) -> list[str]:
        """Return the names of all files below, sorted."""

        def find(store: AbstractFileSystem, path: str) -> list[str]:
            return [name.removeprefix(f"{path}/") for name in store.find(path)]

        # An empty object can stand for a folder: its name ends as one.
        return sorted(name for name in self.ask(find) if not name.endswith("/"))

    def require(self) -> dict[str, Any]:
        """Return `info`; InputError unless this is a file with something in it."""
        with explaining(self):
            info = self.info()
        if info is None:
            message = f"no file {self}; check the name, and that this account may see it"
            raise InputError(message)
        if info["type"] == "directory":
            message = f"{self} is a folder, not a table"
            raise InputError(message)
        if info["size"] is None or info.get("partial") is False:
            message = f"the server of {self} sends whole files alone, no ranges of bytes; "
            raise InputError(message + "download the file")
        if info["size"] == 0:
            message = f"{self} is empty; give a file with at least one row"
            raise InputError(message)
        return info

    def open(self, mode: str = "rb", buffering: int = -1) -> IO[bytes]:
        """Open for reading in ranges: what is read on, in ever larger ones.

        With `buffering=0` each reading is one request for just that range (but 64 kB): for a
        reader that knows what it wants.
        """
        assert mode == "rb"  # noqa: S101  there is no other

        def begin(store: AbstractFileSystem, path: str) -> tuple[AbstractBufferedFile, int]:
            stream = store.open(path, "rb", block_size=LEAST, cache_type="none")
            size = getattr(stream, "size", None)
            return stream, store.size(path) if size is None else size

        stream, size = self.ask(begin)
        ranges = Ranges(self.url, stream, size, ahead=buffering != 0)
        return io.BufferedReader(ranges, LEAST) if buffering else ranges  # type: ignore[return-value]


@functools.cache
def _file_system(process: int, protocol: str, root: str) -> AbstractFileSystem:
    """Return the file system of a store. Made once for all threads, unlike fsspec's own cache.

    InputError when a package for it is missing.
    """
    del process  # after a fork another is needed
    import fsspec

    try:
        kind = fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        if protocol in {"s3", "s3a"}:
            message = f"{root} needs s3fs; pip install 'genezoo[s3]'"
        else:
            message = f"{root} needs another package: {error}"
        raise InputError(message) from error
    options = _s3_options() if protocol in {"s3", "s3a"} else {}
    found = kind(**kind._get_kwargs_from_urls(root), **options, skip_instance_cache=True)
    if protocol in {"s3", "s3a"}:
        found.retries = 1  # botocore asks again for one request, `patiently` for a whole action
    return found


def _s3_options() -> dict[str, Any]:
    """Return options under which a request ends in bounded time, and memory is bounded too."""
    from fsspec.config import conf  # type: ignore[import-untyped]

    ours = {
        "connect_timeout": CONNECT,
        "read_timeout": ANSWER,
        "retries": {"total_max_attempts": REQUESTS, "mode": "standard"},
    }
    theirs = conf.get("s3", {}).get("config_kwargs", {})
    return {
        "use_listings_cache": False,
        "max_concurrency": 4,
        "config_kwargs": {**ours, **theirs},
    }


def pinned(place: RemotePath) -> RemotePath:
    """Return a place on the Hub at the commit that it has now; any other place as it is."""
    if place.protocol != "hf" or place.url.startswith("hf://buckets/"):
        return place
    from huggingface_hub import HfApi

    def look() -> RemotePath:
        found = place.store.resolve_path(place.path)
        api = HfApi(endpoint=place.store.endpoint, token=place.store.token)
        sha = api.repo_info(found.repo_id, repo_type=found.repo_type, revision=found.revision).sha
        kind = "" if found.repo_type == "model" else f"{found.repo_type}s/"
        return RemotePath(f"hf://{kind}{found.repo_id}@{sha}/{found.path_in_repo}".rstrip("/"))

    with explaining(place):
        return patiently(look, place.url)
