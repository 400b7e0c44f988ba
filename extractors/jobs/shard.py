"""One shard, in the process that holds the model: read, encoded, written whole, marked as done."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from extractors.jobs.manifest import WholeInput
from extractors.jobs.shard_input import ShardInput, Unreadable
from extractors.jobs.storage import JobFolder
from extractors.jobs.timing import GpuSampler, Spent, Stopwatch, TimedModel, Where, peak_memory
from extractors.parts import PART_CHARACTERS, PART_NUMBERS, GroupWriter, cut, rows_table
from extractors.provenance import library_versions
from extractors.store import embedding_schema
from extractors.workers import Facts, encode_parts, load_prepared
from hf_datasets.errors import InputError, one_line
from hf_datasets.files import file_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from extractors.jobs.source import Shard, Source
    from extractors.jobs.timing import Meter
    from extractors.loading import Loader
    from extractors.model import Encoded, Encoder

SHOWN_FAILURES = 5


@dataclass(frozen=True)
class Setup:
    """What a worker needs to know before its first call."""

    loader: Loader
    source: Source
    folder: JobFolder
    threads: int
    """Threads of the CPU that a worker uses; with another number the last bits can differ."""


@dataclass(frozen=True)
class Output:
    """What decides the bytes of a shard beside its rows."""

    provenance: dict[str, Any]
    dim: int
    stored: str
    per_token: bool

    def schema(self) -> pa.Schema:
        """Return the columns of its file."""
        return embedding_schema(self.dim, self.stored, self.provenance, per_token=self.per_token)


@dataclass(frozen=True)
class Done:
    """What a finished shard holds; its marker, as JSON."""

    rows: int
    failed: int
    truncated: int
    tokens: int
    bytes: int
    sha256: str
    """Of the file."""
    input: str
    """sha256 of the ids and values that were read."""
    first_failures: list[str] = field(default_factory=list)
    """`id: reason` of the first rows that failed."""


@dataclass(frozen=True)
class Call:
    """Something that a worker is asked to do: a method of `ShardWorker` and what it takes."""

    method: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What came of a call."""

    value: Any = None
    trouble: str | None = None
    """None, or what kind: `refused` the settings do not fit, `files` could not be read or
    written, `raised` by the model, `died` the process."""
    reason: str = ""
    spent: Spent | None = None
    """What it took; None of a worker without a model, and of a dead one."""


@dataclass(frozen=True)
class Sample:
    """What some rows of a shard took, and what became of them."""

    rows: int
    passed: int
    """Rows that were read, with those before them in the shard."""
    failed: int
    tokens: int
    bytes: int
    """Of a file with these rows,"""
    bytes_one: int
    """and of one with the first of them."""
    seconds: dict[str, float]
    """By stage."""
    whole: float
    """Seconds from the first to the last byte."""


class ShardWorker:
    """Holds a model and makes shards; lives in a process of its own, under any engine."""

    def __init__(
        self, setup: Setup, device: str, metered: Callable[[Where], Meter] | None = None
    ) -> None:
        self._setup, self._device, self._metered = setup, device, metered
        self._encoder: Encoder[Any] | None = None
        self._where: Where | None = None
        self._gpu: GpuSampler | None = None
        self._meter: Meter | None = None
        self._watch, self._since = Stopwatch(), 0.0

    def answer(self, call: Call) -> Reply:
        """Do what is asked; whatever goes wrong is part of the reply, and what it took."""
        begun, self._watch = time.perf_counter(), Stopwatch()
        reply = self._try(call)
        if self._where is None or call.method == "load":
            return reply
        # The first waits for the input to be cut and other such things, once in a job.
        before, self._since = self._since or begun, time.perf_counter()
        spent = Spent(
            self._where,
            self._watch.seconds,
            self._since - before,
            self._gpu.take() if self._gpu else None,
            peak_memory(self._where.device),
        )
        if self._meter and call.method != "sample":
            self._meter.call(spent, made=call.method == "make" and reply.trouble is None)
        return replace(reply, spent=spent)

    def _try(self, call: Call) -> Reply:
        try:
            return Reply(getattr(self, call.method)(*call.arguments))
        except Unreadable as error:
            return Reply(trouble="files", reason=one_line(error))
        except OSError as error:
            return Reply(trouble="files", reason=one_line(f"{type(error).__name__}: {error}"))
        except InputError as error:
            trouble = "refused" if call.method == "load" else "raised"
            return Reply(trouble=trouble, reason=one_line(error))
        except Exception as error:  # noqa: BLE001  the scheduler decides what to do
            return Reply(trouble="raised", reason=one_line(f"{type(error).__name__}: {error}"))

    def hello(self) -> None:
        """Answer: the worker is there."""

    def load(self, budget: int | None) -> tuple[Facts, dict[str, str]]:
        """Load the model; return what it says of itself, and the versions of the libraries.

        `budget` is the job's tokens a batch, None before it is known.
        """
        from threadpoolctl import threadpool_limits

        setup = self._setup
        os.environ["OMP_NUM_THREADS"] = str(setup.threads)
        scratch = setup.folder.scratch()
        encoder = load_prepared(setup.loader, self._device, WholeInput(setup.source), scratch)
        threadpool_limits(setup.threads)
        if "torch" in sys.modules:
            import torch

            torch.set_num_threads(setup.threads)
        if budget is not None:
            encoder.budget = budget
        self._encoder = encoder
        facts = Facts.of(encoder)
        self._where = Where.here(self._device, facts.described.get("device"))
        if self._where.device.startswith("cuda"):
            self._gpu = GpuSampler.started()
        if self._metered:
            self._meter = self._metered(self._where)
        return facts, library_versions()

    def check(self, output: str, marker: str) -> Done | None:
        """Return what a finished shard holds; None when its file or its marker is not as it was."""
        folder = self._setup.folder
        try:
            done = Done(**json.loads(folder.read(marker) or ""))
        except (ValueError, TypeError):
            return None
        if folder.size(output) != done.bytes or folder.digest(output) != done.sha256:
            return None
        return done

    def make(
        self,
        shard: Shard,
        names: tuple[str, str],
        kind: Output,
        masked: dict[int, str],
    ) -> Done:
        """Encode a shard and write its file, then its marker: `names`.

        `masked` rows are not shown to the model: they fail with the reason given.
        """
        rows = ShardInput(self._setup.source, shard, masked)
        return self._make(self._setup.folder, names, rows, kind, self._meter)

    def sample(self, shard: Shard, start: int, stop: int, kind: Output) -> Sample:
        """Make a shard of the rows from `start` to `stop`, in a folder that is then removed."""
        rows = ShardInput(self._setup.source, shard, {}, (start, stop))
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="genezoo-") as place:
            names = "sample.parquet", "sample.json"
            done = self._make(JobFolder.at(place), names, rows, kind, None)
            whole = time.perf_counter() - begun
            one = Path(place, "one.parquet")
            with GroupWriter(one, kind.schema()) as writer:
                writer.add(pq.read_table(Path(place, names[0])).slice(0, 1))
            return Sample(
                done.rows, stop, done.failed, done.tokens,
                done.bytes, one.stat().st_size, self._watch.seconds, whole,
            )  # fmt: skip

    def _make(
        self,
        folder: JobFolder,
        names: tuple[str, str],
        rows: ShardInput,
        kind: Output,
        meter: Meter | None,
    ) -> Done:
        output, marker = names
        schema, counts = kind.schema(), _Counts()
        with folder.writing(output) as path:
            with GroupWriter(path, schema) as writer:

                def add(ids: Sequence[str], encoded: Encoded) -> None:
                    with self._watch.on("write"):
                        writer.add(rows_table(ids, encoded.layers[0], encoded, schema))
                    part = counts.add(ids, encoded)
                    if meter:
                        meter.part(*part)

                self._encode(rows, kind, add)
                last = time.perf_counter()
            size, digest = path.stat().st_size, file_digest(path)
        done = Done(
            counts.rows, counts.failed, counts.truncated, counts.tokens,
            size, digest, rows.digest(), counts.first,
        )  # fmt: skip
        folder.write(marker, json.dumps(asdict(done), indent=1) + "\n")
        self._watch.seconds["write"] += time.perf_counter() - last
        return done

    def attempt(
        self, shard: Shard, start: int, stop: int, kind: Output, masked: dict[int, str]
    ) -> None:
        """Encode the rows from `start` to `stop` of a shard, and write nothing."""
        rows = ShardInput(self._setup.source, shard, masked, (start, stop))
        self._encode(rows, kind, lambda *_: None)

    def _encode(
        self, rows: ShardInput, kind: Output, add: Callable[[Sequence[str], Encoded], None]
    ) -> None:
        """Run rows through the model, in the parts that a run over a file would make."""
        assert self._encoder is not None, "load comes first"  # noqa: S101
        most = PART_NUMBERS // kind.dim if kind.per_token else PART_CHARACTERS
        work = self._watch.each("read", cut(rows, min(most, PART_CHARACTERS)))
        for _ in encode_parts(TimedModel(self._encoder, self._watch), _Added(add), work):
            pass


@dataclass
class _Counts:
    """What went into a file."""

    rows: int = 0
    failed: int = 0
    truncated: int = 0
    tokens: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, ids: Sequence[str], encoded: Encoded) -> tuple[int, int, int]:
        """Count a part; return its rows, failures and tokens."""
        failed, tokens = self.failed, int(encoded.n_tokens.sum())
        self.rows += len(ids)
        self.truncated += int(encoded.truncated.sum())
        self.tokens += tokens
        for entity, error in zip(ids, encoded.errors, strict=True):
            if error is not None:
                self.failed += 1
                if len(self.first) < SHOWN_FAILURES:
                    self.first.append(one_line(f"{entity}: {error}")[:200])
        return len(ids), self.failed - failed, tokens


@dataclass(frozen=True)
class _Added:
    """Hands each part on, from the thread that writes."""

    _add: Callable[[Sequence[str], Encoded], None]

    def write(self, number: int, ids: Sequence[str], encoded: Encoded) -> None:
        """Hand one part on."""
        del number
        self._add(ids, encoded)
