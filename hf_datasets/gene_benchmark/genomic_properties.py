"""Tasks of the config `genomic-properties`: where a gene lies, its chromatin, its protein class."""

from __future__ import annotations

from hf_datasets.gene_benchmark.labels import gene_lists, hpa_class, hpa_labels
from hf_datasets.gene_benchmark.record import TaskRecord
from hf_datasets.task import TaskType

CONFIG = "genomic-properties"
FAMILY = "Genomic Properties"

_GENE_LISTS = (
    TaskRecord(
        config=CONFIG,
        column=column,
        published=published,
        family=FAMILY,
        type=TaskType.BINARY,
        source="genecorpus",
        needs=("hgnc",),
        description=description,
        labels=gene_lists(file),
        published_size=size,
    )
    for column, published, file, size, description in (
        (
            "bivalent_vs_non_methylated",
            "bivalent vs non-methylated",
            "bivalent_vs_no_methyl",
            133,
            "Whether the promoter has bivalent chromatin or no methylation in stem cells.",
        ),
        (
            # Published as "Lys4-only-methylated vs non-methylated"; its file, and so its
            # classes, are bivalent against Lys4-only.
            "bivalent_vs_lys4_only",
            "Lys4-only-methylated vs non-methylated",
            "bivalent_vs_lys4_only",
            171,
            "Whether the promoter has bivalent chromatin or Lys4 methylation only in stem cells.",
        ),
        (
            "dosage_sensitivity",
            "dosage sensitive vs insensitive TF",
            "dosage_sensitivity_TFs",
            487,
            "Whether a transcription factor's gene is sensitive to its number of copies.",
        ),
    )
)

TASKS = (
    *_GENE_LISTS,
    TaskRecord(
        config=CONFIG,
        column="chromosome",
        published="Chromosome",
        family=FAMILY,
        type=TaskType.MULTI_CLASS,
        source="hpa",
        description="The chromosome that the gene lies on.",
        labels=hpa_class("Chromosome"),
        published_size=19784,
    ),
    TaskRecord(
        config=CONFIG,
        column="protein_class",
        published="Protein class",
        family=FAMILY,
        type=TaskType.MULTI_LABEL,
        source="hpa",
        description="Protein classes of the gene product, by selected gene lists.",
        labels=hpa_labels("Protein class"),
        published_size=19784,
    ),
)
