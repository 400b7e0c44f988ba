"""Who is to blame for a dead process: a row that kills, or a machine that happened to fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest
from simulated_cluster import FACTS, SimulatedEngine, SimulatedWorker, Weather

from extractors.jobs.fleet import Fleet
from extractors.jobs.manifest import Plan
from extractors.jobs.schedule import Scheduler
from extractors.jobs.shard import Output, Reply, Setup
from extractors.jobs.source import Shard

if TYPE_CHECKING:
    from extractors.jobs.shard import Call

ROWS = 16


@dataclass
class Poisoned(SimulatedEngine):
    """A row kills whoever encodes it; beside that the calls of some numbers end in a death."""

    bad: int | None = None
    unlucky: set[int] = field(default_factory=set)
    encoded: int = 0
    masked: set[int] = field(default_factory=set)

    def _fate(self, worker: object, call: Call) -> tuple[float | None, Reply]:
        seconds, reply = super()._fate(worker, call)  # type: ignore[arg-type]
        if call.method not in {"make", "attempt"}:
            return seconds, reply
        self.encoded += 1
        self.masked = set(call.arguments[-1])
        start, stop = call.arguments[1:3] if call.method == "attempt" else (0, ROWS)
        bad = self.bad is not None and start <= self.bad < stop and self.bad not in self.masked
        if bad or self.encoded in self.unlucky:
            return seconds, Reply(trouble="died", reason="it is gone")
        return seconds, reply


def run(engine: SimulatedEngine, shards: int = 1) -> Scheduler:
    setup = Setup(None, None, None, 1)  # type: ignore[arg-type]
    fleet = Fleet(engine, setup, lambda *_: None)
    done: list[int] = []
    kind = Output({}, FACTS.dim, "float16", per_token=False)
    scheduler = Scheduler(
        fleet,
        Plan(shards, shards * ROWS, ""),
        kind,
        lambda _: False,
        lambda shard, *_: done.append(shard.number),
    )
    fleet.load_one()
    scheduler.run(Shard(number, "a.parquet", 0, 1, ROWS, 1) for number in range(shards))
    assert len(done) + len(scheduler.given_up) == shards
    return scheduler


def poisoned(bad: int | None, unlucky: set[int]) -> Poisoned:
    calm = Weather(60.0, 0.0, boot=0.0, load=0.0)
    return Poisoned(2, calm, np.random.default_rng(0), bad=bad, unlucky=unlucky)


@pytest.mark.parametrize("when", range(1, 20))
@pytest.mark.parametrize("bad", [0, 5, 15])
def test_one_death_more_hides_no_bad_row_and_blames_no_good_one(bad: int, when: int) -> None:
    engine = poisoned(bad, {when})
    assert run(engine).given_up == []
    assert engine.masked == {bad}


@pytest.mark.parametrize("when", range(1, 4))
@pytest.mark.parametrize("again", range(1, 8))
def test_deaths_alone_cost_no_row(when: int, again: int) -> None:
    """Three at any moments, among them while it is looked for a row."""
    engine = poisoned(None, {when, when + 1, when + 1 + again})
    assert run(engine).given_up == []
    assert engine.masked == set()


@dataclass
class Stuck(Poisoned):
    """The first worker never begins, as on a node that is ill."""

    def _fate(self, worker: object, call: Call) -> tuple[float | None, Reply]:
        if call.method == "hello" and self.starts == 1:
            return None, Reply()
        return super()._fate(worker, call)


def test_a_worker_that_never_begins_holds_up_nobody() -> None:
    engine = Stuck(2, Weather(60.0, 0.0, boot=0.0, load=0.0), np.random.default_rng(0))
    assert run(engine).given_up == []
    assert engine.starts == 2
    assert engine.clock < 200


@dataclass
class FullDisk(SimulatedEngine):
    """Where the first worker is, nothing can be written; it fails at once."""

    ill: object = None

    def start(self, place: int, setup: Setup) -> SimulatedWorker:
        worker = super().start(place, setup)
        self.ill = worker if place == 0 else self.ill
        return worker

    def _fate(self, worker: SimulatedWorker, call: Call) -> tuple[float | None, Reply]:
        if call.method == "make" and worker is self.ill:
            return 0.5, Reply(trouble="files", reason="no space left")
        return super()._fate(worker, call)


@pytest.mark.parametrize("seconds", [0.3, 2.0, 60.0])
@pytest.mark.parametrize("workers", [2, 3])
def test_a_full_disk_of_one_costs_no_shard(workers: int, seconds: float) -> None:
    calm = Weather(seconds, 0.0, boot=0.0, load=0.0)
    engine = FullDisk(workers, calm, np.random.default_rng(0))
    assert run(engine, 40).given_up == []
