"""The embedding table: its schema, its provenance, and reading it back from wherever it lies.

Parquet with the columns ``id: string``, ``embedding: fixed_size_list<float32|float16>[d]``,
``n_tokens: int32``, ``truncated: bool``, ``error: string`` (null when fine), rows in input
order, provenance as JSON under ``genezoo`` in the schema metadata. No timestamps: the same
inputs give the same bytes. Per token (``--pooling none``) the embedding is a list of such
vectors, one for each of the row's own tokens.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from extractors.vectors import read_vector_table
from hf_datasets.errors import InputError, shorten
from hf_datasets.hub import pull_snapshot
from hf_datasets.reference import HUB_ID
from hf_datasets.tables import require_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from extractors.jobs.remote import RemotePath

PROVENANCE_KEY = b"genezoo"
SHARD = re.compile(r"(.*)-(\d{5,})-of-(\d{5,})\.parquet")
STORED_TYPES = {"float32": pa.float32(), "float16": pa.float16()}


def embedding_schema(
    dim: int, stored: str, provenance: dict[str, Any] | None, *, per_token: bool = False
) -> pa.Schema:
    """Return the schema of an embedding table of `dim` columns stored as float32 or float16."""
    vector = pa.list_(STORED_TYPES[stored], dim)
    fields = [
        pa.field("id", pa.string(), nullable=False),
        pa.field("embedding", pa.list_(vector) if per_token else vector),
        pa.field("n_tokens", pa.int32(), nullable=False),
        pa.field("truncated", pa.bool_(), nullable=False),
        pa.field("error", pa.string()),
    ]
    text = json.dumps(provenance or {}, sort_keys=True, ensure_ascii=False)
    return pa.schema(fields, metadata={PROVENANCE_KEY: text.encode()})


def vector_length(schema: pa.Schema) -> int:
    """Return the length of the vectors of an embedding table."""
    kind = schema.field("embedding").type
    length: int = (kind if pa.types.is_fixed_size_list(kind) else kind.value_type).list_size
    return length


def read_provenance(schema: pa.Schema) -> dict[str, Any]:
    """Return the provenance in a table's schema metadata, {} if there is none."""
    text = (schema.metadata or {}).get(PROVENANCE_KEY)
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


@dataclass(frozen=True)
class Embeddings:
    """One model's vectors in memory, as probes use them."""

    source: str
    """The file or Hub id as it was given."""
    model: str
    """The embeddings' own name, else the model's; the file's name for a foreign table."""
    modality: str
    """text, protein, dna, …; `unknown` for a foreign table."""
    ids: list[str]
    """Entities that have a vector, each once, in file order."""
    vectors: NDArray[np.float32]
    """Shape (len(ids), d), finite."""
    failed: dict[str, str] = field(default_factory=dict)
    """Entities whose extraction failed, with the reason."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """What `extract` recorded, or where the table came from."""


def load_embeddings(source: str) -> Embeddings:
    """Read embeddings from a file or pull them from the Hub.

    `source` is an embedding table, a folder of its shards, any table of vectors (CSV, TSV,
    Parquet, word2vec text), either of them by a URL (`s3://bucket/emb/`), or
    `org/name[@revision]` of a Hub dataset that holds one table of embeddings, in one Parquet file
    or in shards.

    Raises
    ------
    InputError
        No such file or dataset, duplicate ids, vectors with NaN, no row at all.

    """
    if "://" in source:
        with tempfile.TemporaryDirectory(prefix="genezoo-") as folder:
            copied = str(_fetch(source, Path(folder)))
            try:
                return replace(load_embeddings(copied), source=source)
            except InputError as error:
                message = str(error).replace(copied, source.rstrip("/"))
                raise InputError(message) from error
    name, _, revision = source.partition("@")
    if not Path(source).expanduser().exists() and HUB_ID.fullmatch(name) and _no_suffix(name):
        paths, provenance = _pull(name, revision or None)
    elif Path(source).expanduser().is_dir():
        paths, provenance = _shards(Path(source).expanduser()), {}
    else:
        paths, provenance = [Path(source).expanduser()], {}
    path = paths[0]
    require_file(path)
    if path.suffix.lower() in {".parquet", ".pq"} and _is_ours(path):
        return _read_ours(source, paths, provenance)
    table = read_vector_table(path)
    return Embeddings(
        source, path.name.split(".")[0], "unknown", table.ids, table.vectors, {}, provenance
    )


def _fetch(url: str, folder: Path) -> Path:
    """Copy a table, or a folder of shards, from where a URL points to this machine."""
    from extractors.jobs.remote import RemotePath
    from extractors.jobs.trouble import explaining

    place = RemotePath.of(url)
    with explaining(place):
        info = place.info()
        if info is not None and info["type"] == "file":
            _copy(place, folder / place.name)
            return folder / place.name
        names = [name for name in place.files() if "/" not in name and name.endswith(".parquet")]
        copied = folder / place.name
        copied.mkdir()
        for name in names:
            _copy(place / name, copied / name)
    if not names:
        message = f"{url} holds no Parquet file; give a table, or the folder of a finished job"
        raise InputError(message)
    return copied


def _copy(place: RemotePath, path: Path) -> None:
    with place.open() as there, path.open("wb") as here:
        shutil.copyfileobj(there, here, 1 << 20)


def _no_suffix(name: str) -> bool:
    return Path(name).suffix.lower() not in {".parquet", ".pq", ".csv", ".tsv", ".txt", ".gz"}


def _is_ours(path: Path) -> bool:
    try:
        names = set(pq.read_schema(path).names)
    except pa.ArrowInvalid as error:
        message = f"{path} is not a readable Parquet file: {error}"
        raise InputError(message) from error
    return {"id", "embedding"} <= names


def _read_ours(source: str, paths: list[Path], extra: dict[str, Any]) -> Embeddings:
    path = paths[0]
    kind = pq.read_schema(path).field("embedding").type
    if pa.types.is_list(kind) and pa.types.is_nested(kind.value_type):
        message = (
            f"{path} holds a vector for each token (--pooling none), one for each row is needed; "
            "extract again with --pooling mean"
        )
        raise InputError(message)
    table = pa.concat_tables([pq.read_table(one) for one in paths])
    if not (pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind)):
        message = f"column 'embedding' of {path} has type {kind}; a list of numbers is needed"
        raise InputError(message)
    provenance = read_provenance(table.schema) | extra
    errors = table["error"].to_pylist() if "error" in table.column_names else [None] * len(table)
    ids = [str(entity) for entity in table["id"].to_pylist()]
    failed = {
        entity: reason for entity, reason in zip(ids, errors, strict=True) if reason is not None
    }
    kept = table.filter(table["embedding"].is_valid()).combine_chunks()
    ids = [str(entity) for entity in kept["id"].to_pylist()]
    vectors = _matrix(path, kept["embedding"])
    _check(path, ids, vectors)
    model = provenance.get("name") or provenance.get("model") or path.name.split(".")[0]
    modality = provenance.get("modality", "unknown")
    return Embeddings(source, model, modality, ids, vectors, failed, provenance)


def _matrix(path: Path, column: pa.ChunkedArray) -> NDArray[np.float32]:
    """Turn a list column without nulls into a float32 matrix."""
    if not len(column):
        message = f"{path} holds no embedding; every row failed or the file has none"
        raise InputError(message)
    lists = pa.concat_arrays(column.chunks)
    flat = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    if len(flat) % len(lists) or (
        not pa.types.is_fixed_size_list(lists.type)
        and len(set(lists.value_lengths().to_pylist())) > 1
    ):
        message = f"the vectors of {path} have different dimensions; give one model's table"
        raise InputError(message)
    matrix: NDArray[np.float32] = flat.reshape(len(lists), -1)
    return matrix


def _check(path: Path, ids: list[str], vectors: NDArray[np.float32]) -> None:
    seen: set[str] = set()
    doubled = [entity for entity in ids if entity in seen or seen.add(entity)]  # type: ignore[func-returns-value]
    if doubled:
        message = f"{path} has {len(doubled)} duplicate ids: {shorten(doubled)}; keep one of each"
        raise InputError(message)
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        names = shorten([ids[row] for row in bad])
        message = f"{path} has NaN or infinite values in {len(bad)} vectors: {names}; remove them"
        raise InputError(message)


def _pull(name: str, revision: str | None) -> tuple[list[Path], dict[str, Any]]:
    """Download a Hub dataset of embeddings; return its table's files and where it came from."""
    root = pull_snapshot(name, revision)
    files = sorted(root.rglob("*.parquet"))
    if len(files) != 1 and not _is_sharded(files):
        found = shorten([path.relative_to(root) for path in files]) or "none"
        message = f"{name} holds {len(files)} Parquet files ({found}); one table is needed"
        raise InputError(message)
    return files, {"pulled": {"dataset": name, "revision": root.name}}


def _shards(folder: Path) -> list[Path]:
    """Return the files of a table in shards; InputError when one of them is missing."""
    files = sorted(folder.glob("*.parquet"))
    if not _is_sharded(files):
        message = (
            f"{folder} does not hold all shards of one table ({len(files)} Parquet files); "
            "finish it with the same `extract`, or name one file"
        )
        raise InputError(message)
    return files


def _is_sharded(files: list[Path]) -> bool:
    """Whether these files, sorted, are all the shards of one table."""
    matches = [SHARD.fullmatch(path.as_posix()) for path in files]
    found = [(match[1], int(match[2]), int(match[3])) for match in matches if match]
    wanted = [(found[0][0], at, len(files)) for at in range(len(files))] if found else []
    return bool(files) and found == wanted
