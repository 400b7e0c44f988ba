"""Which of a file's matrices holds raw counts, and the proof that it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.cells.matrix import Block
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from extractors.cells.files import CellFile
    from extractors.cells.matrix import CountMatrix

TESTED_ROWS = 100
"""Rows, spread over the file, by which a matrix is chosen; all rows are checked when read."""
SAME = 1e-3
"""Row sums that differ by less than this share are taken for normalised to one number."""


def choose_counts(file: CellFile, asked: str | None, *, allow_normalized: bool) -> str:
    """Return the name of the matrix to read: the asked one, or the first that holds counts.

    Raises
    ------
    InputError
        No such matrix, or none of raw counts; `allow_normalized` accepts values that are not
        whole numbers where no matrix has raw ones.

    """
    names = file.matrices()
    if asked not in names and f"layers/{asked}" in names:
        asked = f"layers/{asked}"
    if asked is not None and asked not in names:
        message = f"{file.path} has no matrix {asked!r}; --counts can be {', '.join(names)}"
        raise InputError(message)
    # Other layers are read only when asked for: spliced counts are whole numbers, too.
    wanted = [name for name in names if name in file.usual] if asked is None else [asked]
    samples: dict[str, Block] = {}
    problems: dict[str, str] = {}
    for name in wanted:
        with file.open(name) as matrix:
            sample = samples[name] = _sample(matrix)
        if problem := impossible(sample.counts):
            problems[name] = problem
        elif problem := not_raw(sample.counts):
            problems[name] = f"{problem}{_guess(sample)}"
        elif not sample.counts.any():
            problems[name] = "only zeros"
        else:
            return name
    if allow_normalized:
        for name, sample in samples.items():
            if sample.counts.any() and not impossible(sample.counts):
                return name
    found = "; ".join(f"{name} has {problem}" for name, problem in problems.items())
    remedy = "name the raw counts with --counts" if asked is None else "name another matrix"
    also = "" if allow_normalized else ", or pass --allow-normalized to read them as they are"
    message = f"{file.path} holds no raw counts: {found or 'it has no matrix'}; {remedy}{also}"
    raise InputError(message)


def impossible(values: NDArray[Any]) -> str | None:
    """Say why values cannot be counts, normalised ones neither; None when they can."""
    if values.dtype.kind not in "fiub":
        return f"values of type {values.dtype}"
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return "NaN or infinite values"
    if len(values) and values.min() < 0:
        return f"negative values ({values.min():.4g}), as after scaling"
    return None


def not_raw(values: NDArray[Any]) -> str | None:
    """Say why values are no raw counts; None when they are whole numbers, 0 or more."""
    if problem := impossible(values):
        return problem
    if values.dtype.kind == "f":
        odd = values != np.rint(values)
        if odd.any():
            return f"values that are no whole numbers ({values[odd][0]:.4g})"
    return None


def _sample(matrix: CountMatrix) -> Block:
    """Return single rows, spread evenly over the matrix."""
    picked = np.unique(np.linspace(0, max(matrix.n_cells - 1, 0), TESTED_ROWS).astype(int))
    rows = [matrix.read(row, row + 1) for row in picked.tolist() if row < matrix.n_cells]
    starts = np.cumsum([0, *(len(row.counts) for row in rows)])
    if not rows:
        return Block(starts, np.zeros(0, np.int64), np.zeros(0, np.float32))
    return Block(
        starts,
        np.concatenate([row.columns for row in rows]),
        np.concatenate([row.counts for row in rows]),
    )


def _guess(sample: Block) -> str:
    """Say how the rows seem to have been normalised, if it shows."""
    rows = [row for row in np.split(sample.counts, sample.starts[1:-1]) if row.any()]
    sums = np.array([row.sum(dtype=np.float64) for row in rows])
    with np.errstate(over="ignore"):
        linear = np.array([np.expm1(row.astype(np.float64)).sum() for row in rows])
    for total, what in ((linear, "after log1p of counts"), (sums, "of counts")):
        if len(total) > 1 and np.isfinite(total).all() and np.ptp(total) <= SAME * total.max():
            return f", as {what} normalised to {np.median(total):,.0f} per cell"
    return ""
