"""What the real files give: the counts that gene-benchmark and its sources state."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

import datasets
import pytest

from hf_datasets.build import BuildOptions, build_dataset, read_record
from hf_datasets.gene_benchmark.tasks import TASKS
from hf_datasets.registry import dataset_record
from hf_datasets.task import TaskType

if TYPE_CHECKING:
    from pathlib import Path

    from hf_datasets.gene_benchmark.builder import GeneBenchmarkContent
    from hf_datasets.gene_benchmark.columns import Column


class RealBuild(Protocol):
    """See conftest."""

    folder: Path
    status: int
    errors: str
    seconds: float
    megabytes: float


pytestmark = pytest.mark.upstream

NOT_AT_HAND = {
    "genomic-properties/bivalent_vs_non_methylated",
    "genomic-properties/bivalent_vs_lys4_only",
    "genomic-properties/dosage_sensitivity",
    "regulatory-functions/tf_range",
    "regulatory-functions/notch1_targets",
    "regulatory-functions/notch1_network",
    "regulatory-functions/interactions",
    "localization/brain_expression_cluster",
    "localization/rna_tissue_cell_type_enrichment",
    "biological-processes/secretome_function",
    "gene-disease/association_score",
    "genes/description",
    "genes/protein_sequence",
    "genes/paralog_cluster",
}
"""What the upstream files here do not cover."""


def column(content: GeneBenchmarkContent, path: str) -> Column:
    return content.columns.built[f"gene-benchmark/{path}"]


def counts(content: GeneBenchmarkContent, path: str) -> dict[Any, int]:
    return dict(Counter(column(content, path).labels.values()))


def test_gene2gene(real_content: GeneBenchmarkContent) -> None:
    found = counts(real_content, "gene2gene/associated")
    assert len(real_content.upstream.pairs) == 290_032
    torn = real_content.upstream.left_out["gene2vec: pair given with both labels"]
    # Each pair once: 759 are given again, mostly in the other order, and 408 contradict.
    assert len(torn) == 408
    assert found == {"no": 145_125, "yes": 143_740}
    assert sum(found.values()) == 290_032 - 759 - 408


def test_transcription_factors(real_content: GeneBenchmarkContent) -> None:
    found = counts(real_content, "regulatory-functions/transcription_factor")
    assert found == {"yes": 1639, "no": 1126}


def test_hla(real_content: GeneBenchmarkContent) -> None:
    found = counts(real_content, "biological-processes/hla_class")
    assert found == {"class I": 20, "class II": 24}


def test_reactome(real_content: GeneBenchmarkContent) -> None:
    pathways = column(real_content, "biological-processes/pathways")
    assert len(pathways.labels) == 11_727
    assert len(pathways.classes) == 29


def test_protein_atlas(real_content: GeneBenchmarkContent) -> None:
    origins = real_content.upstream.hpa.origins
    assert origins["Subcellular location"].rows == 13_041
    assert len(column(real_content, "localization/subcellular_location").labels) == 13_037
    # Four of the 2,771 rows have an Ensembl id for a symbol: what is left is the paper's number.
    assert len(column(real_content, "biological-processes/secretome_location").labels) == 2767
    prognoses = [path for path in real_content.columns.built if "/prognosis_" in path]
    assert len(prognoses) == 17
    for path in prognoses:
        assert real_content.columns.built[path].classes == (
            "unprognostic", "prognostic favorable", "prognostic unfavorable",
        )  # fmt: skip
    built = [c for c in real_content.columns.built.values() if c.record.source == "hpa"]
    named = [c for c in built if c.record.published != "NeXtProt evidence"]
    assert len(named) == 56


def test_uniprot(real_content: GeneBenchmarkContent) -> None:
    keywords = real_content.upstream.keywords
    assert len({symbol for symbol, _, _ in keywords}) == 18_050
    assert len({keyword for _, keyword, _ in keywords}) == 702
    sizes = {
        path.rpartition("_")[2]: (len(found.labels), len(found.classes))
        for path, found in real_content.columns.built.items()
        if "/uniprot_" in path
    }
    assert sizes == {"ptm": (11_980, 39), "ligand": (4015, 74), "domain": (12_198, 35)}


def test_no_count_changes_by_resolution(real_content: GeneBenchmarkContent) -> None:
    for names in real_content.columns.names.values():
        assert len(set(names.symbols.values())) == len(names.symbols)
    reactome = real_content.columns.names["reactome"]
    assert reactome.symbols["CTGF"] == "CCN2"
    assert reactome.symbols["PB1"] == "PB1", "the influenza virus's, an alias of PBRM1"
    assert reactome.symbols["TRS1"] == "TRS1", "the cytomegalovirus's, once a tRNA gene's"
    assert real_content.columns.names["gene2vec"].report.ambiguous["TAZ"] == ("TAFAZZIN", "WWTR1")


def test_what_is_not_at_hand_is_named(real_content: GeneBenchmarkContent) -> None:
    missing = real_content.missing()
    assert {path.split("/", 1)[1] for path in missing} == NOT_AT_HAND
    assert len(real_content.columns.built) == len(TASKS) - 11
    assert all(reason for reason in missing.values())


def test_the_folder_is_what_datasets_loads(real_build: RealBuild) -> None:
    genes = datasets.load_dataset(str(real_build.folder), "genes", split="train")
    symbols = set(genes["symbol"])
    assert len(symbols) == len(genes) > 20_000
    places = datasets.load_dataset(str(real_build.folder), "localization", split="train")
    assert len(set(places["symbol"]) - symbols) < 120
    record = read_record(real_build.folder)
    assert record["partial"]
    sizes = {path: task["size"] for path, task in record["tasks"].items()}
    for task in TASKS:
        if task.path in sizes:
            assert record["tasks"][task.path]["type"] == task.type.value
            same = sizes[task.path] == task.published_size or task.published_size is None
            assert same == (record["tasks"][task.path]["differs"] == "")
    assert record["tasks"]["gene-benchmark/genomic-properties/chromosome"]["classes"] == 26
    assert {task["type"] for task in record["tasks"].values()} == {kind.value for kind in TaskType}


def test_it_is_quick_and_says_what_it_lacks(real_build: RealBuild, upstream: Path) -> None:
    assert real_build.status == 1
    missing = [line for line in real_build.errors.splitlines() if line.startswith("missing")]
    assert sum("source genecorpus" in line for line in missing) == 1
    assert sum("source open_targets" in line for line in missing) == 1
    assert real_build.seconds < 60
    assert real_build.megabytes < 2000
    start = time.process_time()
    again = build_dataset(
        dataset_record("gene-benchmark"),
        real_build.folder,
        BuildOptions(folder=upstream, download=False),
    )
    assert again.unchanged
    assert time.process_time() - start < 5


def test_masked_descriptions_do_not_say_the_label(real_content: GeneBenchmarkContent) -> None:
    _, table = real_content.table("genes")
    texts = {
        row["symbol"]: (row["description"], row["description_masked"]) for row in table.to_pylist()
    }
    assert texts["RPL3"] == ("RPL3: ribosomal protein L3", "RPL3: […] L3")
    assert texts["BRCA1"][1] == "BRCA1: BRCA1 […] associated", "DNA Repair is a pathway"
    assert texts["TP53"][0] == texts["TP53"][1] == "TP53: tumor protein p53"
    changed = sum(plain != masked for plain, masked in texts.values())
    assert 5_000 < changed < 15_000


def test_keywords_of_the_converted_table_carry_a_warning(
    real_content: GeneBenchmarkContent,
) -> None:
    assert any("## Known faults" in section for section in real_content.card())
