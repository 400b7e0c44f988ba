"""The parts of a run: how rows are cut into them, how each is written, how they become a table."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_datasets.errors import InputError
from hf_datasets.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from extractors.inputs import Input
    from extractors.model import Encoded, Vectors

PART_ROWS = 2048
PART_CHARACTERS = 500_000
"""A part is at most so many rows and about so many characters: what a kill can lose."""
PART_NUMBERS = 16_000_000
"""Numbers that a part with a vector a token may hold, if each character were a token."""
GROUP_BYTES = 4 << 20
"""Parts are gathered into row groups of about this size in the finished file."""


@dataclass(frozen=True)
class Work:
    """Rows that go through the model and into the files together."""

    number: int
    """Place among the parts, from 0."""
    ids: list[str]
    values: list[Any]


def cut(source: Input, most_characters: int = PART_CHARACTERS) -> Iterator[Work]:
    """Cut the rows into parts; where the cuts fall depends on the rows alone."""
    number, characters = 0, 0
    ids: list[str] = []
    values: list[Any] = []
    for more_ids, more_values in source.rows():
        for entity, value in zip(more_ids, more_values, strict=True):
            ids.append(entity)
            values.append(value)
            characters += len(value or "")
            if len(ids) >= PART_ROWS or characters >= most_characters:
                yield Work(number, ids, values)
                number, characters, ids, values = number + 1, 0, [], []
    if ids:
        yield Work(number, ids, values)


class Sink(Protocol):
    """Takes the vectors of parts, in order."""

    def write(self, number: int, ids: Sequence[str], encoded: Encoded) -> None:
        """Take one part."""


@dataclass(frozen=True)
class Parts:
    """A folder of parts, each a Parquet file for every layer that is read."""

    folder: Path
    schemas: tuple[pa.Schema, ...]
    """Of each layer's table, ascending."""

    def paths(self, number: int) -> list[Path]:
        """Return the files of a part, one a layer."""
        return [
            self.folder / f"part-{number:08d}{self._ending(layer)}.parquet"
            for layer in range(len(self.schemas))
        ]

    def _ending(self, layer: int) -> str:
        return f"-of-layer-{layer}" if len(self.schemas) > 1 else ""

    def has(self, number: int) -> bool:
        """Whether a part is there, in all its layers."""
        return all(path.exists() for path in self.paths(number))

    def rows_there(self) -> int:
        """Count the rows of the parts that are there."""
        first = self.folder.glob(f"part-????????{self._ending(0)}.parquet")
        numbers = [int(path.name.removeprefix("part-")[:8]) for path in first]
        whole = [self.paths(number)[0] for number in numbers if self.has(number)]
        return sum(pq.read_metadata(path).num_rows for path in whole)

    def write(self, number: int, ids: Sequence[str], encoded: Encoded) -> None:
        """Write one part, each file whole or not at all."""
        for path, schema, vectors in zip(
            self.paths(number), self.schemas, encoded.layers, strict=True
        ):
            with atomic_path(path) as temporary:
                table = rows_table(ids, vectors, encoded, schema)
                pq.write_table(table, temporary, use_dictionary=False)
        release_memory()

    def finish(self, outs: Sequence[Path], n_rows: int) -> None:
        """Join the parts into one table a layer; none appears before all are written.

        InputError when the parts do not hold `n_rows` rows.
        """
        with contextlib.ExitStack() as stack:
            for layer, out in enumerate(outs):
                temporary = stack.enter_context(atomic_path(out, self.folder))
                written = self._join(layer, temporary)
                if written != n_rows:
                    message = (
                        f"{self.folder} is damaged: {written} rows of {n_rows}; pass --restart"
                    )
                    raise InputError(message)

    def _join(self, layer: int, out: Path) -> int:
        """Write a layer's parts into `out`, a row group at a time; return the number of rows."""
        schema, rows = self.schemas[layer], 0
        with GroupWriter(out, schema) as writer:
            for path in sorted(self.folder.glob(f"part-????????{self._ending(layer)}.parquet")):
                with pq.ParquetFile(path) as part:
                    table = part.read(use_threads=False).cast(schema)
                rows += len(table)
                writer.add(table)
        return rows


class GroupWriter(contextlib.AbstractContextManager["GroupWriter"]):
    """Writes a finished embedding table, its rows gathered into groups of about GROUP_BYTES."""

    def __init__(self, out: Path, schema: pa.Schema) -> None:
        # No dictionaries: vectors and ids hardly repeat, and building them takes memory and time.
        self._writer = pq.ParquetWriter(
            out, schema, compression="zstd", write_page_index=True, use_dictionary=False
        )
        self._waiting: list[pa.Table] = []
        self._bytes = 0

    def __exit__(self, failed: object, *_: object) -> None:
        try:
            if not failed and self._waiting:
                self._write()
        finally:
            self._writer.close()

    def add(self, table: pa.Table) -> None:
        """Take more rows."""
        self._waiting.append(table)
        self._bytes += table.nbytes
        if self._bytes >= GROUP_BYTES:
            self._write()

    def _write(self) -> None:
        group = pa.concat_tables(self._waiting)
        self._writer.write_table(group, row_group_size=max(1, len(group)))
        self._waiting.clear()
        self._bytes = 0
        release_memory()


def release_memory() -> None:
    """Give freed memory back to the system: it would pile up over thousands of parts."""
    pa.default_memory_pool().release_unused()


def rows_table(
    ids: Sequence[str], vectors: Vectors, encoded: Encoded, schema: pa.Schema
) -> pa.Table:
    """Return the rows as an Arrow table; a failed row has no vector."""
    kind = schema.field("embedding").type
    failed = np.array([error is not None for error in encoded.errors], dtype=np.bool_)
    ragged = not pa.types.is_fixed_size_list(kind)
    column = (_ragged if ragged else _fixed)(vectors, failed, kind)
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "embedding": column,
            "n_tokens": pa.array(encoded.n_tokens, pa.int32()),
            "truncated": pa.array(encoded.truncated, pa.bool_()),
            "error": pa.array(encoded.errors, pa.string()),
        },
        schema=schema,
    )


def _numbers(vectors: NDArray[np.float32], kind: pa.DataType) -> pa.Array:
    # Not arrow's own mapping of types: that imports pandas.
    return pa.array(vectors.astype(f"float{kind.value_type.bit_width}").reshape(-1))


def _fixed(vectors: Vectors, failed: NDArray[np.bool_], kind: pa.DataType) -> pa.Array:
    """Return one vector a row."""
    mask = pa.array(failed) if failed.any() else None
    numbers = _numbers(np.asarray(vectors), kind)
    return pa.FixedSizeListArray.from_arrays(numbers, type=kind, mask=mask)


def _ragged(vectors: Vectors, failed: NDArray[np.bool_], kind: pa.DataType) -> pa.Array:
    """Return a list of vectors a row."""
    vector = kind.value_type
    kept = [row for row, bad in zip(vectors, failed, strict=True) if not bad]
    lengths = np.zeros(len(failed), dtype=np.int32)
    lengths[~failed] = [len(row) for row in kept]
    offsets = np.zeros(len(failed) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    flat = np.concatenate([np.empty((0, vector.list_size), dtype=np.float32), *kept])
    tokens = pa.FixedSizeListArray.from_arrays(_numbers(flat, vector), type=vector)
    mask = pa.array(failed) if failed.any() else None
    return pa.ListArray.from_arrays(pa.array(offsets), tokens, type=kind, mask=mask)
