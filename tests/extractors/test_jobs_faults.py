"""A few of the faults of `tests/fault_runs.py`, one at a time: nothing lost, nothing twice.

Nodes are network namespaces of this machine. Each trial ends with the bytes of an undisturbed job
on one machine and its `_SUCCESS.json`; `Bench.perform` looks at that.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import job_driver
import pytest
from cluster_nodes import why_not
from fault_bench import Bench
from fault_trials import Fault, Trial
from s3_server import forget_stores
from storage_faults import BUCKET, FaultyStore, environment

from extractors.jobs.storage import JobFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

FOR_GOOD = 1000.0


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A cluster of a head and two nodes, and a store that misbehaves when told to."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    if reason := why_not():
        pytest.skip(reason)
    with Bench(tmp_path_factory.mktemp("bench")) as found:
        yield found


def test_a_full_disk_on_one_node_and_a_store_that_fails(bench: Bench) -> None:
    """Errors 500 and 503, answers too late or cut off, and seconds with no store at all."""
    full = Fault("full", 2, 1, FOR_GOOD)
    trial = Trial(2, 5, "s3", rate=0.08, outages=1, seed=3, faults=(full,))
    outcome = bench.perform(trial)
    assert outcome.problems == [], outcome.log
    assert (outcome.statuses, outcome.struck) == ([0], 1)
    failed = re.search(r"calls? failed", outcome.log)
    assert failed is not None, "the disk was not full"
    assert outcome.spoiled > 5


def test_a_node_that_is_cut_off_and_comes_back(bench: Bench) -> None:
    """For longer than Ray bears here: its shard is made elsewhere, and by itself too."""
    outcome = bench.perform(Trial(faults=(Fault("cut", 2, 1, 5.0),)))
    assert outcome.problems == [], outcome.log
    assert (outcome.statuses, outcome.struck) == ([0], 1)


def test_an_actor_then_a_node_then_the_head_are_killed(bench: Bench) -> None:
    """The command falls with the head; on another cluster the same command goes on."""
    faults = Fault("actor", 1, 2), Fault("node", 3), Fault("head", 6, 0, 0.0)
    outcome = bench.perform(Trial(faults=faults))
    assert outcome.problems == [], outcome.log
    assert (outcome.statuses, outcome.struck) == ([-9, 0], 3)
    kept = re.search(r"(\d+) rows stood already, verified", outcome.log)
    assert kept is not None
    assert int(kept[1]) >= 60


def test_a_large_file_survives_lost_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not there before it is whole."""
    pytest.importorskip("s3fs")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    tests = Path(job_driver.__file__).parent
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            FaultyStore.words("127.0.0.1", port), text=True, env=os.environ | {"PYTHONPATH": tests},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    for key, value in environment(url).items():
        monkeypatch.setenv(key, value)
    data = os.urandom(1 << 20) * 40
    with FaultyStore(process, url) as store:
        forget_stores()
        folder = JobFolder.at(f"s3://{BUCKET}/out/")
        store.misbehave(7, 0.5, kinds=("no part", "no part", "503", "unheard"))
        with folder.writing("large") as path:
            path.write_bytes(data)
            assert folder.size("large") is None
        spoiled = store.behave()
        assert folder.size("large") == len(data)
        assert folder.digest("large") == hashlib.sha256(data).hexdigest()
        assert folder.names() == ["large"]
    forget_stores()
    assert spoiled.get("no part"), "no part was lost"
