"""Reading large files record by record, keeping what is sound of one that is not.

A download that broke off, one entry that an editor mangled: the rest is still worth having. So
readers count what they leave out, by kind and with examples, and say where a file was cut short.
"""

from __future__ import annotations

import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError, shorten
from hf_datasets.tables import GZIP_MAGIC, require_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO

    from hf_datasets.sources.source import UsedFile

_GZIP = 31
"""zlib's window bits for a gzip stream."""
_PACKED = 1 << 18
_UNPACKED = 1 << 22
LONGEST = 1 << 26
"""Bytes that one record may have; more of them without an end are no file of records."""
EXAMPLES = 5


class Faults:
    """What was left out of one file: how many records of each kind of fault, and which."""

    def __init__(self, name: str) -> None:
        self.name = name
        """The file, as messages call it."""
        self.counts: Counter[str] = Counter()
        """Kind of fault → records left out for it."""
        self.examples: dict[str, list[str]] = {}
        """Kind of fault → its first records."""
        self.cut = ""
        """Why reading ended before the file's end; empty if it did not."""

    def add(self, kind: str, record: str) -> None:
        """Count a record that is left out."""
        self.counts[kind] += 1
        named = self.examples.setdefault(kind, [])
        if len(named) < EXAMPLES:
            named.append(record[:120])

    def lines(self) -> list[str]:
        """Return a line a kind, and one if the file was cut short; none if all is well."""
        found = [
            f"{self.name}: left out {count:,} x {kind} ({shorten(self.examples[kind])})"
            for kind, count in sorted(self.counts.items())
        ]
        return [*found, f"{self.name}: {self.cut}; what came before is used"] if self.cut else found

    def reason(self) -> str:
        """Return all of it in one line, empty if all is well."""
        return "; ".join(self.lines())

    def record(self) -> dict[str, Any]:
        """Return it for `build.json`."""
        kinds = {
            kind: {"records": count, "examples": self.examples[kind]}
            for kind, count in sorted(self.counts.items())
        }
        return {"left_out": kinds, "cut_short": self.cut}


def read_bytes(used: UsedFile, faults: Faults) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacking gzip, up to its end or to where it is damaged.

    Every byte before the damage is yielded, and `faults.cut` says what is wrong. InputError for a
    file that unpacks to more than its bound.
    """
    require_file(used.path)
    left = used.max_bytes
    with used.path.open("rb") as raw:
        packed = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        for data in _gunzip(raw, faults) if packed else iter(lambda: raw.read(1 << 20), b""):
            left -= len(data)
            if left < 0:
                message = (
                    f"{used.path} ({used.source}.{used.key}) unpacks to more than "
                    f"{used.max_bytes:,} bytes; it is no copy of the upstream file"
                )
                raise InputError(message)
            yield data


def _gunzip(raw: IO[bytes], faults: Faults) -> Iterator[bytes]:
    """Unpack all members of a gzip file; at most _UNPACKED bytes come at a time."""
    unpack = zlib.decompressobj(_GZIP)
    data = raw.read(_PACKED)
    while data:
        before = unpack.copy()
        try:
            out = unpack.decompress(data, _UNPACKED)
        except zlib.error as error:
            yield from _up_to_damage(before, data)
            faults.cut = f"the gzip file is damaged ({error}): fetch it again"
            return
        if out:
            yield out
        if not unpack.eof:
            data = unpack.unconsumed_tail or raw.read(_PACKED)
            continue
        # Members may follow each other, and zeros may fill the last block of a tape.
        data = unpack.unused_data.lstrip(b"\0") or raw.read(_PACKED).lstrip(b"\0")
        if data:
            unpack = zlib.decompressobj(_GZIP)
    if not unpack.eof:
        faults.cut = "the gzip file ends too early: fetch it again"


def _up_to_damage(unpack: Any, data: bytes) -> Iterator[bytes]:  # noqa: ANN401  zlib names no type
    """Yield what the bytes before the damaged one give: zlib keeps it back when it fails."""
    for at in range(len(data)):
        try:
            yield unpack.decompress(data[at : at + 1])
        except zlib.error:
            return


def split_records(chunks: Iterable[bytes], end: bytes, used: UsedFile) -> Iterator[bytes]:
    """Yield what lies before each `end`, and last, perhaps empty, what follows the last one.

    InputError if there is no `end` within LONGEST bytes.
    """
    rest = b""
    for chunk in chunks:
        parts = (rest + chunk).split(end)
        rest = parts.pop()
        if len(rest) > LONGEST:
            shown = end.decode().strip()
            message = f"{used.path} has no {shown!r} within {LONGEST:,} bytes; it is another file"
            raise InputError(message)
        yield from parts
    yield rest
