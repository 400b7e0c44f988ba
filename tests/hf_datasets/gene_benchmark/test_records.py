"""The records against gene-benchmark's own lists: nothing omitted, nothing invented."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from hf_datasets.__main__ import command
from hf_datasets.gene_benchmark.record import published_labels
from hf_datasets.gene_benchmark.tasks import CONFIGS, TASKS, listed_tasks
from hf_datasets.registry import dataset_record
from hf_datasets.sources import SOURCES
from hf_datasets.task import TaskType

if TYPE_CHECKING:
    from pathlib import Path

LISTS = {
    "binary_tasks.txt": (TaskType.BINARY, 11),
    "categorical_tasks.txt": (TaskType.MULTI_CLASS, 43),
    "multi_label_tasks.txt": (TaskType.MULTI_LABEL, 10),
}


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line]


def plain(name: str) -> str:
    """A published name as the lists and the descriptions have it alike."""
    return re.sub(r"[\[(].*", "", name).strip().lower()


@pytest.mark.parametrize("name", LISTS)
def test_every_listed_task_has_a_record(name: str, upstream: Path) -> None:
    kind, count = LISTS[name]
    listed = lines(upstream / "gene_benchmark" / name)
    assert len(set(listed)) == count
    # NeXtProt evidence is described, but not in the list of multi-class tasks.
    ours = [task.published for task in TASKS if task.type is kind]
    assert Counter(set(ours) - {"NeXtProt evidence"}) == Counter(listed)


def test_every_derived_task_is_listed(upstream: Path) -> None:
    listed = lines(upstream / "gene_benchmark" / "derived_binary_tasks.txt")
    ours = [task.published for task in listed_tasks() if ";" in task.published]
    assert len(listed) == 293
    assert sorted(ours) == sorted(listed)
    columns = {task.column for task in TASKS if task.type is TaskType.MULTI_LABEL}
    assert set(published_labels()) == columns


def test_descriptions_and_atlas_columns_are_covered(upstream: Path) -> None:
    by_name = {plain(task.published): task for task in TASKS}
    with (upstream / "gene_benchmark" / "task_descriptions.csv").open(encoding="utf-8") as rows:
        described = list(csv.DictReader(rows))
    for row in described:
        name = plain(row["Task Name"])
        if name == "pathology prognostics":
            assert sum(key.startswith(name) for key in by_name) == 17
            continue
        task = by_name[name]
        assert task.family == row["Family"], name
        assert task.published_size == int(float(row["Size"])), name
        kind = {"categorical": "multi-class", "multilabel": "multi-label"}.get(
            row["Type"].strip(), row["Type"].strip().replace(" ", "-")
        )
        assert task.type.value == kind, name
    columns = lines(upstream / "gene_benchmark" / "hpa_columns.txt")
    atlas = {task.published for task in TASKS if task.source == "hpa"}
    assert atlas - set(columns) == {"NeXtProt evidence"}
    assert set(columns) <= atlas
    regressions = [task for task in TASKS if task.type is TaskType.REGRESSION]
    assert len(regressions) == sum(row["Type"].strip() == "regression" for row in described) == 10


def test_records_are_sound() -> None:
    assert len({(task.config, task.column) for task in TASKS}) == len(TASKS) == 75
    assert {task.config for task in TASKS} | {"genes"} == set(CONFIGS)
    assert dataset_record("gene-benchmark").configs == CONFIGS
    for task in TASKS:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", task.column)
        assert task.source in SOURCES
        assert set(task.needs) <= set(SOURCES)
        assert task.description.endswith(".")


def test_list_prints_the_complete_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["list", "--tasks"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "path\tpublished\tfamily\ttype"
    assert sum(row.startswith("gene-benchmark/") for row in rows) == 75 + 293
    assert (
        "gene-benchmark/localization/subcellular_location/Cytosol\tSubcellular location;Cytosol\t"
        "Genomic Properties\tbinary"
    ) in rows
    assert command(["list", "--tasks", "--json"]) == 0
    assert [task["path"] for task in json.loads(capsys.readouterr().out)] == [
        row.split("\t")[0] for row in rows
    ]
