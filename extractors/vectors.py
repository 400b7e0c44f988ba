"""Tables of vectors that people have: CSV, TSV, Parquet or word2vec text, a row per entity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_datasets.errors import InputError, shorten
from hf_datasets.tables import (
    column_names,
    open_lines,
    plain_suffix,
    read_columns,
    require_file,
    table_format,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ID_COLUMNS = ("symbol", "id", "gene", "gene_symbol", "gene_name", "name", "")
"""Names under which people keep the entity; pandas writes its index under the empty name."""
INDEX_COLUMN = "__index_level_0__"
WORD2VEC_SUFFIXES = (".txt", ".vec", ".w2v")
HEADER_FIELDS = 2


@dataclass(frozen=True)
class VectorTable:
    """Vectors by entity."""

    ids: list[str]
    """Entities, each once, in file order."""
    vectors: NDArray[np.float32]
    """Shape (len(ids), d), finite."""
    failed: dict[str, str] = field(default_factory=dict)
    """Entities whose vector says nothing, with the reason; their rows are ignored."""


def read_vector_table(path: Path, id_column: str | None = None) -> VectorTable:
    """Read a table of vectors.

    CSV, TSV and Parquet have one column of ids (`id_column`, or the first of ID_COLUMNS, or the
    only text column) and numbers in all others; Parquet may hold one list column instead.
    word2vec text is `entity v1 v2 …` per line, with or without its header of two numbers.

    Raises
    ------
    InputError
        Missing or unreadable file, duplicate or empty ids, rows of different dimensions, NaN,
        infinite or non-numeric cells.

    """
    require_file(path)
    if plain_suffix(path) in WORD2VEC_SUFFIXES:
        ids, vectors = read_word2vec(path)
    elif table_format(path) == "parquet":
        ids, vectors = _read_parquet(path, id_column)
    else:
        ids, vectors = _read_text(path, id_column)
    return checked(path, ids, vectors)


def checked(path: Path, ids: list[str], vectors: NDArray[np.float32]) -> VectorTable:
    """Return vectors as a table; InputError for an empty or repeated id, or a number not finite."""
    _check_ids(path, ids)
    _check_finite(path, ids, vectors)
    return VectorTable(ids, vectors)


def _pick_id(path: Path, names: list[str], id_column: str | None) -> str:
    if id_column is not None:
        if id_column not in names:
            message = f"no column {id_column!r} in {path}; columns: {shorten(names, 12)}"
            raise InputError(message)
        return id_column
    lowered = {name.lower(): name for name in reversed(names)}
    for candidate in (*ID_COLUMNS, INDEX_COLUMN):
        if candidate in lowered:
            return lowered[candidate]
    message = f"no id column in {path}; name it with --id; columns: {shorten(names, 12)}"
    raise InputError(message)


def _read_text(path: Path, id_column: str | None) -> tuple[list[str], NDArray[np.float32]]:
    names = column_names(path)
    key = _pick_id(path, names, id_column)
    numbers = [name for name in names if name != key]
    if not numbers:
        message = f"{path} has only the column {key!r}; a vector needs numeric columns beside it"
        raise InputError(message)
    ids: list[str] = []
    blocks = []
    for batch in read_columns(path, [key, *numbers]):
        ids.extend(entity or "" for entity in batch[0])
        columns = [
            _to_floats(path, name, cells) for name, cells in zip(numbers, batch[1:], strict=True)
        ]
        blocks.append(np.column_stack(columns))
    if not blocks:
        message = f"{path} has a header and no rows"
        raise InputError(message)
    return ids, np.concatenate(blocks)


def _to_floats(path: Path, name: str, cells: list[str | None]) -> NDArray[np.float32]:
    try:
        return np.array(["nan" if cell is None else cell for cell in cells], dtype=np.float32)
    except ValueError as error:
        message = f"column {name!r} of {path} is not numeric ({error}); drop it or name --id"
        raise InputError(message) from error


def _read_parquet(path: Path, id_column: str | None) -> tuple[list[str], NDArray[np.float32]]:
    names = column_names(path)
    key = _pick_id(path, names, id_column)
    ids = [entity or "" for batch in read_columns(path, [key]) for entity in batch[0]]
    table = pq.read_table(path, columns=[name for name in names if name != key])
    lists = [name for name in table.column_names if _is_list(table.schema.field(name).type)]
    if not len(table):
        message = f"{path} has no rows"
        raise InputError(message)
    if len(lists) > 1:
        message = f"{path} has several list columns ({', '.join(lists)}); keep one"
        raise InputError(message)
    if lists:
        rows = table[lists[0]].to_pylist()
        return ids, _stack(path, ids, [[] if row is None else row for row in rows])
    columns = []
    for name in table.column_names:
        try:
            values = table[name].cast(pa.float32()).to_numpy()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            message = f"column {name!r} of {path} is not numeric; drop it or name --id"
            raise InputError(message) from error
        columns.append(values)
    if not columns:
        message = f"{path} has only the column {key!r}; a vector needs numeric columns beside it"
        raise InputError(message)
    return ids, np.column_stack(columns)


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def read_word2vec(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Read `entity v1 v2 …` lines; the first may be the word2vec header `rows dim`."""
    ids, rows = [], []
    with open_lines(path) as lines:
        for number, line in enumerate(lines, 1):
            fields = line.split()
            if not fields or (number == 1 and len(fields) == HEADER_FIELDS):
                continue
            try:
                rows.append(np.array(fields[1:], dtype=np.float32))
            except ValueError as error:
                message = f"{path} line {number} is not `entity number number …` ({error})"
                raise InputError(message) from error
            ids.append(fields[0])
    if not ids:
        message = f"{path} holds no vector; a line is `entity number number …`"
        raise InputError(message)
    return ids, _stack(path, ids, rows)


def _stack(path: Path, ids: list[str], rows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    dim = len(rows[0])
    odd = [index for index, row in enumerate(rows) if len(row) != dim]
    if odd or not dim:
        first = odd[0] if odd else 0
        message = (
            f"the vectors of {path} have different dimensions: {ids[0]!r} has {dim}, "
            f"{ids[first]!r} has {len(rows[first])}; give one model's table"
        )
        raise InputError(message)
    return np.array(rows, dtype=np.float32)


def _check_ids(path: Path, ids: list[str]) -> None:
    if "" in ids:
        message = f"{path} has an empty id in row {ids.index('') + 1}; name every row"
        raise InputError(message)
    if len(set(ids)) < len(ids):
        seen: set[str] = set()
        doubled = [entity for entity in ids if entity in seen or seen.add(entity)]  # type: ignore[func-returns-value]
        message = f"{path} has {len(doubled)} duplicate ids: {shorten(doubled)}; keep one of each"
        raise InputError(message)


def _check_finite(path: Path, ids: list[str], vectors: NDArray[np.float32]) -> None:
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        names = shorten([ids[row] for row in bad])
        message = f"{path} has NaN or infinite values in {len(bad)} vectors: {names}; remove them"
        raise InputError(message)
