"""The order of work: what goes to which worker, what is tried again, and when to give up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from extractors.jobs.search import RowSearch
from extractors.jobs.shard import Call, Done, Reply
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractors.jobs.fleet import Fleet, Place
    from extractors.jobs.manifest import Plan
    from extractors.jobs.shard import Output
    from extractors.jobs.source import Shard

SUSPECT = 2
"""After so many dead workers one row of the shard is looked for that does it,"""
SEARCHES = 2
"""so many times if none is found: the search errs when another worker dies meanwhile."""
ATTEMPTS = 4
"""After so many a shard is given up; as many times files that cannot be reached are tried."""
MASKED = 16
"""Rows of one shard that may end their process."""
HOPELESS = 4
"""After so many shards given up and none done the job ends."""
DIED = "the process that encoded this row died"
PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before files are tried again, and before a worker is that had trouble with them;
doubled each time."""
HUNG = 600.0
"""Seconds after which a worker that says nothing may be taken for dead,"""
HUNG_TIMES = 10
"""if it has also taken so many times what the slowest shard took."""


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
    searches: int = 0
    """That found no row."""
    masked: dict[int, str] = field(default_factory=dict)
    reason: str = ""


class Watch(Protocol):
    """Looks on."""

    def replied(self, case: Case, reply: Reply) -> None:
        """See a reply, before anything is made of it."""

    def gave_up(self, shard: Shard, reason: str) -> None:
        """See a shard that cannot be made."""

    def looked(self, fleet: Fleet) -> None:
        """See the workers, now and then."""


@dataclass
class Scheduler:
    """Takes shards to an end: done, or given up with a reason."""

    fleet: Fleet
    plan: Plan
    kind: Output
    is_marked: Callable[[Shard], bool]
    finished: Callable[[Shard, Done, bool], None]
    """Told of each shard that is done, and whether an earlier run had done it."""
    watch: Watch | None = None
    given_up: list[tuple[Shard, str]] = field(default_factory=list)
    _again: list[Case] = field(default_factory=list)
    _n_done: int = 0
    _slowest: float = 0.0
    """Seconds that a shard took, at most, of those that were made."""
    _all_begun: bool = False

    def run(self, shards: Iterator[Shard]) -> None:
        """Take all shards to an end. InputError when nothing works at all."""
        while True:
            self._hand_out(shards)
            if self._all_begun and not self._again:
                if not self.fleet.at_work():
                    return
                self.fleet.release()
            for place, case, reply in [*self.fleet.wait(), *self._hung()]:
                if self.watch is not None:
                    self.watch.replied(case, reply)
                self._take(place, case, reply)
            if self.watch is not None:
                self.watch.looked(self.fleet)

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
        due = [case for case in self._again if case.not_before <= self.fleet.now()]
        if place.ill and not all(other.ill for other in self.fleet.others(place)):
            due = [case for case in due if not case.file_troubles]  # sound places may do better
        alone = len(self.fleet.places) == 1
        found = next((case for case in due if alone or case.last_place != place.number), None)
        # Not so much that is new that troubles pile up; what failed here waits for another place.
        room = len(self._again) <= len(self.fleet.places) + ATTEMPTS
        if found is None and room and not self._all_begun:
            if (shard := next(shards, None)) is not None:
                return Case(shard, self.is_marked(shard))
            self._all_begun = True
        if found is None and due and not self.fleet.others(place):
            found = due[0]
        if found is not None:
            self._again.remove(found)
        return found

    def _hung(self) -> Iterator[tuple[Place, Case, Reply]]:
        """Yield the cases of workers that have been silent for too long, and end these.

        None before a shard is made: nobody can tell how long the first should take.
        """
        limit = max(HUNG, HUNG_TIMES * self._slowest)
        for place in self.fleet.at_work() if self._slowest else []:
            silent = self.fleet.now() - place.since
            if silent > limit and (case := place.case) is not None:
                self.fleet.retire(place)
                reason = (
                    f"no answer for {silent:,.0f} s, the slowest shard took {self._slowest:.0f}"
                )
                yield place, case, Reply(trouble="died", reason=reason)

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
            place.ill = 0
            if case.search is None and not case.unverified:
                self._slowest = max(self._slowest, self.fleet.now() - place.since)
            self._went_well(case, reply.value)
        elif reply.trouble == "files":
            case.file_troubles += 1
            case.not_before = self.fleet.now() + PAUSE * 2 ** (case.file_troubles - 1)
            place.not_before = self.fleet.now() + min(PAUSE * 2**place.ill, LONGEST_PAUSE)
            place.ill += 1
            self._again_elsewhere(place, case, reply, case.file_troubles)
        elif case.search is not None:
            self._searched(case, reply)
        else:
            case.attempts += 1
            if case.attempts == SUSPECT and case.searches < SEARCHES and not case.unverified:
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
        if row is None:  # not one row alone, or a machine that failed has misled the search
            case.searches += 1
            case.attempts = 0 if case.searches < SEARCHES else case.attempts
            return
        case.masked[row] = reply.reason if reply.trouble == "raised" else DIED
        case.attempts = 0
        if len(case.masked) > MASKED:
            self._again.remove(case)
            self._give_up(case, f"more than {MASKED} rows end the process; the last: {case.reason}")

    def _give_up(self, case: Case, reason: str) -> None:
        self.given_up.append((case.shard, reason))
        if self.watch is not None:
            self.watch.gave_up(case.shard, reason)
        if not self._n_done and len(self.given_up) >= HOPELESS:
            message = f"no shard could be made, {HOPELESS} failed; the job was ended: {reason}"
            raise InputError(message)
