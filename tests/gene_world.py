"""A small world: every source of gene-benchmark in its upstream's format, about forty genes."""

from __future__ import annotations

import gzip
import json
import pickle  # noqa: TID251  the format of Genecorpus; ours is read by a restricted reader
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from hf_datasets.gene_benchmark.tasks import TASKS
from hf_datasets.task import TaskType

if TYPE_CHECKING:
    from pathlib import Path

    from hf_datasets.gene_benchmark.record import TaskRecord

GENES = [f"GENE{number}" for number in range(1, 41)]
HLA = ["HLA-A", "HLA-B", "HLA-DRA", "HLA-DMB"]
SYMBOLS = [*GENES, *HLA, "NEW1", "NA"]
"""Approved symbols; NEW1 was OLD1, and a gene is named NA."""
GENOME = {"1": "ACGTTGCA" * 500, "2": "GATTACAT" * 500}


def ensembl_id(symbol: str) -> str:
    return f"ENSG{SYMBOLS.index(symbol) + 1:011d}"


def write(path: Path, rows: list[list[str]] | str, delimiter: str = "\t") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = rows if isinstance(rows, str) else "".join(delimiter.join(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def cell(record: TaskRecord, number: int) -> str:
    """A cell of the protein atlas for gene `number`: plausible for the task's type."""
    if record.type is TaskType.REGRESSION:
        return f"{number}.5"
    if record.type is TaskType.BINARY:
        return ("Yes", "No")[number % 2]
    if record.column.startswith("prognosis"):
        kind = ("unprognostic", "prognostic favorable", "prognostic unfavorable")[number % 3]
        return f"{kind} ({number}.39e-3)"
    if record.type is TaskType.MULTI_LABEL:
        label = record.derived[number % len(record.derived)]
        return f"{label}, Rare label" if number == 1 else label
    return f"Class {number % 4};" if "cluster" in record.column else f"Class {number % 4}"


def write_sources(folder: Path) -> Path:
    """Write all sources as `--sources` expects them; return the folder."""
    _hgnc(folder)
    records = [record for record in TASKS if record.source == "hpa"]
    rows = [["Gene", "Ensembl", *(record.published for record in records)]]
    for number, symbol in enumerate(["OLD1", *SYMBOLS]):
        identifier = ensembl_id("NEW1" if symbol == "OLD1" else symbol)
        if symbol != "NEW1":
            rows.append([symbol, identifier, *(cell(record, number) for record in records)])
    rows.append(["ENSG00000999999", "ENSG00000999999", *(cell(record, 1) for record in records)])
    write(folder / "hpa" / "proteinatlas.tsv.gz", rows)
    factors = [
        [ensembl_id(symbol), symbol, ("Yes", "No")[number % 2]]
        for number, symbol in enumerate(GENES)
    ]
    write(
        folder / "humantfs" / "DatabaseExtract_v_1.01.csv",
        [["Ensembl ID", "HGNC symbol", "Is TF?"], *factors],
        ",",
    )
    _genecorpus(folder)
    pairs = [("GENE1", "GENE2", 1), ("GENE2", "GENE1", 1), ("GENE3", "GENE4", 0),
             ("OLD1", "GENE5", 1), ("GENE6", "GENE7", 0), ("GENE7", "GENE6", 1)]  # fmt: skip
    for split, some in (("train", pairs[:3]), ("valid", pairs[3:4]), ("test", pairs[4:])):
        write(folder / "gene2vec" / f"{split}_text.txt", "".join(f"{a} {b}\n" for a, b, _ in some))
        write(folder / "gene2vec" / f"{split}_label.txt", "".join(f"{y}\n" for *_, y in some))
    write(
        folder / "reactome" / "ReactomePathways.gmt",
        [["Immune System", "R-HSA-1", *GENES[:20], "gag"], ["Metabolism", "R-HSA-2", *GENES[10:]],
         ["Sugar", "R-HSA-3", *GENES[10:12]], ["Interferon", "R-HSA-4", "GENE1"]],
    )  # fmt: skip
    write(
        folder / "reactome" / "ReactomePathwaysRelation.txt",
        [["R-HSA-2", "R-HSA-3"], ["R-HSA-1", "R-HSA-4"], ["R-MMU-1", "R-MMU-4"]],
    )
    _uniprot(folder)
    _ncbi(folder)
    _ensembl(folder)
    targets = [ensembl_id("GENE1"), ensembl_id("GENE2"), "ENSG00000999999"]
    table = {"diseaseId": ["EFO_1", "EFO_1", "EFO_2"], "targetId": targets, "score": [0.5, 1.0, 1]}
    (folder / "open_targets").mkdir()
    parts = folder / "open_targets" / "associationByOverallDirect"
    parts.mkdir()
    pq.write_table(pa.table(table), parts / "part-00000.parquet")
    return folder


def _hgnc(folder: Path) -> None:
    header = ["hgnc_id", "symbol", "name", "locus_group", "status", "location", "alias_symbol",
              "prev_symbol", "gene_group", "gene_group_id", "entrez_id", "ensembl_gene_id",
              "uniprot_ids"]  # fmt: skip
    rows = [header]
    for number, symbol in enumerate(SYMBOLS, 1):
        group = ("Histocompatibility complex", "588") if symbol in HLA else ("", "")
        group = ("First family", "7") if symbol in GENES[:5] else group
        rows.append(
            [f"HGNC:{number}", symbol, f"gene number {number}", "protein-coding gene", "Approved",
             "1p1", "", "OLD1" if symbol == "NEW1" else "", *group, str(1000 + number),
             ensembl_id(symbol), f"P{number:05d}"]
        )  # fmt: skip
    write(folder / "hgnc" / "hgnc_complete_set.txt", rows)


def _genecorpus(folder: Path) -> None:
    lists = {
        "bivalent_promoters/bivalent_vs_lys4_only": ("bivalent", "lys4_only"),
        "bivalent_promoters/bivalent_vs_no_methyl": ("bivalent", "no_methylation"),
        "dosage_sensitive_tfs/dosage_sensitivity_TFs": (
            "Dosage-sensitive TFs",
            "Dosage-insensitive TFs",
        ),
        "tf_regulatory_range/tf_regulatory_range": ("long_range", "short_range"),
        "notch1_network/n1_network": ("central", "peripheral"),
        "notch1_network/n1_target": ("target", "not_target"),
    }
    for name, (one, other) in lists.items():
        content = {
            one: [ensembl_id(symbol) for symbol in [*GENES[:10], "GENE40"]],
            other: [ensembl_id(symbol) for symbol in [*GENES[10:20], "GENE40"]]
            + ["ENSG00000999999"],
        }
        path = folder / "genecorpus" / f"{name}.pickle"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(content))


def _uniprot(folder: Path) -> None:
    results = [
        {
            "primaryAccession": f"P{number:05d}",
            "genes": [{"geneName": {"value": symbol}}],
            "keywords": [
                {"id": "KW-1", "category": "PTM", "name": ("Acetylation", "Zymogen")[number % 2]},
                {"id": "KW-2", "category": "Ligand", "name": ("Zinc", "Heme")[number % 2]},
                {"id": "KW-3", "category": "Domain", "name": ("Signal", "Repeat")[number % 2]},
            ],
            "sequence": {"value": "MKV" + "ACDEFGHIKL"[number % 10] * number},
        }
        for number, symbol in enumerate(SYMBOLS, 1)
    ]
    write(folder / "uniprot" / "uniprot.json.gz", json.dumps({"results": results}))


def _ncbi(folder: Path) -> None:
    header = ["#tax_id", "GeneID", "Symbol", "dbXrefs", "description"]
    header += [f"{what}_from_nomenclature_authority" for what in ("Symbol", "Full_name")]
    rows = [
        ["9606", str(1000 + number), symbol, f"HGNC:HGNC:{number}", "own name", symbol, "full name"]
        for number, symbol in enumerate(SYMBOLS, 1)
    ]
    write(folder / "ncbi_gene" / "Homo_sapiens.gene_info", [header, *rows])
    write(
        folder / "ncbi_gene" / "gene_summary.gz",
        [["#tax_id", "GeneID", "Source", "Summary"], ["9606", "1001", "RefSeq", "It does much."]],
    )


def _ensembl(folder: Path) -> None:
    header = ["ensgene", "entrez", "symbol", "chr", "start", "end", "strand", "biotype"]
    rows = [
        [ensembl_id(symbol), "NA", symbol, str(1 + number % 2), str(100 + 10 * number),
         str(1100 + 10 * number), ("1", "-1")[number % 2], "protein_coding"]
        for number, symbol in enumerate(SYMBOLS)
    ]  # fmt: skip
    write(folder / "ensembl" / "grch38_genes.tsv", [header, *rows])


def write_genome(path: Path) -> Path:
    lines = []
    for name, bases in GENOME.items():
        lines.append(f">{name} dna:chromosome")
        lines += [bases[start : start + 60] for start in range(0, len(bases), 60)]
    path.write_text("\n".join(lines) + "\n")
    return path


ONE_CLUSTER = """grep '^>' "$2" | tr -d '>' | while read n; do printf '0\\t%s\\n' $n; done"""
"""All proteins in one cluster, as MMseqs2 writes it."""


def fake_mmseqs(folder: Path, clustering: str = f'{ONE_CLUSTER} > "$3_cluster.tsv"') -> Path:
    """An executable in MMseqs2's place."""
    tool = folder / "mmseqs"
    tool.write_text(f'#!/bin/sh\nif [ "$1" = version ]; then echo fake; exit; fi\n{clustering}\n')
    tool.chmod(0o755)
    return tool
