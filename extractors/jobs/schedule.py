"""The order of work: what goes to which worker, what is tried again, and when to give up."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from extractors.jobs.search import RowSearch
from extractors.jobs.shard import Call, Done, Reply
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractors.jobs.engine import Engine
    from extractors.jobs.manifest import Plan
    from extractors.jobs.shard import Output, Setup
    from extractors.jobs.source import Shard
    from extractors.workers import Facts

SUSPECT = 2
"""After so many dead workers one row of the shard is looked for that does it."""
ATTEMPTS = 4
"""After so many a shard is given up; as many times files that cannot be reached are tried."""
MASKED = 16
"""Rows of one shard that may end their process."""
HOPELESS = 4
"""After so many shards given up and none done, or workers that die with the model half loaded,
the job ends."""
DIED = "the process that encoded this row died"
PAUSE = 1.0
"""Seconds before files are tried again; doubled each time."""
TICK = 1.0
"""Seconds after which the scheduler looks round even if nothing happened."""


@dataclass
class Case:
    """A shard on its way."""

    shard: Shard
    unverified: bool
    """Whether a marker says that it is done."""
    attempts: int = 0
    file_troubles: int = 0
    last_place: int | None = None
    not_before: float = 0.0
    search: RowSearch | None = None
    searched: bool = False
    masked: dict[int, str] = field(default_factory=dict)
    reason: str = ""


@dataclass
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


class Fleet:
    """The workers of an engine, started when they are needed and again when they died."""

    def __init__(
        self,
        engine: Engine[Any],
        setup: Setup,
        accept: Callable[[Facts, dict[str, str]], int | None],
    ) -> None:
        self._engine, self._setup, self._accept = engine, setup, accept
        self.places = [Place(number) for number in range(engine.places())]
        self.budget: int | None = None

    def idle(self) -> list[Place]:
        """Return the places that have nothing in hand."""
        return [place for place in self.places if place.case is None and not place.preparing]

    def preparing(self) -> int:
        """Return the number of places that are not ready yet."""
        return sum(place.preparing for place in self.places)

    def at_work(self) -> bool:
        """Whether any place has a shard in hand."""
        return any(place.case is not None for place in self.places)

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
        place.case = case
        self._engine.send(place.worker, call)

    def wait(self) -> Iterator[tuple[Place, Case, Reply]]:
        """Yield replies with the cases they are about, as soon as there are any."""
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
        """Load the model somewhere, to see what it is."""
        while not any(place.loaded for place in self.places):
            if not self.preparing():
                self.prepare(self.places[0])
            for _ in self.wait():
                pass

    def retire(self, place: Place) -> None:
        """End a worker; another takes its place when there is work."""
        if place.worker is not None:
            self._engine.stop(place.worker)
            place.worker, place.reached, place.loaded = None, False, False

    def stop(self) -> None:
        """End all workers."""
        for place in self.places:
            self.retire(place)


@dataclass
class Scheduler:
    """Takes shards to an end: done, or given up with a reason."""

    fleet: Fleet
    plan: Plan
    kind: Output
    is_marked: Callable[[Shard], bool]
    finished: Callable[[Shard, Done, bool], None]
    """Told of each shard that is done, and whether an earlier run had done it."""
    given_up: list[tuple[Shard, str]] = field(default_factory=list)
    _again: list[Case] = field(default_factory=list)
    _n_done: int = 0

    def run(self, shards: Iterator[Shard]) -> None:
        """Take all shards to an end. InputError when nothing works at all."""
        while True:
            self._hand_out(shards)
            if not self._again and not self.fleet.at_work():
                return  # whoever is preparing still is not needed any more
            if not self.fleet.at_work() and not self.fleet.preparing():
                time.sleep(TICK / 10)  # for files that are tried again later
                continue
            for place, case, reply in self.fleet.wait():
                self._take(place, case, reply)

    def _hand_out(self, shards: Iterator[Shard]) -> None:
        """Give each idle place a case, or make it ready for one, which any place may take then."""
        waiting: list[Case] = []
        for place in self.fleet.idle():
            if (case := self._next(place, shards)) is None:
                continue
            call = self._call(case)
            if self.fleet.is_ready(place, with_model=call.method != "check"):
                self.fleet.give(place, case, call)
                continue
            waiting.append(case)
            if len(self._again) + len(waiting) > self.fleet.preparing():
                self.fleet.prepare(place)
        self._again[:0] = waiting

    def _next(self, place: Place, shards: Iterator[Shard]) -> Case | None:
        """Return what a place should do: what failed elsewhere, then what is new."""
        due = [case for case in self._again if case.not_before <= time.monotonic()]
        alone = len(self.fleet.places) == 1
        found = next((case for case in due if alone or case.last_place != place.number), None)
        # Not so much that is new that troubles pile up; what failed here waits for another place.
        room = len(self._again) <= len(self.fleet.places) + ATTEMPTS
        if found is None and room and (shard := next(shards, None)) is not None:
            return Case(shard, self.is_marked(shard))
        if found is None and due and not self.fleet.at_work():
            found = due[0]
        if found is not None:
            self._again.remove(found)
        return found

    def _call(self, case: Case) -> Call:
        number = case.shard.number
        names = self.plan.output(number), self.plan.marker(number)
        if case.unverified:
            return Call("check", names)
        if case.search is not None:
            return Call("attempt", (case.shard, *case.search.ask(), self.kind, case.masked))
        return Call("make", (case.shard, names, self.kind, case.masked))

    def _take(self, place: Place, case: Case, reply: Reply) -> None:
        if reply.trouble is None:
            self._went_well(case, reply.value)
        elif reply.trouble == "files":
            case.file_troubles += 1
            case.not_before = time.monotonic() + PAUSE * 2 ** (case.file_troubles - 1)
            self._again_elsewhere(place, case, reply, case.file_troubles)
        elif case.search is not None:
            self._searched(case, reply)
        else:
            case.attempts += 1
            if case.attempts == SUSPECT and not case.searched and not case.unverified:
                case.search = RowSearch(case.shard.rows)
            self._again_elsewhere(place, case, reply, case.attempts)

    def _went_well(self, case: Case, value: Done | None) -> None:
        if case.search is not None:
            self._searched(case, Reply())
        elif value is None:  # a file or a marker that is not what it was
            case.unverified = False
            self._again.insert(0, case)
        else:
            self._n_done += 1
            self.finished(case.shard, value, case.unverified)

    def _again_elsewhere(self, place: Place, case: Case, reply: Reply, times: int) -> None:
        case.reason, case.last_place = reply.reason, place.number
        if times < ATTEMPTS:
            self._again.append(case)
        else:
            self._give_up(case, case.reason)

    def _searched(self, case: Case, reply: Reply) -> None:
        """Go on with the search for a row, or with what it found."""
        assert case.search is not None  # noqa: S101  the caller has looked
        case.search.tell(bad=reply.trouble is not None)
        case.last_place = None
        self._again.append(case)
        if not case.search.over:
            return
        row = case.search.found
        case.search = None
        if row is None:  # not one row alone; perhaps the machine
            case.searched = True
            return
        case.masked[row] = reply.reason if reply.trouble == "raised" else DIED
        case.attempts = 0
        if len(case.masked) > MASKED:
            self._again.remove(case)
            self._give_up(case, f"more than {MASKED} rows end the process; the last: {case.reason}")

    def _give_up(self, case: Case, reason: str) -> None:
        self.given_up.append((case.shard, reason))
        if not self._n_done and len(self.given_up) >= HOPELESS:
            message = f"no shard could be made, {HOPELESS} failed; the job was ended: {reason}"
            raise InputError(message)
