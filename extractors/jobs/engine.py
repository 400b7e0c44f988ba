"""What an engine is: it starts workers, hands them calls, and brings back replies."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from extractors.jobs.metrics import JobMetrics
    from extractors.jobs.shard import Call, Reply, Setup

W = TypeVar("W")
"""A worker, as the engine knows it."""


class Engine(ABC, Generic[W]):
    """Runs a `ShardWorker` in each of its places; decides nothing else.

    A worker has at most one call in hand: what is under way is bounded by the number of places.
    """

    @abstractmethod
    def running(self) -> AbstractContextManager[None]:
        """Connect to the machines, and leave nothing running behind at the end."""

    @abstractmethod
    def places(self) -> int:
        """Return how many workers there can be, once the engine runs; more if it has grown."""

    @abstractmethod
    def threads(self) -> int:
        """Return the threads of the CPU that each worker should use, for a new job."""

    @abstractmethod
    def start(self, place: int, setup: Setup) -> W:
        """Start a worker; it may take its time, and fail when it is first called."""

    @abstractmethod
    def send(self, worker: W, call: Call) -> None:
        """Hand over a call; its reply comes by `wait`, also when the worker is dead."""

    @abstractmethod
    def wait(self, workers: Sequence[W], seconds: float) -> list[tuple[W, Reply]]:
        """Return the replies that came, as soon as there is one; none after so many seconds.

        Without workers it takes a rest, shorter than that.
        """

    def now(self) -> float:
        """Return the seconds of a clock that only goes forward."""
        return time.monotonic()

    def metrics(self, setup: Setup) -> JobMetrics | None:
        """Return where a job's driver tells how it stands; None where nobody listens."""
        del setup
        return None

    @abstractmethod
    def stop(self, worker: W) -> None:
        """End a worker, dead or alive."""
