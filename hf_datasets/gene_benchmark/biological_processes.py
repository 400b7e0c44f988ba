"""Tasks of the config `biological-processes`: what a gene does, its pathways, and its diseases."""

from __future__ import annotations

from hf_datasets.gene_benchmark.labels import (
    hla_class,
    hpa_class,
    hpa_labels,
    hpa_number,
    hpa_prognosis,
    hpa_yes_no,
    reactome_pathways,
)
from hf_datasets.gene_benchmark.record import TaskRecord, snake_case
from hf_datasets.task import TaskType

CONFIG = "biological-processes"
FAMILY = "Biological Processes"

CANCERS = (
    "Breast", "Cervical", "Colorectal", "Endometrial", "Glioma", "Head and neck", "Liver", "Lung",
    "Melanoma", "Ovarian", "Pancreatic", "Prostate", "Renal", "Stomach", "Testis", "Thyroid",
    "Urothelial",
)  # fmt: skip
NO_CANCER_IN_NAME = {"Glioma", "Melanoma"}

_PROGNOSES = (
    TaskRecord(
        config=CONFIG,
        column=snake_case(f"prognosis {cancer}"),
        published=f"Pathology prognostics - {cancer}",
        family=FAMILY,
        type=TaskType.MULTI_CLASS,
        source="hpa",
        description=f"Whether and how the RNA level tells survival in {cancer.lower()}.",
        labels=hpa_prognosis(f"Pathology prognostics - {cancer}"),
        classes=("unprognostic", "prognostic favorable", "prognostic unfavorable"),
    )
    for cancer in (name if name in NO_CANCER_IN_NAME else f"{name} cancer" for name in CANCERS)
)

_CYCLE = (
    TaskRecord(
        config=CONFIG,
        column=snake_case(f"CCD {what}"),
        published=f"CCD {what}",
        family=FAMILY,
        type=TaskType.BINARY,
        source="hpa",
        description=f"Whether the {what.lower()} depends on the cell cycle in FUCCI U-2 OS cells.",
        labels=hpa_yes_no(f"CCD {what}"),
        published_size=size,
        classes=("no", "yes"),
    )
    for what, size in (("Protein", 1429), ("Transcript", 1631))
)

_ANNOTATIONS = (
    TaskRecord(
        config=CONFIG,
        column=snake_case(name),
        published=name,
        family=FAMILY,
        type=TaskType.MULTI_LABEL,
        source="hpa",
        description=description,
        labels=hpa_labels(name),
        published_size=size,
    )
    for name, size, description in (
        ("Biological process", 10796, "Biological processes by UniProt keywords."),
        ("Molecular function", 10991, "Molecular functions by UniProt keywords."),
        ("Disease involvement", 5837, "Diseases, cancer and drug targets by UniProt keywords."),
    )
)

_CLASSES = (
    TaskRecord(
        config=CONFIG,
        column=snake_case(name),
        published=name,
        family=FAMILY,
        type=TaskType.MULTI_CLASS,
        source="hpa",
        description=description,
        labels=hpa_class(name),
        published_size=size,
    )
    for name, size, description in (
        ("RNA cancer specificity", 19588, "How much higher the RNA is in one cancer."),
        ("RNA cancer distribution", 19588, "In how many of the cancers the RNA is detected."),
        ("Secretome function", 2736, "What the secreted protein does."),
        ("Secretome location", 2767, "Where the protein is secreted to, if it is."),
    )
)

TASKS = (
    *_ANNOTATIONS,
    TaskRecord(
        config=CONFIG,
        column="pathways",
        published="Pathways",
        family=FAMILY,
        type=TaskType.MULTI_LABEL,
        source="reactome",
        description="Reactome's top-level pathways that the gene takes part in.",
        labels=reactome_pathways,
        published_size=10969,
        differs="a later release of Reactome, non-human names in human sets included",
    ),
    TaskRecord(
        config=CONFIG,
        column="hla_class",
        published="HLA class I vs class II",
        family=FAMILY,
        type=TaskType.BINARY,
        source="hgnc",
        description="Class of an HLA gene, by HGNC's gene group 588.",
        labels=hla_class,
        published_size=44,
        classes=("class I", "class II"),
    ),
    *_CYCLE,
    *_CLASSES,
    TaskRecord(
        config=CONFIG,
        column="rna_cancer_specificity_score",
        published="RNA cancer specificity score",
        family=FAMILY,
        type=TaskType.REGRESSION,
        source="hpa",
        description="Fold change between the highest and the second highest RNA level (cancer).",
        labels=hpa_number("RNA cancer specificity score"),
        published_size=2084,
    ),
    *_PROGNOSES,
)
