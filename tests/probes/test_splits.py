"""Folds: everybody is tested once, nobody's row order matters, small classes are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import KFold, StratifiedKFold

from hf_datasets.errors import InputError
from hf_datasets.task import Task, TaskType
from probes.splits import assign_folds, fold_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray


def task_of(kind: TaskType, classes: int) -> Task:
    names = tuple(f"c{index}" for index in range(classes))
    return Task("bench", "one", "column", kind, names, ("symbol",))


def keys_of(n: int) -> list[tuple[str, ...]]:
    return [(f"G{index:04}",) for index in range(n)]


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    folds=st.integers(2, 6),
    repeats=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_everybody_is_tested_exactly_once_per_repeat(
    labels: list[int], folds: int, repeats: int, seed: int
) -> None:
    array = np.array(labels)
    counts = np.bincount(array, minlength=5)
    task = task_of(TaskType.MULTI_CLASS, 5)
    if (counts >= folds).sum() < 2:
        with pytest.raises(InputError):
            assign_folds(task, keys_of(len(labels)), array, folds=folds)
        return
    found = assign_folds(task, keys_of(len(labels)), array, folds=folds, repeats=repeats, seed=seed)
    small = {f"c{one}": int(counts[one]) for one in range(5) if 0 < counts[one] < folds}
    assert found.left_out == small
    assert sorted(found.rows) == [
        row for row, label in enumerate(labels) if f"c{label}" not in small
    ]
    assert found.test_fold.shape == (repeats, len(found.rows))
    for repeat in found.test_fold:
        assert set(repeat) == set(range(folds))
        sizes = np.bincount(repeat, minlength=folds)
        assert sizes.max() - sizes.min() <= 5  # at most one more per class
        for label in set(array[found.rows]):
            of_class = np.bincount(repeat[array[found.rows] == label], minlength=folds)
            assert of_class.max() - of_class.min() <= 1
            assert of_class.min() >= 1


@given(n=st.integers(2, 50), folds=st.integers(2, 8), kind=st.sampled_from(TaskType))
def test_unstratified_types_too(n: int, folds: int, kind: TaskType) -> None:
    if kind in {TaskType.BINARY, TaskType.MULTI_CLASS}:
        return
    numbers = np.arange(n, dtype=np.float64)
    labels: NDArray[Any] = numbers if kind is TaskType.REGRESSION else numbers[:, None] % 2 == 0
    task = task_of(kind, 0 if kind is TaskType.REGRESSION else 1)
    if n < folds:
        with pytest.raises(InputError, match=f"{n} entities, fewer than {folds} folds"):
            assign_folds(task, keys_of(n), labels, folds=folds)
        return
    found = assign_folds(task, keys_of(n), labels, folds=folds)
    assert list(found.rows) == list(range(n))
    assert set(found.test_fold[0]) == set(range(folds))


@pytest.mark.parametrize("kind", [TaskType.BINARY, TaskType.REGRESSION])
def test_row_order_changes_nothing(kind: TaskType) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 40)
    keys, order = keys_of(40), rng.permutation(40)
    task = task_of(kind, 2)
    plain = assign_folds(task, keys, labels, repeats=2, seed=3)
    mixed = assign_folds(task, [keys[row] for row in order], labels[order], repeats=2, seed=3)
    assert [keys[row] for row in plain.rows] == [keys[order[row]] for row in mixed.rows]
    assert (plain.test_fold == mixed.test_fold).all()


def test_first_repeat_is_the_plain_split_of_scikit_learn() -> None:
    labels = np.arange(30) % 3 == 0
    found = assign_folds(task_of(TaskType.BINARY, 2), keys_of(30), labels.astype(int), seed=7)
    plain = StratifiedKFold(5, shuffle=True, random_state=7).split(np.zeros(30), labels)
    for fold, (_, test) in enumerate(plain):
        assert list(np.flatnonzero(found.test_fold[0] == fold)) == list(test)
    numbers = np.arange(30.0)
    found = assign_folds(task_of(TaskType.REGRESSION, 0), keys_of(30), numbers, seed=7)
    for fold, (_, test) in enumerate(KFold(5, shuffle=True, random_state=7).split(numbers)):
        assert list(np.flatnonzero(found.test_fold[0] == fold)) == list(test)


def test_repeats_and_seeds_differ() -> None:
    labels = np.arange(40) % 2
    task = task_of(TaskType.BINARY, 2)
    zero = assign_folds(task, keys_of(40), labels, repeats=3).test_fold
    one = assign_folds(task, keys_of(40), labels, repeats=3, seed=1).test_fold
    rows = [tuple(row) for row in (*zero, *one)]
    assert len(set(rows)) == 6
    assert fold_seed(5, 0) == 5
    assert fold_seed(5, 1) == fold_seed(5, 1) != fold_seed(6, 1)


def test_too_few_members_are_named_with_a_remedy() -> None:
    labels = np.array([0] * 20 + [1] * 3)
    with pytest.raises(InputError, match=r"'c1': 3.*use --folds 3"):
        assign_folds(task_of(TaskType.BINARY, 2), keys_of(23), labels)
