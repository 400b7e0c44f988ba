"""The result table: tidy Parquet, one row a number, with the provenance of both sides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hf_datasets.errors import InputError
from hf_datasets.files import atomic_path
from hf_datasets.tables import require_file

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        ("probe", pa.string()),  # logistic, ridge, least-squares; for pairs with (pair=…)
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


def _read(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    require_file(path)
    try:
        # Not `pq.read_table`, which takes `name=value` in a folder's name for a column.
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (pa.ArrowInvalid, OSError) as error:
        message = f"{path} is not a readable Parquet file: {error}"
        raise InputError(message) from error
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
