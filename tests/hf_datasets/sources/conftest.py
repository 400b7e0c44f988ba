"""Files of sources: the real ones where they are, and small ones in the upstream's format."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import TYPE_CHECKING, Protocol

import pytest

from hf_datasets.sources import SOURCES, UsedFile
from hf_datasets.sources.fetch import locate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class MakeFile(Protocol):
    """Writes a small file and returns it as located: without the row count of the real one."""

    def __call__(
        self, source: str, key: str, content: str | bytes, name: str = ..., packed: str = ...
    ) -> dict[str, UsedFile]: ...


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    def make(
        source: str, key: str, content: str | bytes, name: str = "", packed: str = ""
    ) -> dict[str, UsedFile]:
        path = tmp_path / (name or f"{source}.{key}")
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(pack(data, packed))
        return {key: UsedFile(source, key, path, path.name, "", path.stat().st_size, "")}

    return make


def pack(data: bytes, kind: str, member: str = "file.txt") -> bytes:
    if kind == "zip":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, data)
        return stream.getvalue()
    return gzip.compress(data) if kind == "gzip" else data


@pytest.fixture(scope="session")
def real(
    upstream: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., dict[str, UsedFile]]:
    """Locate the real files of a source; nothing is downloaded."""
    cache = tmp_path_factory.mktemp("no-cache")

    def files(name: str) -> dict[str, UsedFile]:
        return locate(SOURCES[name], given={}, folder=upstream, download=False, cache=cache)

    return files
