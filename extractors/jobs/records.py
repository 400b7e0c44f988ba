"""Rows of a text file with the byte at which each ends: what lets a shard begin in its middle."""

from __future__ import annotations

import csv
import gzip
from typing import IO, TYPE_CHECKING, Literal, TypeAlias

from extractors.inputs import FASTA
from extractors.jobs.storage import open_at
from hf_datasets.errors import InputError
from hf_datasets.tables import json_object, json_text, plain_suffix, table_format

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOM = b"\xef\xbb\xbf"
Row: TypeAlias = "tuple[int, str, str | None]"
"""The byte after the row, where the next one begins, in the unpacked file; its id; its value."""


class Lines:
    """The lines of an open file; counts the bytes that were read."""

    def __init__(self, path: Path, stream: IO[bytes], start: int) -> None:
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


def text_rows(path: Path, key: str, column: str | None, start: int = 0) -> Iterator[Row]:
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


def _fasta(path: Path, start: int) -> Iterator[Row]:
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


def _json(path: Path, key: str, column: str | None, start: int) -> Iterator[Row]:
    with open_at(path, start) as stream:
        lines = Lines(path, stream, start)
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            record = json_object(path, number, line)
            value = None if column is None else json_text(path, number, column, record.get(column))
            yield lines.position, json_text(path, number, key, record.get(key)) or "", value


def _delimited(
    path: Path, key: str, column: str | None, delimiter: str, start: int
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
