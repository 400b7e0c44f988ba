"""What a job reads: a folder of files or a table of a dataset, cut into shards without reading ids.

A shard is a stretch of one file: rows of a Parquet file or of a dataset's table, bytes of a text
file. Where the cuts fall depends on the input and the limits alone.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from extractors.inputs import DatasetInput, open_dataset_input
from hf_datasets.reference import parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractors.inputs import Asked, Rows


@dataclass(frozen=True)
class Limits:
    """Where a shard ends: after so many rows, or about so many characters."""

    rows: int
    characters: int


@dataclass(frozen=True)
class Shard:
    """A stretch of the input that becomes one file."""

    number: int
    """Place among the shards, from 0."""
    file: str
    """Path below the input folder; the config of a dataset."""
    start: int
    """First row of a Parquet file or table; first byte of an unpacked text file."""
    stop: int
    """The row or byte after the last."""
    rows: int
    size: int
    """Bytes of the whole file when it was planned; 0 for a dataset."""
    version: str = ""
    """What a store called the file's content then (its ETag), if it calls it anything."""

    def line(self) -> str:
        """Return what the fingerprint of a plan takes of it: nothing that differs by store."""
        return json.dumps({**asdict(self), "version": ""})


class Source(ABC):
    """An input that can be cut; goes to other processes, so it holds plain values alone."""

    @abstractmethod
    def cut(self, limits: Limits) -> Iterator[Shard | str]:
        """Yield the shards in order and, after those of each file, a text that identifies it."""

    @abstractmethod
    def rows(self, shard: Shard) -> Iterator[Rows]:
        """Yield the rows of a shard in batches."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what it is, for the provenance; no path, it would differ by machine."""


def open_source(asked: Asked, reads: tuple[str, ...]) -> Source:
    """Open what `--input` names; `reads` are the columns that the model takes, best first.

    InputError for no such place, an unknown format or column.
    """
    from extractors.jobs.file_source import open_files

    return open_files(asked, reads) or DatasetSource(asked, reads)


class DatasetSource(Source):
    """A table of a dataset; each process opens it for itself."""

    def __init__(self, asked: Asked, reads: tuple[str, ...]) -> None:
        self._asked, self._reads = asked, reads
        self._opened: DatasetInput | None = None

    def __getstate__(self) -> tuple[Asked, tuple[str, ...]]:
        return self._asked, self._reads

    def __setstate__(self, state: tuple[Asked, tuple[str, ...]]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    @property
    def _input(self) -> DatasetInput:
        if self._opened is None:
            reference = parse_reference(self._asked.source or "")
            asked = self._asked
            self._opened = open_dataset_input(reference, self._reads, asked.column, asked.id_column)
        return self._opened

    def cut(self, limits: Limits) -> Iterator[Shard | str]:
        """Yield stretches of rows, even in length."""
        described = self._input.describe()
        rows = len(self._input)
        for number, start in enumerate(range(0, rows, limits.rows)):
            stop = min(start + limits.rows, rows)
            yield Shard(number, described["config"], start, stop, stop - start, 0)
        yield f"{described['dataset']} {described['revision']} {described['config']}"

    def rows(self, shard: Shard) -> Iterator[Rows]:
        """Yield ids and values from the memory-mapped table."""
        yield from self._input.stretch(shard.start, shard.stop)

    def describe(self) -> dict[str, Any]:
        """Return dataset, revision, config and columns."""
        return self._input.describe()
