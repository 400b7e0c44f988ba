"""A sample of a job: stretches of rows spread over its input, encoded by one worker."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extractors.jobs.manifest import planned
from extractors.jobs.shard import Call, Output, Reply, Sample, Setup
from hf_datasets.command import say
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractors.jobs.engine import Engine
    from extractors.jobs.source import Shard
    from extractors.jobs.storage import JobFolder
    from extractors.jobs.timing import Where
    from extractors.workers import Facts

PLACES = 12
"""Stretches of the input that are measured."""
FEWEST, MOST = 16, 16_384
"""Rows of a stretch."""
TROUBLES = 3
"""Stretches, or workers, that may fail."""
TICK = 1.0


class SampleWorker:
    """One worker of an engine, started again when it dies."""

    def __init__(self, engine: Engine[Any], setup: Setup) -> None:
        self._engine, self._setup = engine, setup
        self._held: Any = None
        self._facts: Facts | None = None
        self.where: Where | None = None
        self.start_seconds = 0.0

    def _send(self, call: Call) -> Reply:
        self._engine.send(self._held, call)
        while not (found := self._engine.wait([self._held], TICK)):
            pass
        return found[0][1]

    def load(self) -> Facts:
        """Start the worker and load the model; InputError when that cannot be."""
        for _ in range(TROUBLES):
            begun = time.monotonic()
            self._held = self._engine.start(0, self._setup)
            reply = self._send(Call("hello"))
            if reply.trouble is None:
                budget = None if self._facts is None else self._facts.budget
                reply = self._send(Call("load", (budget,)))
            if reply.trouble is None:
                self.start_seconds = time.monotonic() - begun
                facts: Facts = reply.value[0]
                self._facts = self._facts or facts
                return facts
            self.stop()
            if reply.trouble == "refused":
                break
        raise InputError(reply.reason)

    def sample(self, shard: Shard, start: int, stop: int, kind: Output) -> Sample | str:
        """Measure rows; return why it cannot be done, with a new worker in the old one's place."""
        reply = self._send(Call("sample", (shard, start, stop, kind)))
        if reply.trouble is None and reply.spent is not None:
            self.where = reply.spent.where
            found: Sample = reply.value
            return found
        if reply.trouble == "files":
            raise InputError(reply.reason)
        self.stop()
        self.load()
        return reply.reason

    def stop(self) -> None:
        """End the worker."""
        if self._held is not None:
            self._engine.stop(self._held)
            self._held = None


@dataclass(frozen=True)
class Layout:
    """Where shards lie on a line from 0 to 1, each as long as it is heavy."""

    shards: int
    rows: int
    weight: int
    by: str

    @classmethod
    def of(cls, shards: Iterator[Shard]) -> Layout:
        """Add up the shards; one of rows alone makes all weigh their rows."""
        count = rows = size = 0
        text = True
        for shard in shards:
            count, rows, size = count + 1, rows + shard.rows, size + shard.stop - shard.start
            text = text and shard.stop - shard.start > shard.rows
        return cls(count, rows, size if text else rows, "bytes" if text else "rows")

    def spans(self, shards: Iterator[Shard]) -> Iterator[tuple[Shard, float, float]]:
        """Yield each shard with where it begins and ends."""
        before = 0
        for shard in shards:
            after = before + (shard.stop - shard.start if self.by == "bytes" else shard.rows)
            yield shard, before / self.weight, after / self.weight
            before = after


@dataclass(frozen=True)
class Stretch:
    """A measured stretch: where it lies, and what it took."""

    at: float
    sample: Sample

    @property
    def _reading(self) -> float:
        """Seconds that these rows took to read, without those that were passed over."""
        return self.sample.seconds["read"] * self.sample.rows / self.sample.passed

    @property
    def seconds(self) -> float:
        """From the first to the last byte, as if nothing had been passed over."""
        return self.sample.whole - self.sample.seconds["read"] + self._reading

    @property
    def bytes_each(self) -> float:
        """Of a further row in a file."""
        return (self.sample.bytes - self.sample.bytes_one) / max(1, self.sample.rows - 1)

    @property
    def slowest(self) -> float:
        """Seconds of the stage that the others wait for."""
        seconds = self.sample.seconds
        return min(self.seconds, max(seconds["encode"], seconds["write"], self._reading))


def measure(
    worker: SampleWorker, layout: Layout, folder: JobFolder, kind: Output, seconds: float
) -> list[Stretch]:
    """Return measured stretches, in their order; fewer when time is short or some rows fail."""
    n = max(1, min(PLACES, layout.rows // FEWEST))
    places = [(number + 0.5) / n for number in range(n)]
    found = _find(places, layout.spans(planned(folder)), within=layout.shards < 2 * n)
    order = sorted(range(n), key=lambda number: (number * 0.618034) % 1)  # spread from the start
    troubles: list[str] = []
    measured: list[Stretch] = []

    def take(number: int, rows: int) -> Sample | None:
        shard, offset = found[number]
        rows = max(1, min(rows, shard.rows))
        start = max(0, min(offset - rows // 2, shard.rows - rows))
        sample = worker.sample(shard, start, start + rows, kind)
        if isinstance(sample, Sample):
            return sample
        troubles.append(sample)
        if len(troubles) > TROUBLES:
            message = f"the sample cannot be encoded, {len(troubles)} of its stretches fail: "
            raise InputError(message + sample)
        return None

    first = take(order[0], FEWEST)  # not counted: it warms up
    rate = first.rows / first.whole if first else 1.0
    begun = time.monotonic()
    for done, number in enumerate(order):
        left = begun + seconds - time.monotonic()
        if left < -seconds and done >= min(n, TROUBLES):
            break
        rows = int(min(MOST, max(FEWEST, rate * left / (n - done))))
        if (sample := take(number, rows)) is None:
            continue
        measured.append(Stretch(places[number], sample))
        rate = sum(one.sample.rows for one in measured) / sum(one.sample.whole for one in measured)
    if not measured:
        message = f"no sampled row could be encoded: {troubles[-1]}"
        raise InputError(message)
    if troubles:
        say(f"{len(troubles)} of {n} stretches could not be measured: {troubles[-1][:150]}")
    return sorted(measured, key=lambda stretch: stretch.at)


def _find(
    places: list[float], spans: Iterator[tuple[Shard, float, float]], *, within: bool
) -> list[tuple[Shard, int]]:
    """Return for each place its shard and, if `within`, how many rows of it come before."""
    found: list[tuple[Shard, int]] = []
    for shard, start, end in spans:
        while len(found) < len(places) and places[len(found)] < end:
            share = (places[len(found)] - start) / (end - start)
            found.append((shard, int(share * shard.rows) if within else 0))
    return found
