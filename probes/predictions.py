"""Reading the predictions that `probe --predictions` wrote, one task of one model at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hf_datasets.errors import InputError
from hf_datasets.tables import require_file
from probes.result import PREDICTION_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from probes.contenders import Key

WHOSE = ("task", "model", "embedding")


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one model predicted on one task; one entry per label, round and test entity."""

    part: NDArray[np.intp]
    """Shape (n,): which (label, repeat, fold), from 0, rising."""
    round: NDArray[np.intp]
    """Shape (parts,): which (repeat, fold) a part is of."""
    entity: NDArray[np.intp]
    """Shape (n,): index into `ids`, rising within a part."""
    ids: list[str]
    """Sorted."""
    truth: NDArray[np.float64]
    score: NDArray[np.float64]

    def same_entities(self, other: Predictions) -> bool:
        """Whether both are about the same entities and true values, part by part."""
        return (
            self.ids == other.ids
            and np.array_equal(self.part, other.part)
            and np.array_equal(self.entity, other.entity)
            and np.array_equal(self.truth, other.truth)
        )

    def parts(self) -> Iterator[slice]:
        """Yield the entries of every part."""
        ends = np.searchsorted(self.part, np.arange(len(self.round) + 1)).tolist()
        yield from map(slice, ends[:-1], ends[1:])


class PredictionFiles:
    """Some prediction files, of which only what is asked for is read."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Read where in the files what is; InputError for what is no prediction file."""
        self._files = [(path, _index(path)) for path in paths]

    def read(self, task: str, key: Key) -> Predictions | None:
        """Return the predictions of a (model, embedding) on a task, None if there are none.

        InputError when two files hold some, or a file several for one entity and round.
        """
        model, embedding = key
        wanted = (task, model, embedding)
        found = []
        for path, index in self._files:
            groups = [at for at, bounds in index if _may_hold(bounds, wanted)]
            table = _read(path, groups, wanted)
            if len(table):
                found.append(table)
        if not found:
            return None
        if len(found) > 1:
            message = f"several prediction files hold {model} on {task}; give one of them"
            raise InputError(message)
        predictions = _sorted(found[0])
        repeated = (np.diff(predictions.part) == 0) & (np.diff(predictions.entity) == 0)
        if repeated.any():
            name = predictions.ids[predictions.entity[int(repeated.argmax())]]
            message = (
                f"{model} has several predictions of {name!r} on {task} in one round; give the "
                "file of one run of `probe`"
            )
            raise InputError(message)
        return predictions


Bounds = tuple[tuple[str, str] | None, ...]
"""Lowest and highest value of WHOSE in a row group, None where the file does not say."""


def _index(path: Path) -> list[tuple[int, Bounds]]:
    """Return the row groups of a file with their bounds."""
    require_file(path)
    try:
        with pq.ParquetFile(path) as file:
            names, metadata = file.schema_arrow.names, file.metadata
    except pa.ArrowInvalid as error:
        message = f"{path} is not a readable Parquet file: {error}"
        raise InputError(message) from error
    missing = [name for name in PREDICTION_SCHEMA.names if name not in names]
    if missing:
        message = (
            f"{path} holds no predictions (no column {missing[0]!r}); "
            "`probe --predictions FILE` writes them"
        )
        raise InputError(message)
    index = []
    for at in range(metadata.num_row_groups):
        group = metadata.row_group(at)
        columns = [group.column(place) for place in range(group.num_columns)]
        named = {column.path_in_schema: column.statistics for column in columns}
        bounds = tuple(
            (str(said.min), str(said.max)) if said is not None and said.has_min_max else None
            for said in map(named.get, WHOSE)
        )
        index.append((at, bounds))
    return index


def _may_hold(bounds: Bounds, wanted: Sequence[str]) -> bool:
    return all(
        said is None or said[0] <= one <= said[1] for said, one in zip(bounds, wanted, strict=True)
    )


def _read(path: Path, groups: list[int], wanted: Sequence[str]) -> pa.Table:
    """Return the finite predictions among some row groups that are about what is wanted."""
    with pq.ParquetFile(path) as file:
        table = file.read_row_groups(groups, columns=PREDICTION_SCHEMA.names)
    table = table.select(PREDICTION_SCHEMA.names).cast(PREDICTION_SCHEMA)
    equal = [pc.equal(table[name], one) for name, one in zip(WHOSE, wanted, strict=True)]
    return table.filter(reduce(pc.and_, [*equal, pc.is_finite(table["score"])]))


def _sorted(table: pa.Table) -> Predictions:
    """Bring predictions into an order of their own, whatever the order of the file."""
    entity, label = (_dense(table[name]) for name in ("id", "label"))
    repeat, fold = (table[name].to_numpy().astype(np.intp) for name in ("repeat", "fold"))
    _, rounds = np.unique(repeat * (int(fold.max()) + 1) + fold, return_inverse=True)
    code = rounds * (int(label.max()) + 1) + label
    order = np.lexsort((entity, code))
    _, first, part = np.unique(code[order], return_index=True, return_inverse=True)
    return Predictions(
        part,
        rounds[order][first],
        entity[order],
        pc.unique(table["id"]).sort().to_pylist(),
        table["truth"].to_numpy()[order],
        table["score"].to_numpy()[order],
    )


def _dense(texts: pa.ChunkedArray) -> NDArray[np.intp]:
    """Return the place of every text among the distinct ones, sorted; null is one of them."""
    ranks = pc.rank(texts, sort_keys="ascending", tiebreaker="dense")
    return np.asarray(ranks, dtype=np.intp) - 1
