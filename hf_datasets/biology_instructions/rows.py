"""All rows of one build: for each task from the published records or else from its origin."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hf_datasets.biology_instructions.origins import ORIGINS
from hf_datasets.biology_instructions.published import read_published
from hf_datasets.biology_instructions.spool import Spool
from hf_datasets.biology_instructions.tasks import DATASET, TASKS, Answer
from hf_datasets.errors import InputError
from hf_datasets.files import cache_folder
from hf_datasets.sources import biology_instructions
from hf_datasets.sources.fetch import locate
from hf_datasets.sources.labelled import SPLITS, Problems
from hf_datasets.sources.source import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hf_datasets.build import BuildOptions
    from hf_datasets.sources.source import Source, UsedFile

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        biology_instructions.SOURCE,
        *(origin.source for origins in ORIGINS.values() for origin in origins),
    )
}
"""Every source of the dataset, by name."""


class Rows:
    """The sources of a build, and the rows of every task read from them, once."""

    def __init__(self, options: BuildOptions) -> None:
        self.files: dict[str, Mapping[str, UsedFile]] = {}
        """Source → key → file that is used."""
        self.absent: dict[str, str] = {}
        """Source that cannot be had → why."""
        self.problems: dict[str, Problems] = {}
        """Source → what was left out of it."""
        self._find(options, download=False)
        offline = [name for name in self.absent if not _has_address(SOURCES[name])]
        # What is asked for whole and cannot be whole is refused before anything is fetched.
        if options.download and not (options.complete and offline):
            self._find(options, download=True)
        if not self.files:
            message = (
                f"no source of {DATASET} is at hand; publish build {DATASET} --out DIR takes "
                "--source gue=DIR, or --sources DIR with a folder per source; sources: "
                f"{', '.join(SOURCES)}"
            )
            raise InputError(message)

    def _find(self, options: BuildOptions, *, download: bool) -> None:
        for name, source in SOURCES.items():
            if download and not _has_address(source):
                continue
            try:
                self.files[name] = locate(
                    source,
                    given=options.given,
                    folder=options.folder,
                    download=download,
                    cache=cache_folder() / "sources",
                )
                self.absent.pop(name, None)
            except SourceUnavailable as error:
                self.absent[name] = str(error)

    @property
    def digest(self) -> str:
        """A sha256 over the files that rows are read from."""
        parts = [
            f"{name} {key} {file.sha256}"
            for name in sorted(self.files)
            for key, file in sorted(self.files[name].items())
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def spools(self) -> dict[str, Spool]:
        """Task → its rows, of every task that has any, in the order of TASKS."""
        folder = Path(tempfile.mkdtemp(prefix="genezoo-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        found = self._published(folder)
        for name in TASKS:
            if name not in found and (spool := self._from_origin(name, folder)):
                found[name] = spool
        return {name: found[name] for name in TASKS if name in found and found[name].splits}

    def _published(self, folder: Path) -> dict[str, Spool]:
        name = biology_instructions.SOURCE.name
        found: dict[str, Spool] = {}
        if name not in self.files:
            return found
        problems = self.problems.setdefault(name, Problems())
        for task, row in read_published(self.files[name], problems):
            if task.name not in found:
                found[task.name] = Spool(folder / "published", task, problems)
                found[task.name].origin = name
            found[task.name].add(row)
        for spool in found.values():
            spool.close()
        return {task: spool for task, spool in found.items() if spool.splits}

    def _from_origin(self, name: str, folder: Path) -> Spool | None:
        for origin in ORIGINS[name]:
            source = origin.source.name
            files = self.files.get(source, {})
            if not origin.at_hand(files):
                continue
            spool = Spool(folder, TASKS[name], self.problems.setdefault(source, Problems()))
            spool.origin = source
            try:
                for row in origin.read(files, name, spool.problems):
                    spool.add(row)
            except SourceUnavailable as error:
                self.absent[source] = str(error)
                return None
            finally:
                spool.close()
            return spool
        return None

    def classes(self, name: str) -> tuple[str, ...]:
        """Return the classes of a task in label order: its own, its origin's, or those seen."""
        task, spool = TASKS[name], self.spools[name]
        if task.answer is not Answer.EC:
            return task.classes
        for origin in ORIGINS[name]:
            if origin.labels and origin.source.name == spool.origin:
                return origin.labels(self.files[spool.origin])
        return spool.labels()

    def missing(self) -> dict[str, str]:
        """Return path of a task, or of one of its data sets, that is not there in full → why."""
        found: dict[str, str] = {}
        for name, task in TASKS.items():
            spool = self.spools.get(name)
            if spool is None:
                found[f"{DATASET}/{name}"] = self._why_absent(name)
                continue
            for subtask in task.subtasks or ("",):
                path = "/".join(part for part in (DATASET, name, subtask) if part)
                lacking = [one for one in self._splits(spool) if not spool.counts[subtask, one]]
                if lacking:
                    found[path] = (
                        f"the files of {spool.origin} at hand have no {' and no '.join(lacking)} "
                        f"part of it; give them too: --source {spool.origin}=DIR"
                    )
        return found

    def _splits(self, spool: Spool) -> tuple[str, ...]:
        origins = ORIGINS[spool.task.name]
        known = (one.splits for one in origins if one.source.name == spool.origin)
        return next(known, SPLITS)

    def _why_absent(self, name: str) -> str:
        for origin in ORIGINS[name]:
            if reason := self.absent.get(origin.source.name):
                return reason
        names = " or ".join(origin.source.name for origin in ORIGINS[name])
        source = ORIGINS[name][0].source.name
        return f"no file of {names} at hand has rows of it; give them: --source {source}=DIR"

    @property
    def unavailable(self) -> dict[str, str]:
        """Source that cannot be had and without which a task is not there → why."""
        reasons = set(self.missing().values())
        return {name: why for name, why in self.absent.items() if why in reasons}


def _has_address(source: Source) -> bool:
    return any(file.url for file in source.files)
