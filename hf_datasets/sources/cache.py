"""The cache of downloaded source files: what lies there, and what is fetched into it."""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

from hf_datasets.files import folder_digest
from hf_datasets.sources.download import DownloadError, download
from hf_datasets.sources.partial import Received, received
from hf_datasets.sources.source import UsedFile

if TYPE_CHECKING:
    from hf_datasets.sources.source import Source, SourceFile

_MOST_PARTS = 2_000
_INDEX_BYTES = 10_000_000


def used_file(source: Source, file: SourceFile, path: Path, known: Received) -> UsedFile:
    """Return the record of a file with what is known of it."""
    return UsedFile(
        source=source.name,
        key=file.key,
        path=path,
        name=known.url,
        sha256=known.sha256,
        size=known.size,
        date=known.date,
        min_rows=file.min_rows,
        max_bytes=file.max_bytes,
        parts=file.parts,
    )


def from_cache(
    source: Source, file: SourceFile, cache: Path, *, fetch: bool, asked: bool
) -> UsedFile | None:
    """Return the file from the cache, downloading it first if it may be; None if it may not."""
    if not file.url:
        return None
    place = cache / source.name / _cache_name(file.key, file.url)
    label = f"{source.name}.{file.key}"
    may_fetch = fetch and (file.download or asked)
    if file.listing:
        return _folder_from_cache(source, file, place, label, fetch=may_fetch)
    known = received(place)
    if known is None and may_fetch:
        known = download(file.url, place, max_bytes=file.max_bytes, label=label)
    return used_file(source, file, place, known) if known else None


def _cache_name(key: str, url: str) -> str:
    """Name a file by its key and address: a new version's address gets a new file.

    Only the ending is taken from the address, and only if it is plain.
    """
    ending = re.search(
        r"(?:\.[a-z0-9]{1,8}){1,2}$", urllib.parse.urlsplit(url).path.rpartition("/")[2]
    )
    return f"{key}-{hashlib.sha256(url.encode()).hexdigest()[:8]}{ending[0] if ending else ''}"


def _folder_from_cache(
    source: Source, file: SourceFile, place: Path, label: str, *, fetch: bool
) -> UsedFile | None:
    """Return a folder of files that the index at the file's address lists, as `from_cache`.

    DownloadError if the index lists none, or all together are larger than the bound.
    """
    index = place / "index.html"
    if received(index) is None:
        if not fetch:
            return None
        download(file.url, index, max_bytes=_INDEX_BYTES, label=f"{label} index", page=True)
    listed = re.findall(rf'href="(?:\./)?({file.listing})"', index.read_text("utf-8", "replace"))
    names = sorted({name for name in listed if Path(name).name == name})
    if not 0 < len(names) <= _MOST_PARTS:
        index.unlink()
        message = f"its index lists {len(names):,} files, expected 1 to {_MOST_PARTS:,}"
        raise DownloadError(message)
    left, dates = file.max_bytes, []
    for number, name in enumerate(names, 1):
        known = received(place / name)
        if known is None:
            if not fetch:
                return None
            url = urllib.parse.urljoin(file.url, name)
            what = f"{label} {number}/{len(names)}"
            known = download(url, place / name, max_bytes=left, label=what)
        left -= known.size
        dates.append(known.date)
    digest = folder_digest(place, file.parts)
    known = Received(file.url, digest, file.max_bytes - left, max(dates))
    return used_file(source, file, place, known)
