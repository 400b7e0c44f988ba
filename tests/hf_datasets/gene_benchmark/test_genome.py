"""DNA windows: strand, coordinates, ends of chromosomes, names of chromosomes, broken files."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from gene_world import GENOME

from hf_datasets.errors import InputError
from hf_datasets.gene_benchmark.genome import tss_windows, window
from hf_datasets.sources.ensembl import EnsemblGene

if TYPE_CHECKING:
    from pathlib import Path

CHROMOSOME = "AAAACCCCGGGGTTTTACGT"


def gene(start: int, end: int, strand: int, chromosome: str = "1") -> EnsemblGene:
    return EnsemblGene("ENSG1", "", "G", chromosome, start, end, strand, "protein_coding")


def test_the_first_base_is_in_the_middle() -> None:
    # 1-based: base 5 is the first C. Two bases before it, itself and one after.
    assert window(CHROMOSOME, gene(5, 10, 1), 4) == "AACC"
    assert window(CHROMOSOME, gene(5, 10, 1), 1) == "C"
    # On the minus strand a gene starts at its end: base 12, the last G; read backwards.
    assert window(CHROMOSOME, gene(5, 12, -1), 4) == "AACC"
    assert window(CHROMOSOME, gene(5, 12, -1), 5) == "AACCC"
    assert window(CHROMOSOME, gene(5, 10, 1), 5) == "AACCC"


def test_no_window_reaches_over_the_end() -> None:
    assert window(CHROMOSOME, gene(3, 10, 1), 4) == "AAAA"
    assert window(CHROMOSOME, gene(2, 10, 1), 4) is None
    assert window(CHROMOSOME, gene(2, 18, -1), 4) == "ACGT"
    assert window(CHROMOSOME, gene(2, 19, -1), 4) is None


@pytest.mark.parametrize("name", ["1", "chr1"])
def test_a_fasta_of_ensembl_or_ucsc(name: str, tmp_path: Path) -> None:
    path = tmp_path / "genome.fa"
    path.write_text(f">{name} some words\n{CHROMOSOME[:10].lower()}\n{CHROMOSOME[10:]}\n")
    found = tss_windows(path, [gene(5, 10, 1), gene(9, 9, 1)], {"ENSG1"}, 4)
    assert found == {"ENSG1": "AACC"}, "the first place of a gene that has several"
    assert [file.name for file in tmp_path.iterdir()] == ["genome.fa"], "no index beside it"
    with pytest.raises(InputError, match="has none of the chromosomes"):
        tss_windows(path, [gene(5, 10, 1, "7")], {"ENSG1"}, 4)


def test_the_tiny_genome(tiny_genome: Path) -> None:
    found = tss_windows(tiny_genome, [gene(101, 900, 1, "2")], {"ENSG1"}, 20)
    assert found["ENSG1"] == GENOME["2"][90:110]


def test_broken_files_are_named(tmp_path: Path) -> None:
    packed = tmp_path / "genome.fa.gz"
    packed.write_bytes(gzip.compress(b">1\nACGT\n"))
    with pytest.raises(InputError, match="unpack it: gunzip"):
        tss_windows(packed, [gene(1, 2, 1)], {"ENSG1"}, 2)
    table = tmp_path / "table.fa"
    table.write_text("symbol,label\nTP53,1\n")
    with pytest.raises(InputError, match=r"table\.fa"):
        tss_windows(table, [gene(1, 2, 1)], {"ENSG1"}, 2)
