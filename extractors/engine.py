"""The run: rows in, parts written atomically, finished tables out; resumed after any kill."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from extractors.parts import PART_CHARACTERS, PART_NUMBERS, Parts, cut
from extractors.provenance import (
    canonical,
    common_provenance,
    difference_of,
    layer_provenances,
)
from extractors.store import embedding_schema, read_provenance, vector_length
from extractors.survey import Survey
from extractors.workers import Facts, encode_parts, load_prepared, share_parts, start_workers
from hf_datasets.command import progress, say
from hf_datasets.errors import InputError
from hf_datasets.files import check_writable, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from extractors.inputs import Input
    from extractors.loading import Loader
    from extractors.parts import Work

SHOWN_FAILURES = 5
LOCK = "lock"
JOB = "job.json"
LAYER = "{layer}"


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
    outs: tuple[Path, ...] = ()
    """The tables, one for each layer that was read."""


def extract(
    loader: Loader,
    source: Input,
    out: Path,
    *,
    devices: Sequence[str] = ("auto",),
    name: str | None = None,
    stored: str = "float32",
    restart: bool = False,
) -> Summary:
    """Embed every row of `source` and write the embedding table `out`.

    With several layers `{layer}` in the name of `out` becomes the number of each; with several
    devices each has a process of its own. `name` is what results call these embeddings; None for
    the model's own name. Parts are kept in the folder `out.parts` until the tables are finished;
    a run that was interrupted goes on from them, and gives the same bytes as an undisturbed one.

    Raises
    ------
    InputError
        Bad rows; a place that cannot be written; parts or a table of other settings, unless
        `restart`; another process at the same work; a process that died.

    """
    check_writable(out)
    folder = out.with_name(f"{out.name}.parts")
    with _alone(folder):
        if restart:
            _clear(folder)
        survey = Survey(source, folder)
        common = common_provenance(
            loader.record, source.describe(), survey.n_rows, survey.fingerprint, stored
        ) | {"name": name}
        scratch = folder / f"prepared-{_key(loader, common)}"
        if not restart:
            loader = _with_known_budget(loader, folder, out)
        with _models(loader, devices, source, scratch) as (facts, encode):
            if loader.settings.layers and not facts.layers:
                message = f"model {loader.record.name} has no layers; leave --layers out"
                raise InputError(message)
            outs = _outs(out, facts.layers)
            tables = layer_provenances(common, facts)
            if not restart and _finished(folder, outs, tables):
                say(f"{outs[0]} is this very run, finished before: nothing to do")
                return _summary(outs, reused=survey.n_rows)
            _take_job(folder, common | {"encoder": {**facts.described, "layers": facts.layers}})
            schemas = [
                embedding_schema(facts.dim, stored, table, per_token=facts.per_token)
                for table in tables
            ]
            parts = Parts(folder, tuple(schemas))
            reused = parts.rows_there()
            most = PART_NUMBERS // facts.dim if facts.per_token else PART_CHARACTERS
            work = (
                part
                for part in cut(source, min(most, PART_CHARACTERS))
                if not parts.has(part.number)
            )
            with (
                progress(survey.n_rows, "rows", "extract", done=reused) as bar,
                contextlib.closing(encode(parts, work)) as written,
            ):
                for rows in written:
                    bar.update(rows)
        parts.finish(outs, survey.n_rows)
        shutil.rmtree(scratch, ignore_errors=True)
        (folder / JOB).unlink()
    return _summary(outs, reused=reused)


@contextlib.contextmanager
def _models(
    loader: Loader, devices: Sequence[str], source: Input, scratch: Path
) -> Iterator[tuple[Facts, Callable[[Parts, Iterator[Work]], Generator[int, None, None]]]]:
    """Load the model, here or in a process for each device; yield what it is and what runs it."""
    if len(devices) == 1:
        encoder = load_prepared(loader, devices[0], source, scratch)
        yield Facts.of(encoder), lambda parts, work: encode_parts(encoder, parts, work)
        return
    with start_workers(loader, devices, source, scratch) as (workers, said):
        least = min((facts.budget for facts in said if facts.budget), default=None)
        alike = [facts.with_budget(least) for facts in said]
        for device, facts in zip(devices, alike, strict=True):
            if difference := difference_of(asdict(alike[0]), asdict(facts)):
                message = f"{devices[0]} and {device} would not compute the same: {difference}"
                raise InputError(message)
        yield alike[0], lambda parts, work: share_parts(workers, parts, least, work)


def _outs(out: Path, layers: tuple[int, ...]) -> list[Path]:
    """Return the path of each layer's table."""
    if LAYER in out.name and layers:
        return [out.with_name(out.name.replace(LAYER, str(layer))) for layer in layers]
    if LAYER in out.name:
        message = f"--out {out.name}: this model has no layers; leave {LAYER} out"
        raise InputError(message)
    if len(layers) > 1:
        message = (
            f"{len(layers)} layers need a table each: put {LAYER} into the name, "
            f"as in --out {out.stem}-{LAYER}{out.suffix}"
        )
        raise InputError(message)
    return [out]


def _key(loader: Loader, common: dict[str, Any]) -> str:
    """Return 16 digits that tell the settings of a run from others, before its model is loaded."""
    settings = asdict(replace(loader.settings, budget=None))
    text = canonical(common | {"settings": settings})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _with_known_budget(loader: Loader, folder: Path, out: Path) -> Loader:
    """Return the loader with the budget that an earlier run at `out` found, if there was one.

    Trying again could find another, with other free memory, and so other settings.
    """
    if not loader.find_budget:
        return loader
    found = None
    if (folder / JOB).is_file():
        found = json.loads((folder / JOB).read_text(encoding="utf-8"))
    else:
        for path in sorted(out.parent.glob(out.name.replace(LAYER, "*"))):
            found = _read_provenance(path)
    budget = (found or {}).get("encoder", {}).get("budget")
    if budget is None:
        return loader
    return replace(loader, find_budget=False, settings=replace(loader.settings, budget=budget))


def _read_provenance(path: Path) -> dict[str, Any]:
    try:
        return read_provenance(pq.read_schema(path))
    except (pa.ArrowInvalid, ValueError):
        return {}


def _finished(folder: Path, outs: Sequence[Path], provenances: Sequence[dict[str, Any]]) -> bool:
    """Whether all of `outs` are what this run would write; InputError when one is another table."""
    there = [out.exists() for out in outs]
    for out, provenance, exists in zip(outs, provenances, there, strict=True):
        if not exists:
            continue
        difference = difference_of(_read_provenance(out), json.loads(canonical(provenance)))
        if difference is not None:
            message = (
                f"{out} exists and is another table ({difference}); "
                "pass --restart to replace it, or choose another --out"
            )
            raise InputError(message)
    return all(there) and not (folder / JOB).exists()


def _take_job(folder: Path, job: dict[str, Any]) -> None:
    """Note what this run does; InputError when the folder holds parts of other settings."""
    note = folder / JOB
    if note.is_file():
        difference = difference_of(
            json.loads(note.read_text(encoding="utf-8")), json.loads(canonical(job))
        )
        if difference is not None:
            message = (
                f"{folder} holds an unfinished run with other settings ({difference}); "
                "repeat that command, pass --restart to discard it, or choose another --out"
            )
            raise InputError(message)
    else:
        for leftover in folder.glob("part-*"):
            leftover.unlink()
    write_text(note, canonical(job))


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the run's lock in its folder; the system frees it when the process ends, however.

    All that a run writes before its tables are finished lies in this folder, what a kill left
    half written too. It is removed unless it holds an unfinished run.
    """
    folder.mkdir(exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"another process is writing {folder}; wait or choose another --out"
            raise InputError(message) from error
        try:
            for leftover in [*folder.glob(".*.tmp"), *folder.glob("ids-*")]:
                leftover.unlink()
            yield
        finally:
            if not (folder / JOB).exists() and not any(folder.glob("prepared-*")):
                shutil.rmtree(folder)


def _clear(folder: Path) -> None:
    """Remove what an unfinished run left."""
    for leftover in folder.iterdir():
        if leftover.is_dir():
            shutil.rmtree(leftover)
        elif leftover.name != LOCK:
            leftover.unlink()


def _summary(outs: Sequence[Path], reused: int) -> Summary:
    """Count what the finished tables hold, reading a row group of the first at a time."""
    failed, truncated = 0, 0
    first: list[str] = []
    with pq.ParquetFile(outs[0]) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=["id", "truncated", "error"])
            truncated += sum(table["truncated"].to_pylist())
            bad = table.filter(table["error"].is_valid())
            failed += len(bad)
            shown = bad.slice(0, max(0, SHOWN_FAILURES - len(first))).to_pylist()
            first.extend(f"{row['id']}: {row['error']}" for row in shown)
        dim = vector_length(file.schema_arrow)
        rows = file.metadata.num_rows
    return Summary(rows, failed, truncated, dim, reused, tuple(first), tuple(outs))
