"""Opening source files as they come: plain, gzip or zip, read in place and bounded in size."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import lzma
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Literal

from hf_datasets.errors import InputError, nearest, shorten
from hf_datasets.tables import GZIP_MAGIC, require_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hf_datasets.sources.source import UsedFile

ZIP_MAGIC = b"PK\x03\x04"
_BUFFER = 1 << 18
_DAMAGED = (
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
)


class _Bounded(io.RawIOBase):
    """A stream that ends in an InputError once more than `limit` bytes came out of it."""

    def __init__(self, stream: IO[bytes], used: UsedFile) -> None:
        self._stream = stream
        self._used = used
        self._left = used.max_bytes

    def readable(self) -> bool:
        """Say that it can be read, as BufferedReader asks."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` with the next bytes; return how many."""
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise _too_large(self._used)
        buffer[: len(data)] = data
        return len(data)


def _too_large(used: UsedFile) -> InputError:
    return InputError(
        f"{used.path} ({used.source}.{used.key}) unpacks to more than {used.max_bytes:,} bytes; "
        "it is no copy of the upstream file"
    )


@contextlib.contextmanager
def open_bytes(used: UsedFile) -> Iterator[IO[bytes]]:
    """Open a source file for reading, unpacking gzip and zip by their first bytes.

    A zip must hold one file, which is read in place: its name is never used as a path.
    InputError if the file is missing, damaged, encrypted or larger than its bound.
    """
    path = used.path
    require_file(path)
    with contextlib.ExitStack() as stack:
        try:
            raw = stack.enter_context(path.open("rb"))
            magic = raw.read(4)
            raw.seek(0)
            stream: IO[bytes] = raw
            if magic.startswith(GZIP_MAGIC):
                unpacked = stack.enter_context(gzip.GzipFile(fileobj=raw, mode="rb"))
                stream = io.BufferedReader(unpacked)
            elif magic == ZIP_MAGIC:
                stream = stack.enter_context(_only_member(used, stack, raw))
            yield stack.enter_context(io.BufferedReader(_Bounded(stream, used), _BUFFER))
        except _DAMAGED as error:
            message = f"{path} is damaged ({type(error).__name__}: {error}); fetch it again"
            raise InputError(message) from error


def _only_member(used: UsedFile, stack: contextlib.ExitStack, raw: IO[bytes]) -> IO[bytes]:
    """Open the one file inside a zip archive."""
    archive = stack.enter_context(zipfile.ZipFile(raw))
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX")
    ]
    if len(members) != 1:
        names = shorten([member.filename for member in members]) or "nothing"
        message = f"{used.path} holds {names}, expected one file; give that file unpacked"
        raise InputError(message)
    if members[0].flag_bits & 1:
        message = f"{used.path} is an encrypted zip archive; give the file unpacked"
        raise InputError(message)
    if members[0].file_size > used.max_bytes:
        raise _too_large(used)
    return archive.open(members[0])


@contextlib.contextmanager
def open_lines(used: UsedFile) -> Iterator[IO[str]]:
    """Open a UTF-8 text file, packed or not; line ends are left as they are."""
    with open_bytes(used) as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
        try:
            yield text
        except UnicodeDecodeError as error:
            message = (
                f"{used.path} ({used.source}.{used.key}) is not UTF-8 text "
                f"({error.reason} at byte {error.start}); give the original file"
            )
            raise InputError(message) from error


def header_and_rows(used: UsedFile, delimiter: str, *, quoted: bool) -> Iterator[list[str]]:
    """Yield the rows of a delimited file, its header first, every cell as the text it is.

    `quoted`: double quotes wrap cells (CSV, and the TSV of HGNC); else they are plain characters.
    InputError, with the line, for a row whose length differs from the header's.
    """
    csv.field_size_limit(1 << 30)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    width = 0
    with open_lines(used) as lines:
        reader = csv.reader(lines, delimiter=delimiter, quoting=quoting)
        try:
            for row in reader:
                if not row:
                    continue
                width = width or len(row)
                if len(row) != width:
                    message = (
                        f"{used.path} line {reader.line_num} has {len(row)} fields, "
                        f"the header has {width}; fetch it again"
                    )
                    raise InputError(message)
                yield row
        except csv.Error as error:
            message = f"{used.path} line {reader.line_num} is not a table: {error}"
            raise InputError(message) from error


def read_columns(
    used: UsedFile, columns: Sequence[str], *, delimiter: str = "\t", quoted: bool = False
) -> list[tuple[str, ...]]:
    """Return the named columns of a delimited file, one tuple a row, in the order asked for.

    InputError naming the first column that is not there, or if rows are fewer than expected.
    """
    rows = header_and_rows(used, delimiter, quoted=quoted)
    header = next(rows, [])
    where = [position(used, header, name) for name in columns]
    table = [tuple([row[index] for index in where]) for row in rows]
    used.expect_rows(len(table))
    return table


def position(used: UsedFile, header: list[str], name: str) -> int:
    """Return where a column stands in the header; InputError with the choices if it does not."""
    if name in header:
        return header.index(name)
    message = (
        f"no column {name!r} in {used.path} ({used.source}.{used.key})"
        f"{nearest(name, header)} columns: {shorten(header, 12) or 'none'}"
    )
    raise InputError(message)
