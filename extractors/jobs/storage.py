"""Where a job's files lie: the one module through which jobs list, read and write."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from hf_datasets.errors import InputError
from hf_datasets.files import atomic_path, check_writable, file_digest
from hf_datasets.tables import open_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATE = ".job"
"""Folder of all that is no output; hidden, so that readers of Parquet folders pass it by."""
TEMPORARY = f"{STATE}/unfinished"
LOCK = f"{STATE}/lock"


@dataclass(frozen=True)
class JobFolder:
    """The folder of a job. Names are relative to it, with `/` between their parts."""

    path: Path

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
        """Yield a local path; what is written there appears as `name`, whole, if all goes well."""
        (self.path / TEMPORARY).mkdir(parents=True, exist_ok=True)
        with atomic_path(self.path / name, self.path / TEMPORARY) as temporary:
            yield temporary

    def write(self, name: str, text: str) -> None:
        """Write a text file, whole or not at all."""
        with self.writing(name) as temporary:
            temporary.write_text(text, encoding="utf-8")

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
        """Hold the job's lock, which the system frees when the process ends, however.

        InputError when another process has it, or the folder cannot be written.
        """
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


def input_files(root: Path) -> list[str]:
    """Return the files below a folder, sorted; hidden ones and those of `_` and `.` folders not."""
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(
        path.as_posix()
        for path in found
        if not any(part.startswith((".", "_")) for part in path.parts)
    )


@contextlib.contextmanager
def open_at(path: Path, start: int) -> Iterator[IO[bytes]]:
    """Open an input file, unpacked, at a byte; a packed one is unpacked from its beginning."""
    with open_bytes(path) as stream:
        stream.seek(start)
        yield stream
