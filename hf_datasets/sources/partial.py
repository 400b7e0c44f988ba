"""Downloads on disk: the finished file with what is known of it, and the part of a broken one."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hf_datasets.files import file_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Received:
    """What is known of a downloaded file; kept as JSON beside it."""

    url: str
    sha256: str
    size: int
    date: str
    """ISO date: the server's Last-Modified, or the day of the download, UTC."""


def received(path: Path) -> Received | None:
    """Return what is known of a file downloaded earlier; None if it or its hash is not right."""
    try:
        known = Received(**json.loads(beside(path, ".json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    fine = path.is_file() and path.stat().st_size == known.size
    return known if fine and file_digest(path) == known.sha256 else None


def beside(path: Path, suffix: str) -> Path:
    """Return the path with a suffix added to its name."""
    return path.with_name(path.name + suffix)


def state(path: Path) -> tuple[Path, int, str]:
    """Return the part file, its size, and the ETag or date by which the server knows its file."""
    part = beside(path, ".part")
    try:
        validator = beside(path, ".part.tag").read_text(encoding="utf-8")
        return part, part.stat().st_size, validator
    except FileNotFoundError:
        return part, 0, ""


def remember(path: Path, tag: str, modified: str) -> None:
    """Note by what the rest can be asked for: a strong ETag, or else the modification date."""
    strong = tag if tag.startswith('"') else modified
    beside(path, ".part.tag").write_text(strong, encoding="utf-8")


def forget(path: Path) -> None:
    """Drop the part file and what is known of it."""
    for suffix in (".part", ".part.tag"):
        beside(path, suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until no other process downloads to `path`, where the system has such locks."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with beside(path, ".lock").open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # until the file is closed
        yield
