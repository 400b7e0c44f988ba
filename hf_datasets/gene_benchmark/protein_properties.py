"""Tasks of the config `protein-properties`: what UniProt's keywords say of a protein."""

from __future__ import annotations

from hf_datasets.gene_benchmark.labels import uniprot_keywords
from hf_datasets.gene_benchmark.record import TaskRecord, snake_case
from hf_datasets.task import TaskType

CONFIG = "protein-properties"

TASKS = tuple(
    TaskRecord(
        config=CONFIG,
        column=snake_case(f"UniProt {category}"),
        published=f"UniProt keyword {category}",
        family="Protein Properties",
        type=TaskType.MULTI_LABEL,
        source="uniprot",
        description=description,
        labels=uniprot_keywords(category),
        published_size=size,
        differs="another release of UniProt",
    )
    for category, size, description in (
        ("PTM", 13968, "Chemical changes of the protein after its synthesis."),
        ("Ligand", 6673, "Small molecules and ions that the protein binds."),
        ("Domain", 13469, "Domains, repeats and other regions of the protein."),
    )
)
