"""Who does the work: three threads that overlap, or a process for each device."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_any
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Protocol

from extractors.budget import largest_budget
from extractors.inputs import Missing
from hf_datasets.errors import InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    from extractors.inputs import Input
    from extractors.loading import Loader
    from extractors.model import Encoded, Encoder
    from extractors.parts import Parts, Sink, Work

AHEAD = 2
"""Parts that are tokenised before, and written after, the one in the model."""
IN_HAND = AHEAD + 1
"""Parts that a process is given before it has finished the first."""

END = object()


@dataclass(frozen=True)
class Facts:
    """What a loaded model says of itself."""

    described: dict[str, Any]
    dim: int
    layers: tuple[int, ...]
    per_token: bool
    budget: int | None

    @classmethod
    def of(cls, encoder: Encoder[Any]) -> Facts:
        """Ask an encoder that has been prepared."""
        return cls(
            encoder.describe(), encoder.dim, encoder.layers, encoder.per_token, encoder.budget
        )

    def with_budget(self, budget: int | None) -> Facts:
        """Return the same with another budget, where the model has one."""
        if self.budget is None:
            return self
        return replace(self, budget=budget, described={**self.described, "budget": budget})


class Model(Protocol):
    """What turns rows into vectors, in two steps."""

    def tokenize(self, ids: Sequence[str], values: Sequence[Any]) -> Any:  # noqa: ANN401
        """Return what the model takes of the rows."""

    def encode(self, rows: Any) -> Encoded:  # noqa: ANN401
        """Return the vectors."""


def load_prepared(loader: Loader, device: str, source: Input, scratch: Path) -> Encoder[Any]:
    """Load the model on a device, let it look at the input, and find its budget if asked."""
    encoder = loader.load(device)
    encoder.prepare(source, scratch)
    if loader.find_budget and encoder.describe().get("device") != "cpu":  # there small is quick
        encoder.budget = largest_budget(encoder)
    return encoder


def encode_parts(encoder: Model, parts: Sink, work: Iterator[Work]) -> Generator[int, None, None]:
    """Encode and write parts; yield the number of rows of each that is on disk, in order.

    One thread reads and tokenises ahead, one writes behind, so that the model always runs. An
    error of any of them is raised here; what was encoded before it is still written.
    """

    def tokenized() -> Iterator[tuple[Work, Any]]:
        for part in work:
            values = [None if isinstance(value, Missing) else value for value in part.values]
            yield part, encoder.tokenize(part.ids, values)

    ready, writes = tokenized(), deque[tuple[int, Future[None]]]()
    reader = ThreadPoolExecutor(1, "read")
    with ThreadPoolExecutor(1, "write") as writer:
        try:
            reads: deque[Future[Any]] = deque(reader.submit(next, ready, END) for _ in range(AHEAD))
            while reads or writes:
                first_write = [future for _, future in writes][:1]
                first_read = list(reads)[:1] if len(writes) <= AHEAD else []
                wait_any([*first_write, *first_read], return_when=FIRST_COMPLETED)
                if first_write and first_write[0].done():
                    rows, future = writes.popleft()
                    future.result()
                    yield rows
                    continue
                if (found := reads.popleft().result()) is END:
                    reads.clear()
                    continue
                reads.append(reader.submit(next, ready, END))
                part, rows_ready = found
                encoded = _with_reasons(encoder.encode(rows_ready), part.values)
                future = writer.submit(parts.write, part.number, part.ids, encoded)
                writes.append((len(part.ids), future))
        finally:
            # Not waited for: in a worker it waits for parts that may never come.
            reader.shutdown(wait=False, cancel_futures=True)


def _with_reasons(encoded: Encoded, values: Sequence[Any]) -> Encoded:
    """Say of each missing value why it is missing."""
    reasons = {row: value.reason for row, value in enumerate(values) if isinstance(value, Missing)}
    if not reasons:
        return encoded
    errors = [reasons.get(row, error) for row, error in enumerate(encoded.errors)]
    return replace(encoded, errors=errors)


class Worker:
    """A process with a model on one device, which runs `serve(pipe, *arguments)`."""

    def __init__(self, device: str, serve: Callable[..., None], *arguments: object) -> None:
        self.device, self.in_hand = device, 0
        context = get_context("spawn")  # a fork would share the state of CUDA and of threads
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, *arguments), daemon=True)
        # Ctrl-C reaches all processes of a terminal: this one stays deaf, the parent ends it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    def send(self, what: object) -> None:
        """Hand something over; InputError when the process is dead."""
        try:
            self.pipe.send(what)
        except OSError as error:
            raise self._dead() from error

    def receive(self) -> Any:  # noqa: ANN401
        """Return what it sends; raise what it raised, or InputError when it is dead."""
        try:
            found = self.pipe.recv()
        except (EOFError, OSError) as error:
            raise self._dead() from error
        if isinstance(found, Exception):
            raise found
        return found

    def _dead(self) -> InputError:
        self._process.join(5)
        code = self._process.exitcode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with status {code}"
        return InputError(
            f"the process on {self.device} died {how} (out of memory?); what was written is "
            "kept: the same command goes on from there"
        )

    def join(self, seconds: float) -> None:
        """Wait for the process to end by itself, so many seconds at most."""
        self._process.join(seconds)

    def stop(self) -> None:
        """End the process; what it has written stays."""
        self._process.terminate()
        self._process.join()


@contextlib.contextmanager
def start_workers(
    loader: Loader, devices: Sequence[str], source: Input, scratch: Path
) -> Iterator[tuple[list[Worker], list[Facts]]]:
    """Start a process on each device; yield them with what their models say."""
    workers: list[Worker] = []
    try:
        for device in devices:
            worker = Worker(device, _serve, loader, device, source, scratch)
            workers.append(worker)  # at once: it is stopped below
        yield workers, [worker.receive() for worker in workers]
    finally:
        for worker in workers:
            worker.stop()


def share_parts(
    workers: Sequence[Worker], parts: Parts, budget: int | None, work: Iterator[Work]
) -> Generator[int, None, None]:
    """Give each part to the first process that is free; yield the rows of each that is written."""
    for worker in workers:
        worker.send((parts, budget))
    for _ in range(IN_HAND):
        for worker in workers:
            _feed(worker, work)
    while busy := {worker.pipe: worker for worker in workers if worker.in_hand}:
        for pipe in wait(list(busy)):
            worker = busy[pipe]  # type: ignore[index]
            rows = worker.receive()
            worker.in_hand -= 1
            _feed(worker, work)
            yield rows


def _feed(worker: Worker, work: Iterator[Work]) -> None:
    if (part := next(work, None)) is not None:
        worker.send(part)
        worker.in_hand += 1


def _serve(pipe: Connection, loader: Loader, device: str, source: Input, scratch: Path) -> None:
    """Be the process of one device."""
    threading.Thread(target=die_with_parent, daemon=True).start()
    try:
        encoder = load_prepared(loader, device, source, scratch)
        pipe.send(Facts.of(encoder))
        parts, encoder.budget = pipe.recv()
        for rows in encode_parts(encoder, parts, iter(pipe.recv, None)):
            pipe.send(rows)
    except (InputError, OSError, MemoryError) as error:
        pipe.send(error)
    except Exception as error:  # noqa: BLE001  raised again by the parent
        pipe.send(RuntimeError(one_line(f"{type(error).__name__} on {device}: {error}")))


def die_with_parent() -> None:
    """End at once when the parent is gone, so that nothing is written behind a new run's back."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
    os._exit(1)
