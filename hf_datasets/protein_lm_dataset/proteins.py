"""The entries of Swiss-Prot, read and cleaned once, kept in a temporary file, and clustered.

Half a million entries do not fit in memory, and reading them is most of a build: so they are
parsed once and then read back in batches, by every config that is about proteins.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import pyarrow as pa

from hf_datasets.command import progress
from hf_datasets.protein_lm_dataset.cleaning import clean_comment
from hf_datasets.protein_lm_dataset.clusters import Clusters, cluster_proteins
from hf_datasets.sources.uniprot_protein import TOPICS, Protein
from hf_datasets.sources.uniprot_sprot import read_proteins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hf_datasets.sources.salvage import Faults
    from hf_datasets.sources.source import UsedFile

SCHEMA = pa.schema(
    {
        "accession": pa.string(),
        "name": pa.string(),
        "organism": pa.string(),
        "sequence": pa.string(),
        "topics": pa.list_(pa.int8()),
        "texts": pa.list_(pa.string()),
    }
)
BATCH = 1000
_NUMBER = {topic: number for number, topic in enumerate(TOPICS)}


@dataclass(frozen=True, slots=True)
class Annotated:
    """One protein as texts are made of it."""

    accession: str
    name: str
    organism: str
    sequence: str
    sections: dict[str, str]
    """Topic, in upper case → clean sentences; in the order of TOPICS, without empty ones."""
    cluster: str
    """The first accession, by name, of the proteins that are like this one."""


class ProteinTable:
    """All proteins of a build, as often as wanted, in the order of their file."""

    def __init__(
        self,
        scratch: IO[bytes],
        accessions: pa.StringArray,
        clusters: Clusters,
        topics: Counter[str],
    ) -> None:
        self._scratch = scratch
        self.accessions = accessions
        self.clusters = clusters
        self.topics = topics
        """Topic → entries that say something on it."""

    def __len__(self) -> int:
        return len(self.accessions)

    def __iter__(self) -> Iterator[Annotated]:
        start = 0
        for batch in _batches(self._scratch):
            first = self.clusters.first[start : start + len(batch)]
            clusters = self.accessions.take(pa.array(first)).to_pylist()
            start += len(batch)
            columns = (batch.column(name).to_pylist() for name in SCHEMA.names)
            for (accession, name, organism, sequence, topics, texts), cluster in zip(
                zip(*columns, strict=True), clusters, strict=True
            ):
                said = zip((TOPICS[topic] for topic in topics), texts, strict=True)
                yield Annotated(accession, name, organism, sequence, dict(said), cluster)


def read_table(
    entries: UsedFile,
    uniref: UsedFile | None,
    scratch: IO[bytes],
    faults: Faults,
    cluster_faults: Faults,
) -> ProteinTable:
    """Read all entries into the temporary file `scratch`, cluster them, and return the table."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    names: list[pa.Array] = []
    topics: Counter[str] = Counter()
    bar = progress(None, "entries", f"reading {entries.path.name}")
    with bar, pa.ipc.new_file(scratch, SCHEMA, options=options) as writer:
        for batch in _cleaned(read_proteins(entries, faults)):
            writer.write_batch(batch)
            names.append(batch.column("accession"))
            topics.update(TOPICS[topic] for topic in batch.column("topics").flatten().to_pylist())
            bar.update(len(batch))
    scratch.flush()
    accessions = pa.concat_arrays(names)
    clusters = cluster_proteins(
        accessions.to_pylist(), lambda: _sequences(scratch), uniref, cluster_faults
    )
    return ProteinTable(scratch, accessions, clusters, topics)


def _cleaned(proteins: Iterable[Protein]) -> Iterator[pa.RecordBatch]:
    columns: list[list[object]] = [[] for _ in SCHEMA.names]
    for protein in proteins:
        sections = clean_sections(protein)
        row = (
            protein.accession,
            protein.name,
            protein.organism,
            protein.sequence,
            [_NUMBER[topic] for topic in sections],
            list(sections.values()),
        )
        for column, value in zip(columns, row, strict=True):
            column.append(value)
        if len(columns[0]) == BATCH:
            yield pa.record_batch(columns, schema=SCHEMA)
            columns = [[] for _ in SCHEMA.names]
    if columns[0]:
        yield pa.record_batch(columns, schema=SCHEMA)


def clean_sections(protein: Protein) -> dict[str, str]:
    """Return {topic: sentences} of an entry, in the order of TOPICS, without empty ones."""
    said: dict[str, list[str]] = {}
    for topic, text in protein.comments:
        if clean := clean_comment(topic, text):
            said.setdefault(topic, []).append(clean)
    return {topic: " ".join(said[topic]) for topic in TOPICS if topic in said}


def _batches(scratch: IO[bytes]) -> Iterator[pa.RecordBatch]:
    scratch.seek(0)
    reader = pa.ipc.open_file(scratch)
    for number in range(reader.num_record_batches):
        yield reader.get_batch(number)


def _sequences(scratch: IO[bytes]) -> Iterator[str]:
    for batch in _batches(scratch):
        yield from batch.column("sequence").to_pylist()
