"""Clusters of like proteins, so that no validation row has its near twin in training.

By what is at hand: UniRef clusters that a user gives (Suzek et al. 2015), MMseqs2's linclust
(Steinegger & Söding 2018), or else MinHash of our own. Identical sequences always share a cluster.
"""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.command import say
from hf_datasets.errors import InputError
from hf_datasets.files import cache_folder
from hf_datasets.gene_benchmark.clusters import find_mmseqs, mmseqs_version
from hf_datasets.protein_lm_dataset.minhash import neighbours, signatures
from hf_datasets.sources.salvage import Faults, read_bytes, split_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from hf_datasets.sources.source import UsedFile

IDENTITY, COVERAGE = "0.5", "0.8"
LINCLUST = (
    "--min-seq-id", IDENTITY, "-c", COVERAGE, "--cov-mode", "1", "--kmer-per-seq", "80",
    "--kmer-per-seq-scale", "0.2", "--threads", "2", "--split-memory-limit", "1G", "-v", "1",
)  # fmt: skip
"""Half of the residues identical over four fifths of the shorter one, much as UniRef50 has it.

More words a protein than linclust's own 20: they find twice as many of the far relatives.
"""
UNIREF = "UniRef50"


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which proteins belong together."""

    first: NDArray[np.int64]
    """Of each row, the row of its cluster whose accession comes first by name."""
    method: str
    """How they were found, as the card says it."""

    def record(self) -> dict[str, str | int]:
        """Return what `build.json` says about them."""
        count = len(np.unique(self.first))
        return {"method": self.method, "proteins": len(self.first), "clusters": count}


def cluster_proteins(
    accessions: Sequence[str],
    sequences: Callable[[], Iterable[str]],
    uniref: UsedFile | None,
    faults: Faults,
) -> Clusters:
    """Cluster proteins given as names and a way to read their sequences, in the same order.

    `uniref`: UniProt's idmapping.dat, or a table of accession and cluster; what is wrong with it
    goes to `faults`.
    """
    rank = np.argsort(np.argsort(np.array(accessions, dtype=object), kind="stable"))
    digests = np.fromiter(map(_digest, sequences()), np.uint64, len(accessions))
    _, unique, inverse = np.unique(digests, return_index=True, return_inverse=True)
    same = np.column_stack((np.arange(len(digests)), unique[inverse]))
    if uniref is not None:
        pairs, found = _given(accessions, uniref, faults)
        method = f"{UNIREF} clusters of {uniref.name}, which name {found:,} of the proteins"
    else:
        kept = np.sort(unique)
        wanted = np.isin(np.arange(len(digests)), kept)
        distinct = itertools.compress(sequences(), wanted)
        if tool := find_mmseqs():
            pairs = kept[_linclust(tool, distinct)]
            method = (
                f"MMseqs2 {mmseqs_version()[:12]} linclust, {IDENTITY} of the residues identical "
                f"over {COVERAGE} of the shorter protein"
            )
        else:
            pairs = kept[neighbours(signatures(distinct, len(kept)), rank[kept])]
            method = (
                "MinHash of 5-mers, which joins proteins that are alike in about eight of ten "
                "residues or more (no MMseqs2 was there: `pip install 'genezoo[clusters]'`)"
            )
    return Clusters(_first_of_each(np.concatenate((same, pairs)), rank), method)


def _digest(sequence: str) -> int:
    return int.from_bytes(hashlib.blake2b(sequence.encode(), digest_size=8).digest(), "little")


def _first_of_each(pairs: NDArray[np.int64], rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row of lowest rank among those that pairs connect each row with."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(rank)
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    order = np.lexsort((rank, component))
    starts = np.flatnonzero(np.diff(component[order], prepend=-1))
    return order[starts][component]  # type: ignore[no-any-return]


def _linclust(tool: Path, sequences: Iterable[str]) -> NDArray[np.int64]:
    """Return pairs (representative, member) of the sequences' numbers; InputError if it fails."""
    place = cache_folder()
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mmseqs-", dir=place) as folder:
        fasta, out, scratch = (Path(folder) / name for name in ("in.fasta", "out", "tmp"))
        count = 0
        with fasta.open("w", encoding="ascii") as lines:
            for sequence in sequences:
                lines.write(f">{count}\n{sequence}\n")
                count += 1
        say(f"clustering {count:,} proteins with MMseqs2 ...")
        words = [str(word) for word in (tool, "easy-linclust", fasta, out, scratch, *LINCLUST)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
        table = Path(f"{out}_cluster.tsv")
        if done.returncode or not table.is_file():
            message = f"{tool} easy-linclust ended with status {done.returncode}: {done.stderr}"
            raise InputError(message)
        if not table.stat().st_size:
            return np.empty((0, 2), np.int64)
        return np.loadtxt(table, dtype=np.int64, delimiter="\t", ndmin=2)


def _given(
    accessions: Sequence[str], uniref: UsedFile, faults: Faults
) -> tuple[NDArray[np.int64], int]:
    """Return pairs of rows that a given table puts into one cluster, and how many rows it names."""
    row_of = {accession: row for row, accession in enumerate(accessions)}
    head: dict[str, int] = {}
    pairs = [
        (head.setdefault(cluster, row_of[accession]), row_of[accession])
        for accession, cluster in read_clusters(uniref, faults)
        if accession in row_of
    ]
    if not pairs:
        message = (
            f"{uniref.path} names none of the proteins; give lines of accession, {UNIREF} and "
            "cluster (idmapping.dat), or of accession and cluster"
        )
        raise InputError(message)
    return np.array(pairs, np.int64), len({member for _, member in pairs})


def read_clusters(uniref: UsedFile, faults: Faults) -> Iterator[tuple[str, str]]:
    """Yield (accession, cluster) of an idmapping.dat or of a table with these two columns."""
    for line in split_records(read_bytes(uniref, faults), b"\n", uniref):
        cells = line.decode("utf-8", "replace").rstrip("\r").split("\t")
        if len(cells) == 3 and cells[1] == UNIREF:  # noqa: PLR2004
            yield cells[0], cells[2]
        elif len(cells) == 2:  # noqa: PLR2004
            yield cells[0], cells[1]
        elif len(cells) != 3 and cells != [""]:  # noqa: PLR2004
            faults.add(
                "line of neither two nor three columns", line[:40].decode("utf-8", "replace")
            )
