"""Which worker does which batch next, and what is tried again: a run spread over workers.

A worker stays with an embedding as long as that has batches. Whoever is idle begins another
embedding, and helps with one that others are at when none is left to begin. What batches of an
embedding share (`probes.space.Turned`) is made once, by the first worker that comes to it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probes.engines import Todo
    from probes.work import Done, Work

    Results = list[tuple[int, Done]]

ATTEMPTS = 3
"""So often a batch is given to a worker that dies of it, or so it seems."""


@dataclass(eq=False)
class Case:
    """An embedding on its way."""

    work: Work
    waiting: list[int]
    """Batches that no worker has in hand, in their order."""
    in_hand: set[int] = field(default_factory=set)
    sent: Any = None
    """Where workers find the work; None as long as nobody needs it."""
    turned: Any = None
    """Where they find what its batches share."""
    ready: bool = False
    """Whether batches can be done."""
    turning: bool = False
    """Whether a worker is making what they share."""
    deaths: Counter[int | None] = field(default_factory=Counter)
    """Of workers, by the batch that they had in hand; None: over what batches share."""
    died_on: dict[int | None, str] = field(default_factory=dict)
    """The node where that was last."""
    losses: int = 0
    """How often what they share was lost with its node since the last batch was done."""
    nodes: set[str] = field(default_factory=set)
    """Where workers have read it."""

    @property
    def over(self) -> bool:
        """Whether nothing of it is left."""
        return not self.waiting and not self.in_hand


@dataclass(frozen=True, eq=False)
class Task:
    """What a worker has in hand."""

    case: Case
    number: int | None
    """The batch; None: what the batches share."""
    turned: Any
    """What was shared when it was handed out."""


class Board:
    """All that is to be done."""

    def __init__(self, todo: Sequence[Todo], room: float) -> None:
        """Take all there is to do; `room` is for bytes of vectors that are sent at a time."""
        self._cases = [
            Case(work, sorted(numbers), ready=work.by_round is not None) for work, numbers in todo
        ]
        self._room = room

    def left(self) -> int:
        """Return how many batches are not done."""
        return sum(len(case.waiting) + len(case.in_hand) for case in self._cases)

    def choose(self, held: Case | None, node: str, nodes: set[str]) -> Task | None:
        """Return what a worker should do that holds this embedding; None: nothing for now.

        `nodes` are all that have workers: what a worker died of goes to another one.
        """
        for case in self._in_turn(held, node):
            wanted: list[int] | list[None] = case.waiting if case.ready else [None]
            for number in wanted:
                if case.died_on.get(number) == node and len(nodes) > 1:
                    continue
                if number is None:
                    case.turning = True
                else:
                    case.waiting.remove(number)
                    case.in_hand.add(number)
                    case.nodes.add(node)
                return Task(case, number, case.turned)
        return None

    def _in_turn(self, held: Case | None, node: str) -> Iterator[Case]:
        """Yield the embeddings that a worker can do something about, the best first."""
        able = [case for case in self._cases if case.waiting and not case.turning]
        if held in able:
            yield held
        open_bytes = sum(
            case.work.embedding.vectors.nbytes for case in self._cases if case.sent is not None
        )
        for case in able:
            more = case.work.embedding.vectors.nbytes if case.sent is None else 0
            fits = not open_bytes or open_bytes + more <= self._room
            if case is not held and not case.in_hand and fits:
                yield case
        busy = [case for case in able if case.in_hand and case is not held]
        yield from sorted(busy, key=lambda case: (node not in case.nodes, len(case.in_hand)))

    def turned(self, task: Task, shared: Any) -> None:  # noqa: ANN401  whatever names it
        """Note where to find what the batches of an embedding share."""
        task.case.turning, task.case.ready, task.case.turned = False, True, shared

    def done(self, task: Task) -> None:
        """Note that a batch is done."""
        case = task.case
        assert task.number is not None  # noqa: S101  the caller has looked
        case.in_hand.remove(task.number)
        case.losses = 0
        _forget_if_over(case)

    def died(self, task: Task, node: str, why: str) -> Results:
        """Note that a worker died over a task; return the batches that are given up, if any."""
        case, number = task.case, task.number
        case.deaths[number] += 1
        case.died_on[number] = node
        self._back(task)
        if case.deaths[number] < ATTEMPTS:
            return []
        text = f"{ATTEMPTS} workers died of it (out of memory?), the last {why}"
        return self.give_up(case, text, [*case.waiting] if number is None else [number])

    def lost(self, task: Task) -> Results:
        """Note that what batches share is no more; return the batches that are given up, if any."""
        case = task.case
        self._back(task)
        if case.ready and case.turned is task.turned:  # not noted yet
            case.ready, case.turned = case.work.by_round is not None, None
            case.losses += 1
        if case.losses < ATTEMPTS:
            return []
        return self.give_up(case, f"its data were lost with their nodes {ATTEMPTS} times")

    def give_up(self, case: Case, why: str, numbers: Sequence[int] | None = None) -> Results:
        """Return what becomes of batches that cannot be done; None: of all that wait."""
        given_up = [*case.waiting] if numbers is None else numbers
        case.turning = False
        case.waiting = [number for number in case.waiting if number not in given_up]
        _forget_if_over(case)
        return [(at, case.work.failed(case.work.batches[at], why)) for at in given_up]

    def _back(self, task: Task) -> None:
        """Take a task back that was not done."""
        if task.number is None:
            task.case.turning = False
        else:
            task.case.in_hand.remove(task.number)
            task.case.waiting.insert(0, task.number)


def _forget_if_over(case: Case) -> None:
    """Let go of what workers read, which may be large."""
    if case.over:
        case.sent = case.turned = None
