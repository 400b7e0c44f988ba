"""Where the seconds of a worker go: reading, encoding, writing, or waiting for the rest."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extractors.model import Encoded, Encoder

STAGES = ("read", "encode", "write")
"""Reading with tokenising, the model, writing; they overlap, each in a thread of its own."""
GPU_EVERY = 1.0
"""Seconds between two looks at a GPU; its driver averages over about as long."""

T = TypeVar("T")


@dataclass(frozen=True)
class Where:
    """What a worker runs on."""

    node: str
    """Name of the machine."""
    device: str
    """As `cuda:1` or `cpu`."""
    process: int

    @classmethod
    def here(cls, asked: str, described: str | None) -> Where:
        """Return this process, on the device that was asked for; `described` is its kind."""
        device = (described or "cpu") if asked == "auto" else asked
        if device == "cuda":  # a cluster shows each worker its own GPU alone, as the first
            device = f"cuda:{os.environ.get('CUDA_VISIBLE_DEVICES', '').split(',')[0] or 0}"
        return cls(socket.gethostname(), device, os.getpid())


@dataclass(frozen=True)
class Spent:
    """What a call took, and where."""

    where: Where
    seconds: dict[str, float]
    """By stage."""
    whole: float
    """Seconds since the call before it was answered: waiting for this one is part of it."""
    gpu: float | None
    """Share of the time in which the GPU ran anything; None without a GPU or NVML."""
    memory: int
    """Bytes of the GPU that tensors took at most so far; without a GPU, of the process."""


class Meter(Protocol):
    """Is told what a worker does, as it does it."""

    def part(self, rows: int, failed: int, tokens: int) -> None:
        """Take rows that were encoded."""

    def call(self, spent: Spent, *, made: bool) -> None:
        """Take a call that was answered, and whether it made a shard."""


class Stopwatch:
    """Adds up the seconds of each stage."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextlib.contextmanager
    def on(self, stage: str) -> Iterator[None]:
        """Count what happens meanwhile."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - start

    def each(self, stage: str, items: Iterator[T]) -> Iterator[T]:
        """Yield the items, and count what it takes to get them."""
        while True:
            with self.on(stage):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item


@dataclass(frozen=True)
class TimedModel:
    """A model under a stopwatch."""

    encoder: Encoder[Any]
    watch: Stopwatch

    def tokenize(self, ids: Sequence[str], values: Sequence[Any]) -> Any:  # noqa: ANN401
        """Tokenise: a part of reading, as it runs ahead like it."""
        with self.watch.on("read"):
            return self.encoder.tokenize(ids, values)

    def encode(self, rows: Any) -> Encoded:  # noqa: ANN401
        """Encode."""
        with self.watch.on("encode"):
            return self.encoder.encode(rows)


class GpuSampler:
    """Looks at the GPU of this process every second, from a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = self._looks = 0

    @classmethod
    def started(cls) -> GpuSampler | None:
        """Return a sampler at work; None where there is no GPU or no NVML (nvidia-ml-py)."""
        sampler = cls()
        try:
            sampler.look()
        except Exception:  # noqa: BLE001  whatever NVML lacks, the job goes on without it
            return None
        threading.Thread(target=sampler._run, daemon=True, name="gpu").start()
        return sampler

    def look(self) -> None:
        """Take one sample."""
        import torch

        percent = torch.cuda.utilization()
        with self._lock:
            self._total += percent
            self._looks += 1

    def _run(self) -> None:
        with contextlib.suppress(Exception):  # the driver went away: no more samples
            while True:
                time.sleep(GPU_EVERY)
                self.look()

    def take(self) -> float | None:
        """Return the mean share since the last time; None when there was no look."""
        with self._lock:
            total, looks, self._total, self._looks = self._total, self._looks, 0, 0
        return total / looks / 100 if looks else None


def peak_memory(device: str) -> int:
    """Return the bytes that this process took at most, of its GPU or else of the machine."""
    if device.startswith("cuda") and "torch" in sys.modules:
        import torch

        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10  # Linux counts kB
