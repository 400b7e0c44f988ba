"""The real scheduler over workers in simulated time: every shard once, whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from cluster_plan import simulate
from simulated_cluster import SimulatedEngine, SimulatedWorker, Weather

from extractors.jobs import fleet, schedule
from extractors.jobs.shard import Reply
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from extractors.jobs.shard import Call, Setup

CALM = Weather(60.0, 0.0, boot=0.0, load=0.0)


def test_in_calm_weather_no_time_is_lost() -> None:
    found = simulate(6400, 64, CALM)
    assert found["hours"] == pytest.approx(found["ideal"], rel=1e-3)
    assert (found["starts"], found["again"], found["given_up"]) == (64, 0, 0)
    assert found["entries"] == 6400


@pytest.mark.parametrize("seed", range(4))
def test_in_a_storm_every_shard_is_done_once(seed: int) -> None:
    """`simulate` itself ends when one is lost or done twice."""
    storm = Weather(60.0, 0.5, deaths=2.0, storage=0.05, hangs=0.001)
    found = simulate(3000, 32, storm, seed)
    assert found["deaths"] > 50
    assert found["starts"] > 32
    assert found["given_up"] == 0
    assert found["hours"] < 2 * found["ideal"]


def test_a_worker_that_hangs_is_replaced_and_its_shard_made_elsewhere() -> None:
    found = simulate(400, 8, Weather(60.0, 0.0, boot=0.0, load=0.0, hangs=0.02))
    hangs = found["starts"] - 8
    assert hangs > 2
    assert found["given_up"] == 0
    # Each costs its worker the limit and a shard more; the last one all others wait for.
    lost = (schedule.HUNG + 2 * 60) / 3600
    assert found["hours"] < found["ideal"] + (hangs / 8 + 1) * lost


def test_storage_that_never_answers_ends_the_job_with_its_reason() -> None:
    with pytest.raises(InputError, match="4 failed; the job was ended: 503 Slow Down"):
        simulate(100, 4, Weather(60.0, 0.0, storage=1.0))


class Ill(SimulatedEngine):
    """Half of the workers, those of one machine, fail at once: its disk is full."""

    calls = 0

    def start(self, place: int, setup: Setup) -> SimulatedWorker:
        worker = super().start(place, setup)
        worker.ill = place % 2 == 0  # type: ignore[attr-defined]
        return worker

    def _fate(self, worker: SimulatedWorker, call: Call) -> tuple[float | None, Reply]:
        if call.method == "make" and worker.ill:  # type: ignore[attr-defined]
            Ill.calls += 1
            return 0.1, Reply(trouble="files", reason="No space left on device")
        return super()._fate(worker, call)


def test_a_machine_with_a_full_disk_costs_no_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster_plan.SimulatedEngine", Ill)
    found = simulate(800, 16, CALM)
    assert found["given_up"] == 0
    # Eight sound workers do it all; the others try, and rest for longer and longer.
    assert found["hours"] == pytest.approx(2 * found["ideal"], rel=0.05)
    assert 8 <= Ill.calls < 8 * 120


class Growing(SimulatedEngine):
    """A cluster that has two workers in the first hour and six afterwards; counts who waits."""

    most_idle = 0
    alive = 0

    def places(self) -> int:
        return 2 if self.clock < 3600 else 6

    def start(self, place: int, setup: Setup) -> object:  # type: ignore[override]
        self.alive += 1
        return super().start(place, setup)

    def stop(self, worker: object) -> None:
        self.alive -= 1
        super().stop(worker)  # type: ignore[arg-type]


def test_a_pool_grows_with_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster_plan.SimulatedEngine", Growing)
    found = simulate(600, 6, CALM)
    # An hour with two workers makes 120 shards; six make the other 480 in 80 minutes.
    assert found["hours"] == pytest.approx(1 + 80 / 60, abs=0.02 + fleet.GROWTH / 3600)
    assert found["starts"] == 6


def test_workers_without_work_are_ended_before_the_last_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that a cluster gives back machines while one straggler is at work."""
    alive = []

    class Straggler(Growing):
        def places(self) -> int:
            return self.workers

        def wait(self, workers: object, seconds: float) -> list[object]:  # type: ignore[override]
            alive.append((self.clock, self.alive))
            return super().wait(workers, seconds)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr("cluster_plan.SimulatedEngine", Straggler)
    simulate(8, 8, Weather(60.0, 1.0, boot=0.0, load=0.0))
    assert max(n for _, n in alive) == 8
    assert alive[-1][1] == 1
    assert np.all(np.diff([n for _, n in alive if _ > 1]) <= 0)
