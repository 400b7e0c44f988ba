"""A file of another machine as a stream that asks for ranges of bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from extractors.jobs.trouble import patiently

if TYPE_CHECKING:
    from fsspec.spec import AbstractBufferedFile  # type: ignore[import-untyped]

LEAST, MOST = 1 << 16, 1 << 23
"""Bytes of a request: of the first, and of those of one who reads on."""


class Ranges(io.RawIOBase):
    """A remote file; keeps the block that it read last."""

    def __init__(self, url: str, stream: AbstractBufferedFile, size: int, *, ahead: bool) -> None:
        self._url, self._stream, self._size, self._ahead = url, stream, size, ahead
        self._at = self._block_at = 0
        self._block = memoryview(b"")
        self._step = LEAST

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, which costs nothing."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer as far as the file goes; of what is read on, as far as the block goes."""
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        inside = self._at - self._block_at
        if not 0 <= inside < len(self._block):
            self._fetch(wanted)
        elif inside + wanted > len(self._block):
            if self._ahead:
                wanted = len(self._block) - inside
            else:
                self._fetch(wanted)
        inside = self._at - self._block_at
        buffer[:wanted] = self._block[inside : inside + wanted]
        self._at += wanted
        return wanted

    def _fetch(self, wanted: int) -> None:
        """Read a block from here on; at the end of the file, its last 64 kB."""
        reads_on = self._ahead and self._at == self._block_at + len(self._block)
        self._step = min(self._step * 2, MOST) if reads_on and self._at else LEAST
        start = min(self._at, max(0, self._size - LEAST))
        stop = min(self._at + max(wanted, self._step), self._size)

        def read() -> bytes:
            try:
                self._stream.seek(start)
                found: bytes = self._stream.read(stop - start)
            except ValueError as error:  # of fsspec, for a web server that sends whole files alone
                raise io.UnsupportedOperation(str(error)) from error
            if len(found) != stop - start:
                message = f"{len(found)} bytes came in place of {stop - start}"
                raise OSError(message)
            return found

        self._block = memoryview(patiently(read, self._url))
        self._block_at = start

    def close(self) -> None:
        """Close the stream below."""
        if not self.closed:
            self._stream.close()
        super().close()
