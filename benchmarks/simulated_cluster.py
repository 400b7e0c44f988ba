"""A cluster in simulated time: the real scheduler and fleet, workers that only pretend.

What is real: every decision, its cost and its memory. What is simulated: how long a model takes,
when machines come, die and hang, and when storage fails; drawn from a seed.
"""

from __future__ import annotations

import contextlib
import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from extractors.jobs.engine import Engine
from extractors.jobs.shard import Done, Reply
from extractors.workers import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.random import Generator

    from extractors.jobs.shard import Call, Setup

HOUR = 3600.0
EMPTY = "0" * 64
FACTS = Facts({}, 1280, (33,), per_token=False, budget=None)


@dataclass(frozen=True)
class Weather:
    """What happens to the workers. Times in seconds, rates an hour and worker."""

    seconds: float
    """That a shard takes."""
    spread: float = 0.1
    """Of those times, as the standard deviation of their logarithm."""
    boot: float = 120.0
    """Until a machine that was asked for answers."""
    load: float = 30.0
    deaths: float = 0.0
    """Of workers, by lost machines or otherwise."""
    storage: float = 0.0
    """Share of shards that end in an error of the storage."""
    hangs: float = 0.0
    """Share of calls that are never answered."""


@dataclass(eq=False)
class SimulatedWorker:
    """A worker that has or has not begun to answer."""

    dead: bool = False
    booted: bool = False


@dataclass
class SimulatedEngine(Engine[SimulatedWorker]):
    """Replies come when a queue of events says so; its clock jumps from one to the next."""

    workers: int
    weather: Weather
    random: Generator
    clock: float = 0.0
    starts: int = 0
    deaths: int = 0
    made: int = 0
    _events: list[tuple[float, int, SimulatedWorker, Reply]] = field(default_factory=list)
    _sent: int = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Nothing to connect to."""
        yield

    def now(self) -> float:
        """Return the simulated time."""
        return self.clock

    def places(self) -> int:
        """Return the number of workers."""
        return self.workers

    def threads(self) -> int:
        """Return one."""
        return 1

    def start(self, place: int, setup: Setup) -> SimulatedWorker:
        """Ask for a machine."""
        del place, setup
        self.starts += 1
        return SimulatedWorker()

    def send(self, worker: SimulatedWorker, call: Call) -> None:
        """Draw what will come of a call, and when."""
        seconds, reply = self._fate(worker, call)
        if seconds is None:
            return
        death = self.random.exponential(HOUR / self.weather.deaths) if self.weather.deaths else None
        if death is not None and death < seconds:
            seconds, reply = death, Reply(trouble="died", reason="the machine is gone")
        self._sent += 1
        heapq.heappush(self._events, (self.clock + seconds, self._sent, worker, reply))

    def _fate(self, worker: SimulatedWorker, call: Call) -> tuple[float | None, Reply]:
        """Return the seconds until the answer, None for never, and the answer of a sound worker."""
        weather, random = self.weather, self.random
        if call.method == "hello":
            return (0.0 if worker.booted else weather.boot), Reply()
        if call.method == "load":
            return weather.load, Reply((FACTS, {}))
        seconds = weather.seconds * random.lognormal(0.0, weather.spread)
        if random.random() < weather.hangs:
            return None, Reply()
        if random.random() < weather.storage:
            return seconds, Reply(trouble="files", reason="503 Slow Down")
        rows = call.arguments[0].rows if call.method == "make" else 0
        return seconds, Reply(Done(rows, 0, 0, 0, 1, EMPTY, ""))

    def wait(
        self, workers: Sequence[SimulatedWorker], seconds: float
    ) -> list[tuple[SimulatedWorker, Reply]]:
        """Jump to the next reply, or go on by so many seconds."""
        limit = self.clock + (seconds if workers else seconds / 10)
        while self._events and self._events[0][0] <= limit:
            self.clock, _, worker, reply = heapq.heappop(self._events)
            if worker.dead:
                continue
            if reply.trouble == "died":
                self.deaths += 1
            elif isinstance(reply.value, Done):
                self.made += 1
            worker.booted = True
            return [(worker, reply)]
        self.clock = limit
        return []

    def stop(self, worker: SimulatedWorker) -> None:
        """Whatever it would have said is not heard."""
        worker.dead = True
