"""The run: rows in, parts written atomically, one finished table out; resumed after any kill."""

from __future__ import annotations

import contextlib
import fcntl
import json
import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from extractors.inputs import Input, Survey
from extractors.store import embedding_schema, read_provenance
from hf_datasets import __version__
from hf_datasets.command import progress, say
from hf_datasets.errors import InputError, one_line
from hf_datasets.files import atomic_path, check_writable, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractors.inputs import Rows
    from extractors.model import Encoded, Encoder, ModelRecord

PART_ROWS = 2048
PART_CHARACTERS = 500_000
"""A part is at most so many rows and about so many characters: what a kill can lose."""
GROUP_BYTES = 4 << 20
"""Parts are gathered into row groups of about this size in the finished file."""
SHOWN_FAILURES = 5
LOCK = "lock"
JOB = "job.json"
LIBRARIES = ("numpy", "pyarrow", "scikit-learn", "torch", "transformers", "sentence-transformers")


@dataclass(frozen=True)
class Summary:
    """What a run did."""

    n_rows: int
    n_failed: int
    n_truncated: int
    dim: int
    reused: int
    """Rows that an earlier, interrupted run had done."""
    first_failures: tuple[str, ...]
    """`id: reason` of the first rows that failed."""


def extract(
    record: ModelRecord,
    load: Callable[[], Encoder[Any]],
    source: Input,
    out: Path,
    *,
    name: str | None = None,
    stored: str = "float32",
    restart: bool = False,
) -> Summary:
    """Embed every row of `source` and write the embedding table `out`.

    `name` is what results call these embeddings; None for the model's own name. Parts are kept
    in the folder `out.parts` until the table is finished; a run that was
    interrupted goes on from them, and gives the same bytes as an undisturbed one.

    Raises
    ------
    InputError
        Bad rows; a place that cannot be written; parts or a table of other settings, unless
        `restart`; another process at the same work.

    """
    check_writable(out)
    parts = out.with_name(f"{out.name}.parts")
    with _alone(parts):
        survey = Survey(source, parts)
        encoder = load()
        encoder.prepare(source)
        provenance = _provenance(record, encoder, source, survey, stored) | {"name": name}
        if out.exists() and not restart and _finished(out, provenance):
            say(f"{out} is this very run, finished before: nothing to do")
            return _summary(out, reused=survey.n_rows)
        _require_same(parts, provenance, restart=restart)
        write_text(parts / JOB, _canonical(provenance))
        schema = embedding_schema(encoder.dim, stored, provenance)
        reused = _write_parts(encoder, source, survey.n_rows, parts, schema)
        _finish(parts, out, schema, survey.n_rows)
        (parts / JOB).unlink()
    return _summary(out, reused=reused)


def _canonical(provenance: dict[str, Any]) -> str:
    return json.dumps(provenance, sort_keys=True, ensure_ascii=False, indent=1)


def _provenance(
    record: ModelRecord, encoder: Encoder[Any], source: Input, survey: Survey, stored: str
) -> dict[str, Any]:
    """Return all that decides the bytes of the table, and nothing that changes by itself."""
    versions = {"genezoo": __version__, "python": platform.python_version()}
    for library in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            versions[library] = version(library)
    return {
        "model": record.name,
        "modality": record.modality,
        "hub_id": None if record.hub_id and Path(record.hub_id).is_dir() else record.hub_id,
        "licence": record.licence,
        "citation": record.citation,
        "encoder": encoder.describe(),
        "input": {**source.describe(), "rows": survey.n_rows, "fingerprint": survey.fingerprint},
        "stored": stored,
        "versions": versions,
    }


def _difference(old: dict[str, Any], new: dict[str, Any], at: str = "") -> str | None:
    """Name the first setting that differs: `encoder.dtype was float32, now bfloat16`."""
    for key in sorted({*old, *new}):
        before, now, where = old.get(key), new.get(key), f"{at}{key}"
        if isinstance(before, dict) and isinstance(now, dict):
            if found := _difference(before, now, f"{where}."):
                return found
        elif before != now:
            return one_line(f"{where} was {before}, now {now}")[:200]
    return None


def _finished(out: Path, provenance: dict[str, Any]) -> bool:
    """Whether `out` is what this run would write; InputError when it is something else."""
    try:
        before = read_provenance(pq.read_schema(out))
    except (pa.ArrowInvalid, ValueError):
        before = {}
    difference = _difference(before, json.loads(_canonical(provenance)))
    if difference is None:
        return True
    message = (
        f"{out} exists and is another table ({difference}); "
        "pass --restart to replace it, or choose another --out"
    )
    raise InputError(message)


def _require_same(parts: Path, provenance: dict[str, Any], *, restart: bool) -> None:
    """InputError when the parts' folder holds parts of other settings; empty it on `restart`."""
    job = parts / JOB
    if job.is_file() and not restart:
        difference = _difference(
            json.loads(job.read_text(encoding="utf-8")), json.loads(_canonical(provenance))
        )
        if difference is not None:
            message = (
                f"{parts} holds an unfinished run with other settings ({difference}); "
                "repeat that command, pass --restart to discard it, or choose another --out"
            )
            raise InputError(message)
    else:
        for leftover in parts.iterdir():
            if leftover.name != LOCK:
                leftover.unlink()


@contextlib.contextmanager
def _alone(parts: Path) -> Iterator[None]:
    """Hold the run's lock in its folder; the system frees it when the process ends, however.

    All that a run writes before its table is finished lies in this folder, what a kill left
    half written too. It is removed unless it holds an unfinished run.
    """
    parts.mkdir(exist_ok=True)
    with (parts / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"another process is writing {parts}; wait or choose another --out"
            raise InputError(message) from error
        try:
            for leftover in [*parts.glob(".*.tmp"), *parts.glob("ids-*")]:
                leftover.unlink()
            yield
        finally:
            if not (parts / JOB).exists():
                shutil.rmtree(parts)


def _chunks(source: Input) -> Iterator[Rows]:
    """Cut the rows into parts; where the cuts fall depends on the rows alone."""
    ids: list[str] = []
    values: list[str | None] = []
    characters = 0
    for more_ids, more_values in source.rows():
        for entity, value in zip(more_ids, more_values, strict=True):
            ids.append(entity)
            values.append(value)
            characters += len(value or "")
            if len(ids) >= PART_ROWS or characters >= PART_CHARACTERS:
                yield ids, values
                ids, values, characters = [], [], 0
    if ids:
        yield ids, values


def _part(parts: Path, number: int) -> Path:
    return parts / f"part-{number:08d}.parquet"


def _write_parts(
    encoder: Encoder[Any], source: Input, n_rows: int, parts: Path, schema: pa.Schema
) -> int:
    """Encode what is not there yet; return how many rows were."""
    reused = 0
    with progress(n_rows, "rows", "extract") as bar:
        for number, (ids, values) in enumerate(_chunks(source)):
            path = _part(parts, number)
            if path.exists():
                reused += len(ids)
                bar.initial += len(ids)  # resumed rows must not count into the rate
            else:
                table = _table(ids, encoder.encode(encoder.tokenize(ids, values)), schema)
                with atomic_path(path) as temporary:
                    pq.write_table(table, temporary, use_dictionary=False)
            bar.update(len(ids))
    return reused


def _table(ids: list[str], encoded: Encoded, schema: pa.Schema) -> pa.Table:
    """Return the rows as an Arrow table; a failed row has no vector."""
    kind = schema.field("embedding").type
    failed = pa.array([error is not None for error in encoded.errors])
    # Not arrow's own mapping of types: that imports pandas.
    vectors = np.asarray(encoded.layers[0])
    numbers = vectors.astype(f"float{kind.value_type.bit_width}").reshape(-1)
    lists = pa.FixedSizeListArray.from_arrays(
        pa.array(numbers), type=kind, mask=failed if failed.true_count else None
    )
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "embedding": lists,
            "n_tokens": pa.array(encoded.n_tokens, pa.int32()),
            "truncated": pa.array(encoded.truncated, pa.bool_()),
            "error": pa.array(encoded.errors, pa.string()),
        },
        schema=schema,
    )


def _finish(parts: Path, out: Path, schema: pa.Schema, n_rows: int) -> None:
    """Join the parts into `out`, a row group at a time."""
    kind = schema.field("embedding").type
    group_rows = max(1, GROUP_BYTES // (kind.list_size * kind.value_type.bit_width // 8))
    with atomic_path(out, parts) as temporary:
        written, waiting = 0, 0
        tables: list[pa.Table] = []
        # No dictionaries: vectors and ids hardly repeat, and building them takes memory and time.
        with pq.ParquetWriter(
            temporary, schema, compression="zstd", write_page_index=True, use_dictionary=False
        ) as writer:
            for path in sorted(parts.glob("part-*.parquet")):
                with pq.ParquetFile(path) as part:
                    tables.append(part.read(use_threads=False).cast(schema))
                waiting += len(tables[-1])
                if waiting >= group_rows:
                    writer.write_table(pa.concat_tables(tables), row_group_size=waiting)
                    written, waiting, tables = written + waiting, 0, []
            if tables:
                writer.write_table(pa.concat_tables(tables), row_group_size=waiting)
        if written + waiting != n_rows:
            message = f"{parts} is damaged: {written + waiting} rows of {n_rows}; pass --restart"
            raise InputError(message)


def _summary(out: Path, reused: int) -> Summary:
    """Count what the finished table holds, reading a row group at a time."""
    failed, truncated = 0, 0
    first: list[str] = []
    with pq.ParquetFile(out) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=["id", "truncated", "error"])
            truncated += sum(table["truncated"].to_pylist())
            bad = table.filter(table["error"].is_valid())
            failed += len(bad)
            shown = bad.slice(0, max(0, SHOWN_FAILURES - len(first))).to_pylist()
            first.extend(f"{row['id']}: {row['error']}" for row in shown)
        dim = file.schema_arrow.field("embedding").type.list_size
        return Summary(file.metadata.num_rows, failed, truncated, dim, reused, tuple(first))
