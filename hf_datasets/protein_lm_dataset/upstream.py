"""The sources of one build of protein-lm-dataset: found once, each read only when asked for."""

from __future__ import annotations

import hashlib
import tempfile
import weakref
from functools import cached_property
from typing import IO, TYPE_CHECKING

from hf_datasets.command import say
from hf_datasets.files import cache_folder
from hf_datasets.gene_benchmark.clusters import mmseqs_version
from hf_datasets.protein_lm_dataset.record import DATASET
from hf_datasets.sources import SOURCES
from hf_datasets.sources.fetch import locate_all
from hf_datasets.sources.salvage import Faults
from hf_datasets.sources.source import SourceUnavailable, used

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hf_datasets.build import BuildOptions
    from hf_datasets.protein_lm_dataset.proteins import ProteinTable
    from hf_datasets.sources.source import UsedFile

SWISS_PROT = "uniprot-sprot"


class Upstream:
    """The files of all sources, what was read of them, and what was wrong with them."""

    def __init__(
        self, files: Mapping[str, Mapping[str, UsedFile]], unavailable: Mapping[str, str]
    ) -> None:
        self.files = files
        """Source → key → file that is used."""
        self.unavailable = dict(unavailable)
        """Source that cannot be had → why."""
        self.faults: dict[str, list[Faults]] = {}
        """Source → what was left out of each of its files that has been read."""
        self._said: set[str] = set()
        self.missing: dict[str, str] = {}
        """Path of a part of a config that its source does not have → why."""

    def digest(self) -> str:
        """Return a sha256 over all that decides what a build gives."""
        parts = [
            f"{name} {key} {file.sha256}"
            for name in sorted(self.files)
            for key, file in sorted(self.files[name].items())
        ]
        parts += [f"{name} missing" for name in sorted(self.unavailable)]
        parts.append(f"mmseqs {mmseqs_version()}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def file(self, source: str, key: str) -> UsedFile:
        """Return a file of a source; SourceUnavailable, with the remedy, if it is not at hand."""
        if source in self.unavailable:
            raise SourceUnavailable(self.unavailable[source])
        return used(self.files[source], SOURCES[source], key)

    def faults_of(self, source: str, file: UsedFile) -> Faults:
        """Return a new account of what is left out of a file, which the build reports.

        A file that is read again, for another config, has that of the last time.
        """
        faults = Faults(file.path.name)
        others = [one for one in self.faults.get(source, ()) if one.name != faults.name]
        self.faults[source] = [*others, faults]
        return faults

    def report(self, source: str) -> None:
        """Say what was left out of the files of a source that has been read, once."""
        for faults in self.faults[source]:
            for line in faults.lines():
                if line not in self._said:
                    self._said.add(line)
                    say(line)

    def scratch(self) -> IO[bytes]:
        """Return a nameless temporary file in the cache: it goes when the build does."""
        place = cache_folder()
        place.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=place, prefix="rows-")  # noqa: SIM115  it outlives the call
        weakref.finalize(self, file.close)
        return file

    def clusters(self) -> dict[str, dict[str, str | int]]:
        """Return what was clustered → how, for what has been read."""
        read: ProteinTable | None = self.__dict__.get("proteins")
        return {SOURCES[SWISS_PROT].title: read.clusters.record()} if read else {}

    @cached_property
    def proteins(self) -> ProteinTable:
        """The entries of Swiss-Prot, cleaned and clustered."""
        from hf_datasets.protein_lm_dataset.proteins import read_table
        from hf_datasets.sources.uniprot_sprot import columns_not_there

        entries = self.file(SWISS_PROT, "entries")
        uniref = self.files[SWISS_PROT].get("uniref")
        faults = self.faults_of(SWISS_PROT, entries)
        cluster_faults = self.faults_of(SWISS_PROT, uniref) if uniref else faults
        table = read_table(entries, uniref, self.scratch(), faults, cluster_faults)
        self.report(SWISS_PROT)
        for topic, column in columns_not_there(entries).items():
            if not table.topics[topic]:
                task = topic.lower().replace(" ", "_")
                self.missing[f"{DATASET}/uniprot-sft/{task}"] = (
                    f"{entries.path.name} has no column {column!r}; fetch it with that column, or "
                    "give the flat file"
                )
        return table


def open_upstream(options: BuildOptions, names: Iterable[str]) -> Upstream:
    """Find the files of these sources; those of a source that cannot be had are noted as such."""
    files, unavailable = locate_all((SOURCES[name] for name in dict.fromkeys(names)), options)
    return Upstream(files, unavailable)
