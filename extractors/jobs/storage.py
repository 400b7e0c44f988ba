"""Where a job's files lie: the one module through which jobs list, read and write."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from extractors.jobs.remote import is_url
from hf_datasets.errors import InputError
from hf_datasets.files import atomic_path, check_writable, file_digest
from hf_datasets.tables import open_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from hf_datasets.tables import TableFile

STATE = ".job"
"""Folder of all that is no output; hidden, so that readers of Parquet folders pass it by."""
TEMPORARY = f"{STATE}/unfinished"
LOCK = f"{STATE}/lock"
PREPARED = f"{STATE}/prepared"


class JobFolder(ABC):
    """The folder of a job. Names are relative to it, with `/` between their parts.

    It goes to other processes, so it holds a place and nothing else.
    """

    @staticmethod
    def at(text: str) -> JobFolder:
        """Return the folder at a path or URL; InputError where none can be written."""
        if text.startswith(("file://", "local://")):
            text = text.partition("://")[2]
        if is_url(text):
            from extractors.jobs.remote_folder import RemoteFolder

            return RemoteFolder.of(text)
        return LocalFolder(Path(text).expanduser().resolve())

    @property
    @abstractmethod
    def shown(self) -> str:
        """The place, for messages."""

    @property
    def name(self) -> str:
        """The last part of the place."""
        return self.shown.rstrip("/").rpartition("/")[2]

    @abstractmethod
    def read(self, name: str) -> str | None:
        """Return the text of a file, None when it is not there."""

    @abstractmethod
    def lines(self, name: str) -> AbstractContextManager[IO[str]]:
        """Open a text file for reading."""

    @abstractmethod
    def writing(self, name: str) -> AbstractContextManager[Path]:
        """Yield a local path; what is written there appears as `name`, whole, if all goes well."""

    def write(self, name: str, text: str) -> None:
        """Write a text file, whole or not at all."""
        with self.writing(name) as temporary:
            temporary.write_text(text, encoding="utf-8")

    @abstractmethod
    def size(self, name: str) -> int | None:
        """Return the bytes of a file, None when it is not there."""

    @abstractmethod
    def digest(self, name: str) -> str:
        """Return the sha256 of a file's bytes, in hex."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    @abstractmethod
    def is_job(self) -> bool:
        """Whether a job has been here."""

    @abstractmethod
    def names(self) -> list[str]:
        """Return what lies directly in the folder; nothing when it is not there."""

    @abstractmethod
    def listing(self, below: str) -> dict[str, int]:
        """Return the files directly in a sub-folder, by their names here, with their bytes."""

    @abstractmethod
    def clear(self, outputs: str) -> None:
        """Remove all that a job wrote: its state, and outputs of the pattern."""

    @abstractmethod
    def alone(self) -> AbstractContextManager[None]:
        """Hold the job's lock; InputError when another process has it, or none can be written."""

    @abstractmethod
    def require_alone(self) -> None:
        """InputError when the lock was lost to another process."""

    @abstractmethod
    def scratch(self) -> Path:
        """Return a folder of this machine for what is needed while a job runs."""


@dataclass(frozen=True)
class LocalFolder(JobFolder):
    """A folder of this machine, or one that all machines see in the same place."""

    path: Path

    @property
    def shown(self) -> str:
        """The path."""
        return str(self.path)

    def read(self, name: str) -> str | None:
        """Return the text of a file, None when it is not there."""
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def lines(self, name: str) -> Iterator[IO[str]]:
        """Open a text file for reading."""
        with (self.path / name).open(encoding="utf-8") as stream:
            yield stream

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yield a temporary path; it is renamed to `name` if all goes well."""
        (self.path / TEMPORARY).mkdir(parents=True, exist_ok=True)
        with atomic_path(self.path / name, self.path / TEMPORARY) as temporary:
            yield temporary

    def size(self, name: str) -> int | None:
        """Return the bytes of a file, None when it is not there."""
        try:
            return (self.path / name).stat().st_size
        except FileNotFoundError:
            return None

    def digest(self, name: str) -> str:
        """Return the sha256 of a file's bytes, in hex."""
        return file_digest(self.path / name)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self.path / name).unlink(missing_ok=True)

    def is_job(self) -> bool:
        """Whether a job has been here."""
        return (self.path / STATE).is_dir()

    def names(self) -> list[str]:
        """Return what lies directly in the folder; nothing when it is not there."""
        return sorted(entry.name for entry in self.path.iterdir()) if self.path.is_dir() else []

    def listing(self, below: str) -> dict[str, int]:
        """Return the files directly in a sub-folder, by their names here, with their bytes."""
        folder = self.path / below
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        return {f"{below}/{entry.name}": entry.stat().st_size for entry in found}

    def clear(self, outputs: str) -> None:
        """Remove all that a job wrote: its state, and outputs of the pattern."""
        for output in self.path.glob(outputs):
            output.unlink()
        for entry in (self.path / STATE).glob("*"):
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != "lock":
                entry.unlink()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the job's lock, which the system frees when the process ends, however."""
        check_writable(self.path / LOCK)
        with (self.path / LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                message = f"another process is at work in {self.path}; wait or choose another --out"
                raise InputError(message) from error
            shutil.rmtree(self.path / TEMPORARY, ignore_errors=True)  # what a kill left
            yield
        shutil.rmtree(self.path / TEMPORARY, ignore_errors=True)

    def require_alone(self) -> None:
        """Do nothing: this lock cannot be lost."""

    def scratch(self) -> Path:
        """Return a folder below, the same for all workers that see it."""
        return self.path / PREPARED


def visible_files(names: Iterable[str]) -> list[str]:
    """Return the names that an input folder offers, sorted: hidden ones and those of `_` not."""
    return sorted(
        name for name in names if not any(part.startswith((".", "_")) for part in name.split("/"))
    )


def input_files(root: Path) -> list[str]:
    """Return the names of the files below a folder."""
    return visible_files(
        path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()
    )


@contextlib.contextmanager
def open_at(path: TableFile, start: int) -> Iterator[IO[bytes]]:
    """Open an input file, unpacked, at a byte; a packed one is unpacked from its beginning."""
    with open_bytes(path) as stream:
        stream.seek(start)
        yield stream
