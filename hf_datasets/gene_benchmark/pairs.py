"""Tasks about pairs: the configs `gene2gene` and `gene-disease`."""

from __future__ import annotations

from hf_datasets.gene_benchmark.labels import disease_scores, gene_pairs
from hf_datasets.gene_benchmark.record import TaskRecord
from hf_datasets.task import TaskType

TASKS = (
    TaskRecord(
        config="gene2gene",
        column="associated",
        published="Gene2Gene",
        family="Regulatory functions",
        type=TaskType.BINARY,
        source="gene2vec",
        description="Whether two genes are known to be associated.",
        labels=gene_pairs,
        published_size=290_032,
        classes=("no", "yes"),
        differs="each pair once, whichever gene comes first; those given with both labels are out",
    ),
    TaskRecord(
        config="gene-disease",
        column="association_score",
        published="Gene-disease association",
        family="Biological Processes",
        type=TaskType.REGRESSION,
        source="open_targets",
        needs=("hgnc",),
        description="Overall association of a gene with a disease in Open Targets, 0 to 1.",
        labels=disease_scores,
        published_size=411_569,
    ),
)
