"""Jobs on a Ray cluster of two nodes on this machine: the bytes of the local engine."""

from __future__ import annotations

import os
import signal
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from job_harness import (
    WAIT,
    expected_rows,
    job,
    rows,
    shards,
    start,
    success,
    wait_for_shards,
    write_folder,
)  # fmt: skip
from ray_nodes import two_nodes, workers

from extractors.__main__ import command
from extractors.jobs.schedule import DIED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_without_ray_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    source = write_folder(tmp_path / "in", n=1)
    assert command(job(source, tmp_path / "out", "--engine", "ray")) == 2
    error = capsys.readouterr().err
    assert error == "extract: error: --engine ray needs ray; pip install 'genezoo[ray]'\n"


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster of two nodes, each with a core."""
    with two_nodes() as address:
        yield address


def on(cluster: str, words: list[str], *more: str) -> list[str]:
    return [*words, "--engine", "ray", "--address", cluster, *more]


def actors() -> list[int]:
    """Return the processes that make shards, of this test's cluster alone."""
    return workers("ShardActor")


def test_a_cluster_gives_the_bytes_of_one_machine_and_bad_rows_become_errors(
    cluster: str, tmp_path: Path
) -> None:
    source = write_folder(tmp_path / "in", {59: "KILL"})
    words = job(source, tmp_path / "ray")
    process = start(on(cluster, words), tmp_path / "log")
    assert process.wait(2 * WAIT) == 1, (tmp_path / "log").read_text()
    assert rows(tmp_path / "ray") == expected_rows(120, {59: DIED})
    assert command(job(source, tmp_path / "local")) == 1
    assert shards(tmp_path / "ray") == shards(tmp_path / "local")
    assert success(tmp_path / "ray") == success(tmp_path / "local")


def test_an_actor_that_is_killed_is_replaced(cluster: str, tmp_path: Path) -> None:
    """Beside one for which there is no machine, and never will be."""
    source, out = write_folder(tmp_path / "in"), tmp_path / "out"
    words = job(source, out, "--seed", "300")
    process = start(on(cluster, words, "--workers", "3"), tmp_path / "log")
    wait_for_shards(out, process, 1)
    while len(found := actors()) < 2:
        assert process.poll() is None, "it ended with one actor"
    os.kill(found[0], signal.SIGKILL)
    assert process.wait(WAIT) == 0, (tmp_path / "log").read_text()
    assert rows(out) == expected_rows(120)
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("first", ["local", "ray"])
def test_a_job_begun_on_one_engine_is_finished_on_the_other(
    cluster: str, tmp_path: Path, first: str
) -> None:
    source, out = write_folder(tmp_path / "in"), tmp_path / "out"
    words = job(source, out, "--seed", "100")
    both = {"local": words, "ray": on(cluster, words)}
    process = start(both.pop(first), tmp_path / "first")
    wait_for_shards(out, process, 3)
    process.kill()
    process.wait()
    end = time.monotonic() + WAIT
    while actors():
        assert time.monotonic() < end, "an actor outlived its driver"
        time.sleep(0.02)
    kept = len(list(out.glob(".job/done/*/*.json")))
    if first == "local":  # as on a machine with more cores than any node has
        state = out / ".job/job.json"
        state.write_text(state.read_text().replace('"threads": 1', '"threads": 64'))
    (second,) = both.values()
    process = start(second, tmp_path / "second")
    log = tmp_path / "second"
    assert process.wait(WAIT) == 0, log.read_text()
    assert f"{10 * kept} rows stood already, verified" in log.read_text()
    assert rows(out) == expected_rows(120)
    assert success(out)["rows"] == 120


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    source = write_folder(tmp_path / "in", n=1)
    words = job(source, tmp_path / "out", "--engine", "ray", "--address", "127.0.0.1:1")
    assert start(words, tmp_path / "log").wait(WAIT) == 2
    error = (tmp_path / "log").read_text()
    assert error.startswith("extract: error: no Ray cluster at 127.0.0.1:1: ")
    assert error.count("\n") == 1
