"""Rows of a text file with the byte at which each ends: what lets a shard begin in its middle."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from typing import IO, TYPE_CHECKING, Literal, TypeAlias

from extractors.inputs import FASTA
from extractors.jobs.storage import open_at
from hf_datasets.errors import InputError
from hf_datasets.tables import json_object, json_text, plain_suffix, require_file, table_format

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.tables import TableFile

BOM = b"\xef\xbb\xbf"
CHUNK = 1 << 20
Row: TypeAlias = "tuple[int, str, str | None]"
"""The byte after the row, where the next one begins, in the unpacked file; its id; its value."""


class HashedFile:
    """A file whose digest is taken, of its bytes as they lie there, while it is read."""

    def __init__(self, path: TableFile) -> None:
        self._path = path
        self._total = hashlib.sha256()
        self._taken = 0

    def __str__(self) -> str:
        return str(self._path)

    @property
    def name(self) -> str:
        """Its name."""
        return self._path.name

    def require(self) -> None:
        """InputError unless it is there, with something in it."""
        require_file(self._path)

    def open(self, mode: Literal["rb"], buffering: int = -1) -> IO[bytes]:
        """Open it; it can be opened again, what was read before is not counted twice."""
        del buffering
        return io.BufferedReader(_Hashing(self._path.open(mode), self), CHUNK)

    def take(self, start: int, data: memoryview) -> None:
        """Take what was read from `start` on into the digest, as far as it is new."""
        if start <= self._taken < start + len(data):
            self._total.update(data[self._taken - start :])
            self._taken = start + len(data)

    def digest(self) -> str:
        """Return the sha256 in hex, after reading what nobody has."""
        with self.open("rb") as stream:
            stream.seek(self._taken)
            while stream.read(CHUNK):
                pass
        return self._total.hexdigest()


class _Hashing(io.RawIOBase):
    def __init__(self, stream: IO[bytes], file: HashedFile) -> None:
        self._stream, self._file = stream, file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        start = self._stream.tell()
        read: int = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        self._file.take(start, buffer[:read])
        return read

    def close(self) -> None:
        self._stream.close()
        super().close()


class Lines:
    """The lines of an open file; counts the bytes that were read."""

    def __init__(self, path: TableFile, stream: IO[bytes], start: int) -> None:
        self._path, self._stream, self.position = path, stream, start

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._stream.readline()
        if not line:
            raise StopIteration
        first = self.position == 0
        self.position += len(line)
        try:
            return (line.removeprefix(BOM) if first else line).decode()
        except UnicodeDecodeError as error:
            message = (
                f"{self._path} is not UTF-8 text (line that ends at byte {self.position}); "
                "convert it"
            )
            raise InputError(message) from error


def text_rows(path: TableFile, key: str, column: str | None, start: int = 0) -> Iterator[Row]:
    """Yield the rows of a FASTA, CSV, TSV or JSON lines file from byte `start`, a row's beginning.

    InputError for a line that cannot be read, a damaged gzip file, or text that is not UTF-8.
    """
    try:
        if plain_suffix(path) in FASTA:
            yield from _fasta(path, start)
        elif table_format(path) == "jsonl":
            yield from _json(path, key, column, start)
        else:
            delimiter = "\t" if table_format(path) == "tsv" else ","
            yield from _delimited(path, key, column, delimiter, start)
    except (gzip.BadGzipFile, EOFError) as error:
        message = f"{path} is a damaged gzip file ({error}); fetch or pack it again"
        raise InputError(message) from error


def _fasta(path: TableFile, start: int) -> Iterator[Row]:
    entity: str | None = None
    pieces: list[str] = []
    with open_at(path, start) as stream:
        lines = Lines(path, stream, start)
        before = start
        for line in lines:
            if line.startswith(">"):
                if entity is not None:
                    yield before, entity, "".join(pieces)
                entity, pieces = next(iter(line[1:].split()), ""), []
            elif line.strip():
                if entity is None:
                    message = (
                        f"{path} has text before any '>' header (byte {before}): no FASTA record"
                    )
                    raise InputError(message)
                pieces.append("".join(line.split()))
            before = lines.position
        if entity is not None:
            yield before, entity, "".join(pieces)


def _json(path: TableFile, key: str, column: str | None, start: int) -> Iterator[Row]:
    with open_at(path, start) as stream:
        lines = Lines(path, stream, start)
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            record = json_object(path, number, line)
            value = None if column is None else json_text(path, number, column, record.get(column))
            yield lines.position, json_text(path, number, key, record.get(key)) or "", value


def _delimited(
    path: TableFile, key: str, column: str | None, delimiter: str, start: int
) -> Iterator[Row]:
    # Quotes mean something in CSV; in TSV, as biology writes it, they are plain characters.
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
    csv.field_size_limit(1 << 30)
    with open_at(path, 0) as stream:
        lines = Lines(path, stream, 0)
        head = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
        header = next(head)
        at = header.index(key), None if column is None else header.index(column)
        if start:
            stream.seek(start)
            lines.position = start
        reader = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
        try:
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    message = (
                        f"{path} has a row of {len(row)} fields that ends at byte "
                        f"{lines.position}, the header has {len(header)}; mend that line"
                    )
                    raise InputError(message)
                yield lines.position, row[at[0]], None if at[1] is None else row[at[1]]
        except csv.Error as error:
            message = f"{path} is not valid CSV before byte {lines.position}: {error}"
            raise InputError(message) from error
