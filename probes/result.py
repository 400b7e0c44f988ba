"""The result table: tidy Parquet, one row a number, with the provenance of both sides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_datasets.errors import InputError
from hf_datasets.files import atomic_path
from hf_datasets.tables import require_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

PROVENANCE_KEY = b"genezoo"
RESULT_SCHEMA = pa.schema(
    [
        ("embedding", pa.string()),  # file or id as given
        ("model", pa.string()),
        ("modality", pa.string()),
        ("dataset", pa.string()),
        ("revision", pa.string()),  # of the dataset
        ("config", pa.string()),
        ("task", pa.string()),  # its path
        ("task_type", pa.string()),
        ("label", pa.string()),  # null for the whole task
        ("protocol", pa.string()),
        ("split", pa.string()),
        ("probe", pa.string()),  # logistic, ridge, knn, …, with what it depends on: (C=1,pair=mean)
        ("fraction", pa.float64()),  # share of the training part that was used
        ("seed", pa.int64()),
        ("repeat", pa.int32()),
        ("fold", pa.int32()),
        ("metric", pa.string()),
        ("value", pa.float64()),  # null where the metric is undefined
        ("n_train", pa.int64()),
        ("n_test", pa.int64()),
        ("coverage", pa.float64()),  # share of the task's entities that were used
    ]
)

PREDICTION_SCHEMA = pa.schema(
    [
        ("embedding", pa.string()),
        ("model", pa.string()),
        ("task", pa.string()),
        ("label", pa.string()),  # of a multi-label or multi-class task, else null
        ("repeat", pa.int32()),
        ("fold", pa.int32()),
        ("id", pa.string()),  # of a pair "a|b"
        ("truth", pa.float64()),  # 0 or 1, or the number
        # Decision value; of a multi-class task the class's probability. In float64, because
        # predicted numbers may differ by less than float32 can say: ties would change ranks.
        ("score", pa.float64()),
    ]
)
"""What `probe --predictions` writes: a row per tested entity and, if any, label; of a learning
curve only by the fits on the whole training part."""


def write_results(rows: list[dict[str, Any]], provenance: dict[str, Any], out: Path) -> None:
    """Write result rows atomically; equal rows and provenance give equal bytes."""
    text = json.dumps(provenance, sort_keys=True, ensure_ascii=False)
    schema = RESULT_SCHEMA.with_metadata({PROVENANCE_KEY: text.encode()})
    with atomic_path(out) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), temporary)


def read_results(paths: Iterable[str | Path]) -> tuple[pa.Table, list[dict[str, Any]]]:
    """Read result files; return all rows as one table, and each file's provenance.

    Raises
    ------
    InputError
        A file that is missing, unreadable, no result table, or without rows.

    """
    tables, provenance = [], []
    for path in map(Path, paths):
        table, origin = _read(path)
        tables.append(table)
        provenance.append(origin)
    if not tables:
        message = "no result file; give at least one that `probe` wrote"
        raise InputError(message)
    return pa.concat_tables(tables), provenance


def prediction_table(
    shared: Mapping[str, Any],
    ids: Sequence[str],
    labels: Sequence[str],
    truth: NDArray[Any],
    scores: NDArray[np.float64],
) -> pa.Table:
    """Return the predictions of one round as rows of PREDICTION_SCHEMA.

    Parameters
    ----------
    shared
        The columns that are the same in all rows: embedding, model, task, repeat, fold.
    ids
        The n tested entities.
    labels
        The classes or labels of the task, k of them; none where there is one score an entity.
    truth, scores
        Shape (n,), or with labels (n, k). A label without a model, whose scores are NaN, is left
        out.

    """
    tables = []
    for at in range(len(labels) or 1):
        mine = scores[:, at] if labels else scores
        if np.isnan(mine).any():
            continue
        columns = {name: pa.repeat(pa.scalar(value, PREDICTION_SCHEMA.field(name).type), len(ids))
                   for name, value in shared.items()}  # fmt: skip
        columns["label"] = pa.repeat(
            pa.scalar(labels[at] if labels else None, pa.string()), len(ids)
        )
        columns["id"] = pa.array(ids, pa.string())
        own = truth[:, at] if labels else truth
        columns["truth"] = pa.array(own.astype(np.float64))
        columns["score"] = pa.array(mine.astype(np.float64))
        tables.append(pa.table({name: columns[name] for name in PREDICTION_SCHEMA.names}))
    return pa.concat_tables([PREDICTION_SCHEMA.empty_table(), *tables])


def _read(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    require_file(path)
    try:
        # Not `pq.read_table`, which takes `name=value` in a folder's name for a column.
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (pa.ArrowInvalid, OSError) as error:
        message = f"{path} is not a readable Parquet file: {error}"
        raise InputError(message) from error
    if "fraction" not in table.column_names:  # written before there were learning curves
        table = table.append_column("fraction", pa.array(np.ones(len(table))))
    missing = [name for name in RESULT_SCHEMA.names if name not in table.column_names]
    if missing:
        message = f"{path} is no result table (no column {missing[0]!r}); `probe` writes one"
        raise InputError(message)
    if not len(table):
        message = f"{path} holds no result; run `probe` again"
        raise InputError(message)
    try:
        origin = json.loads((table.schema.metadata or {}).get(PROVENANCE_KEY, b"{}"))
        plain = table.select(RESULT_SCHEMA.names).cast(RESULT_SCHEMA)
    except (ValueError, pa.ArrowNotImplementedError) as error:
        message = f"{path} is no result table ({error}); `probe` writes one"
        raise InputError(message) from error
    return plain.replace_schema_metadata(), origin
