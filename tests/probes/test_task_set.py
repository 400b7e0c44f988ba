"""Which tasks a path stands for, who is in them, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, LargeList, List, Value

from hf_datasets.errors import InputError
from hf_datasets.task import TaskType
from probes.task_set import TaskData, load_tasks

MakeDataset = Callable[..., str]
YES_NO = ClassLabel(names=["no", "yes"])
ABC = ClassLabel(names=["a", "b", "c"])


def only(spec: str) -> TaskData:
    found = load_tasks([spec])
    assert found.problems == {}
    (data,) = found.tasks
    return data


def names(specs: list[str], *, derived: bool = False) -> list[str]:
    return [
        data.task.path.removeprefix("bench/") for data in load_tasks(specs, derived=derived).tasks
    ]


def one_column(feature: Any, values: list[Any]) -> dict[str, Any]:
    genes = [f"G{index}" for index in range(len(values))]
    return {"t": ({"symbol": Value("string"), "y": feature}, {"symbol": genes, "y": values})}


ALL = ["one/binary", "one/three", "one/labels", "one/number", "two/agree"]


def test_a_path_names_a_dataset_a_table_a_column_or_a_label(bench: str) -> None:
    assert names([bench]) == ALL
    assert names([bench + "/"]) == ALL
    assert names([f"{bench}/one"]) == ALL[:4]
    assert names([f"{bench}/one/three"]) == ALL[1:2]
    assert names([f"{bench}/one/labels/above 0"]) == ["one/labels/above 0"]


def test_doubles_are_merged_and_the_first_mention_orders(bench: str) -> None:
    found = names([f"{bench}/one/number", bench, f"{bench}/two"])
    assert found == ["one/number", "one/binary", "one/three", "one/labels", "two/agree"]


def test_naming_a_task_beside_its_table_makes_it_named(bench: str) -> None:
    found = load_tasks([f"{bench}/one", f"{bench}/one/binary"])
    assert [data.named for data in found.tasks] == [True, False, False, False]


def test_derived_adds_every_label_of_a_multi_label(bench: str) -> None:
    found = names([f"{bench}/one"], derived=True)
    labels = [f"one/labels/above {cut}" for cut in (-1, 0, 1)]
    assert found == ["one/binary", "one/three", "one/labels", *labels, "one/number"]


def test_a_derived_task_is_one_column_of_the_multi_label(bench: str) -> None:
    labels = only(f"{bench}/one/labels").labels
    derived = only(f"{bench}/one/labels/above 1")
    assert derived.task.type is TaskType.BINARY
    assert derived.task.classes == ("not above 1", "above 1")
    assert derived.labels.dtype == np.int64
    assert (derived.labels == labels[:, 2]).all()
    three = only(f"{bench}/one/three")
    middle = only(f"{bench}/one/three/middle")
    assert (middle.labels == (three.labels == 1)).all()


def test_null_is_outside_and_an_empty_list_inside(make_dataset: MakeDataset) -> None:
    for feature in (List(ABC), LargeList(ABC)):
        cells = [[0], None, [], [2, 0], None]
        root = make_dataset(one_column(feature, cells), type(feature).__name__)
        data = only(f"{root}/t/y")
        assert data.keys == [("G0",), ("G2",), ("G3",)]
        assert data.labels.tolist() == [[True, False, False], [False] * 3, [True, False, True]]


def test_lists_of_fixed_length(make_dataset: MakeDataset) -> None:
    root = make_dataset(one_column(List(ABC, length=2), [["a", "b"], None, ["c", "a"]]))
    data = only(f"{root}/t/y")
    assert data.keys == [("G0",), ("G2",)]
    assert data.labels.tolist() == [[True, True, False], [True, False, True]]


def test_null_and_minus_one_are_outside_a_class_task(make_dataset: MakeDataset) -> None:
    data = only(make_dataset(one_column(ABC, ["a", None, "c", -1, "a"])) + "/t/y")
    assert data.keys == [("G0",), ("G2",), ("G4",)]
    assert data.labels.tolist() == [0, 2, 0]


@pytest.mark.parametrize("width", ["float16", "float32", "float64"])
def test_numbers(make_dataset: MakeDataset, width: str) -> None:
    data = only(make_dataset(one_column(Value(width), [0.5, None, -2.0])) + "/t/y")
    assert data.keys == [("G0",), ("G2",)]
    assert data.labels.dtype == np.float64
    assert data.labels.tolist() == [0.5, -2.0]


def test_pairs_and_whole_number_ids(make_dataset: MakeDataset, bench: str) -> None:
    assert only(f"{bench}/two").keys[:2] == [("G000", "G003"), ("G001", "G010")]
    features = {"id": Value("int32"), "sequence": Value("string"), "y": YES_NO}
    columns = {"id": [7, 8], "sequence": ["AC", "GT"], "y": [0, 1]}
    assert only(make_dataset({"t": (features, columns)}, "ids")).keys == [("7",), ("8",)]


def test_the_names_na_and_nan_stay_genes(make_dataset: MakeDataset) -> None:
    features = {"symbol": Value("string"), "y": YES_NO}
    root = make_dataset({"t": (features, {"symbol": ["NA", "nan", "None"], "y": [0, 1, 1]})})
    assert only(root).keys == [("NA",), ("nan",), ("None",)]


def test_revision_is_the_content_of_the_folder(make_dataset: MakeDataset) -> None:
    first = only(make_dataset(one_column(YES_NO, [0, 1]), "first")).revision
    assert first.startswith("sha256:")
    assert first == only(make_dataset(one_column(YES_NO, [0, 1]), "same")).revision
    assert first != only(make_dataset(one_column(YES_NO, [1, 0]), "other")).revision


def test_label_like_columns_of_other_types_are_remarked(make_dataset: MakeDataset) -> None:
    features = {
        "symbol": Value("string"),
        "y": YES_NO,
        "fold": Value("int32"),
        "flag": Value("bool"),
    }
    columns = {"symbol": ["A", "B"], "y": [0, 1], "fold": [1, 2], "flag": [True, False]}
    (note,) = load_tasks([make_dataset({"t": (features, columns)})]).notes
    assert "column 'flag'" in note
    assert "bool" in note


SAME = one_column(YES_NO, ["yes", "yes", None])
REFUSED = {
    "unsupported type": (one_column(Value("int64"), [0, 1]), "/t/y", "has type"),
    "one class": (SAME, "/t/y", "the one class 'yes' for all 2 entities"),
    "one class, alone in its dataset": (SAME, "", "no task to probe: .*the one class 'yes'"),
    "no entity": (one_column(YES_NO, [None, None]), "/t/y", "no entities"),
    "one set of labels": (one_column(List(ABC), [["a"], ["a"]]), "/t/y", "the same labels"),
    "one number": (one_column(Value("float32"), [2.5, 2.5]), "/t/y", "the one value 2.5"),
    "a label nobody has": (one_column(List(ABC), [["a"], []]), "/t/y/b", "'not b' for all 2"),
    "NaN": (one_column(Value("float32"), [0.5, float("nan"), 1.0]), "", "1 values that are NaN"),
    "infinite": (one_column(Value("float64"), [0.5, float("inf")]), "/t", "NaN or infinite"),
    "null in a list": (one_column(List(ABC), [["a", None], []]), "", "outside its 3 classes"),
    "unknown column": (one_column(YES_NO, [0, 1]), "/t/x", "no column 'x'"),
    "unknown table": (one_column(YES_NO, [0, 1]), "/u", "unknown config"),
    "unknown label": (one_column(ABC, [0, 1]), "/t/y/d", "no label 'd'"),
    "no task": (one_column(Value("string"), ["a", "b"]), "", "no task in .*columns symbol, y"),
    "no task in a table": (one_column(Value("string"), ["a", "b"]), "/t", "no task in"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(make_dataset: MakeDataset, case: str) -> None:
    tables, path, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        load_tasks([make_dataset(tables) + path])


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        (["A", "B", "A", "A"], "1 duplicate keys: A;"),
        (["A", None, "C", "D"], "row 2 .* null key 'symbol'"),
        (["A", "B", " ", "D"], "row 3 .* empty key 'symbol'"),
    ],
)
def test_bad_keys(make_dataset: MakeDataset, symbols: list[str | None], message: str) -> None:
    features = {"symbol": Value("string"), "y": YES_NO}
    # The bad row is not in the task: the table is refused all the same.
    root = make_dataset({"t": (features, {"symbol": symbols, "y": [0, None, None, 1]})})
    with pytest.raises(InputError, match=message):
        load_tasks([root])


def test_a_label_outside_its_classes(make_dataset: MakeDataset) -> None:
    root = make_dataset(one_column(ABC, [0, 1, 2]))
    path = next(Path(root).rglob("*.parquet"))
    table = pq.read_table(path)
    broken = table.set_column(1, table.schema.field(1), [[0, 1, 3]])
    pq.write_table(broken, path)
    with pytest.raises(InputError, match=r"1 labels outside its 3 classes \(such as 3\)"):
        load_tasks([root])


def test_a_poor_task_among_others_is_a_problem_not_an_error(make_dataset: MakeDataset) -> None:
    features = {"symbol": Value("string"), "poor": YES_NO, "y": YES_NO}
    columns = {"symbol": ["A", "B"], "poor": [1, 1], "y": [0, 1]}
    root = make_dataset({"t": (features, columns)})
    found = load_tasks([root])
    assert [data.task.column for data in found.tasks] == ["y"]
    assert list(found.problems) == ["bench/t/poor"]
    with pytest.raises(InputError, match="one class"):
        load_tasks([root, f"{root}/t/poor"])


def test_a_dataset_that_changed_in_place_is_read_anew(make_dataset: MakeDataset) -> None:
    """`datasets` itself would give the old rows: its cache goes by the folder's name and card."""
    root = make_dataset(one_column(YES_NO, [0, 1, 1]))
    assert only(root).labels.tolist() == [0, 1, 1]
    shutil.rmtree(root)
    assert make_dataset(one_column(YES_NO, [1, 0, 0])) == root
    assert only(root).labels.tolist() == [1, 0, 0]


def test_two_datasets_of_one_name_are_refused(make_dataset: MakeDataset) -> None:
    first = make_dataset(one_column(YES_NO, [0, 1]), "here/bench")
    other = make_dataset(one_column(YES_NO, [1, 0]), "there/bench")
    with pytest.raises(InputError, match="two datasets are named 'bench'"):
        load_tasks([first, other])
    same = make_dataset(one_column(YES_NO, [0, 1]), "again/bench")
    assert names([first, same]) == ["t/y"]


def test_a_registered_dataset() -> None:
    found = load_tasks(["gene-benchmark-sample"])
    assert {data.task.type for data in found.tasks} == set(TaskType)
    assert {data.revision for data in found.tasks} == {found.tasks[0].revision}
