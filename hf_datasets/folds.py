"""The columns `fold` and `fold_family`: who is tested together, fixed once and for all.

Both depend on keys, labels, families and the seed alone, never on the order of the rows: entities
are put in the order of a seeded hash of their key, which is the same on every machine.
A table has one pair of columns, made over its own entities:

- `fold`: sizes differ by one at most; stratified where the table has one label.
- `fold_family`: a family never lies in two folds, so that no paralog of a training gene is
  tested. A gene without a family is a family of its own.

For pairs of genes see `pair_folds`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.errors import InputError, shorten

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray

FOLD = "fold"
FOLD_FAMILY = "fold_family"
FOLD_COLUMNS = (FOLD, FOLD_FAMILY)
N_FOLDS = 5
SEED = 0
FAMILY_SEPARATOR = "|"
"""Between the families of a gene that has several, as HGNC writes them."""

Key = str | tuple[str, ...]


def seeded_folds(
    keys: Sequence[Key],
    labels: Sequence[Hashable] | None = None,
    n_folds: int = N_FOLDS,
    seed: int = SEED,
) -> NDArray[np.int32]:
    """Deal entities out to folds, like cards: class by class, in the order of a seeded hash.

    Parameters
    ----------
    keys
        n keys, each once: a symbol, or a tuple of them.
    labels
        n class labels to stratify by (None counts as a class), or None: no stratification.
    n_folds, seed
        How many folds, and which of the many ways to deal.

    Returns
    -------
    NDArray[np.int32]
        Shape (n,): the fold of each row, 0 to `n_folds` - 1. The sizes of the folds, and the
        members of each class in them, differ by one at most.

    """
    _require(keys, n_folds)
    strata = [""] * len(keys) if labels is None else [repr(label) for label in labels]
    _require_length("labels", strata, keys)
    order = sorted(range(len(keys)), key=lambda row: (strata[row], _rank(keys[row], seed)))
    folds = np.empty(len(keys), dtype=np.int32)
    folds[order] = np.arange(len(keys)) % n_folds
    return folds


def family_folds(
    keys: Sequence[Key],
    families: Sequence[object],
    n_folds: int = N_FOLDS,
    seed: int = SEED,
) -> NDArray[np.int32]:
    """Deal whole families out to folds: the largest first, each to the emptiest fold.

    Parameters
    ----------
    keys
        n keys, each once.
    families
        n cells of a `gene_family` column, read by `family_names`. Genes that share any family
        belong together, and so do those linked through a gene that has several.
    n_folds, seed
        How many folds; the seed decides between families of one size.

    Returns
    -------
    NDArray[np.int32]
        Shape (n,): the fold of each row. The largest and the smallest fold differ by at most
        the size of the largest group of linked families.

    """
    _require(keys, n_folds)
    _require_length("families", families, keys)
    ranks = [_rank(key, seed) for key in keys]
    groups = [sorted(group, key=ranks.__getitem__) for group in linked_families(families)]
    groups.sort(key=lambda group: (-len(group), ranks[group[0]]))
    folds = np.empty(len(keys), dtype=np.int32)
    sizes = np.zeros(n_folds, dtype=np.int64)
    for group in groups:
        emptiest = int(sizes.argmin())
        folds[group] = emptiest
        sizes[emptiest] += len(group)
    return folds


def pair_folds(pairs: Sequence[tuple[str, str]], fold_of: Mapping[str, int]) -> list[int | None]:
    """Return the fold of each pair: that of its genes where both lie in one, None elsewhere.

    Testing on a fold and training on the others then meets no gene (and, with the genes'
    `fold_family`, no family) twice. Pairs across folds, or with a gene that has none, are in
    no fold: of random pairs one in `n_folds` stays.
    """
    ends = ((fold_of.get(first), fold_of.get(second)) for first, second in pairs)
    return [first if first == second else None for first, second in ends]


def family_names(cell: object) -> tuple[str, ...]:
    """Return the families of a `gene_family` cell: a list, or text with `|` between several."""
    if cell is None:
        return ()
    names = cell.split(FAMILY_SEPARATOR) if isinstance(cell, str) else cell
    if not isinstance(names, list | tuple):
        message = f"a gene family is text or a list of texts, not {type(cell).__name__}"
        raise InputError(message)
    return tuple(name.strip() for name in map(str, names) if name.strip())


def linked_families(families: Sequence[object]) -> list[list[int]]:
    """Return the rows of each group of linked families; every row is in one group."""
    parent = list(range(len(families)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    first: dict[str, int] = {}
    for row, cell in enumerate(families):
        for name in family_names(cell):
            parent[root(row)] = root(first.setdefault(name, row))
    groups: dict[int, list[int]] = defaultdict(list)
    for row in range(len(families)):
        groups[root(row)].append(row)
    return list(groups.values())


def _rank(key: Key, seed: int) -> bytes:
    text = "\0".join((key,) if isinstance(key, str) else key)
    return hashlib.blake2b(f"{seed}\0{text}".encode(), digest_size=16).digest()


def _require(keys: Sequence[Key], n_folds: int) -> None:
    if n_folds < 2:  # noqa: PLR2004
        message = f"{n_folds} folds cannot be tested on each other; give 2 or more"
        raise InputError(message)
    if len(set(keys)) < len(keys):
        seen: set[Key] = set()
        twice = sorted({str(key) for key in keys if key in seen or seen.add(key)})  # type: ignore[func-returns-value]
        message = f"{len(twice)} keys are there more than once: {shorten(twice)}; keep one of each"
        raise InputError(message)


def _require_length(what: str, given: Sequence[object], keys: Sequence[Key]) -> None:
    if len(given) != len(keys):
        message = f"{len(given)} {what} for {len(keys)} keys; give one each"
        raise InputError(message)
