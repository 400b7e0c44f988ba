"""`probe --engine ray` on a cluster of two nodes of this machine: the bytes of threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from datasets import Features, Value
from ray_nodes import environment, two_nodes, workers

from extractors.store import load_embeddings
from hf_datasets.errors import InputError
from probes.actor import Facts
from probes.cluster import Place, RayEngine
from probes.parts import Parts
from probes.provenance import versions
from probes.result import read_results
from probes.run import _all_work, plan_run
from probes.settings import Settings
from probes.spread import ATTEMPTS, Board
from probes.task_set import load_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


Vectors = dict[str, "NDArray[np.float32]"]
Probe = Callable[..., Any]
Make = Callable[..., str]
WAIT = 60.0
"""Seconds after which a test gives up."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with two_nodes() as address:
        yield address


@pytest.fixture
def emb(vectors: Vectors, make_embeddings: Make) -> str:
    return make_embeddings(vectors)


@pytest.fixture
def numbers(make_dataset: Make, signal: NDArray[np.float64]) -> Callable[..., str]:
    """Write a dataset of regressions, each of which is a batch."""

    def make(*names: str) -> str:
        genes = [f"G{index:03}" for index in range(len(signal))]
        columns = {name: (signal * (at + 1) % 3).tolist() for at, name in enumerate(names)}
        features = {"symbol": Value("string"), **dict.fromkeys(names, Value("float32"))}
        return make_dataset({"t": (Features(features), {"symbol": genes, **columns})}, "numbers")

    return make


def start(cluster: str, log: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start `probe` on the cluster, in a process of its own; slow tasks are slow there."""
    command = [sys.executable, "-m", "probe_driver", *words]
    with log.open("wb") as stream:
        return subprocess.Popen(
            [*command, "--engine", "ray", "--address", cluster],
            stdout=stream, stderr=stream, env=environment(),
        )  # fmt: skip


def wait_for_parts(out: Path, process: subprocess.Popen[bytes], n: int) -> int:
    end = time.monotonic() + WAIT
    while (found := len(list(out.with_name(f"{out.name}.parts").glob("*.rows.parquet")))) < n:
        assert process.poll() is None, "it ended too early"
        assert time.monotonic() < end
        time.sleep(0.005)
    return found


def files(out: Path, name: str) -> tuple[str, ...]:
    return "--out", str(out / f"{name}.parquet"), "--predictions", str(out / f"{name}.p.parquet")


def same(out: Path, one: str, other: str) -> bool:
    """Whether two runs wrote the same bytes."""
    return all(
        (out / f"{one}.{end}").read_bytes() == (out / f"{other}.{end}").read_bytes()
        for end in ("parquet", "p.parquet")
    )


def test_a_cluster_gives_the_bytes_of_one_machine(
    *, cluster: str, probe: Probe, vectors: Vectors, bench: str, make_embeddings: Make,
    tmp_path: Path,
) -> None:  # fmt: skip
    """Every type of task; two embeddings with holes, and their ensemble."""
    names = list(vectors)
    one = make_embeddings({name: vectors[name] for name in names[:110]}, "one", tuple(names[110:]))
    two = make_embeddings({name: vectors[name][1:4] for name in names[::-1][:100]}, "two")
    words = (one, two, f"{one}+{two}", "--tasks", bench, "--derived", "--repeats", "2")
    process = start(cluster, tmp_path / "log", *words, *files(tmp_path, "ray"))
    ran = probe(*words, *files(tmp_path, "threads"), "--jobs", "1")
    assert ran.status == 0
    log = tmp_path / "log"
    assert process.wait(WAIT) == 0, log.read_text()
    assert same(tmp_path, "ray", "threads")
    assert [line for line in ran.err.splitlines() if line.startswith("note: ")] == [
        line for line in log.read_text().splitlines() if line.startswith("note: ")
    ]
    assert ran.out in log.read_text()
    assert not workers("FitActor")


def test_a_task_that_kills_its_worker_is_named_and_the_rest_is_done(
    cluster: str, probe: Probe, emb: str, numbers: Callable[..., str], tmp_path: Path
) -> None:
    """Beside one that is but faulty."""
    tasks = numbers("first", "deadly", "fault", "last")
    log = tmp_path / "log"
    process = start(cluster, log, emb, "--tasks", tasks, *files(tmp_path, "ray"))
    assert probe(emb, "--tasks", tasks, *files(tmp_path, "threads")).status == 0
    assert process.wait(WAIT) == 1, log.read_text()
    died, fault = (
        line for line in log.read_text().splitlines() if line.startswith("not done: ")
    )  # in the order of the tasks
    assert died.startswith(
        f"not done: {emb} on numbers/t/deadly: {ATTEMPTS} workers died of it (out of memory?), "
        f"the last on {os.uname().nodename}: Worker unexpectedly exits"
    )
    assert fault == f"not done: {emb} on numbers/t/fault: RuntimeError: no fault today"
    assert "Traceback" not in log.read_text()
    _, (provenance,) = read_results([tmp_path / "ray.parquet"])
    assert provenance["problems"] == [died[10:], fault[10:]]

    for end in ("parquet", "p.parquet"):
        found, whole = (
            pq.read_table(tmp_path / f"{name}.{end}").replace_schema_metadata()
            for name in ("ray", "threads")
        )
        good = pc.ends_with(whole["task"], "first"), pc.ends_with(whole["task"], "last")
        assert found.equals(whole.filter(pc.or_(*good)))


def test_what_threads_began_a_cluster_finishes_though_a_worker_is_killed(
    *, cluster: str, probe: Probe, emb: str, numbers: Callable[..., str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    words = (emb, "--tasks", numbers("slow_a", "slow_b", "slow_c", "slow_d", "slow_e"))
    write = Parts.write
    written: list[int] = []

    class Killed(BaseException):
        """As when a process ends."""

    def dies(parts: Parts, number: int, *what: Any) -> None:
        if written:
            raise Killed
        written.append(number)
        write(parts, number, *what)

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "write", dies)
        with pytest.raises(Killed):
            probe(*words, *files(tmp_path, "ray"))
    process = start(cluster, tmp_path / "log", *words, *files(tmp_path, "ray"))
    assert wait_for_parts(tmp_path / "ray.parquet", process, 2) < 5
    os.kill(workers("FitActor")[0], signal.SIGKILL)
    assert probe(*words, *files(tmp_path, "threads")).status == 0
    assert process.wait(WAIT) == 0, (tmp_path / "log").read_text()
    assert same(tmp_path, "ray", "threads")


def test_what_a_cluster_began_threads_finish(
    cluster: str, probe: Probe, emb: str, numbers: Callable[..., str], tmp_path: Path
) -> None:
    """After Ctrl-C, which leaves no worker behind."""
    words = (emb, "--tasks", numbers("slow_a", "slow_b", "slow_c", "slow_d", "slow_e"))
    log = tmp_path / "log"
    process = start(cluster, log, *words, *files(tmp_path, "ray"), "--workers", "1")
    wait_for_parts(tmp_path / "ray.parquet", process, 1)
    assert len(workers("FitActor")) == 1
    process.send_signal(signal.SIGINT)
    assert process.wait(WAIT) == 130, log.read_text()
    assert log.read_text().splitlines()[-1] == (
        "probe: error: interrupted; the same command goes on from here"
    )
    assert "Traceback" not in log.read_text()
    end = time.monotonic() + WAIT
    while workers("FitActor"):
        assert time.monotonic() < end, "a worker outlived its driver"
        time.sleep(0.02)
    kept = len(list((tmp_path / "ray.parquet.parts").glob("*.rows.parquet")))
    assert 0 < kept < 5
    assert probe(*words, *files(tmp_path, "ray")).status == 0
    assert probe(*words, *files(tmp_path, "threads")).status == 0
    assert same(tmp_path, "ray", "threads")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--engine ray --address 127.0.0.1:1", "no Ray cluster at 127.0.0.1:1: "),
        ("--engine ray --jobs 2", "--jobs 2 is for this machine; with Ray give --workers"),
        ("--engine ray --device cuda:1", "--device cuda:1 is of one machine; with Ray give --gpus"),
        ("--engine ray --gpus 2 --workers 2", "--gpus and --workers are both given"),
        ("--engine ray --gpus 2 --device cpu", "--device cpu contradicts --gpus"),
        ("--engine ray --workers 0", "'0' is no number of things"),
        ("--workers 2", "--workers is for a cluster; add --engine ray, or leave it out"),
    ],
)
def test_what_cannot_be_asked_for(probe: Probe, tmp_path: Path, words: str, message: str) -> None:
    pytest.importorskip("ray")
    ran = probe("no.parquet", "--tasks", "none", "--out", str(tmp_path / "r.parquet"),
                *words.split())  # fmt: skip
    assert ran.status == 2
    assert message in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("verb", ["compare", "similarity", "zero-shot", "--model=llm"])
def test_what_cannot_be_spread_says_so(probe: Probe, verb: str) -> None:
    ran = probe(verb, "a.parquet", "b.parquet", "--engine", "ray")
    assert ran.status == 2
    shown = verb.partition("=")[0]
    assert ran.err == (
        f"probe: error: `probe {shown}` runs on this machine alone; leave --engine out\n"
    )


def test_without_ray_the_extra_is_named(
    probe: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    ran = probe("no.parquet", "--tasks", "none", "--out", str(tmp_path / "r.parquet"),
                "--engine", "ray")  # fmt: skip
    assert ran.status == 2
    assert ran.err == "probe: error: --engine ray needs ray; pip install 'genezoo[ray]'\n"


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"versions": versions() | {"numpy": "1.0"}}, "n7 has numpy 1.0, this machine "),
        ({"lacking": "--device cuda is not there"}, "on n7: --device cuda is not there"),
    ],
)
def test_a_node_that_would_give_other_numbers_is_refused(
    facts: dict[str, Any], message: str
) -> None:
    usual: dict[str, Any] = {"versions": versions(), "processor": "Zen"}
    place = Place(None, None, 0.0)
    with pytest.raises(InputError, match=message):
        RayEngine(None, None, None)._arrived(place, Facts("7", "n7", **(usual | facts)))


@pytest.fixture
def board(
    vectors: Vectors, make_embeddings: Make, numbers: Callable[..., str]
) -> Callable[..., Board]:
    """Two embeddings with three batches each, as what is to be done."""
    tasks = load_tasks([numbers("a", "b", "c")])
    found = [load_embeddings(make_embeddings(vectors, name)) for name in ("one", "two")]

    def make(room: float = 1e9) -> Board:
        planned = plan_run(found, tasks, Settings(folds=2))
        works = _all_work(planned, predictions=False)
        return Board([(work, list(work.batches)) for work in works], room)

    return make


def given(board: Board, held: Any = None, node: str = "x", *nodes: str) -> tuple[Any, Any]:
    """What a worker gets: the task, and its place as model and batch."""
    task = board.choose(held, node, {node, *nodes})
    if task is None:
        return None, None
    task.case.sent = "sent"
    return task, (task.case.work.embedding.model, task.number)


def test_workers_stay_with_an_embedding_and_help_when_idle(board: Callable[..., Board]) -> None:
    todo = board()
    first, place = given(todo)
    assert place == ("one", None)  # what its batches share, made once
    second, place = given(todo)
    assert place == ("two", None)
    assert given(todo) == (None, None)
    todo.turned(first, "shared")
    mine, place = given(todo, first.case)
    assert place == ("one", 0)
    assert mine.turned == "shared"
    assert given(todo)[1] == ("one", 1)  # helps
    todo.turned(second, "also")
    assert given(todo, second.case)[1] == ("two", 3)
    todo.done(mine)
    assert given(todo, first.case)[1] == ("one", 2)
    assert given(todo, first.case)[1] == ("two", 4)
    assert todo.left() == 5
    narrow = board(room=1.0)
    assert given(narrow)[1] == ("one", None)
    assert given(narrow) == (None, None)  # no memory for another yet


def test_what_a_worker_died_of_goes_elsewhere_a_few_times(board: Callable[..., Board]) -> None:
    todo = board()
    shared, _ = given(todo)
    assert todo.died(shared, "x", "out of memory") == []
    assert given(todo, shared.case, "x", "y")[1] == ("two", None)  # not here again
    shared, place = given(todo, None, "y", "x")
    assert place == ("one", None)
    todo.turned(shared, "shared")
    for attempt in range(ATTEMPTS):
        task, place = given(todo, shared.case)  # no other node: here again
        assert place == ("one", 0)
        assert todo.left() == 6
        found = todo.died(task, "x", f"end {attempt}")
    ((number, done),) = found
    assert number == 0
    why = f"{ATTEMPTS} workers died of it (out of memory?), the last end {ATTEMPTS - 1}"
    assert done.problems == [f"{shared.case.work.embedding.source} on numbers/t/a: {why}"]
    assert todo.left() == 5
    assert given(todo, shared.case)[1] == ("one", 1)


def test_what_is_lost_with_a_node_is_made_again(board: Callable[..., Board]) -> None:
    todo = board()
    shared, _ = given(todo)
    for attempt in range(ATTEMPTS):
        todo.turned(shared, f"shared {attempt}")
        tasks = [given(todo, shared.case)[0] for _ in range(2)]
        assert [task.number for task in tasks] == [0, 1]
        found = todo.lost(tasks[1]) + todo.lost(tasks[0])  # one loss, though two come to see it
        if attempt < ATTEMPTS - 1:
            assert found == []
            shared, place = given(todo, shared.case)
            assert place == ("one", None)
    assert sorted(number for number, _ in found) == [0, 1, 2]
    assert "its data were lost with their nodes 3 times" in found[0][1].problems[0]
    assert todo.left() == 3
