"""All tasks of gene-benchmark, and the listing of them that `publish list --tasks` prints."""

from __future__ import annotations

from hf_datasets.gene_benchmark import (
    biological_processes,
    genomic_properties,
    localization,
    pairs,
    protein_properties,
    regulatory_functions,
)
from hf_datasets.gene_benchmark.record import DATASET, TaskRecord
from hf_datasets.listing import ListedTask
from hf_datasets.task import TaskType

FAMILY_CONFIGS = (
    genomic_properties.CONFIG,
    regulatory_functions.CONFIG,
    localization.CONFIG,
    biological_processes.CONFIG,
    protein_properties.CONFIG,
)
PAIR_KEYS = {"gene2gene": ("symbol_a", "symbol_b"), "gene-disease": ("symbol", "disease_id")}
"""Config → its key columns; those of the families are (symbol,)."""
CONFIGS = ("genes", *FAMILY_CONFIGS, *PAIR_KEYS)

TASKS: tuple[TaskRecord, ...] = (
    *genomic_properties.TASKS,
    *regulatory_functions.TASKS,
    *localization.TASKS,
    *biological_processes.TASKS,
    *protein_properties.TASKS,
    *pairs.TASKS,
)
"""In the order of the configs, and within a config of its columns."""


def tasks_of(config: str) -> list[TaskRecord]:
    """Return the tasks of one config, in column order."""
    return [task for task in TASKS if task.config == config]


def listed_tasks() -> list[ListedTask]:
    """Return every task, each multi-label one followed by its published derived tasks."""
    found = []
    for task in TASKS:
        found.append(
            ListedTask(
                path=f"{DATASET}/{task.config}/{task.column}",
                published=task.published,
                family=task.family,
                type=task.type,
                source=task.source,
                published_size=task.published_size,
            )
        )
        found += [
            ListedTask(
                path=f"{DATASET}/{task.config}/{task.column}/{label}",
                published=f"{task.published};{label}",
                family=task.family,
                type=TaskType.BINARY,
                source=task.source,
                published_size=task.published_size,
            )
            for label in task.derived
        ]
    return found
