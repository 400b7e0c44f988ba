"""Seeing jobs run: estimates that come true, honest progress, and metrics that add up."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import job_driver
import pytest
from job_harness import SHARD_ROWS, WAIT, job, rows, shards, start, success, write_folder

from extractors.__main__ import command
from extractors.jobs.manifest import Plan
from extractors.jobs.schedule import Case
from extractors.jobs.shard import Done, Reply
from extractors.jobs.source import Shard
from extractors.jobs.tally import BAR, Tally, duration, number, size
from extractors.jobs.timing import GpuSampler, Spent, Where
from hf_datasets.command import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractors.jobs.fleet import Fleet

FACTOR = 2.0
"""How far a predicted time may be from the real one, on a machine that does other things too."""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, of workers too."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def dry_run(words: list[str], scratch: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what an estimate says, having looked that it left nothing behind."""
    capsys.readouterr()
    assert command([*words, "--dry-run", "--json"]) == 0
    assert not [*scratch.iterdir()]
    assert not Path(words[words.index("--out") + 1]).exists()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_what_a_dry_run_predicts_comes_true(
    tmp_path: Path, scratch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = write_folder(tmp_path / "in"), tmp_path / "out"
    words = job(source, out, "--seed", "150", "--price-per-hour", "2")
    found = dry_run([*words, "--workers", "2"], scratch, capsys)
    assert (found["rows"], found["shards"], found["sampled_rows"]) == (120, 12, 70)
    assert found["workers"] == 2
    assert found["seconds"] == pytest.approx(found["seconds_one_worker"] / 2, rel=0.05)
    assert found["cost_one_worker"] == pytest.approx(found["seconds_one_worker"] / 1800)

    assert command([*words, "--workers", "1"]) == 0
    error = capsys.readouterr().err
    assert success(out)["shards"] == found["shards"]
    sizes = [len(data) for data in shards(out).values()]
    assert found["bytes"] == pytest.approx(sum(sizes), rel=0.02)
    assert found["file_bytes"] == pytest.approx([min(sizes), max(sizes)], rel=0.02)
    run = json.loads((out / ".job/runs/00001.json").read_text())
    assert 1 / FACTOR < found["seconds_one_worker"] / run["seconds"] < FACTOR
    assert found["tokens_per_second"] * found["seconds_one_worker"] == pytest.approx(
        run["tokens"], rel=0.05
    )
    (device,) = run["devices"]
    assert (device["rows"], device["workers"], device["device"]) == (120, 1, "cpu")
    assert 12 * 0.15 < device["busy"] * device["worker_seconds"] < 12 * 0.15 * FACTOR
    assert run["cost"] == pytest.approx(run["worker_seconds"] / 1800, rel=0.01)
    assert f"{device['node']} cpu: 120 rows by 1 worker at " in error

    assert command([*words, "--workers", "1"]) == 0  # nothing to do is no run to tell of
    assert [path.name for path in (out / ".job/runs").iterdir()] == ["00001.json"]


@pytest.mark.parametrize("shard_rows", ["100", "5000"])
def test_long_sequences_do_not_fool_a_dry_run(
    tmp_path: Path, scratch: Path, capsys: pytest.CaptureFixture[str], shard_rows: str
) -> None:
    """Sorted by length, the first rows tell nothing of the last, in one shard or in many."""
    lengths = [round(20 * 1.003**row) for row in range(2000)]
    path = tmp_path / "sorted.fasta"
    path.write_text("".join(f">p{row}\n{'M' * n}\n" for row, n in enumerate(lengths)))
    words = ["--model", job_driver.MODEL, "--input", str(path), "--out", f"{tmp_path}/out/"]
    words += ["--shard-rows", shard_rows, "--dim", "10", "--sample-seconds", "0.6"]
    found = dry_run(words, scratch, capsys)
    expected = sum(lengths) * 10 / 1_000_000  # 26 seconds
    assert expected / 1.25 < found["seconds_one_worker"] < expected * 1.25
    assert found["weighted_by"] == "bytes"
    assert (found["rows"], found["shards"]) == (2000, -(-2000 // int(shard_rows)))
    assert found["sampled_rows"] < 1000


def test_a_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_folder(tmp_path / "in", {7: "KILL", 115: "RAISE"})
    words = job(source, tmp_path / "out", "--dry-run", "--sample-seconds", "0.1")
    assert command(words) == 0
    found = capsys.readouterr()
    labels = [line.split()[0] for line in found.out.splitlines()]
    assert labels == "worker sample input output speed time assumes assumes".split()
    assert "input    120 rows in 12 shards\n" in found.out
    assert "2 of 7 stretches could not be measured: " in found.err
    assert "nothing was written" in found.err
    assert not (tmp_path / "out").exists()


def test_what_a_dry_run_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extractors.jobs.sample.TROUBLES", 1)
    source = write_folder(tmp_path / "in", dict.fromkeys(range(120), "RAISE"))
    out = tmp_path / "out"
    file = ["--model", job_driver.MODEL, "--input", str(source / "0.parquet"), "--out"]
    for words, message in (
        ([*file, f"{out}.parquet", "--dry-run"], "--dry-run is for a folder of shards; give --out"),
        (job(source, out, "--sample-seconds", "3"), "--sample-seconds is for --dry-run; add it"),
        (job(source, out, "--price-per-hour", "nan"), "'nan' is no number over 0; give as in 20"),
        (job(source, out, "--dry-run", "--column", "no"), "no"),
        (job(source, out, "--dry-run"), "the sample cannot be encoded, 2 of its stretches fail: "),
    ):
        capsys.readouterr()
        try:
            status = command(words)
        except SystemExit as end:  # argparse
            status = int(str(end.code))
        assert status == 2, message
        error = [line for line in capsys.readouterr().err.splitlines() if "measuring" not in line]
        assert message in error[0]
        assert len(error) == 1
    assert not out.exists()


def test_a_log_has_lines_and_the_local_engine_no_metrics(tmp_path: Path) -> None:
    source, out = write_folder(tmp_path / "in"), tmp_path / "out"
    code = "import sys, job_driver\nfrom extractors.__main__ import command\nstatus = command()\n"
    code += "print(sorted({'ray', 'extractors.jobs.metrics'} & {*sys.modules}))\nsys.exit(status)"
    found = subprocess.run(
        [sys.executable, "-c", code, *job(source, out)], capture_output=True, check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert found.stdout == b"[]\n"
    assert b"\r" not in found.stderr
    lines = found.stderr.decode().splitlines()
    assert re.fullmatch(r"extract:   0%\|.*\| 0/120 rows \[00:00\]", lines[0])
    last = r"extract: 100%\|.*\| 120/120 rows \[00:\d\d, 12/12 shards, .* rows/s, .* tokens/s\]"
    assert re.fullmatch(last, lines[1])


def test_a_bar_in_a_log_prints_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)
    with progress(1000, "rows", "extract") as bar:
        for _ in range(1000):
            bar.update(1)
    lines = log.getvalue().splitlines()
    assert ["0/1000" in lines[0], "1000/1000" in lines[1], len(lines)] == [True, True, 2]


class Clock:
    """Stands for a fleet: places, and a clock that the test moves."""

    def __init__(self) -> None:
        self.time, self.places = 0.0, [_Place() for _ in range(4)]

    def now(self) -> float:
        return self.time

    def at_work(self) -> list[object]:
        return [place for place in self.places if place.reached]

    def preparing(self) -> int:
        return sum(not place.reached for place in self.places)


class _Place:
    worker, reached = 1, True


def tally_after(
    monkeypatch: pytest.MonkeyPatch, reused: int, made: int, whole: float
) -> tuple[str, dict[str, Any]]:
    """Return what a log shows, and the report, after shards of 100 rows of 1,000 on 4 workers."""
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)
    fleet: Fleet = Clock()  # type: ignore[assignment]
    with progress(1000, "rows", "extract", form=BAR) as bar:
        tally = Tally(bar, Plan(10, 1000, ""), 6.0, None)
        tally.looked(fleet)
        for at in range(reused + made):
            shard = Shard(at, "a", 0, 100, 100, 0)
            done = Done(100, 0, 0, 5000, 1, "", "")
            spent = Spent(
                Where("n", f"cuda:{at % 2}", at % 4), {"encode": whole / 2}, whole, 0.8, 1
            )
            reply = Reply(done, spent=spent)
            tally.replied(Case(shard, unverified=at < reused), reply)
            tally.add(shard, done, at < reused)
        fleet.time += 3600.0  # type: ignore[attr-defined]
        with monkeypatch.context() as later:
            later.setattr("time.monotonic", lambda: 1e9)
            tally.looked(fleet)
        report = tally.report()
    *_, shown, _ = log.getvalue().splitlines()
    return shown, report.plain()


def test_progress_counts_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard a worker takes 50 s: 4 of them make 8 rows/s, whatever stood there already."""
    shown, report = tally_after(monkeypatch, reused=0, made=4, whole=50.0)
    assert ", 8 rows/s, 400 tokens/s, 1 min 15 s left, " in shown
    assert "cost 24 of 24.5, 4 workers, 50% encoding]" in shown
    more, resumed = tally_after(monkeypatch, reused=2, made=4, whole=50.0)
    assert ", 8 rows/s, 400 tokens/s, 50 s left, " in more
    assert (report["rows"], report["reused"], report["tokens"]) == (400, 0, 20000)
    assert (resumed["rows"], resumed["reused"], resumed["tokens"]) == (400, 200, 20000)
    assert report["worker_seconds"] == 4 * 3600
    assert report["devices"] == resumed["devices"]
    assert [(one["rows"], one["workers"], one["gpu"]) for one in report["devices"]] == [
        (200, 2, 0.8), (200, 2, 0.8),
    ]  # fmt: skip


def test_many_devices_are_told_in_few_lines() -> None:
    tally = Tally(progress(1, "rows", "x"), Plan(1, 1, ""), None, None)
    shard, done = Shard(0, "a", 0, 1, 1, 0), Done(7, 0, 0, 0, 1, "", "")
    for at in range(64):
        spent = Spent(Where(f"node{at:02d}", "cuda:0", 1), {"encode": 3.0}, 4.0, None, 5 << 30)
        tally.replied(Case(shard, unverified=False), Reply(done, spent=spent))
    tally.replied(Case(shard, unverified=False), Reply(trouble="files"))
    lines = list(tally.report().lines())
    assert len(lines) == 10
    assert lines[0].endswith(", 1 call failed")
    each = "1.75 rows/s each, 75% encoding, at most 5.37 GB"
    assert lines[1] == f"node00 cuda:0: 7 rows by 1 worker at {each}"
    assert lines[-1] == f"56 more devices: 392 rows by 56 workers at {each}"


def test_numbers_as_people_read_them() -> None:
    times = (0.25, 12, 200, 59.96, 7500, 86399, 90000 + 3600)
    assert [duration(value) for value in times] == [
        "0.25 s", "12 s", "3 min 20 s", "60 s", "2 h 05 min", "24 h 00 min", "1 d 02 h",
    ]  # fmt: skip
    assert [size(value) for value in (0, 999, 1000, 6.4e9, 5e18)] == [
        "0 bytes", "999 bytes", "1 kB", "6.4 GB", "5,000 PB",
    ]  # fmt: skip
    assert [number(value) for value in (0, 0.01234, 12.34, 99.96, 12345.6)] == [
        "0", "0.0123", "12.3", "100", "12,346",
    ]  # fmt: skip


def test_devices_have_the_names_that_nvidia_smi_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert Where.here("cuda", "cuda").device == "cuda:3"
    assert Where.here("cuda:1", "cuda").device == "cuda:1"
    assert Where.here("auto", "cpu").device == "cpu"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert Where.here("auto", "cuda") == Where(socket.gethostname(), "cuda:0", os.getpid())


def test_a_gpu_is_looked_at_where_there_is_one() -> None:
    torch = pytest.importorskip("torch")
    sampler = GpuSampler.started()
    if not torch.cuda.is_available() or find_spec("pynvml") is None:
        assert sampler is None
        return
    assert sampler is not None
    matrix = torch.rand(4096, 4096, device="cuda")
    end = time.monotonic() + 3
    while time.monotonic() < end:
        (matrix @ matrix).sum().item()
    assert 0.3 < (sampler.take() or 0) <= 1


NODE = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={
    "num_cpus": 2, "object_store_memory": 80 << 20, "include_dashboard": False,
    "metrics_export_port": int(sys.argv[1]), "temp_dir": sys.argv[2]})
print("at", cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture
def node() -> Iterator[tuple[str, int]]:
    """The address of a cluster of one node, and the port at which it tells its metrics."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tests = Path(job_driver.__file__).parent
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)]),
        "RAY_metrics_report_interval_ms": "500",
    }
    with (  # in a short place, as the paths of sockets have to be short
        tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            [sys.executable, "-c", NODE, str(port), folder], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        yield next(line.split()[1] for line in process.stdout if line.startswith("at ")), port


def scraped(port: int) -> dict[str, float]:
    """Return the values of our metrics, summed over workers."""
    from prometheus_client.parser import text_string_to_metric_families

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        families = [*text_string_to_metric_families(answer.read().decode())]
    found: dict[str, float] = defaultdict(float)
    for family in families:
        if not family.name.startswith("ray_genezoo_"):
            continue
        assert family.documentation
        for sample in family.samples:
            assert (sample.labels["job"], sample.labels["model"]) == ("out", job_driver.MODEL)
            if "_job_" not in sample.name:
                assert (sample.labels["device"], sample.labels["node"]) == (
                    "cpu", socket.gethostname(),
                )  # fmt: skip
            name = sample.name.removeprefix("ray_genezoo_")
            more = sample.labels.get("stage", sample.labels.get("trouble"))
            found[f"{name} {more}" if more else name] += sample.value
    return found


def test_a_node_of_ray_tells_prometheus_what_was_done(
    node: tuple[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, port = node
    source, out = write_folder(tmp_path / "in", {39: "RAISE"}), tmp_path / "out"
    words = job(source, out, "--engine", "ray", "--address", address, "--workers", "2")
    log = tmp_path / "log"
    assert start([*words, "--dry-run", "--sample-seconds", "0.2"], log).wait(WAIT) == 0
    assert "input    120 rows in 12 shards\n" in log.read_text()
    assert not out.exists()

    assert start(words, log).wait(WAIT) == 1, log.read_text()  # one row failed
    assert len(rows(out)) == 120
    (run,) = (out / ".job/runs").iterdir()
    told = json.loads(run.read_text())
    end = time.monotonic() + 10
    while (found := scraped(port))["shards_total"] < 12:
        assert time.monotonic() < end, found
        time.sleep(0.2)
    # The shard with the bad row is made whole once, at the end; its searches are no rows.
    assert found["rows_total"] == 120
    assert found["failed_rows_total"] == 1
    assert found["tokens_total"] == told["tokens"] == success(out)["tokens"]
    assert found["shard_seconds_count"] == 12
    assert found["job_failed_calls_total raised"] == told["retries"] == 2
    stages = [found[f"seconds_total {stage}"] for stage in ("read", "encode", "write")]
    assert all(seconds > 0 for seconds in stages)
    assert max(stages) < found["worker_seconds_total"]
    assert told["rows"] == SHARD_ROWS * 12
