"""Writing so that a kill or a full disk never leaves half a file, and naming what a file holds."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def atomic_path(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yield a temporary path; rename it onto `path` if the block ends well.

    The temporary file lies beside `path`, or in `folder` of the same file system.

    The data is flushed to the disk before the rename, so after a crash `path` holds either
    its old content or all of the new.
    """
    check_writable(path)
    beside = folder or path.parent
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=beside)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 `text` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def check_writable(path: Path) -> None:
    """Create the parent folder of `path`; InputError if a file cannot be written there."""
    parent = path.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot create folder {parent}: {error.strerror}; choose another --out"
        raise InputError(message) from error
    if path.is_dir():
        message = f"{path} is a folder, not a file; choose another --out"
        raise InputError(message)
    if not os.access(parent, os.W_OK):
        message = f"cannot write in folder {parent}: no permission; choose another --out"
        raise InputError(message)


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_digest(root: Path, patterns: tuple[str, ...]) -> str:
    """Return a sha256 over the names and contents of the files of `root` that match."""
    total = hashlib.sha256()
    found = {path for pattern in patterns for path in root.rglob(pattern) if path.is_file()}
    for path in sorted(found):
        relative = path.relative_to(root).as_posix()
        if not any(part.startswith(".") for part in Path(relative).parts):
            total.update(f"{relative}\0{file_digest(path)}\n".encode())
    return total.hexdigest()


def cache_folder() -> Path:
    """Return where built datasets are kept: $GENEZOO_CACHE, or genezoo in the user's cache."""
    if own := os.environ.get("GENEZOO_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "genezoo"
