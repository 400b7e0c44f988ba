"""The local engine: a process of this machine for each device."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from extractors.jobs.engine import Engine
from extractors.jobs.shard import Reply, ShardWorker
from extractors.workers import Worker, die_with_parent
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from extractors.jobs.shard import Call, Setup

GOODBYE = 5.0
"""Seconds that a process has to end by itself."""


class LocalEngine(Engine[Worker]):
    """Processes that the command starts itself."""

    def __init__(self, devices: Sequence[str]) -> None:
        self._devices = list(devices)
        self._unreached: dict[Worker, Reply] = {}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Nothing to connect to: whoever starts a worker stops it."""
        yield

    def places(self) -> int:
        """Return the number of devices."""
        return len(self._devices)

    def threads(self) -> int:
        """Return OMP_NUM_THREADS, or this machine's cores shared evenly."""
        given = os.environ.get("OMP_NUM_THREADS", "")
        if given.isdecimal() and int(given):
            return int(given)
        return max(1, len(os.sched_getaffinity(0)) // len(self._devices))

    def start(self, place: int, setup: Setup) -> Worker:
        """Start a process."""
        device = self._devices[place]
        return Worker(device, serve, setup, device)

    def send(self, worker: Worker, call: Call) -> None:
        """Hand over a call."""
        worker.in_hand = 1
        try:
            worker.send(call)
        except InputError as error:
            self._unreached[worker] = Reply(trouble="died", reason=str(error))

    def wait(self, workers: Sequence[Worker], seconds: float) -> list[tuple[Worker, Reply]]:
        """Return replies, and those of dead processes in their stead."""
        if found := [(worker, self._unreached.pop(worker)) for worker in [*self._unreached]]:
            return found
        if not workers:
            time.sleep(seconds / 10)
            return []
        by_pipe = {worker.pipe: worker for worker in workers}
        ready = wait(list(by_pipe), seconds)
        return [(by_pipe[pipe], _reply(by_pipe[pipe])) for pipe in ready]  # type: ignore[index]

    def stop(self, worker: Worker) -> None:
        """End a process: by asking, unless it is at work."""
        self._unreached.pop(worker, None)
        if not worker.in_hand:
            with contextlib.suppress(InputError):  # it is dead
                worker.send(None)
                worker.join(GOODBYE)
        worker.stop()


def _reply(worker: Worker) -> Reply:
    worker.in_hand = 0
    try:
        reply: Reply = worker.receive()
    except InputError as error:
        return Reply(trouble="died", reason=str(error).partition(" (out of")[0])
    return reply


def serve(pipe: Connection, setup: Setup, device: str) -> None:
    """Be the process of one device: answer calls until there are no more."""
    threading.Thread(target=die_with_parent, daemon=True).start()
    worker = ShardWorker(setup, device)
    for call in iter(pipe.recv, None):
        pipe.send(worker.answer(call))
