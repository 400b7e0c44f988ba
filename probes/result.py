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
        ("probe", pa.string()),
        ("seed", pa.int64()),
        ("repeat", pa.int32()),
        ("fold", pa.int32()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("n_train", pa.int64()),
        ("n_test", pa.int64()),
        ("coverage", pa.float64()),  # share of the task's entities that have a vector
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
        require_file(path)
        try:
            table = pq.read_table(path)
        except pa.ArrowInvalid as error:
            message = f"{path} is not a readable Parquet file: {error}"
            raise InputError(message) from error
        missing = [name for name in RESULT_SCHEMA.names if name not in table.column_names]
        if missing:
            message = f"{path} is no result table (no column {missing[0]!r}); `probe` writes one"
            raise InputError(message)
        if not len(table):
            message = f"{path} holds no result; run `probe` again"
            raise InputError(message)
        provenance.append(json.loads((table.schema.metadata or {}).get(PROVENANCE_KEY, b"{}")))
        plain = table.select(RESULT_SCHEMA.names).cast(RESULT_SCHEMA).replace_schema_metadata()
        tables.append(plain)
    return pa.concat_tables(tables), provenance
