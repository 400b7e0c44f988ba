"""NCBI Gene, Ensembl and Open Targets."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from hf_datasets.errors import InputError
from hf_datasets.sources import UsedFile, ensembl, ncbi_gene, open_targets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hf_datasets.sources.conftest import MakeFile

    Real = Callable[[str], dict[str, UsedFile]]


def test_ncbi_names_real(real: Real) -> None:
    names = ncbi_gene.read_names(real("ncbi_gene"))
    assert len(names) == 108_694
    assert names["1"] == ("A1BG", "alpha-1-B glycoprotein", "HGNC:5", "ENSG00000121410")
    assert not [symbol for symbol, *_ in names.values() if symbol in {"", "-"}]
    assert ncbi_gene.read_summaries(real("ncbi_gene")) == {}


def test_ncbi_names_fall_back_on_its_own(make_file: MakeFile) -> None:
    text = (
        "#tax_id\tGeneID\tSymbol\tdbXrefs\tdescription\tSymbol_from_nomenclature_authority\t"
        "Full_name_from_nomenclature_authority\n"
        "9606\t7\tNA\t-\tneutrophil\t-\t-\n"
        "9606\t8\tOLD\tHGNC:HGNC:1|Ensembl:ENSG1|Ensembl:ENSG2\t-\tMARCH1\tnew name\n"
        "63221\t9\tND1\t-\tneanderthal\t-\t-\n"
    )
    assert ncbi_gene.read_names(make_file("ncbi_gene", "names", text)) == {
        "7": ("NA", "neutrophil", None, None),
        "8": ("MARCH1", "new name", "HGNC:1", "ENSG1"),
    }


def test_ncbi_summaries(make_file: MakeFile) -> None:
    text = (
        "#tax_id\tGeneID\tSource\tSummary\n"
        '9606\t2\tRefSeq\tThe "protein" encoded\n'
        "9606\t2\tOther\tsecond\n"
        "10090\t3\tRefSeq\tmouse\n"
        "9606\t4\tRefSeq\t-\n"
    )
    files = make_file("ncbi_gene", "summaries", text, packed="gzip")
    assert ncbi_gene.read_summaries(files) == {"2": 'The "protein" encoded'}


def test_ensembl_real(real: Real) -> None:
    genes = ensembl.read_genes(real("ensembl"))
    assert len(genes) == 75_118
    assert len({gene.id for gene in genes}) == 69_299
    assert sum(gene.primary for gene in genes) == 66_020
    first = genes[0]
    assert (first.id, first.entrez, first.symbol) == ("ENSG00000000003", "7105", "TSPAN6")
    assert (first.strand, first.tss) == (-1, 100_639_991)
    assert Counter(gene.strand for gene in genes).keys() == {1, -1}


GTF = (
    "#!genome-build GRCh38.p14\n"
    '1\tensembl\tgene\t10\t20\t.\t-\t.\tgene_id "ENSG1"; gene_version "2"; gene_name "NA"; '
    'gene_source "e"; gene_biotype "protein_coding";\n'
    '1\tensembl\texon\t10\t20\t.\t-\t.\tgene_id "ENSG1";\n'
    'chrM\tHAVANA\tgene\t1\t5\t.\t+\t.\tgene_id "ENSG2.7"; gene_type "lncRNA";\n'
    'KI270733.1\te\tgene\t1\t5\t.\t+\t.\tgene_id "ENSG3";\n'
)


@pytest.mark.parametrize("packed", ["", "gzip"])
def test_ensembl_gtf(make_file: MakeFile, packed: str) -> None:
    genes = ensembl.read_genes(make_file("ensembl", "gtf", GTF, packed=packed))
    assert genes[0] == ensembl.EnsemblGene("ENSG1", "", "NA", "1", 10, 20, -1, "protein_coding")
    assert (genes[0].tss, genes[0].primary) == (20, True)
    assert (genes[1].id, genes[1].chromosome, genes[1].biotype) == ("ENSG2", "MT", "lncRNA")
    assert (genes[1].tss, genes[2].primary) == (1, False)


@pytest.mark.parametrize("place", ["0\t20\t.\t+", "30\t20\t.\t+", "a\t20\t.\t+", "1\t2\t.\t?"])
def test_ensembl_impossible_places(make_file: MakeFile, place: str) -> None:
    text = f'1\te\tgene\t{place}\t.\tgene_id "ENSG1";\n'
    with pytest.raises(InputError, match="ENSG1 lies at"):
        ensembl.read_genes(make_file("ensembl", "gtf", text))


def write_parquet(folder: Path, number: int, columns: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), folder / f"part-{number:05}-x-c000.snappy.parquet")


def targets(folder: Path) -> dict[str, UsedFile]:
    return {"associations": UsedFile("open_targets", "associations", folder, "f", "", 0, "")}


def test_open_targets_columns_are_found_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "associationByOverallDirect"
    one = {"diseaseId": ["EFO_1", "EFO_2"], "targetId": ["ENSG1", "ENSG1"], "score": [0.5, 1.0]}
    two = {"score": [0.25], "evidenceCount": [3], "targetId": ["ENSG2"], "diseaseId": ["EFO_1"]}
    write_parquet(folder, 0, one)
    write_parquet(folder, 1, two)
    rows = [("ENSG1", "EFO_1", 0.5), ("ENSG1", "EFO_2", 1.0), ("ENSG2", "EFO_1", 0.25)]
    assert open_targets.read_associations(targets(folder)) == rows
    single = next(iter(sorted(folder.iterdir())))
    assert open_targets.read_associations(targets(single)) == rows[:2]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"targetId": ["E"], "score": [0.1]}, "no column 'diseaseId'"),
        ({"targetId": ["E"], "diseaseId": ["D"], "score": [1.5]}, "outside of 0 to 1"),
        ({"targetId": ["E"], "diseaseId": ["D"], "score": [float("nan")]}, "outside of 0 to 1"),
        ({"targetId": ["E"], "diseaseId": [None], "score": [0.5]}, "nulls"),
        ({"targetId": ["E"], "diseaseId": ["D"], "score": ["high"]}, "not a readable"),
    ],
)
def test_open_targets_of_another_shape(
    tmp_path: Path, columns: dict[str, Any], problem: str
) -> None:
    write_parquet(tmp_path / "f", 0, columns)
    with pytest.raises(InputError, match=problem):
        open_targets.read_associations(targets(tmp_path / "f"))


def test_open_targets_empty_folder_and_broken_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \.parquet file"):
        open_targets.read_associations(targets(tmp_path))
    (tmp_path / "part-0.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="not a readable Parquet"):
        open_targets.read_associations(targets(tmp_path))
