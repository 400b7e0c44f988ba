"""The workers of an engine: started when there is work, again when they died, ended when idle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extractors.jobs.shard import Call
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractors.jobs.engine import Engine
    from extractors.jobs.schedule import Case
    from extractors.jobs.shard import Reply, Setup
    from extractors.workers import Facts

HOPELESS = 4
"""After so many deaths before it held the model a place is no longer tried."""
TICK = 1.0
"""Seconds after which the scheduler looks round even if nothing happened."""
ANOTHER = 30.0
"""Seconds after which another worker is asked for, if the first of a job does not begin."""
GROWTH = 10.0
"""Seconds after which the engine is asked again how many workers there can be."""


@dataclass(eq=False)
class Place:
    """Where a worker is, or will be."""

    number: int
    worker: Any = None
    reached: bool = False
    """Whether the worker has answered: on a cluster it may wait for a machine."""
    loaded: bool = False
    """Whether it holds the model."""
    preparing: bool = False
    """Whether it was asked for one of these and has not answered yet."""
    deaths: int = 0
    """While it was preparing, one after the other."""
    case: Case | None = None
    since: float = 0.0
    """When it was given the case, by the engine's clock."""
    ill: int = 0
    """Troubles with files, one after the other: its disk may be full, its network gone,"""
    not_before: float = 0.0
    """so it rests until then."""


class Fleet:
    """The places of an engine and who is in them."""

    def __init__(
        self,
        engine: Engine[Any],
        setup: Setup,
        accept: Callable[[Facts, dict[str, str]], int | None],
    ) -> None:
        self._engine, self._setup, self._accept = engine, setup, accept
        self.places: list[Place] = []
        self.budget: int | None = None
        self.now = engine.now
        self._made = 0
        self._looked = 0.0
        self.grow()

    def grow(self) -> None:
        """Add places when the engine has room for more workers than before."""
        self._looked = self.now()
        wanted = self._engine.places()
        self.places += [Place(number) for number in range(self._made, wanted)]
        self._made = max(self._made, wanted)

    def idle(self) -> list[Place]:
        """Return the places that can take something up; those with a model first."""
        found = [place for place in self.places if place.case is None and not place.preparing]
        rested = [place for place in found if place.not_before <= self.now()]
        return sorted(rested, key=lambda place: not place.loaded)

    def preparing(self) -> int:
        """Return the number of places that are not ready yet."""
        return sum(place.preparing for place in self.places)

    def at_work(self) -> list[Place]:
        """Return the places that have a shard in hand."""
        return [place for place in self.places if place.case is not None]

    def others(self, place: Place) -> list[Place]:
        """Return the other places that can take a shard, now or when done with their own."""
        found = [other for other in self.places if other.reached or not other.preparing]
        return [other for other in found if other is not place]

    def is_ready(self, place: Place, *, with_model: bool) -> bool:
        """Whether a place can be given a call."""
        return place.reached and (place.loaded or not with_model)

    def prepare(self, place: Place) -> None:
        """Take the next step towards a worker with a model; `wait` says when it is done."""
        if place.worker is None:
            place.worker = self._engine.start(place.number, self._setup)
        place.preparing = True
        call = Call("load", (self.budget,)) if place.reached else Call("hello")
        self._engine.send(place.worker, call)

    def give(self, place: Place, case: Case, call: Call) -> None:
        """Hand a call to a worker that is ready for it."""
        place.case, place.since = case, self.now()
        self._engine.send(place.worker, call)

    def wait(self) -> Iterator[tuple[Place, Case, Reply]]:
        """Yield replies with the cases they are about, as soon as there are any."""
        if self.now() - self._looked > GROWTH:
            self.grow()
        busy = {
            id(place.worker): place
            for place in self.places
            if place.case is not None or place.preparing
        }
        workers = [place.worker for place in busy.values()]
        for worker, reply in self._engine.wait(workers, TICK):
            place = busy[id(worker)]
            case, place.case = place.case, None
            if reply.trouble in {"died", "raised"}:  # after an error a GPU may be out of order
                self.retire(place)
            if case is not None:
                yield place, case, reply
            else:
                self._prepared(place, reply)

    def _prepared(self, place: Place, reply: Reply) -> None:
        """Note what a place can do; InputError when the model fits nowhere."""
        place.preparing = False
        if reply.trouble is None and not place.reached:
            place.reached = True
        elif reply.trouble is None:
            place.loaded, place.deaths = True, 0
            self.budget = self._accept(*reply.value)
        elif reply.trouble == "refused":
            raise InputError(reply.reason)
        else:
            self.retire(place)
            place.deaths += 1
            if place.deaths >= HOPELESS:
                self.places.remove(place)
            if not self.places:
                message = (
                    f"workers die before they have the model (out of memory?): {reply.reason}; "
                    "what was written is kept: the same command goes on from there"
                )
                raise InputError(message)

    def load_one(self) -> None:
        """Load the model somewhere, to see what it is: once, but where a worker does begin."""
        asked = self.now()
        while not any(place.loaded for place in self.places):
            reached = [place for place in self.places if place.reached]
            if reached and not any(place.preparing for place in reached):
                self.prepare(reached[0])
            late = not self.preparing() or self.now() - asked > ANOTHER
            if late and not reached and (idle := self.idle()):
                self.prepare(idle[0])
                asked = self.now()
            for _ in self.wait():
                pass

    def release(self) -> None:
        """End the workers that have nothing to do, so that a cluster can give back machines."""
        for place in self.places:
            if place.case is None:
                self.retire(place)

    def retire(self, place: Place) -> None:
        """End a worker; another takes its place when there is work."""
        if place.worker is not None:
            self._engine.stop(place.worker)
        place.worker = place.case = None
        place.reached = place.loaded = place.preparing = False
        place.ill, place.not_before = 0, 0.0

    def stop(self) -> None:
        """End all workers."""
        for place in self.places:
            self.retire(place)
