"""Folds: a partition, the same whatever the order of rows, balanced, and families stay whole."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_datasets.errors import InputError
from hf_datasets.folds import (
    family_folds,
    family_names,
    linked_families,
    pair_folds,
    seeded_folds,
)

NAMES = st.sampled_from(["kinases", "HOX", "olfactory", "zinc", None, "", "HOX|zinc", "CD|kinases"])
ENTITIES = st.lists(
    st.tuples(st.text("ABCDE12", min_size=1, max_size=6), st.sampled_from("xyz"), NAMES),
    unique_by=lambda row: row[0],
    max_size=80,
)
FOLDS = st.integers(2, 7)
SEEDS = st.integers(0, 2**32 - 1)


@given(ENTITIES, FOLDS, SEEDS, st.randoms(use_true_random=False), st.booleans())
def test_folds_are_balanced_and_do_not_depend_on_row_order(
    rows: list[tuple[str, str, str | None]], n: int, seed: int, random: object, stratify: bool
) -> None:
    keys, labels, _ = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    folds = seeded_folds(keys, labels if stratify else None, n, seed)
    assert folds.dtype == np.int32
    assert folds.shape == (len(rows),)
    groups = set(labels) if stratify else set()
    for members in ([True] * len(keys), *([label == one for label in labels] for one in groups)):
        sizes = np.bincount(folds[np.array(members, dtype=bool)], minlength=n)
        assert len(sizes) == n
        assert sizes.max() - sizes.min() <= 1
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    again = seeded_folds(
        [keys[at] for at in order], [labels[at] for at in order] if stratify else None, n, seed
    )
    assert again.tolist() == folds[order].tolist()


@given(ENTITIES, FOLDS, SEEDS, st.randoms(use_true_random=False))
def test_families_stay_whole_and_folds_are_as_even_as_they_allow(
    rows: list[tuple[str, str, str | None]], n: int, seed: int, random: object
) -> None:
    keys, families = [row[0] for row in rows], [row[2] for row in rows]
    folds = family_folds(keys, families, n, seed)
    assert folds.shape == (len(rows),)
    of_family: dict[str, set[int]] = {}
    for cell, fold in zip(families, folds.tolist(), strict=True):
        for name in family_names(cell):
            of_family.setdefault(name, set()).add(fold)
    assert all(len(found) == 1 for found in of_family.values())
    sizes = np.bincount(folds, minlength=n)
    largest = max(map(len, linked_families(families)), default=0)
    assert len(sizes) == n
    assert sizes.max() - sizes.min() <= largest
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    again = family_folds([keys[at] for at in order], [families[at] for at in order], n, seed)
    assert again.tolist() == folds[order].tolist()


def test_they_are_the_same_for_ever_and_differ_by_seed() -> None:
    keys = [f"G{number}" for number in range(10)]
    assert seeded_folds(keys, n_folds=3).tolist() == [1, 0, 0, 2, 0, 2, 0, 2, 1, 1]
    assert seeded_folds(keys, n_folds=3, seed=1).tolist() != seeded_folds(keys, n_folds=3).tolist()
    families = ["a"] * 3 + [None] * 7
    assert Counter(family_folds(keys, families, 3).tolist()) == {0: 4, 1: 3, 2: 3}
    assert (
        family_folds(keys, families, 3, 1).tolist() != family_folds(keys, families, 3, 2).tolist()
    )
    pairs = [("A", "B"), ("A", "C")]
    assert sorted(seeded_folds(pairs, n_folds=2).tolist()) == [0, 1]


def test_families_come_as_text_or_lists_and_link() -> None:
    assert family_names(None) == family_names(" ") == family_names([]) == ()
    assert family_names("1|28") == family_names(["1", "28"]) == ("1", "28")
    with pytest.raises(InputError, match="text or a list of texts, not int"):
        family_names(28)
    groups = linked_families(["a|b", "b|c", "c", None, None])
    assert sorted(map(sorted, groups)) == [[0, 1, 2], [3], [4]]


def test_a_pair_is_in_a_fold_only_with_both_its_genes() -> None:
    pairs = [("A", "B"), ("A", "C"), ("B", "unknown"), ("x", "y")]
    assert pair_folds(pairs, {"A": 1, "B": 1, "C": 2}) == [1, None, None, None]


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="1 keys are there more than once: A"):
        seeded_folds(["A", "B", "A"])
    with pytest.raises(InputError, match="1 folds cannot"):
        family_folds(["A"], [None], 1)
    with pytest.raises(InputError, match="1 labels for 2 keys"):
        seeded_folds(["A", "B"], ["x"])
    with pytest.raises(InputError, match="3 families for 2 keys"):
        family_folds(["A", "B"], [None] * 3)
