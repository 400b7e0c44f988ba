"""One shard, in the process that holds the model: read, encoded, written whole, marked as done."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from extractors.inputs import Input, Missing
from extractors.jobs.manifest import WholeInput
from extractors.parts import PART_CHARACTERS, PART_NUMBERS, GroupWriter, cut, rows_table
from extractors.provenance import library_versions
from extractors.store import embedding_schema
from extractors.workers import Facts, encode_parts, load_prepared
from hf_datasets.errors import InputError, one_line
from hf_datasets.files import file_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from extractors.inputs import Rows
    from extractors.jobs.source import Shard, Source
    from extractors.jobs.storage import JobFolder
    from extractors.loading import Loader
    from extractors.model import Encoded, Encoder

SHOWN_FAILURES = 5
EMPTY_ID = "the row has an empty id"


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


class Unreadable(Exception):  # noqa: N818  it is no error yet: the shard is tried again
    """The input could not be read."""


class ShardWorker:
    """Holds a model and makes shards; lives in a process of its own, under any engine."""

    def __init__(self, setup: Setup, device: str) -> None:
        self._setup, self._device = setup, device
        self._encoder: Encoder[Any] | None = None

    def answer(self, call: Call) -> Reply:
        """Do what is asked; whatever goes wrong is part of the reply."""
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
        scratch = setup.folder.path / ".job/prepared"
        encoder = load_prepared(setup.loader, self._device, WholeInput(setup.source), scratch)
        threadpool_limits(setup.threads)
        if "torch" in sys.modules:
            import torch

            torch.set_num_threads(setup.threads)
        if budget is not None:
            encoder.budget = budget
        self._encoder = encoder
        return Facts.of(encoder), library_versions()

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
        output, marker = names
        folder = self._setup.folder
        schema = embedding_schema(kind.dim, kind.stored, kind.provenance, per_token=kind.per_token)
        rows = ShardInput(self._setup.source, shard, masked)
        counts = _Counts()
        with folder.writing(output) as path:
            with GroupWriter(path, schema) as writer:

                def add(ids: Sequence[str], encoded: Encoded) -> None:
                    writer.add(rows_table(ids, encoded.layers[0], encoded, schema))
                    counts.add(ids, encoded)

                self._encode(rows, kind, add)
            size, digest = path.stat().st_size, file_digest(path)
        done = Done(
            counts.rows, counts.failed, counts.truncated, counts.tokens,
            size, digest, rows.digest(), counts.first,
        )  # fmt: skip
        folder.write(marker, json.dumps(asdict(done), indent=1) + "\n")
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
        work = cut(rows, min(most, PART_CHARACTERS))
        for _ in encode_parts(self._encoder, _Added(add), work):
            pass


class ShardInput(Input):
    """The rows of one shard, or a stretch of them; takes their digest as they pass."""

    def __init__(
        self,
        source: Source,
        shard: Shard,
        masked: dict[int, str],
        stretch: tuple[int, int] | None = None,
    ) -> None:
        self._source, self._shard, self._masked = source, shard, masked
        self._start, self._stop = stretch or (0, shard.rows)
        self._total = hashlib.sha256()

    def rows(self) -> Iterator[Rows]:
        """Yield the rows; Unreadable when that cannot be done, or there are not as many as planned.

        A row without an id, and a masked one, has a `Missing` for its value.
        """
        at = 0
        try:
            for ids, values in self._source.rows(self._shard):
                end = min(at + len(ids), self._stop)
                rows = range(max(at, self._start), end)
                if rows:
                    shown = slice(rows.start - at, rows.stop - at)
                    yield self._masking(rows.start, ids[shown], values[shown])
                at += len(ids)
                if at >= self._stop:
                    break
        except (InputError, OSError, ValueError) as error:
            raise Unreadable(str(error)) from error
        if at < self._stop:
            message = (
                f"{self._shard.file} has {at} of the {self._shard.rows} rows that were planned"
            )
            raise Unreadable(message)

    def _masking(self, first: int, ids: list[str], values: list[Any]) -> Rows:
        found = list(values)
        for row, (entity, value) in enumerate(zip(ids, values, strict=True)):
            self._total.update(f"{entity}\0".encode())
            self._total.update(b"\0" if value is None else b"\1" + value.encode() + b"\0")
            if not entity.strip():
                found[row] = Missing(EMPTY_ID)
            elif first + row in self._masked:
                found[row] = Missing(self._masked[first + row])
        return ids, found

    def describe(self) -> dict[str, Any]:
        """Return what the source is."""
        return self._source.describe()

    def digest(self) -> str:
        """Return the sha256 of the rows that were yielded."""
        return self._total.hexdigest()


@dataclass
class _Counts:
    """What went into a file."""

    rows: int = 0
    failed: int = 0
    truncated: int = 0
    tokens: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, ids: Sequence[str], encoded: Encoded) -> None:
        self.rows += len(ids)
        self.truncated += int(encoded.truncated.sum())
        self.tokens += int(encoded.n_tokens.sum())
        for entity, error in zip(ids, encoded.errors, strict=True):
            if error is not None:
                self.failed += 1
                if len(self.first) < SHOWN_FAILURES:
                    self.first.append(one_line(f"{entity}: {error}")[:200])


@dataclass(frozen=True)
class _Added:
    """Hands each part on, from the thread that writes."""

    _add: Callable[[Sequence[str], Encoded], None]

    def write(self, number: int, ids: Sequence[str], encoded: Encoded) -> None:
        """Hand one part on."""
        del number
        self._add(ids, encoded)
