"""What became of each shard, for the manifest at the end: on disk, since shards can be many."""

from __future__ import annotations

import contextlib
import struct
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractors.jobs.shard import Done

RECORD = struct.Struct("<QQQ32s")
"""Rows, failed rows, bytes and sha256 of a shard's file."""


@dataclass(frozen=True)
class Entry:
    """A finished file."""

    rows: int
    failed: int
    bytes: int
    sha256: str


class Ledger:
    """Entries by the number of their shard; they come in any order and go out in theirs."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def put(self, number: int, done: Done) -> None:
        """Keep what a shard holds."""
        self._stream.seek(number * RECORD.size)
        digest = bytes.fromhex(done.sha256)
        self._stream.write(RECORD.pack(done.rows, done.failed, done.bytes, digest))

    def entries(self) -> Iterator[Entry]:
        """Yield the entries from the first shard to the last."""
        self._stream.seek(0)
        while record := self._stream.read(RECORD.size):
            rows, failed, size, digest = RECORD.unpack(record)
            yield Entry(rows, failed, size, digest.hex())


@contextlib.contextmanager
def open_ledger() -> Iterator[Ledger]:
    """Keep a ledger in a file that is gone afterwards: 56 bytes a shard."""
    with tempfile.TemporaryFile() as stream:
        yield Ledger(stream)
