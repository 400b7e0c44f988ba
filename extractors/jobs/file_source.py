"""Files as the input of a job: of this machine or of a store, whole rows from any byte on."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractors.inputs import FASTA, table_columns
from extractors.jobs.records import HashedFile, text_rows
from extractors.jobs.remote import RemotePath, is_url, pinned
from extractors.jobs.source import Shard, Source
from extractors.jobs.storage import input_files, visible_files
from extractors.jobs.trouble import explaining
from hf_datasets.command import say
from hf_datasets.errors import InputError, shorten
from hf_datasets.reference import has_card
from hf_datasets.tables import (
    BATCH_ROWS,
    FORMATS,
    open_parquet,
    plain_suffix,
    require_columns,
    require_file,
    require_names,
    row_batches,
    table_format,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow.parquet as pq

    from extractors.inputs import Asked, Rows
    from extractors.jobs.source import Limits

READABLE = FASTA | FORMATS.keys()


def open_files(asked: Asked, reads: tuple[str, ...]) -> FileSource | None:
    """Open a file or folder, here or elsewhere; None for what is a dataset."""
    assert asked.source is not None  # noqa: S101  the caller has looked
    if is_url(asked.source) and not asked.source.startswith("file://"):
        return _open_remote(asked.source, asked, reads)
    path = Path(asked.source.removeprefix("file://")).expanduser()
    if path.is_file() or plain_suffix(path) in READABLE:
        require_file(path)
        return FileSource.of(path.parent, [path.name], asked, reads)
    if path.is_dir() and not has_card(path):
        return FileSource.of(path, _readable(path, input_files(path)), asked, reads)
    return None


def _open_remote(url: str, asked: Asked, reads: tuple[str, ...]) -> FileSource:
    place = pinned(RemotePath.of(url))
    with explaining(place):
        info = place.info()
        if info is not None and info["type"] == "file":
            place.require()
            with place.open("rb", 0) as stream:  # some web servers send whole files alone
                stream.seek(-1, 2)
                stream.read(1)
            return FileSource.of(place.parent, [place.name], asked, reads)
        if not (names := visible_files(place.files())):
            message = f"nothing is at {place}; check the name, and that this account may see it"
            raise InputError(message)
        return FileSource.of(place, _readable(place, names), asked, reads)


def _readable(root: Path | RemotePath, names: list[str]) -> list[str]:
    """Return the names of files that can be read, and tell of others; InputError for none."""
    good = [name for name in names if plain_suffix(Path(name)) in READABLE]
    if not good:
        kinds = shorten(sorted(READABLE), 20)
        message = f"{root} holds no file that can be read; formats: {kinds}, each also .gz"
        raise InputError(message)
    if others := sorted({*names} - {*good}):
        say(f"{len(others)} files of {root} are no tables or FASTA: {shorten(others)}")
    return good


@dataclass(frozen=True)
class FileSource(Source):
    """Files of a folder, one after the other in the order of their names."""

    root: Path | RemotePath
    names: tuple[str, ...]
    key: str
    column: str | None

    @classmethod
    def of(
        cls, root: Path | RemotePath, names: list[str], asked: Asked, reads: tuple[str, ...]
    ) -> FileSource:
        """Choose the columns by the first table; all tables must have them."""
        root = root.resolve() if isinstance(root, Path) else root
        unknown = [name for name in names if plain_suffix(Path(name)) not in READABLE]
        if unknown:
            message = (
                f"unknown format of {root / unknown[0]}; choices: {', '.join(sorted(READABLE))}"
            )
            raise InputError(message)
        tables = [name for name in names if plain_suffix(Path(name)) not in FASTA]
        if tables:
            found = table_columns(root / tables[0], reads, asked.column, asked.id_column)
            return cls(root, tuple(names), *found)
        if asked.column is not None or asked.id_column is not None:
            message = f"{root} holds FASTA: it has no columns; leave out --column and --id"
            raise InputError(message)
        return cls(root, tuple(names), "", None)

    @property
    def _columns(self) -> list[str]:
        return [self.key] if self.column is None else [self.key, self.column]

    def cut(self, limits: Limits) -> Iterator[Shard | str]:
        """Yield shards: by row groups of Parquet, in one reading of text."""
        number = 0
        for name in self.names:
            path = self.root / name
            with explaining(path) if isinstance(path, RemotePath) else nullcontext():
                size, version = _size_and_version(path)
                hashed = HashedFile(path)
                parquet = table_format(path) == "parquet"
                found = (
                    self._cut_parquet(path, limits) if parquet else self._cut_text(hashed, limits)
                )
                for start, stop, rows in found:
                    yield Shard(number, name, start, stop, rows, size, version)
                    number += 1
                yield f"{name} {_footer(path) if parquet else hashed.digest()}"

    def _cut_parquet(
        self, path: Path | RemotePath, limits: Limits
    ) -> Iterator[tuple[int, int, int]]:
        """Yield (first row, row after the last, rows); cuts fall between row groups where they can.

        A row group that is too large by itself is cut evenly.
        """
        start = stop = characters = 0
        with open_parquet(path) as file:
            require_names(path, file.schema_arrow.names, self._columns)
            groups = list(_row_groups(file.metadata, self._columns[-1]))
        for rows, size in groups:
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

    def _cut_text(self, path: HashedFile, limits: Limits) -> Iterator[tuple[int, int, int]]:
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
        if not _is_as_planned(path, shard):
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

    def _parquet_rows(self, path: Path | RemotePath, shard: Shard) -> Iterator[Rows]:
        groups: list[int] = []
        at = skip = 0
        with open_parquet(path) as file:
            for group, (rows, _) in enumerate(_row_groups(file.metadata, self.key)):
                if at < shard.stop and at + rows > shard.start:
                    skip = skip if groups else shard.start - at
                    groups.append(group)
                at += rows
            left = shard.rows
            for batch in row_batches(path, file, self._columns, groups):
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
        """Return the name of the folder or the only file, the number of files, the columns.

        On the Hub the name is the URL, which is the same for all and has the commit in it.
        """
        root, only = self.root, len(self.names) == 1
        if isinstance(root, RemotePath) and root.protocol == "hf":
            place = {"file": f"{root}/{self.names[0]}"} if only else {"folder": str(root)}
        else:
            place = {"file": self.names[0]} if only else {"folder": root.name}
        return {**place, "files": len(self.names), "id": self.key or None, "column": self.column}


def _row_groups(footer: pq.FileMetaData, column: str) -> Iterator[tuple[int, int]]:
    """Yield rows and bytes (of one column, unpacked) of each row group."""
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        chunks = (group.column(at) for at in range(group.num_columns))
        size = sum(
            chunk.total_uncompressed_size
            for chunk in chunks
            if chunk.path_in_schema.split(".")[0] == column
        )
        yield group.num_rows, size


def _footer(path: Path | RemotePath) -> str:
    """Return size and digest of a Parquet file's footer, which has sizes of all columns."""
    with path.open("rb", 0) as stream:
        size = stream.seek(-8, 2) + 8
        length = min(int.from_bytes(stream.read(4), "little"), size - 8)
        stream.seek(-8 - length, 2)
        return f"{size} {hashlib.sha256(stream.read(length)).hexdigest()}"


def _size_and_version(path: Path | RemotePath) -> tuple[int, str]:
    """Return what tells whether a file changes; InputError when it is not there, or empty."""
    if isinstance(path, RemotePath):
        info = path.require()
        return info["size"], path.version(info)
    require_file(path)
    return path.stat().st_size, ""


def _is_as_planned(path: Path | RemotePath, shard: Shard) -> bool:
    if isinstance(path, RemotePath):
        info = path.info()
        return info is not None and (info["size"], path.version(info)) == (
            shard.size,
            shard.version,
        )
    return path.exists() and path.stat().st_size == shard.size
