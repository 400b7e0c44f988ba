"""Tasks of the config `regulatory-functions`: transcription factors and what they reach."""

from __future__ import annotations

from hf_datasets.gene_benchmark.labels import gene_lists, hpa_number, transcription_factor
from hf_datasets.gene_benchmark.record import TaskRecord
from hf_datasets.task import TaskType

CONFIG = "regulatory-functions"
FAMILY = "Regulatory functions"

# gene-benchmark builds "N1 network" from n1_target.pickle and "N1 targets" from
# n1_network.pickle. The columns here are named after the files, the published names are kept:
# a score that was published as "N1 network" is one of the column notch1_targets.
_NOTCH1 = "gene-benchmark's names of the two NOTCH1 tasks are swapped: see the published name"
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
        differs=differs,
    )
    for column, published, file, size, description, differs in (
        (
            "tf_range",
            "long vs short range TF",
            "tf_regulatory_range",
            174,
            "Whether a transcription factor acts over long or short distances.",
            "",
        ),
        (
            "notch1_targets",
            "N1 network",
            "n1_target",
            1103,
            "Whether the gene is a direct target of NOTCH1 within its network.",
            _NOTCH1,
        ),
        (
            "notch1_network",
            "N1 targets",
            "n1_network",
            281,
            "Whether the gene is central or peripheral in the network that NOTCH1 drives.",
            _NOTCH1,
        ),
    )
)

TASKS = (
    TaskRecord(
        config=CONFIG,
        column="transcription_factor",
        published="TF vs non-TF",
        family=FAMILY,
        type=TaskType.BINARY,
        source="humantfs",
        description="Whether a DNA-binding candidate was judged to be a transcription factor.",
        labels=transcription_factor,
        published_size=2765,
        classes=("no", "yes"),
    ),
    *_GENE_LISTS,
    TaskRecord(
        config=CONFIG,
        column="interactions",
        published="Interactions",
        family=FAMILY,
        type=TaskType.REGRESSION,
        source="hpa",
        description="Number of proteins that the protein is known to interact with.",
        labels=hpa_number("Interactions"),
        published_size=11348,
    ),
)
