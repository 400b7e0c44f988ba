"""Reading tables that people have: CSV, TSV, JSON lines and Parquet, gzipped or not, as text.

Every cell stays a string: no gene named NA becomes a null, no MARCH1 becomes a date.
Rows come in batches, so that a file of any length is read in bounded memory.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from hf_datasets.errors import InputError, nearest, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
BATCH_ROWS = 8192
GZIP_MAGIC = b"\x1f\x8b"


def table_format(path: Path) -> str | None:
    """Return csv, tsv, parquet or jsonl by the file's name without `.gz`, or None."""
    return FORMATS.get(plain_suffix(path))


def plain_suffix(path: Path) -> str:
    """Return the lower-case suffix of `path`, looking through a trailing `.gz`."""
    name = Path(path.name[:-3]) if path.name.lower().endswith(".gz") else path
    return name.suffix.lower()


@contextlib.contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, unpacking gzip by its first bytes, whatever its name."""
    require_file(path)
    with path.open("rb") as stream:
        magic = stream.read(2)
        stream.seek(0)
        if magic == GZIP_MAGIC:
            with io.BufferedReader(gzip.GzipFile(fileobj=stream, mode="rb")) as unpacked:
                yield unpacked
        else:
            yield stream


@contextlib.contextmanager
def open_lines(path: Path) -> Iterator[IO[str]]:
    """Open a UTF-8 text file, gzipped or not; InputError if it is empty, binary or broken."""
    with open_bytes(path) as stream:
        try:
            head = stream.read(8192)
            if not head.strip():
                message = f"{path} is empty; give a file with at least one row"
                raise InputError(message)
            if b"\0" in head:
                message = f"{path} is a binary file; give CSV, TSV, JSON lines, Parquet or FASTA"
                raise InputError(message)
            stream.seek(0)
            with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
                yield text
        except UnicodeDecodeError as error:
            message = f"{path} is not UTF-8 text ({error.reason} at byte {error.start}); convert it"
            raise InputError(message) from error
        except (gzip.BadGzipFile, EOFError) as error:
            message = f"{path} is a damaged gzip file ({error}); fetch or pack it again"
            raise InputError(message) from error


def require_file(path: Path) -> None:
    """InputError unless `path` is a readable file with something in it."""
    if path.is_dir():
        message = f"{path} is a folder, not a table"
        raise InputError(message)
    if not path.exists():
        siblings = [entry.name for entry in path.parent.glob("*")] if path.parent.is_dir() else []
        message = f"no file {path}{nearest(path.name, siblings)}".rstrip(";")
        raise InputError(message)
    if path.stat().st_size == 0:
        message = f"{path} is empty; give a file with at least one row"
        raise InputError(message)


def column_names(path: Path) -> list[str]:
    """Return the columns of a table, in order."""
    kind = _require_format(path)
    if kind == "parquet":
        with open_parquet(path) as file:
            return list(file.schema_arrow.names)
    if kind == "jsonl":
        with open_lines(path) as lines:
            return list(json_object(path, 1, next(lines, "")))
    with open_lines(path) as lines:
        header = next(csv.reader(lines, delimiter=_delimiter(kind)), [])
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        message = f"{path} has column {doubled[0]!r} more than once; rename one"
        raise InputError(message)
    return header


def require_columns(path: Path, wanted: list[str]) -> None:
    """InputError naming the first of `wanted` that the table lacks."""
    have = column_names(path)
    for name in wanted:
        if name not in have:
            message = (
                f"no column {name!r} in {path}{nearest(name, have)} columns: {shorten(have, 12)}"
            )
            raise InputError(message)


def read_columns(path: Path, columns: list[str]) -> Iterator[list[list[str | None]]]:
    """Yield batches of the named columns, each a list of strings (None for a null).

    Numbers in Parquet and JSON are written out as text; lists, structs and bytes are refused.
    """
    require_columns(path, columns)
    kind = _require_format(path)
    if kind == "parquet":
        yield from read_row_groups(path, columns, None)
    elif kind == "jsonl":
        yield from _read_json(path, columns)
    else:
        yield from _read_delimited(path, columns, _delimiter(kind))


def _require_format(path: Path) -> str:
    require_file(path)
    kind = table_format(path)
    if kind is None:
        message = (
            f"unknown table format {plain_suffix(path)!r} of {path}; "
            f"choices: {shorten(sorted(FORMATS), 9)}, each also with .gz"
        )
        raise InputError(message)
    return kind


def _delimiter(kind: str) -> str:
    return "\t" if kind == "tsv" else ","


def _read_delimited(
    path: Path, columns: list[str], delimiter: str
) -> Iterator[list[list[str | None]]]:
    # Quotes mean something in CSV; in TSV, as biology writes it, they are plain characters.
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
    csv.field_size_limit(1 << 30)
    with open_lines(path) as lines:
        reader = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
        try:
            header = next(reader)
            where = [header.index(name) for name in columns]
            batch: list[list[str | None]] = [[] for _ in columns]
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    message = (
                        f"{path} line {reader.line_num} has {len(row)} fields, "
                        f"the header has {len(header)}; mend that line"
                    )
                    raise InputError(message)
                for column, index in zip(batch, where, strict=True):
                    column.append(row[index])
                if len(batch[0]) >= BATCH_ROWS:
                    yield batch
                    batch = [[] for _ in columns]
            if batch[0]:
                yield batch
        except csv.Error as error:
            message = f"{path} line {reader.line_num} is not valid CSV: {error}"
            raise InputError(message) from error


def _read_json(path: Path, columns: list[str]) -> Iterator[list[list[str | None]]]:
    batch: list[list[str | None]] = [[] for _ in columns]
    with open_lines(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            record = json_object(path, number, line)
            for column, name in zip(batch, columns, strict=True):
                column.append(json_text(path, number, name, record.get(name)))
            if len(batch[0]) >= BATCH_ROWS:
                yield batch
                batch = [[] for _ in columns]
    if batch[0]:
        yield batch


def json_object(path: Path, number: int, line: str) -> dict[str, Any]:
    """Return what a line holds; InputError when it is no JSON object."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        message = f"{path} line {number} is not JSON: {error}"
        raise InputError(message) from error
    if not isinstance(record, dict):
        message = f"{path} line {number} is not a JSON object"
        raise InputError(message)
    return record


def json_text(path: Path, number: int, name: str, value: object) -> str | None:
    """Return a value as text, None for null; InputError for lists and objects."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return json.dumps(value)
    message = f"{path} line {number}: column {name!r} holds a {type(value).__name__}, not text"
    raise InputError(message)


@contextlib.contextmanager
def open_parquet(path: Path) -> Iterator[Any]:
    """Open a `pyarrow.parquet.ParquetFile`; InputError for a file that is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        message = f"{path} is not a readable Parquet file: {error}"
        raise InputError(message) from error


def read_row_groups(
    path: Path, columns: list[str], groups: list[int] | None
) -> Iterator[list[list[str | None]]]:
    """Yield batches of the named columns of some row groups of a Parquet file, None for all."""
    with open_parquet(path) as file:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, row_groups=groups, columns=columns):
            yield [_texts(path, name, batch.column(name)) for name in columns]


def _texts(path: Path, name: str, column: pa.Array) -> list[str | None]:
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    plain = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
    if not (plain or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        message = f"column {name!r} of {path} has type {column.type}; give text or numbers"
        raise InputError(message)
    texts: list[str | None] = column.cast(pa.string()).to_pylist()
    return texts
