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
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from hf_datasets.errors import InputError, nearest, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import pyarrow.parquet as pq

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


class OtherFile(Protocol):
    """A file that does not lie on this machine."""

    @property
    def name(self) -> str:
        """Its name, with the suffix that tells what it is."""

    def open(self, mode: Literal["rb"], buffering: int = -1) -> IO[bytes]:
        """Open it; with `buffering=0` for a reader that knows which bytes it wants."""

    def require(self) -> object:
        """InputError unless it is there, with something in it."""


TableFile: TypeAlias = "Path | OtherFile"


def table_format(path: TableFile) -> str | None:
    """Return csv, tsv, parquet or jsonl by the file's name without `.gz`, or None."""
    return FORMATS.get(plain_suffix(path))


def plain_suffix(path: TableFile) -> str:
    """Return the lower-case suffix of `path`, looking through a trailing `.gz`."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return Path(name).suffix.lower()


@contextlib.contextmanager
def open_bytes(path: TableFile) -> Iterator[IO[bytes]]:
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
def open_lines(path: TableFile) -> Iterator[IO[str]]:
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


def require_file(path: TableFile) -> None:
    """InputError unless `path` is a readable file with something in it."""
    if not isinstance(path, Path):
        path.require()
        return
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


def column_names(path: TableFile) -> list[str]:
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


def require_columns(path: TableFile, wanted: list[str]) -> None:
    """InputError naming the first of `wanted` that the table lacks."""
    require_names(path, column_names(path), wanted)


def require_names(path: TableFile, have: list[str], wanted: list[str]) -> None:
    """InputError naming the first of `wanted` that is not among the columns of the table."""
    for name in wanted:
        if name not in have:
            message = (
                f"no column {name!r} in {path}{nearest(name, have)} columns: {shorten(have, 12)}"
            )
            raise InputError(message)


def read_columns(path: TableFile, columns: list[str]) -> Iterator[list[list[str | None]]]:
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


def _require_format(path: TableFile) -> str:
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
    path: TableFile, columns: list[str], delimiter: str
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


def _read_json(path: TableFile, columns: list[str]) -> Iterator[list[list[str | None]]]:
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


def json_object(path: TableFile, number: int, line: str) -> dict[str, Any]:
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


def json_text(path: TableFile, number: int, name: str, value: object) -> str | None:
    """Return a value as text, None for null; InputError for lists and objects."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return json.dumps(value)
    message = f"{path} line {number}: column {name!r} holds a {type(value).__name__}, not text"
    raise InputError(message)


@contextlib.contextmanager
def open_parquet(path: TableFile) -> Iterator[Any]:
    """Open a `pyarrow.parquet.ParquetFile`; InputError for a file that is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with contextlib.ExitStack() as opened:
            stream = path if isinstance(path, Path) else opened.enter_context(path.open("rb", 0))
            yield opened.enter_context(pq.ParquetFile(stream))
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        message = f"{path} is not a readable Parquet file: {error}"
        raise InputError(message) from error


def read_row_groups(
    path: TableFile, columns: list[str], groups: list[int] | None
) -> Iterator[list[list[str | None]]]:
    """Yield batches of the named columns of some row groups of a Parquet file, None for all."""
    with open_parquet(path) as file:
        yield from row_batches(path, file, columns, groups)


def row_batches(
    path: TableFile, file: pq.ParquetFile, columns: list[str], groups: list[int] | None
) -> Iterator[list[list[str | None]]]:
    """Do what `read_row_groups` does with a file that is open."""
    for batch in file.iter_batches(batch_size=BATCH_ROWS, row_groups=groups, columns=columns):
        yield [_texts(path, name, batch.column(name)) for name in columns]


def _texts(path: TableFile, name: str, column: pa.Array) -> list[str | None]:
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    plain = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
    if not (plain or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        message = f"column {name!r} of {path} has type {column.type}; give text or numbers"
        raise InputError(message)
    texts: list[str | None] = column.cast(pa.string()).to_pylist()
    return texts
