"""HGNC, Human TFs, Gene2vec and Reactome."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from hf_datasets.errors import InputError
from hf_datasets.sources import SourceUnavailable, gene2vec, hgnc, humantfs, reactome

if TYPE_CHECKING:
    from collections.abc import Callable

    from hf_datasets.sources.conftest import MakeFile

    from hf_datasets.sources import UsedFile

    Real = Callable[[str], dict[str, UsedFile]]

HEADER = (
    "hgnc_id\tsymbol\tname\tlocus_group\tlocus_type\tstatus\tlocation\talias_symbol\tprev_symbol\t"
    "gene_group\tgene_group_id\tentrez_id\tensembl_gene_id\tuniprot_ids\n"
)
ROW = (
    "HGNC:4931\tHLA-A\tmajor histocompatibility complex, class I, A\tprotein-coding gene\tgene\t"
    'Approved\t6p22.1\t"NA|MARCH1"\t\t"Histocompatibility complex|C1-set domain containing"\t'
    '"588|591"\t3105\tENSG00000206503\tP04439\n'
)


def test_hgnc_real(real: Real) -> None:
    genes = hgnc.read_genes(real("hgnc"))
    assert len(genes) == 43_882
    hla = [gene for gene in genes if 588 in gene.gene_group_ids]
    classes = Counter(
        "I" if "class I," in gene.name else "II" if "class II," in gene.name else "" for gene in hla
    )
    assert classes == {"I": 20, "II": 24}
    assert len({gene.symbol for gene in genes}) == 43_882


def test_hgnc_tsv_and_json_are_alike(make_file: MakeFile) -> None:
    tsv = hgnc.read_genes(make_file("hgnc", "genes", HEADER + ROW, packed="gzip"))
    record = {
        "hgnc_id": "HGNC:4931",
        "symbol": "HLA-A",
        "name": "major histocompatibility complex, class I, A",
        "locus_group": "protein-coding gene",
        "status": "Approved",
        "location": "6p22.1",
        "alias_symbol": ["NA", "MARCH1"],
        "gene_group": ["Histocompatibility complex", "C1-set domain containing"],
        "gene_group_id": [588, 591],
        "entrez_id": "3105",
        "ensembl_gene_id": "ENSG00000206503",
        "uniprot_ids": ["P04439"],
    }
    text = json.dumps({"response": {"numFound": 1, "docs": [record]}})
    assert hgnc.read_genes(make_file("hgnc", "genes", text)) == tsv
    (gene,) = tsv
    assert gene.alias_symbols == ("NA", "MARCH1")
    assert gene.gene_group_ids == (588, 591)
    assert gene.previous_symbols == ()


def test_withdrawn_genes_keep_their_status(make_file: MakeFile) -> None:
    withdrawn = (
        "HGNC_ID\tSTATUS\tWITHDRAWN_SYMBOL\tMERGED_INTO_REPORT(S) (i.e HGNC_ID|SYMBOL|STATUS)\n"
        "HGNC:1\tEntry Withdrawn\tA12M1\t\n"
        'HGNC:2\tMerged/Split\tOLD1\t"HGNC:3|NEW1|Approved, HGNC:4|NEW2|Approved"\n'
    )
    files = make_file("hgnc", "genes", HEADER + ROW) | make_file("hgnc", "withdrawn", withdrawn)
    _, gone, merged = hgnc.read_genes(files)
    assert (gone.symbol, gone.status, gone.merged_into) == ("A12M1", "Entry Withdrawn", ())
    assert (merged.status, merged.merged_into) == ("Merged/Split", ("NEW1", "NEW2"))


@pytest.mark.parametrize("text", ["{}", '{"response": {"docs": [{"symbol": "A"}]}}', "symbol\nA\n"])
def test_another_file_than_hgnc_is_one_line(make_file: MakeFile, text: str) -> None:
    with pytest.raises(InputError):
        hgnc.read_genes(make_file("hgnc", "genes", text))


def test_humantfs_real(real: Real) -> None:
    factors = humantfs.read_factors(real("humantfs"))
    assert Counter(is_tf for _, _, is_tf in factors) == {True: 1_639, False: 1_126}
    assert factors[0] == ("ENSG00000137203", "TFAP2A", True)
    assert len({symbol for _, symbol, _ in factors}) == len(factors)


def test_humantfs_another_answer_is_an_error(make_file: MakeFile) -> None:
    text = "Ensembl ID,HGNC symbol,Is TF?\nENSG1,NA,Yes\nENSG2,B,maybe\n"
    with pytest.raises(InputError, match="B has 'maybe'.*Yes, No"):
        humantfs.read_factors(make_file("humantfs", "factors", text))


def test_gene2vec_real(real: Real) -> None:
    pairs = gene2vec.read_pairs(real("gene2vec"))
    assert len(pairs) == 290_032
    assert pairs[0] == ("GPNMB", "BAP1", True)
    assert sum(related for *_, related in pairs) == 144_148


def test_gene2vec_text_and_label_must_agree(make_file: MakeFile) -> None:
    texts = make_file("gene2vec", "train_text", "A B\nC D\n")
    labels = make_file("gene2vec", "train_label", "1\n")
    with pytest.raises(InputError, match="2 lines.*1; mend one"):
        gene2vec.read_split(texts | labels, "train")
    labels = make_file("gene2vec", "train_label", "1\n2\n")
    with pytest.raises(InputError, match="line 2 is 'C D' with label '2'"):
        gene2vec.read_split(texts | labels, "train")


def test_gene2vec_says_which_file_is_missing(make_file: MakeFile) -> None:
    texts = make_file("gene2vec", "train_text", "A B\n")
    with pytest.raises(SourceUnavailable, match=r"--source gene2vec\.train_label=FILE"):
        gene2vec.read_pairs(texts)


def test_reactome_real(real: Real) -> None:
    pathways, tops = reactome.read_pathways(real("reactome"))
    assert (len(pathways), len(tops)) == (11_727, 29)
    assert frozenset().union(*pathways.values()) == set(tops)
    assert "gag" in pathways
    assert pathways["TP53"] >= {"Cell Cycle", "DNA Repair"}


def test_reactome_tops_have_children_and_no_parents(make_file: MakeFile) -> None:
    relations = "R-HSA-1\tR-HSA-2\nR-MMU-7\tR-MMU-8\n"
    genes = "Top\tR-HSA-1\tNA\tSEPT1\nSub\tR-HSA-2\tNA\nAlone\tR-HSA-3\tX\n"
    files = make_file("reactome", "relations", relations)
    files |= make_file("reactome", "genes", genes, packed="zip")
    pathways, tops = reactome.read_pathways(files)
    assert tops == ("Top",)
    assert pathways == {"NA": {"Top"}, "SEPT1": {"Top"}}


def test_reactome_files_of_two_releases_are_an_error(make_file: MakeFile) -> None:
    files = make_file("reactome", "relations", "R-HSA-1\tR-HSA-2\n")
    files |= make_file("reactome", "genes", "Sub\tR-HSA-2\tNA\n")
    with pytest.raises(InputError, match="lacks top-level pathways R-HSA-1"):
        reactome.read_pathways(files)
