"""One text file inside a tar archive, read in place: names in it are never used as paths."""

from __future__ import annotations

import contextlib
import io
import tarfile
from typing import IO, TYPE_CHECKING

from hf_datasets.errors import InputError, shorten
from hf_datasets.sources.reading import open_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.sources.source import UsedFile

_TAR_MAGIC = slice(257, 262)


@contextlib.contextmanager
def member_lines(file: UsedFile, ending: str) -> Iterator[IO[str]]:
    """Open the member whose name ends with `ending`; a file that is no archive is opened itself.

    InputError if no member is so named, or the archive is damaged or too large.
    """
    with open_bytes(file) as stream:
        head = stream.peek(512)  # type: ignore[attr-defined]  # open_bytes gives a BufferedReader
        if head[_TAR_MAGIC] != b"ustar":
            with io.TextIOWrapper(stream, "utf-8-sig") as text:
                yield text
            return
        try:
            yield from _member(file, stream, ending)
        except tarfile.TarError as error:
            message = f"{file.path} is a damaged archive ({error}); fetch it again"
            raise InputError(message) from error


def _member(file: UsedFile, stream: IO[bytes], ending: str) -> Iterator[IO[str]]:
    names = []
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            names.append(member.name)
            if f"/{member.name}".endswith(f"/{ending}") and (found := archive.extractfile(member)):
                # A member of a stream cannot seek, which text wrappers ask for.
                with io.TextIOWrapper(io.BytesIO(found.read()), "utf-8-sig") as text:
                    yield text
                return
    message = f"{file.path} holds no {ending}, only {shorten(names)}; give the original archive"
    raise InputError(message)
