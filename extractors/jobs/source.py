"""What a job reads: a folder of files or a table of a dataset, cut into shards without reading ids.

A shard is a stretch of one file: rows of a Parquet file or of a dataset's table, bytes of a text
file. Where the cuts fall depends on the input and the limits alone.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractors.inputs import FASTA, DatasetInput, open_dataset_input, table_columns
from extractors.jobs.records import text_rows
from extractors.jobs.storage import input_files
from hf_datasets.command import say
from hf_datasets.errors import InputError, shorten
from hf_datasets.files import file_digest
from hf_datasets.reference import has_card, parse_reference
from hf_datasets.tables import (
    BATCH_ROWS,
    FORMATS,
    open_parquet,
    plain_suffix,
    read_row_groups,
    require_columns,
    require_file,
    table_format,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractors.inputs import Asked, Rows

READABLE = FASTA | FORMATS.keys()


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


class Source(ABC):
    """An input that can be cut; goes to other processes, so it holds plain values alone."""

    @abstractmethod
    def cut(self, limits: Limits) -> Iterator[Shard | str]:
        """Yield the shards in order and, before those of each file, a text that identifies it."""

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
    assert asked.source is not None  # noqa: S101  the caller has looked
    path = Path(asked.source).expanduser()
    if path.is_file() or plain_suffix(path) in READABLE:
        require_file(path)
        return FileSource.of(path.parent, [path.name], asked, reads)
    if path.is_dir() and not has_card(path):
        names = input_files(path)
        good = [name for name in names if plain_suffix(Path(name)) in READABLE]
        if not good:
            kinds = shorten(sorted(READABLE), 20)
            message = f"{path} holds no file that can be read; formats: {kinds}, each also .gz"
            raise InputError(message)
        if others := sorted({*names} - {*good}):
            say(f"{len(others)} files of {path} are no tables or FASTA: {shorten(others)}")
        return FileSource.of(path, good, asked, reads)
    return DatasetSource(asked, reads)


@dataclass(frozen=True)
class FileSource(Source):
    """Files of a folder, one after the other in the order of their names."""

    root: Path
    names: tuple[str, ...]
    key: str
    column: str | None

    @classmethod
    def of(cls, root: Path, names: list[str], asked: Asked, reads: tuple[str, ...]) -> FileSource:
        """Choose the columns by the first table; all tables must have them."""
        unknown = [name for name in names if plain_suffix(Path(name)) not in READABLE]
        if unknown:
            message = (
                f"unknown format of {root / unknown[0]}; choices: {', '.join(sorted(READABLE))}"
            )
            raise InputError(message)
        tables = [name for name in names if plain_suffix(Path(name)) not in FASTA]
        if tables:
            found = table_columns(root / tables[0], reads, asked.column, asked.id_column)
            return cls(root.resolve(), tuple(names), *found)
        if asked.column is not None or asked.id_column is not None:
            message = f"{root} holds FASTA: it has no columns; leave out --column and --id"
            raise InputError(message)
        return cls(root.resolve(), tuple(names), "", None)

    @property
    def _columns(self) -> list[str]:
        return [self.key] if self.column is None else [self.key, self.column]

    def cut(self, limits: Limits) -> Iterator[Shard | str]:
        """Yield shards: by row groups of Parquet, in one reading of text."""
        number = 0
        for name in self.names:
            path = self.root / name
            require_file(path)
            yield f"{name} {self._identity(path)}"
            for shard in self._cut_file(name, path, limits, number):
                yield shard
                number = shard.number + 1

    def _cut_file(self, name: str, path: Path, limits: Limits, number: int) -> Iterator[Shard]:
        parquet = table_format(path) == "parquet"
        size = path.stat().st_size
        for start, stop, rows in (self._cut_parquet if parquet else self._cut_text)(path, limits):
            yield Shard(number, name, start, stop, rows, size)
            number += 1

    def _identity(self, path: Path) -> str:
        """Return a digest of a file; of Parquet its footer, which has sizes of all columns."""
        if table_format(path) != "parquet":
            return file_digest(path)
        with path.open("rb") as stream:
            size = stream.seek(-8, 2) + 8
            length = min(int.from_bytes(stream.read(4), "little"), size - 8)
            stream.seek(-8 - length, 2)
            return f"{size} {hashlib.sha256(stream.read(length)).hexdigest()}"

    def _cut_parquet(self, path: Path, limits: Limits) -> Iterator[tuple[int, int, int]]:
        """Yield (first row, row after the last, rows); cuts fall between row groups where they can.

        A row group that is too large by itself is cut evenly.
        """
        require_columns(path, self._columns)
        start = stop = characters = 0
        for rows, size in _row_groups(path, self._columns[-1]):
            pieces = max(-(-rows // limits.rows), -(-size // limits.characters), 1)
            full = stop - start + rows > limits.rows or characters + size > limits.characters
            if full and stop > start:
                yield start, stop, stop - start
                start, characters = stop, 0
            if pieces > 1:
                cuts = [stop + rows * piece // pieces for piece in range(pieces + 1)]
                yield from ((a, b, b - a) for a, b in pairwise(cuts) if b > a)
                start = stop + rows
            else:
                characters += size
            stop += rows
        if stop > start:
            yield start, stop, stop - start

    def _cut_text(self, path: Path, limits: Limits) -> Iterator[tuple[int, int, int]]:
        """Yield (first byte, byte after the last, rows)."""
        if plain_suffix(path) not in FASTA:
            require_columns(path, self._columns)
        start = end = rows = characters = 0
        for end, _, value in text_rows(path, self.key, self.column):
            rows += 1
            characters += len(value or "")
            if rows >= limits.rows or characters >= limits.characters:
                yield start, end, rows
                start, rows, characters = end, 0, 0
        if rows:
            yield start, end, rows

    def rows(self, shard: Shard) -> Iterator[Rows]:
        """Yield ids and values; InputError when the file is not as it was planned."""
        path = self.root / shard.file
        if not path.exists() or path.stat().st_size != shard.size:
            message = f"{path} changed while the job ran; give the same command again"
            raise InputError(message)
        if table_format(path) == "parquet":
            yield from self._parquet_rows(path, shard)
            return
        ids: list[str] = []
        values: list[str | None] = []
        for end, entity, value in text_rows(path, self.key, self.column, shard.start):
            ids.append(entity)
            values.append(value)
            if len(ids) >= BATCH_ROWS or end >= shard.stop:
                yield ids, values
                ids, values = [], []
            if end >= shard.stop:
                return

    def _parquet_rows(self, path: Path, shard: Shard) -> Iterator[Rows]:
        groups: list[int] = []
        at = skip = 0
        for group, (rows, _) in enumerate(_row_groups(path, self.key)):
            if at < shard.stop and at + rows > shard.start:
                skip = skip if groups else shard.start - at
                groups.append(group)
            at += rows
        left = shard.rows
        for batch in read_row_groups(path, self._columns, groups):
            dropped = min(skip, len(batch[0]))
            skip -= dropped
            columns = [column[dropped : dropped + left] for column in batch]
            left -= len(columns[0])
            ids = [entity or "" for entity in columns[0]]
            if ids:
                yield ids, [None] * len(ids) if self.column is None else columns[-1]
            if not left:
                return

    def describe(self) -> dict[str, Any]:
        """Return the name of the folder or the only file, the number of files, the columns."""
        only = len(self.names) == 1
        place = {"file": self.names[0]} if only else {"folder": self.root.name}
        return {**place, "files": len(self.names), "id": self.key or None, "column": self.column}


def _row_groups(path: Path, column: str) -> Iterator[tuple[int, int]]:
    """Yield rows and bytes (of one column, unpacked) of each row group."""
    with open_parquet(path) as file:
        footer = file.metadata
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            chunks = (group.column(at) for at in range(group.num_columns))
            size = sum(
                chunk.total_uncompressed_size
                for chunk in chunks
                if chunk.path_in_schema.split(".")[0] == column
            )
            yield group.num_rows, size


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
        yield f"{described['dataset']} {described['revision']} {described['config']}"
        rows = len(self._input)
        for number, start in enumerate(range(0, rows, limits.rows)):
            stop = min(start + limits.rows, rows)
            yield Shard(number, described["config"], start, stop, stop - start, 0)

    def rows(self, shard: Shard) -> Iterator[Rows]:
        """Yield ids and values from the memory-mapped table."""
        yield from self._input.stretch(shard.start, shard.stop)

    def describe(self) -> dict[str, Any]:
        """Return dataset, revision, config and columns."""
        return self._input.describe()
