"""The README of a built dataset: the configs for `datasets`, and a table of tasks for people."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from hf_datasets.task import TaskType, tasks_of_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import datasets

    from hf_datasets.registry import DatasetRecord
    from hf_datasets.task import Task

DATA_FILE = "{config}/train-00000-of-00001.parquet"
GENERATED = "<!-- written by genezoo: publish build -->"
MANY_CLASSES = 12
"""Of a task with more classes only their number is shown."""


def dataset_readme(
    record: DatasetRecord, tables: dict[str, datasets.Dataset], sections: Sequence[str] = ()
) -> str:
    """Return the README of a build; `sections` follow the table of tasks."""
    import yaml

    configs = list(tables)
    card: dict[str, Any] = {
        "pretty_name": record.name,
        "license": record.licence,
        "tags": ["biology", "genes", "embeddings", "benchmark"],
        "configs": [
            {
                "config_name": config,
                "version": record.version,
                "data_files": [{"split": "train", "path": DATA_FILE.format(config=config)}],
            }
            for config in configs
        ],
    }
    rows = [
        f"| `{task.config}/{task.column}` | {task.type} | {column_size(tables[config], task)} "
        f"| {_classes(task)} |"
        for config in configs
        for task in tasks_of_table(record.name, config, tables[config].features)
    ]
    head = yaml.safe_dump(card, sort_keys=False, allow_unicode=True)
    text = inspect.getdoc(record.builder_class()) or record.summary
    example = configs[min(3, len(configs) - 1)]
    return "\n".join(
        [
            f"---\n{head}---",
            GENERATED,
            f"# {record.name} {record.version}\n\n{text}\n",
            "```python\nfrom datasets import load_dataset\n",
            f'load_dataset("FOLDER", "{example}")\n```\n',
            "## Tasks\n\n| task | type | entities | classes |\n|---|---|---:|---|",
            *rows,
            "",
            *sections,
        ]
    )


def _classes(task: Task) -> str:
    if task.type is TaskType.REGRESSION or len(task.classes) <= MANY_CLASSES:
        return ", ".join(task.classes)
    return f"{len(task.classes)} classes"


def column_size(table: datasets.Dataset, task: Task) -> int:
    """Count the entities that are in a task: rows whose label is not null."""
    values = table.data.column(task.column)
    return len(values) - int(values.null_count)
