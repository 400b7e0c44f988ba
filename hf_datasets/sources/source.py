"""What a source is: where its files come from, what they should look like, and what was used."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from hf_datasets.errors import InputError, choose

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MEGABYTE = 1_000_000


class SourceUnavailable(InputError):  # noqa: N818  reads as what it is
    """A file of a source is neither at hand nor to be had; its tasks cannot be built."""


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: its address, its usual names, and the bounds it must keep."""

    key: str
    """Short name: `--source NAME.KEY=FILE` gives this file."""
    url: str
    """Where it is downloaded from, http(s); empty where only local copies exist."""
    local: tuple[str, ...]
    """Glob patterns inside the source's folder of `--sources DIR`, best first."""
    min_rows: int = 1
    """Fewer rows (items, entries) than this mean a truncated or wrong file; readers check it."""
    max_bytes: int = 100 * MEGABYTE
    """Neither the download nor what it unpacks to may be larger."""
    optional: bool = False
    """The source is usable without it."""
    download: bool = True
    """Downloaded when it is not at hand; False for older copies and very large files."""
    unless: tuple[str, ...] = ()
    """Keys of earlier files that make this one needless: it is not downloaded beside them."""
    listing: str = ""
    """For a folder of files: a regular expression of the names wanted from the index at `url`."""
    parts: tuple[str, ...] = ("*.parquet",)
    """For a folder of files: patterns of those in it that are read."""


@dataclass(frozen=True)
class Source:
    """One upstream database: its version, licence and files."""

    name: str
    """Short name, and the subfolder of `--sources DIR`."""
    title: str
    """As people call it."""
    version: str
    """The release that `files` point at."""
    licence: str
    """SPDX identifier, or the terms in words."""
    citation: str
    """What to cite."""
    homepage: str
    """Where a person reads about it."""
    files: tuple[SourceFile, ...]
    """Its files; the first one is meant by `--source NAME=FILE` when the name tells nothing."""

    def file(self, key: str) -> SourceFile:
        """Return the file named `key`; InputError with the choices if there is none."""
        return choose(key, {file.key: file for file in self.files}, f"file of source {self.name}")


@dataclass(frozen=True)
class UsedFile:
    """A file that a build reads: what it is, where it lies, and its fingerprint."""

    source: str
    """Name of its Source."""
    key: str
    """Key of its SourceFile."""
    path: Path
    """Where it lies on this machine; a folder for a source of many parts."""
    name: str
    """URL of a download, file name of a local copy."""
    sha256: str
    """Of the file's bytes as they lie there (packed, if it is); of all parts for a folder."""
    size: int
    """Bytes."""
    date: str
    """ISO date: HTTP Last-Modified of a download, else the file's modification time, UTC."""
    min_rows: int = 0
    """Copied from the SourceFile; 0 checks nothing."""
    max_bytes: int = 100 * MEGABYTE
    """Copied from the SourceFile: the most that it may unpack to."""
    parts: tuple[str, ...] = ()
    """Copied from the SourceFile."""

    def each(self) -> list[UsedFile]:
        """Return the files of a folder, each by itself and sorted by name; of a file, the file."""
        if not self.path.is_dir():
            return [self]
        return [
            replace(self, path=path, name=path.name) for path in part_files(self.path, self.parts)
        ]

    def record(self) -> dict[str, str | int]:
        """Return what a built dataset says about this file: no paths of this machine."""
        wanted = ("source", "key", "name", "sha256", "size", "date")
        return {name: value for name, value in asdict(self).items() if name in wanted}

    def expect_rows(self, found: int, what: str = "rows") -> None:
        """InputError if the file holds fewer than `min_rows`: it is cut short, or another one."""
        if found < self.min_rows:
            message = (
                f"{self.path} ({self.source}.{self.key}) has {found:,} {what}, expected at least "
                f"{self.min_rows:,}; it is cut short or another file: fetch it again"
            )
            raise InputError(message)


def part_files(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    """Return the files below a folder that match one of the patterns, sorted by their name."""
    found = {path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()}
    return sorted(found, key=lambda path: (path.name, path))


def used(files: Mapping[str, UsedFile], source: Source, key: str) -> UsedFile:
    """Return the located file `key`; SourceUnavailable, with the remedy, if it was not found."""
    if key in files:
        return files[key]
    raise unavailable(source, source.file(key), "it is not at hand")


def unavailable(source: Source, file: SourceFile, reason: str) -> SourceUnavailable:
    """Return the error for a file that cannot be had: what, why, where from, and the remedy."""
    address = file.url or source.homepage
    return SourceUnavailable(
        f"source {source.name} ({source.title}) lacks {file.key}: {reason}; "
        f"get it from {address} and give --source {source.name}.{file.key}=FILE"
    )
