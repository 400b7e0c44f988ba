"""DNA around the start of transcription, from a GRCh38 FASTA through pyfaidx."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError
from hf_datasets.files import cache_folder
from hf_datasets.tables import GZIP_MAGIC

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from pathlib import Path

    from hf_datasets.sources.ensembl import EnsemblGene

COMPLEMENT = str.maketrans("ACGTNacgtn", "TGCANtgcan")


def open_genome(path: Path) -> Any:  # noqa: ANN401  pyfaidx is imported only when it is needed
    """Open a FASTA file; its index is kept in our cache, not beside the file.

    InputError without pyfaidx, and for a file that is packed or no FASTA.
    """
    try:
        from pyfaidx import Fasta, FastaIndexingError
    except ImportError as error:
        message = "DNA windows need the package pyfaidx: pip install pyfaidx, or leave out --genome"
        raise InputError(message) from error
    with path.open("rb") as stream:
        if stream.read(2) == GZIP_MAGIC:
            message = f"{path} is packed with gzip, which allows no jumps; unpack it: gunzip -k"
            raise InputError(message)
    stat = path.stat()
    place = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    index = cache_folder() / "genomes" / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.fai"
    index.parent.mkdir(parents=True, exist_ok=True)
    try:
        return Fasta(str(path), indexname=str(index), as_raw=True, rebuild=False)
    except (FastaIndexingError, ValueError) as error:
        message = f"{path} is no FASTA that can be indexed: {error}; give Ensembl's GRCh38 assembly"
        raise InputError(message) from error


def window(chromosome: str, gene: EnsemblGene, length: int) -> str | None:
    """Return `length` bases in which the gene's first base is number `length // 2`, from 0.

    Read in the direction of transcription: a gene on the minus strand starts at its `end` and is
    reverse-complemented. None where the window would reach over the end of the chromosome.
    """
    before, after = length // 2, length - length // 2
    if gene.strand == 1:
        first, last = gene.tss - before, gene.tss + after - 1
    else:
        first, last = gene.tss - after + 1, gene.tss + before
    if first < 1 or last > len(chromosome):
        return None
    bases = str(chromosome[first - 1 : last])
    return bases.upper() if gene.strand == 1 else bases.upper().translate(COMPLEMENT)[::-1]


def tss_windows(
    path: Path, genes: Iterable[EnsemblGene], wanted: Container[str], length: int
) -> dict[str, str]:
    """Return Ensembl id → window, for the wanted genes whose chromosome is in the FASTA.

    InputError if no chromosome of any wanted gene is.
    """
    fasta = open_genome(path)
    found: dict[str, str] = {}
    try:
        places: dict[str, EnsemblGene] = {}
        for gene in genes:
            if gene.id in wanted:
                places.setdefault(gene.id, gene)
        asked = list(places.values())
        held = [(gene, name) for gene in asked if (name := contig(fasta, gene.chromosome))]
        if asked and not held:
            message = (
                f"{path} has none of the chromosomes of the gene table; its sequences are named "
                f"{', '.join(list(fasta.keys())[:3])}: give Ensembl's or UCSC's GRCh38"
            )
            raise InputError(message)
        for gene, name in held:
            bases = window(fasta[name], gene, length)
            if bases is not None:
                found[gene.id] = bases
    finally:
        fasta.close()
    return found


def contig(fasta: Container[str], chromosome: str) -> str | None:
    """Return what a FASTA calls a chromosome: `1` or `chr1`, `MT` or `chrM`."""
    ucsc = "chrM" if chromosome == "MT" else f"chr{chromosome}"
    return next((name for name in (chromosome, ucsc) if name in fasta), None)
