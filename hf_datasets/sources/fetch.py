"""Finding the files of a source: given by hand, in a folder, in the cache, or downloaded."""

from __future__ import annotations

import time
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from hf_datasets.command import say
from hf_datasets.errors import InputError, choose
from hf_datasets.files import cache_folder, file_digest, folder_digest
from hf_datasets.sources.cache import from_cache, used_file
from hf_datasets.sources.download import DownloadError
from hf_datasets.sources.partial import Received
from hf_datasets.sources.source import SourceUnavailable, UsedFile, part_files, unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from hf_datasets.build import BuildOptions
    from hf_datasets.sources.source import Source, SourceFile


def parse_given(words: Iterable[str]) -> dict[str, Path]:
    """Return {`hpa` or `hpa.subcellular`: path} from the words after `--source`.

    InputError if a word is no NAME=FILE, names no source or file of ours, or FILE is missing.
    """
    from hf_datasets.sources import SOURCES

    given: dict[str, Path] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not (name and equals and text):
            message = f"--source {word!r} is no NAME=FILE; for example hpa=proteinatlas.tsv.zip"
            raise InputError(message)
        source, dot, key = name.partition(".")
        record = choose(source, SOURCES, "source")
        if dot:
            record.file(key)
        if name in given:
            message = f"--source {name} is given twice; name files as in {source}.KEY=FILE"
            raise InputError(message)
        given[name] = _existing(name, Path(text).expanduser())
    return given


def _existing(name: str, path: Path) -> Path:
    if not path.exists():
        message = f"no file {path} for --source {name}; give an existing file or folder"
        raise InputError(message)
    return path


def locate(
    source: Source,
    *,
    given: Mapping[str, Path],
    folder: Path | None,
    download: bool,
    cache: Path,
    only: Collection[str] | None = None,
) -> dict[str, UsedFile]:
    """Return the files of a source by key: those given, else in `folder`, cached or downloaded.

    `given`: {`name` or `name.key`: path} of any sources (see `parse_given`); `folder`: has a
    subfolder per source; `only`: keys to look for and download, among them files that are never
    downloaded unasked (the genome). Optional files that cannot be had are left out, and not
    downloaded for a source that was given as `name`.
    SourceUnavailable if a needed file, or every file, is missing; InputError for a given file
    that does not exist.
    """
    wanted = [file for file in source.files if only is None or file.key in only]
    named = _named(source, given)
    found: dict[str, UsedFile] = {}
    missing: list[SourceUnavailable] = []
    for file in wanted:
        path = named.get(file.key) or _in_folder(file, folder / source.name if folder else None)
        if path is not None:
            found[file.key] = local_file(source, file, path)
            continue
        try:
            needless = source.name in given or not found.keys().isdisjoint(file.unless)
            fetch = download and not (file.optional and needless)
            if used := from_cache(source, file, cache, fetch=fetch, asked=only is not None):
                found[file.key] = used
                continue
            problem = unavailable(source, file, "it is not at hand")
        except DownloadError as error:
            problem = unavailable(source, file, f"{error} ({file.url})")
            if file.optional:
                say(f"without: {problem}")
        missing.append(problem)
        if not file.optional:
            raise problem
    if not found and missing:
        raise missing[0]
    return found


def locate_all(
    sources: Iterable[Source], options: BuildOptions
) -> tuple[dict[str, Mapping[str, UsedFile]], dict[str, str]]:
    """Return {source: its files} of those that can be had, and {source: why} of the others.

    InputError if none can.
    """
    files: dict[str, Mapping[str, UsedFile]] = {}
    unavailable: dict[str, str] = {}
    for source in sources:
        try:
            files[source.name] = locate(
                source,
                given=options.given,
                folder=options.folder,
                download=options.download,
                cache=cache_folder() / "sources",
            )
        except SourceUnavailable as error:
            unavailable[source.name] = str(error)
    if not files:
        message = (
            f"no source can be had: {next(iter(unavailable.values()), 'none is known')}; or give "
            f"--sources DIR with a folder per source ({', '.join(unavailable)})"
        )
        raise InputError(message)
    return files, unavailable


def _named(source: Source, given: Mapping[str, Path]) -> dict[str, Path]:
    """Return {key: path} of what was given for this source.

    A folder stands for the source's subfolder; a file given for the source as a whole is the one
    whose usual name it has, else the first.
    """
    named: dict[str, Path] = {}
    for name, path in given.items():
        owner, _, key = name.partition(".")
        if owner != source.name:
            continue
        _existing(name, path)
        if key:
            named[source.file(key).key] = path
        elif path.is_dir() and not any(file.listing for file in source.files):
            places = ((file.key, _in_folder(file, path)) for file in source.files)
            named |= {key: place for key, place in places if place and key not in named}
        else:
            named.setdefault(_key_by_name(source, path), path)
    return named


def _key_by_name(source: Source, path: Path) -> str:
    for file in source.files:
        if any(fnmatch(path.name, pattern.rpartition("/")[2]) for pattern in file.local):
            return file.key
    return source.files[0].key


def _in_folder(file: SourceFile, folder: Path | None) -> Path | None:
    """Return the best match of the file's usual names in `folder`, or None."""
    if folder is None or not folder.is_dir():
        return None
    for pattern in file.local:
        for path in sorted(folder.glob(pattern)):
            if path.is_file() or (file.listing and path.is_dir()):
                return path
    if file.listing and part_files(folder, file.parts):
        return folder
    return None


def local_file(source: Source, file: SourceFile, path: Path) -> UsedFile:
    """Return the record of a file, or of a folder of files, on this machine."""
    if path.is_dir():
        parts = part_files(path, file.parts)
        digest, size = folder_digest(path, file.parts), sum(p.stat().st_size for p in parts)
    else:
        parts, digest, size = [path], file_digest(path), path.stat().st_size
    newest = max((part.stat().st_mtime for part in parts), default=path.stat().st_mtime)
    date = time.strftime("%Y-%m-%d", time.gmtime(newest))
    return used_file(source, file, path, Received(path.name, digest, size, date))
