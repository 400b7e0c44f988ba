"""Tasks of the config `localization`: where a gene is expressed and where its protein is."""

from __future__ import annotations

from hf_datasets.gene_benchmark.labels import hpa_class, hpa_labels, hpa_number
from hf_datasets.gene_benchmark.record import TaskRecord, snake_case
from hf_datasets.task import TaskType

CONFIG = "localization"
FAMILY = "Localization"

EXPRESSION_SIZES = {
    "blood cell": 19784,
    "blood lineage": 19784,
    "brain regional": 19784,
    "cell line": 19784,
    "mouse brain regional": 16655,
    "pig brain regional": 16595,
    "single cell type": 19761,
    "tissue": 19784,
}
"""What is compared → genes in the paper."""
SCORE_SIZES = {
    "blood cell": 2238,
    "blood lineage": 3351,
    "brain regional": 595,
    "cell line": 2171,
    "single cell type": 4798,
    "tissue": 4653,
}
CLUSTER_SIZES = {"Blood": 12697, "Brain": 17590, "Cell line": 19167, "Single cell": 19016}
CLUSTER_SIZES["Tissue"] = 18355

_EXPRESSION = (
    TaskRecord(
        config=CONFIG,
        column=snake_case(f"RNA {what} {aspect}"),
        published=f"RNA {what} {aspect}",
        family=FAMILY,
        type=TaskType.MULTI_CLASS,
        source="hpa",
        description=f"{meaning} ({what}).",
        labels=hpa_class(f"RNA {what} {aspect}"),
        published_size=size,
    )
    for aspect, meaning in (
        ("specificity", "How much higher the RNA is in one place than in the others"),
        ("distribution", "In how many of the compared places the RNA is detected"),
    )
    for what, size in EXPRESSION_SIZES.items()
)

_SCORES = (
    TaskRecord(
        config=CONFIG,
        column=snake_case(f"RNA {what} specificity score"),
        published=f"RNA {what} specificity score",
        family=FAMILY,
        type=TaskType.REGRESSION,
        source="hpa",
        description=f"Fold change between the highest and the second highest RNA level ({what}).",
        labels=hpa_number(f"RNA {what} specificity score"),
        published_size=size,
    )
    for what, size in SCORE_SIZES.items()
)

_CLUSTERS = (
    TaskRecord(
        config=CONFIG,
        column=snake_case(f"{what} expression cluster"),
        published=f"{what} expression cluster",
        family=FAMILY,
        type=TaskType.MULTI_CLASS,
        source="hpa",
        description=f"Cluster of genes with like RNA profiles ({what.lower()}).",
        labels=hpa_class(f"{what} expression cluster"),
        published_size=size,
    )
    for what, size in CLUSTER_SIZES.items()
)

TASKS = (
    TaskRecord(
        config=CONFIG,
        column="subcellular_location",
        published="Subcellular location",
        # gene-benchmark files it under genomic properties; it is a place, so it is here.
        family="Genomic Properties",
        type=TaskType.MULTI_LABEL,
        source="hpa",
        description="Places in the cell where the protein was seen by immunofluorescence.",
        labels=hpa_labels("Subcellular location"),
        published_size=13039,
    ),
    *_EXPRESSION,
    *_SCORES,
    *_CLUSTERS,
    TaskRecord(
        config=CONFIG,
        column="rna_tissue_cell_type_enrichment",
        published="RNA tissue cell type enrichment",
        family=FAMILY,
        type=TaskType.MULTI_LABEL,
        source="hpa",
        description="Cell types within tissues in which the RNA is enriched.",
        labels=hpa_labels("RNA tissue cell type enrichment"),
        published_size=13957,
    ),
    TaskRecord(
        config=CONFIG,
        column="blood_concentration_im",
        published="Blood concentration - Conc. blood IM [pg/L]",
        family=FAMILY,
        type=TaskType.REGRESSION,
        source="hpa",
        description="Concentration of the protein in blood, by immunoassay, in pg/L.",
        labels=hpa_number("Blood concentration - Conc. blood IM [pg/L]"),
        published_size=438,
    ),
    TaskRecord(
        # In gene-benchmark's descriptions, though not in its list of multi-class tasks.
        config=CONFIG,
        column="nextprot_evidence",
        published="NeXtProt evidence",
        family=FAMILY,
        type=TaskType.MULTI_CLASS,
        source="hpa",
        description="NeXtProt's level of evidence that the protein exists.",
        labels=hpa_class("NeXtProt evidence"),
        published_size=19179,
    ),
)
