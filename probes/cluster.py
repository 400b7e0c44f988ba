"""Batches on a Ray cluster: an actor for each core, or for each GPU.

What actors read is put into Ray's object store, once for each embedding: its vectors as the
command has read them, the tasks, and what their batches share. So nodes need neither the files
nor the Hub, all of them read the same bytes, and the actors of a node share one copy. Only result
rows come back. Ray places actors and notices when they die; what is tried again, and how often,
is decided by `probes.spread` alone.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from extractors.ray_connection import Silence, connected
from hf_datasets.command import say
from hf_datasets.errors import InputError, one_line, shorten
from probes.actor import LOST, RAISED, Facts, FitActor, Reply
from probes.engines import Engine
from probes.provenance import versions
from probes.spread import Board, Case, Task
from probes.work import reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probes.engines import Todo
    from probes.settings import Settings
    from probes.work import Done

TICK = 1.0
"""Seconds after which the driver looks round even if nothing happened."""
PATIENCE = 60.0
"""Seconds without an actor after which the user is told what is being waited for."""
HOPELESS = 4
"""So many actors, one after the other, may die before they begin."""
SHOWN, MOST = 150, 300
"""Characters of what Ray says about the death of a worker, and about one of its own."""
KEPT = "what was done is kept: the same command goes on from there"
SHARE = 0.5
"""Of a node's object store, what vectors may take; what batches share takes about as much."""


@dataclass(eq=False)
class Place:
    """An actor, or one that waits for room on the cluster."""

    handle: Any
    reference: Any
    """Of the reply that is due; None when it is idle."""
    started: float
    facts: Facts | None = None
    """Where it is; None until it has said so."""
    held: Case | None = None
    """The embedding that it has at hand."""
    task: Task | None = None
    shared: Any = None
    """Of what it makes for other actors."""
    silence: Silence = field(default_factory=Silence)
    """Since it was given the task."""


class RayEngine(Engine):
    """Actors of a Ray cluster, of one that is there or of one of this machine alone."""

    def __init__(self, address: str | None, workers: int | None, gpus: int | None) -> None:
        """`workers` or `gpus` is the most actors; None: as many as the cluster has room for."""
        super().__init__()
        self._address, self._given = address, gpus or workers
        self._device: str | None = None
        self._resource = "CPU"
        self._ray: Any = None
        self._places: list[Place] = []
        self._stillborn = 0
        self._looked, self._room = 0.0, 0
        self._told = False
        self._processors: set[str] = set()

    @property
    def shown(self) -> str:
        """How many actors there are."""
        count = sum(place.facts is not None for place in self._places)
        return f"{count} worker{'' if count == 1 else 's'}"

    @contextlib.contextmanager
    def running(self, settings: Settings) -> Iterator[None]:
        """Connect to the cluster; InputError when Ray, the cluster or such a device is not there.

        GPUs that the cluster does not have yet are waited for, and that is said.
        """
        if settings.device not in {None, "cpu", "cuda"}:
            message = f"--device {settings.device} is of one machine; with Ray give --gpus N"
            raise InputError(message)
        self._device = settings.device
        self._resource = "GPU" if self._device == "cuda" else "CPU"
        with connected(self._address) as ray:
            self._ray = ray
            room = self._most_now()
            if self._resource == "GPU" and (not room or (self._given or 0) > room):
                say(f"--gpus {self._given or 1}: the cluster has {room} now; more are waited for")
            try:
                yield
            except ray.exceptions.RayError as error:
                message = f"the Ray cluster failed: {reason(error)[:MOST]}; {KEPT}"
                raise InputError(message) from error

    def results(self, todo: Sequence[Todo]) -> Iterator[tuple[int, Done]]:
        """Yield batches as they are done; what is left at the end of this is ended."""
        board = Board(todo, SHARE * self._store())
        found: list[tuple[int, Done]] = []
        try:
            while board.left():
                self._resize(board.left())
                self._hand_out(board)
                yield from found  # when actors have something to do again
                found = list(self._wait(board))
            yield from found
        finally:
            while self._places:
                self._retire(self._places[0])
        if len(self._processors) > 1:
            kinds = shorten(sorted(self._processors))
            self.notes.append(
                f"the work was done on processors of {len(self._processors)} kinds ({kinds}), "
                "which may round differently; which did what may show in the last digits"
            )

    def _store(self) -> float:
        """Return the bytes of the smallest object store of a node."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return float(min((node.get("object_store_memory", 0) for node in nodes), default=0))

    def _most_now(self) -> int:
        """Return how many actors the cluster has room for, looked up every other moment."""
        if time.monotonic() > self._looked + TICK or not self._looked:
            self._room = int(self._ray.cluster_resources().get(self._resource, 0))
            self._looked = time.monotonic()
        return self._room

    def _resize(self, left: int) -> None:
        """Ask for actors, or end those that have nothing to do; InputError when none can begin."""
        wanted = min(self._given or max(1, self._most_now()), left)
        # Where some cannot begin, those that did go on; without any, another is tried.
        while len(self._places) < (wanted if self._stillborn < HOPELESS else 1):
            self._places.append(self._start())
        idle = [place for place in self._places if place.task is None]
        idle.sort(key=lambda place: place.facts is not None)
        for place in idle[: max(0, len(self._places) - wanted)]:
            self._retire(place)

    def _start(self) -> Place:
        # Not SPREAD: actors of one node share what they read.
        kind = self._ray.remote(FitActor).options(
            num_cpus=1, num_gpus=int(self._resource == "GPU"), max_restarts=0
        )
        handle = kind.remote()
        return Place(handle, handle.hello.remote(self._device), time.monotonic())

    def _retire(self, place: Place) -> None:
        """End an actor, dead or alive."""
        self._places.remove(place)
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(place.handle)

    def _hand_out(self, board: Board) -> None:
        """Give something to do to every actor that has nothing."""
        nodes = {place.facts.node for place in self._places if place.facts}
        for place in self._places:
            if place.reference is not None or place.facts is None:
                continue
            task = board.choose(place.held, place.facts.node, nodes)
            if task is None:
                continue
            case = task.case
            if case.sent is None:
                case.sent = self._ray.put(case.work.travelling())
            place.task, place.held, place.silence = task, case, Silence()
            if task.number is None:
                turn = place.handle.turn.options(num_returns=2)
                place.reference, place.shared = turn.remote([case.sent])
            else:
                # In a list: the actor fetches them itself, and only if it does not hold them.
                sent = [one for one in (case.sent, case.turned) if one is not None]
                place.reference = place.handle.fit.remote(sent, task.number)

    def _wait(self, board: Board) -> Iterator[tuple[int, Done]]:
        """Wait for a reply; yield the batches that are done with it, or given up."""
        waited = {place.reference: place for place in self._places if place.reference is not None}
        if not waited:
            time.sleep(TICK / 10)
            return
        ready, _ = self._ray.wait(list(waited), num_returns=1, timeout=TICK)
        for place in waited.values():
            if place.silence.is_long():
                place.handle.probe.remote()
        for reference in ready:
            place = waited[reference]
            task, shared = place.task, place.shared
            place.reference = place.task = place.shared = None
            try:
                reply = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                self._retire(place)
                yield from self._died(board, place, task, error)
                continue
            if task is None:
                self._arrived(place, reply)
            else:
                yield from _taken(board, task, reply, shared)
        self._tell()

    def _arrived(self, place: Place, facts: Facts) -> None:
        """Note where an actor is; InputError when it cannot work, or would get other numbers."""
        place.facts, self._stillborn = facts, 0
        self._processors.add(facts.processor)
        if facts.lacking:
            message = f"on {facts.host}: {facts.lacking}"
            raise InputError(message)
        for name, mine in versions().items():
            if facts.versions[name] != mine:
                message = (
                    f"{facts.host} has {name} {facts.versions[name]}, this machine {mine}; "
                    "install the same versions on all nodes"
                )
                raise InputError(message)

    def _died(
        self, board: Board, place: Place, task: Task | None, error: Exception
    ) -> Iterator[tuple[int, Done]]:
        why = _why(error)
        if task is not None:
            assert place.facts is not None  # noqa: S101  whoever has a task has said where it is
            yield from board.died(task, place.facts.node, f"on {place.facts.host}: {why}")
            return
        self._stillborn += 1
        if self._stillborn >= HOPELESS and not any(one.facts for one in self._places):
            message = f"workers die before they begin, {HOPELESS} did: {why}; {KEPT}"
            raise InputError(message)

    def _tell(self) -> None:
        """Say once that nothing has begun, so that nobody waits for machines that never come."""
        late = time.monotonic() - PATIENCE
        waiting = [one for one in self._places if one.facts is None and one.started < late]
        if not self._told and waiting and len(waiting) == len(self._places):
            self._told = True
            say(f"still waiting for Ray to start workers ({len(waiting)}); `ray status` says why")


def _taken(board: Board, task: Task, reply: Reply, shared: Any) -> Iterator[tuple[int, Done]]:  # noqa: ANN401
    """Take a reply; yield the batches that are done with it, or given up."""
    if reply.trouble == LOST:
        yield from board.lost(task)
    elif reply.trouble == RAISED:
        yield from board.give_up(task.case, reply.reason)
    elif task.number is None:
        board.turned(task, shared)
    elif reply.done is not None:
        board.done(task)
        yield task.number, reply.done


def _why(error: Exception) -> str:
    """Return what Ray says about a death in one line, without its advice."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, Exception):
        return reason(cause)
    text = str(error).strip()
    for mark in ("Worker exit detail: ", "The actor is dead because "):
        if mark in text:
            return one_line(text.partition(mark)[2].partition(" Some common causes")[0])[:SHOWN]
    return one_line(text.rpartition("\n")[2])[:SHOWN]
