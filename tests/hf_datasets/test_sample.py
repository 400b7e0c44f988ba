"""The embedded sample: its size and shape, and its facts against the upstream files."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

import pytest

from hf_datasets.registry import dataset_record
from hf_datasets.sample.builder import HERE, NO_LABEL, read_rows
from hf_datasets.task import TaskType, tasks_of_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import datasets

DATASET = "gene-benchmark-sample"
LOCATION_DISAGREEMENTS = frozenset(
    """
    ABCA1 ACE ADRB2 ATF4 BCL2 CYP3A4 DCC GABBR1 GCGR HSPA5 IL2RG KITLG KRT18 LCK NTRK1 PTCH1
    PTPRC RYR1 SLC6A3 TNNI3 TRAF6
    """.split()
)
"""Genes whose textbook place is not among those the Human Protein Atlas saw."""
HPA_PLACES = {
    "Nucleus": ("Nucle", "Mitotic chromosome", "Kinetochore"),
    "Cytosol": ("Cytosol", "Cytoplasmic bodies", "Rods & Rings", "Aggresome"),
    "Plasma membrane": ("Plasma membrane", "Cell Junctions"),
    "Cell junctions": ("Cell Junctions", "Plasma membrane", "Focal adhesion"),
    "Mitochondria": ("Mitochondria",),
    "Endoplasmic reticulum": ("Endoplasmic reticulum",),
    "Golgi apparatus": ("Golgi apparatus",),
    "Vesicles": ("Vesicles", "Lysosomes", "Endosomes", "Peroxisomes", "Lipid droplets"),
    "Cytoskeleton": (
        "Actin filaments", "Microtubules", "Intermediate filaments", "Centr", "Mitotic spindle",
        "Focal adhesion", "Cytokinetic bridge", "Midbody", "Microtubule ends",
    ),
    "Secreted": (),
}  # fmt: skip
"""Our place → what the Human Protein Atlas calls what it holds."""


def table(path: Path, delimiter: str = "\t") -> Iterator[dict[str, str]]:
    quoting: Literal[0, 3] = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter=delimiter, quoting=quoting)


@pytest.fixture(scope="module")
def genes() -> list[dict[str, str]]:
    return read_rows("genes.tsv")


def test_it_is_large_and_varied_enough(sample_tables: dict[str, datasets.Dataset]) -> None:
    assert len(sample_tables["genes"]) >= 400
    tasks = [
        task
        for config, rows in sample_tables.items()
        for task in tasks_of_table(DATASET, config, rows.features)
    ]
    assert len(tasks) >= 10
    assert {task.type for task in tasks} == set(TaskType)
    families = {task.config for task in tasks if not task.is_pair}
    assert families == set(dataset_record(DATASET).configs) - {"genes", "gene2gene"}
    assert len(families) == 5
    assert [task.column for task in tasks if task.is_pair] == ["interacts"]


def test_rows_are_sorted_unique_and_plain(genes: list[dict[str, str]]) -> None:
    symbols = [row["symbol"] for row in genes]
    assert symbols == sorted(set(symbols))
    assert all(cell == cell.strip() for row in genes for cell in row.values())
    pairs = [(row["symbol_a"], row["symbol_b"]) for row in read_rows("pairs.tsv")]
    assert pairs == sorted(set(pairs))
    assert all(a < b and {a, b} <= set(symbols) for a, b in pairs)
    members = [symbol for pair in pairs for symbol in pair]
    assert len(members) == len(set(members)), "a gene in two pairs could be learnt by heart"
    for row in genes:
        assert ("Secreted" in row["subcellular_location"].split("|")) == (row["secreted"] == "yes")
        assert not (row["dna_binding_domain"] and row["transcription_factor"] != "yes")


def test_null_and_empty_list_are_told_apart(sample_tables: dict[str, datasets.Dataset]) -> None:
    pathways = {row["symbol"]: row["pathway"] for row in sample_tables["biological-processes"]}
    cells = {row["symbol"]: row["pathway"] for row in read_rows("genes.tsv")}
    assert {cells[symbol] for symbol, labels in pathways.items() if labels is None} == {""}
    assert {cells[symbol] for symbol, labels in pathways.items() if labels == []} == {NO_LABEL}


def test_it_says_what_it_is_for() -> None:
    notes = (HERE / "SOURCES.md").read_text(encoding="utf-8")
    assert "for trying out, not for reporting" in notes.lower()
    assert "by hand" in notes


def test_names_and_chromosomes_equal_hgnc(genes: list[dict[str, str]], upstream: Path) -> None:
    known = {row["symbol"]: row for row in table(upstream / "hgnc/hgnc_complete_set.txt.gz")}
    for row in genes:
        official = known[row["symbol"]]
        assert official["status"] == "Approved"
        assert row["name"] == official["name"].strip('"')
        place = official["location"]
        chromosome = place.split("p")[0].split("q")[0]
        arm = place[len(chromosome) :][:1]
        assert (row["chromosome"], row["arm"]) == (chromosome, arm), row["symbol"]


def test_transcription_factors_equal_lambert_2018(
    genes: list[dict[str, str]], upstream: Path
) -> None:
    path = upstream / "humantfs/DatabaseExtract_v_1.01.csv.gz"
    judged = {row["HGNC symbol"]: row["Is TF?"].lower() for row in table(path, ",")}
    compared = 0
    for row in genes:
        if row["symbol"] in judged:
            assert row["transcription_factor"] == judged[row["symbol"]], row["symbol"]
            compared += 1
        else:
            assert row["transcription_factor"] == "no" or row["dna_binding_domain"], row["symbol"]
    assert compared > 100


def test_location_disagreements_with_the_protein_atlas_are_the_named_ones(
    genes: list[dict[str, str]], upstream: Path
) -> None:
    seen: dict[str, set[str]] = defaultdict(set)
    for row in table(upstream / "hpa/v21.1_subcellular_location.tsv.gz"):
        for column in ("Main.location", "Additional.location"):
            seen[row["Gene.name"]] |= set(filter(None, row[column].split(";")))
    disagree = set()
    for row in genes:
        ours = set(row["subcellular_location"].split("|")) - {"Secreted"}
        theirs = seen.get(row["symbol"])
        if ours and theirs:
            starts = tuple(start for place in ours for start in HPA_PLACES[place])
            if not any(place.startswith(starts) for place in theirs):
                disagree.add(row["symbol"])
    assert disagree == LOCATION_DISAGREEMENTS


def test_pathways_are_supported_by_reactome(genes: list[dict[str, str]], upstream: Path) -> None:
    folder = upstream / "reactome"
    parents: dict[str, set[str]] = defaultdict(set)
    with gzip.open(folder / "ReactomePathwaysRelation.txt.gz", "rt") as lines:
        for line in lines:
            parent, child = line.split()
            parents[child].add(parent)
    names, members = {}, {}
    with gzip.open(folder / "ReactomePathways.gmt.gz", "rt") as lines:
        for line in lines:
            name, pathway, *symbols = line.rstrip("\n").split("\t")
            names[pathway], members[pathway] = name, symbols

    def tops(pathway: str) -> set[str]:
        above = parents.get(pathway)
        return {pathway} if not above else {top for one in above for top in tops(one)}

    found: dict[str, set[str]] = defaultdict(set)
    for pathway, symbols in members.items():
        for symbol in symbols:
            found[symbol] |= {names[top] for top in tops(pathway) if top in names}
    for row in genes:
        if row["pathway"] not in {"", NO_LABEL}:
            assert set(row["pathway"].split("|")) <= found[row["symbol"]], row["symbol"]
