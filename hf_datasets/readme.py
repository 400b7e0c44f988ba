"""The README of a built dataset: the configs for `datasets`, and a table of tasks for people."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from hf_datasets.task import TaskType, tasks_of_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hf_datasets.build import BuiltTable
    from hf_datasets.registry import DatasetRecord
    from hf_datasets.task import Task

GENERATED = "<!-- written by genezoo: publish build -->"
MANY_CLASSES = 12
"""Of a task with more classes only their number is shown."""


def dataset_readme(
    record: DatasetRecord, tables: dict[str, BuiltTable], sections: Sequence[str] = ()
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
                "data_files": [
                    {"split": split, "path": path} for split, path in table.files.items()
                ],
            }
            for config, table in tables.items()
        ],
    }
    rows = [
        f"| `{task.config}/{task.column}` | {task.type} | {tables[config].sizes[task.column]} "
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
