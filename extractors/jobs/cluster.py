"""The Ray engine: an actor for each GPU or core of a cluster.

Ray places the actors and notices when they die; what is done, and what is tried again, is
decided by our scheduler alone. Ray Data is not used: it drops whole blocks of rows when told to
bear errors, and its checkpoints hold every id in memory.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from extractors.jobs.engine import Engine
from extractors.jobs.metrics import JobMetrics, WorkerMetrics
from extractors.jobs.shard import Call, Reply, ShardWorker
from extractors.ray_connection import Silence, connected
from hf_datasets.command import say
from hf_datasets.errors import InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extractors.jobs.shard import Setup
    from extractors.jobs.timing import Where

PATIENCE = 60.0
"""Seconds without an actor after which the user is told what is being waited for."""


@dataclass(eq=False)
class Actor:
    """A handle of an actor, and the call it has in hand."""

    handle: Any
    started: float
    reached: bool = False
    """Whether it has ever replied."""
    reference: Any = field(default=None)
    silence: Silence = field(default_factory=Silence)
    """Since it was given the call."""


@dataclass(frozen=True)
class Resources:
    """What a worker takes of the cluster."""

    workers: int | None
    """The most of them; None: as many as the cluster has room for, also when it grows."""
    gpus: float = 0.0
    """GPUs of each: a fraction shares one, 0 means none."""
    accelerator: str | None = None
    """Ray's name of the only kind of GPU that serves, as `A100`; None: any."""


class RayEngine(Engine[Actor]):
    """Actors of a Ray cluster, of one that is there or of one of this machine alone.

    Actors that find no room wait, which is what makes an autoscaling cluster grow; they are
    asked for when there is work for them, and ended when there is none, which lets it shrink.
    """

    def __init__(self, address: str | None, resources: Resources) -> None:
        self._address, self._resources = address, resources
        self._largest = 1
        self._told = False
        self._ray: Any = None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Connect to the cluster; InputError when Ray or the cluster is not there."""
        with connected(self._address) as ray:
            self._ray = ray
            # A job begun on a larger machine may use more threads than any node has.
            nodes = (node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"])
            self._largest = max(1, int(max(nodes, default=1)))
            wanted, room = self._resources.workers, self._room()
            if wanted and wanted > room:
                say(f"{wanted} workers: the cluster has room for {room} now; more are waited for")
            yield

    def _room(self) -> int:
        """Return how many workers fit on the machines that the cluster has now."""
        found = self._ray.cluster_resources()
        room = int(found.get("CPU", 0)) // self.threads()
        if self._resources.gpus:
            room = min(room, int(found.get("GPU", 0)) * round(1 / self._resources.gpus))
        return room

    def places(self) -> int:
        """Return the number of actors: as asked, or as many as there is room for.

        InputError when the cluster has cast out this machine: nothing would ever be started again.
        """
        ray = self._ray
        here = ray.get_runtime_context().get_node_id()
        if any(node["NodeID"] == here and not node["Alive"] for node in ray.nodes()):
            message = (
                "the cluster takes this machine for dead (its network failed for a while?); "
                "what was written is kept: the same command, on a live one, goes on from there"
            )
            raise InputError(message)
        return self._resources.workers or max(1, self._room())

    def threads(self) -> int:
        """Return OMP_NUM_THREADS, or 1: a core for each actor."""
        given = os.environ.get("OMP_NUM_THREADS", "")
        return int(given) if given.isdecimal() and int(given) else 1

    def start(self, place: int, setup: Setup) -> Actor:
        """Ask for an actor, on the node that has most room."""
        del place
        ray = self._ray
        gpus = self._resources.gpus
        kind = ray.remote(ShardActor).options(
            num_cpus=min(setup.threads, self._largest),
            num_gpus=gpus,
            accelerator_type=self._resources.accelerator,
            scheduling_strategy="SPREAD",
            max_restarts=0,  # the scheduler asks for a new one, which may lie on another node
        )
        return Actor(kind.remote(setup, "cuda" if gpus else "cpu"), time.monotonic())

    def send(self, worker: Actor, call: Call) -> None:
        """Hand over a call."""
        worker.reference = worker.handle.answer.remote(call)
        worker.silence = Silence()

    def wait(self, workers: Sequence[Actor], seconds: float) -> list[tuple[Actor, Reply]]:
        """Return replies, and those of dead actors in their stead."""
        ray = self._ray
        if not workers:
            time.sleep(seconds / 10)
            return []
        by_reference = {worker.reference: worker for worker in workers}
        ready, _ = ray.wait(list(by_reference), num_returns=1, timeout=seconds)
        found = []
        for reference in ready:
            worker = by_reference[reference]
            worker.reached = True
            try:
                reply: Reply = ray.get(reference)
            except ray.exceptions.RayError as error:
                reply = Reply(trouble="died", reason=one_line(error)[:200])
            found.append((worker, reply))
        for worker in workers:
            if worker.silence.is_long():
                worker.handle.probe.remote()
        self._tell(workers)
        return found

    def _tell(self, workers: Sequence[Actor]) -> None:
        """Say once that nothing has begun, so that nobody waits for machines that never come."""
        late = [w for w in workers if time.monotonic() - w.started > PATIENCE and not w.reached]
        if late and len(late) == len(workers) and not self._told:
            self._told = True
            say(f"still waiting for Ray to start {len(late)} workers; `ray status` says why")

    def metrics(self, setup: Setup) -> JobMetrics:
        """Return the driver's metrics."""
        return JobMetrics(*_labels(setup))

    def stop(self, worker: Actor) -> None:
        """End an actor."""
        ray = self._ray
        with contextlib.suppress(ray.exceptions.RayError):
            ray.kill(worker.handle)


class ShardActor:
    """A `ShardWorker` as Ray starts it."""

    def __init__(self, setup: Setup, device: str) -> None:
        def metered(where: Where) -> WorkerMetrics:
            return WorkerMetrics(*_labels(setup), where)

        self._worker = ShardWorker(setup, device, metered)

    def answer(self, call: Call) -> Reply:
        """Answer a call."""
        return self._worker.answer(call)

    def probe(self) -> None:
        """Do nothing, after the call in hand."""


def _labels(setup: Setup) -> tuple[str, str]:
    """Return what metrics call the job, the last part of its folder's path, and its model."""
    return setup.folder.name, setup.loader.record.name
