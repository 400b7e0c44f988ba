"""A table of embeddings on the Hub: recognised, checked, cut into shards, and told about.

The table is what `extract` writes: Parquet with the columns ``id``, ``embedding``, ``n_tokens``,
``truncated`` and ``error``, and its provenance as JSON under ``genezoo`` in the schema metadata.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError, one_line, shorten
from hf_datasets.files import file_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

PROVENANCE_KEY = b"genezoo"
COLUMNS = {"id", "embedding"}
SUFFIXES = {".parquet", ".pq"}
DATA_FILE = "data/train-{shard:05}-of-{shards:05}.parquet"
LARGEST = 5_000_000_000
"""Bytes of a table that is published as the one file it is."""
SHARD_BYTES = 4_000_000_000
"""A larger table is cut into files of about so many."""
BATCH_ROWS = 8192
MANY_REASONS = 10
"""So many reasons of failures a card tells."""


@dataclass(frozen=True)
class EmbeddingTable:
    """A checked table of embeddings."""

    path: Path
    provenance: Mapping[str, Any]
    """What `extract` recorded of model, input and versions."""
    rows: int
    failures: Mapping[str, int]
    """Reason → rows without a vector."""
    truncated: int
    """Rows of which the model saw a part."""
    dimension: int
    numbers: str
    """float32 or float16."""
    per_token: bool
    """Whether a row has a vector for each of its tokens."""
    bytes: int
    sha256: str
    """Of the file as it was given."""

    @property
    def model(self) -> str:
        """The embeddings' own name, or else the model's."""
        return str(self.provenance.get("name") or self.provenance.get("model") or self.path.stem)

    def of(self, *names: str) -> Any:  # noqa: ANN401  JSON
        """Return a value of the provenance by its path, None where it is not recorded."""
        found: Any = self.provenance
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found


def is_embedding_table(path: Path) -> bool:
    """Whether a file is what `extract` writes, told by its columns and its metadata.

    InputError for vectors of which nobody says where they come from.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid as error:
        message = f"{path} is not a readable Parquet file: {one_line(error)}"
        raise InputError(message) from error
    if not set(schema.names) >= COLUMNS:
        return False
    if PROVENANCE_KEY not in (schema.metadata or {}):
        message = (
            f"{path} holds vectors and does not say which model they are of; publish a table that "
            "`extract` wrote"
        )
        raise InputError(message)
    return True


def read_embeddings(path: Path) -> EmbeddingTable:
    """Read and check a table of embeddings, a part of it at a time.

    Raises
    ------
    InputError
        Provenance that is no JSON object, a column of another type, an id that is there twice,
        a vector with NaN or infinite numbers, no row, no vector.

    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        provenance = _provenance(path, schema)
        dimension, numbers, per_token = _vector_type(path, schema)
        _check_ids(path, file)
        failures: Counter[str] = Counter()
        truncated = rows = 0
        names = [n for n in ("id", "embedding", "truncated", "error") if n in schema.names]
        for batch in file.iter_batches(BATCH_ROWS, columns=names):
            rows += len(batch)
            _check_vectors(path, batch)
            if "truncated" in names:
                truncated += batch["truncated"].true_count
            if "error" in names:
                failures.update(reason for reason in batch["error"].to_pylist() if reason)
    if rows == failures.total():
        message = f"{path} holds no embedding; " + ("every row failed" if rows else "it has no row")
        raise InputError(message)
    return EmbeddingTable(
        path, provenance, rows, failures, truncated, dimension, numbers, per_token,
        path.stat().st_size, file_digest(path),
    )  # fmt: skip


def _provenance(path: Path, schema: pa.Schema) -> dict[str, Any]:
    try:
        found = json.loads(schema.metadata[PROVENANCE_KEY])
    except ValueError:
        found = None
    if not isinstance(found, dict) or not found:
        message = f"{path} has no readable provenance under 'genezoo'; extract it again"
        raise InputError(message)
    return found


def _vector_type(path: Path, schema: pa.Schema) -> tuple[int, str, bool]:
    import pyarrow as pa

    kind = schema.field("embedding").type
    per_token = not pa.types.is_fixed_size_list(kind) and pa.types.is_nested(kind)
    vector = kind.value_type if per_token else kind
    if not pa.types.is_fixed_size_list(vector) or not pa.types.is_floating(vector.value_type):
        message = f"column 'embedding' of {path} has type {kind}; extract it again"
        raise InputError(message)
    name = {2: "float16", 4: "float32", 8: "float64"}[vector.value_type.bit_width // 8]
    return int(vector.list_size), name, per_token


def _check_ids(path: Path, file: Any) -> None:  # noqa: ANN401  ParquetFile
    import pyarrow.compute as pc

    ids = file.read(columns=["id"])["id"]
    if ids.null_count:
        message = f"{path} has {ids.null_count} rows without an id; extract it again"
        raise InputError(message)
    if pc.count_distinct(ids).as_py() != len(ids):
        counts = pc.value_counts(ids)
        doubled = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
        message = f"{path} has {len(doubled)} ids more than once: {shorten(doubled)}; keep one each"
        raise InputError(message)


def _check_vectors(path: Path, batch: pa.RecordBatch) -> None:
    import numpy as np
    import pyarrow as pa

    values = batch["embedding"]
    while pa.types.is_nested(values.type):
        values = values.flatten()
    if np.isfinite(values.drop_null().to_numpy(zero_copy_only=False)).all():
        return
    bad = [
        str(entity)
        for entity, vector in zip(
            batch["id"].to_pylist(), batch["embedding"].to_pylist(), strict=True
        )
        if vector is not None and not np.isfinite(np.ravel(vector)).all()
    ]
    message = f"{path} has vectors with NaN or infinite numbers: {shorten(bad)}; extract it again"
    raise InputError(message)


@contextlib.contextmanager
def shards(table: EmbeddingTable) -> Iterator[dict[str, Path]]:
    """Yield the files to publish by their path in the repository.

    A table of less than LARGEST bytes is one file, byte by byte. A larger one is cut beside the
    table, and the cut files are removed at the end of the block.
    """
    if table.bytes < LARGEST:
        yield {DATA_FILE.format(shard=0, shards=1): table.path}
        return
    beside = table.path.parent if os.access(table.path.parent, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=".shards-", suffix=".tmp", dir=beside) as folder:
        files = _cut(table, Path(folder))
        yield {DATA_FILE.format(shard=n, shards=len(files)): file for n, file in enumerate(files)}


def _cut(table: EmbeddingTable, folder: Path) -> list[Path]:
    """Write the rows into files of about SHARD_BYTES each, with the metadata of the whole."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(table.path) as file:
        count = math.ceil(table.bytes / SHARD_BYTES)
        per_shard = math.ceil(table.rows / count)
        files: list[Path] = []
        writer: Any = None
        room = 0
        with contextlib.ExitStack() as stack:
            for batch in file.iter_batches(BATCH_ROWS):
                at = 0
                while at < len(batch):
                    if room == 0:
                        stack.close()
                        files.append(folder / f"{len(files):05}.parquet")
                        writer = stack.enter_context(_writer(files[-1], file.schema_arrow))
                        room = per_shard
                    part = batch.slice(at, room)
                    writer.write_batch(part)
                    at, room = at + len(part), room - len(part)
    return files


def _writer(path: Path, schema: pa.Schema) -> Any:  # noqa: ANN401  ParquetWriter
    import pyarrow.parquet as pq

    return pq.ParquetWriter(
        path, schema, compression="zstd", write_page_index=True, use_dictionary=False
    )
