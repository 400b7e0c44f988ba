"""Pools of workers on a cluster with Ray's own autoscaler: it grows for a job and shrinks after."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import job_driver
import pytest
from job_harness import WAIT, expected_rows, job, rows, start, write_folder

from extractors.__main__ import command
from extractors.ray_connection import Silence

if TYPE_CHECKING:
    from collections.abc import Iterator

NODES = """
import sys, ray
ray.init(sys.argv[1], logging_level="ERROR", log_to_driver=False)
for _ in sys.stdin:
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    print(sum("GPU" in found for found in alive), flush=True)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster that has no node with a core as long as nobody asks for one."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    tests = Path(job_driver.__file__).parent
    path = os.pathsep.join([str(tests), str(tests.parent)])
    with subprocess.Popen(
        [sys.executable, "-m", "autoscaling_cluster"], env=os.environ | {"PYTHONPATH": path},
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        yield next(line.split()[1] for line in process.stdout if line.startswith("at "))
        process.communicate()


def test_a_cluster_grows_for_a_job_and_shrinks_after(cluster: str, tmp_path: Path) -> None:
    """Four workers, two to a GPU: two machines are asked for, not four, and given back."""
    (tmp_path / "meet").mkdir()
    waits = f"MEET 4 {tmp_path / 'meet'}"  # in four shards: none is done before all are at work
    source = write_folder(tmp_path / "in", dict.fromkeys((0, 10, 20, 30), waits))
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", NODES, cluster], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as watch:  # fmt: skip
        assert watch.stdin is not None
        assert watch.stdout is not None

        def nodes() -> int:
            print(file=watch.stdin, flush=True)
            return int(watch.stdout.readline())  # type: ignore[union-attr]

        assert nodes() == 0
        words = job(source, out, "--engine", "ray", "--address", cluster)
        process = start([*words, "--gpus", "2", "--gpus-per-worker", "0.5"], tmp_path / "log")
        most, end = 0, time.monotonic() + 3 * WAIT
        while process.poll() is None:
            most = max(most, nodes())
            assert time.monotonic() < end
            time.sleep(0.2)
        assert process.returncode == 0, (tmp_path / "log").read_text()
        assert most == 2
        assert len(list((tmp_path / "meet").iterdir())) == 4
        wanted = expected_rows(120)
        for row in (0, 10, 20, 30):
            wanted[row] = (f"r{row}", job_driver.digest(waits), None)
        assert rows(out) == wanted
        assert "4 workers: the cluster has room for 0 now" in (tmp_path / "log").read_text()
        while nodes():
            assert time.monotonic() < end, "machines are kept"
            time.sleep(0.2)
        watch.stdin.close()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--gpus-per-worker", "0.5"], "say which GPUs; give --gpus N too"),
        (["--accelerator", "A100", "--gpus", "1"], "--accelerator is for --engine ray"),
        (["--gpus", "1", "--workers", "2"], "a worker has a GPU or none: name one"),
        (["--gpus", "2", "--gpus-per-worker", "0.4"], "'0.4' is no share of a GPU; give 1, 0.5"),
        (["--gpus", "2", "--gpus-per-worker", "2"], "'2' is no share of a GPU"),
    ],
)
def test_what_does_not_fit_together_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    source = write_folder(tmp_path / "in", n=1)
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(command(job(source, tmp_path / "out", *more)))
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_silent_worker_is_sent_something_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("extractors.ray_connection.time.monotonic", lambda: now)
    silence, sent = Silence(), []
    for second in range(130):
        now = 100.0 + second
        if silence.is_long():
            sent.append(second)
    assert sent == [16, 31, 61, 121]
