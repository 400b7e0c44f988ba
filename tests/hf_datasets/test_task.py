"""The task model: types from features, paths, derived tasks, and what is refused."""

from __future__ import annotations

import pytest
from datasets import ClassLabel, Features, List, Value

from hf_datasets.errors import InputError
from hf_datasets.task import TaskType, pick_task, table_key, tasks_of_table

FEATURES = Features(
    {
        "symbol": Value("string"),
        "fold": Value("int32"),
        "note": Value("string"),
        "tf": ClassLabel(names=["no", "yes"]),
        "chromosome": ClassLabel(names=["1", "2", "X"]),
        "places": List(ClassLabel(names=["Nucleus", "ER/Golgi"])),
        "length": Value("float32"),
        "count": Value("int64"),
    }
)


def test_the_feature_type_is_the_task_type() -> None:
    tasks = tasks_of_table("d", "c", FEATURES)
    assert [(task.column, task.type) for task in tasks] == [
        ("tf", TaskType.BINARY),
        ("chromosome", TaskType.MULTI_CLASS),
        ("places", TaskType.MULTI_LABEL),
        ("length", TaskType.REGRESSION),
    ]
    assert tasks[1].classes == ("1", "2", "X")
    assert tasks[0].path == "d/c/tf"


def test_one_label_is_a_derived_binary_task() -> None:
    task = pick_task("d", "c", FEATURES, "places", "ER/Golgi")
    assert task.type is TaskType.BINARY
    assert task.classes == ("not ER/Golgi", "ER/Golgi")
    assert task.path == "d/c/places/ER/Golgi"


def test_keys() -> None:
    assert table_key({"symbol": 0}) == ("symbol",)
    assert table_key({"symbol_a": 0, "symbol_b": 0, "id": 0}) == ("symbol_a", "symbol_b")
    assert table_key({"id": 0, "sequence": 0}) == ("id",)
    assert table_key({"gene": 0}) is None
    assert tasks_of_table("d", "c", {"gene": Value("string"), "y": Value("float32")}) == []


@pytest.mark.parametrize(
    ("column", "label", "message"),
    [
        ("note", None, "has type .*string.* a task is ClassLabel"),
        ("count", None, "has type .*int64"),
        ("symbol", None, "has type"),
        ("chromosom", None, "did you mean chromosome"),
        ("places", "nucleus", "no label 'nucleus' in d/c/places; did you mean Nucleus"),
        ("length", "long", "none, it is a regression"),
    ],
)
def test_what_is_no_task_is_refused(column: str, label: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pick_task("d", "c", FEATURES, column, label)
    with pytest.raises(InputError, match="has no key column"):
        pick_task("d", "c", {"gene": Value("string")}, "gene", None)
