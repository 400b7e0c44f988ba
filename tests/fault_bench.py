"""Runs jobs on a cluster that is disturbed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import job_harness
from cluster_nodes import HUB_ADDRESS, QUICK, Cluster
from fault_trials import Outcome, compare
from storage_faults import BUCKET, FaultyStore, environment

if TYPE_CHECKING:
    import subprocess

    from cluster_nodes import Node
    from fault_trials import Fault, Trial

STORE_PORT = 9000
STORE_URL = f"http://{HUB_ADDRESS}:{STORE_PORT}"
SMALL = "512k"
"""The disk of each node."""
MILLISECONDS = 300
"""That a shard takes."""
LIMIT = 150.0
"""Seconds after which a job hangs."""
DRAIN = 15.0
"""Seconds in which an old actor has finished its shard."""


class Bench:
    """A cluster, used by one trial after the other and mended in between."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._expected: dict[tuple[int, tuple[int, ...]], Path] = {}
        self._trials = 0
        self._slow: bool | None = None
        self._suspect: list[Node] = []
        self.cluster: Cluster | None = None
        self.store: FaultyStore | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the cluster; the next trial has another."""
        if self.store is not None:
            self.store.stop()
        if self.cluster is not None:
            self.cluster.close()
        self.store = self.cluster = None
        self._suspect.clear()

    def perform(self, trial: Trial, logs: Path | None = None) -> Outcome:
        """Run a job through its faults and look at what is there then; keep logs in a folder."""
        self._trials += 1
        self._mend(trial)
        expected = self.expected(trial.files, trial.poison)
        run = _Run(self, trial, self._folder / f"trial{self._trials}")
        try:
            run.until_done()
        finally:
            self._suspect += run.touched
            run.clean_up()
        run.outcome.problems += compare(expected, run.result())
        run.outcome.problems += [
            f"the log has {word!r}"
            for word in ("Traceback", "(a defect")
            if word in run.outcome.log
        ]
        if logs is not None:
            self._keep(logs, run.outcome)
        if run.outcome.problems:
            self.close()  # the next trial begins with a sound cluster
        return run.outcome

    def _keep(self, logs: Path, outcome: Outcome) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        (logs / "job.log").write_text(outcome.log)
        assert self.cluster is not None
        for found in self.cluster.folder.glob("n*/ray/session_2*/logs"):
            ignored = shutil.ignore_patterns("old", "events", "export_events")
            shutil.copytree(found, logs / found.parts[-4], ignore=ignored, dirs_exist_ok=True)

    def source(self, files: int, poison: tuple[int, ...]) -> Path:
        """Return an input folder."""
        folder = self._folder / f"{files}-{len(poison)}-{sum(poison)}" / "in"
        if not folder.exists():
            job_harness.write_folder(folder, dict.fromkeys(poison, "KILL"), files)
        return folder

    def expected(self, files: int, poison: tuple[int, ...]) -> Path:
        """Return the folder of an undisturbed job on one machine."""
        key = files, poison
        if key not in self._expected:
            source = self.source(files, poison)
            out, log = source.parent / "out", source.parent / "log"
            words = job_harness.job(source, out, "--seed", str(MILLISECONDS), "--workers", "4")
            status = job_harness.start(words, log).wait(LIMIT)
            assert status == (1 if poison else 0), log.read_text()
            self._expected[key] = out
        return self._expected[key]

    def _mend(self, trial: Trial) -> None:
        """Have a cluster of as many sound nodes as a trial wants."""
        if self.cluster is not None and self._slow != trial.slow:
            self.close()
        if self.cluster is None:
            environ = {**({} if trial.slow else QUICK), **environment(STORE_URL)}
            self.cluster, self._slow = Cluster(environ), trial.slow
            log = self.cluster.folder / "store"
            process = self.cluster.serve(FaultyStore.words(HUB_ADDRESS, STORE_PORT), log)
            self.store = FaultyStore(process, STORE_URL)
        cluster = self.cluster
        for node in cluster.orphans:
            node.space.kill()
        cluster.orphans.clear()
        if cluster.nodes and cluster.head in self._suspect:
            for node in [*cluster.nodes]:
                cluster.kill(node)
        for node in [*cluster.nodes]:
            surplus = cluster.nodes.index(node) > trial.nodes
            if surplus or node in self._suspect or not cluster.has_ray(node):
                cluster.kill(node)
        self._suspect.clear()
        new = cluster.begin([0]) if not cluster.nodes else []
        new += cluster.begin([1] * (trial.nodes + 1 - len(cluster.nodes)), small=SMALL)
        cluster.wait_started(new)


class _Run:
    """One trial."""

    def __init__(self, bench: Bench, trial: Trial, folder: Path) -> None:
        assert bench.cluster is not None
        folder.mkdir()
        self._cluster, self._store, self._trial = bench.cluster, bench.store, trial
        self._folder, self._log = folder, folder / "log"
        self._prefix = f"{folder.name}/"
        on_s3 = trial.store == "s3"
        out = f"s3://{BUCKET}/{folder.name}" if on_s3 else str(folder / "out")
        source = bench.source(trial.files, trial.poison)
        self._words = [
            sys.executable, "-m", "fault_driver", *job_harness.job(source, Path("OUT"), "--engine",
            "ray", "--address", self._cluster.address, "--seed", str(MILLISECONDS)),
        ]  # fmt: skip
        self._words[self._words.index("OUT/")] = f"{out}/"
        self._pending = sorted(trial.faults, key=lambda fault: fault.at)
        self._later: list[tuple[float, Fault, Node]] = []
        self._named = [*self._cluster.nodes]
        self._excuse = ""
        self._look = 0.0
        self.touched: list[Node] = []
        self.outcome = Outcome()

    def until_done(self) -> None:
        """Submit the job, strike, and submit it again where the command fell with its machine."""
        if self._trial.rate or self._trial.outages:
            assert self._store is not None
            self._store.misbehave(self._trial.seed, self._trial.rate, self._trial.outages)
        end = time.monotonic() + LIMIT
        process = self._submit()
        while True:
            if time.monotonic() > end:
                self.outcome.problems.append(f"not over after {LIMIT:.0f} s")
                process.kill()
                process.wait()
                return
            if process.poll() is None:
                self._strike()
                self._pass_by()
                self._revive()
                time.sleep(0.02)
                continue
            self.outcome.statuses.append(process.returncode)
            if process.returncode == (1 if self._finished() and self._trial.poison else 0):
                return
            if not self._excuse:
                self.outcome.problems.append(f"the command ended with {process.returncode}")
                return
            self._excuse = ""
            self._make_room()
            while self._later:
                self._pass_by()
                time.sleep(0.02)
            self._repair()
            process = self._submit()

    def clean_up(self) -> None:
        """Let cut-off actors finish their old shards; have a sound store."""
        end = time.monotonic() + DRAIN
        for _, fault, node in self._later:
            self._restore(fault, node)
        for node in {*self.touched, *self._cluster.orphans}:
            while node.alive and self._cluster.actors(node) and time.monotonic() < end:
                time.sleep(0.05)
        if self._store is not None:
            fates = self._store.behave()
            self.outcome.spoiled = sum(n for fate, n in fates.items() if fate != "fine")
        if self._log.exists():
            self.outcome.log = self._log.read_text(errors="replace")

    def result(self) -> Path:
        """Return the folder that was written, a copy of what is in a store."""
        if self._trial.store == "s3":
            assert self._store is not None
            self._store.download(self._prefix, self._folder / "out")
        return self._folder / "out"

    def _submit(self) -> subprocess.Popen[bytes]:
        self._begun = time.monotonic()
        driver = self._cluster.nodes[min(self._trial.driver, len(self._cluster.nodes) - 1)]
        self._driver = driver
        return self._cluster.start(driver, self._words, self._log)

    def _done(self) -> int:
        """Return the number of shards that are done."""
        if self._trial.store == "s3":
            assert self._store is not None
            return self._store.count(f"{self._prefix}.job/done/")
        return len(list(self._folder.glob("out/.job/done/*/*.json")))

    def _finished(self) -> bool:
        if self._trial.store == "s3":
            assert self._store is not None
            return self._store.count(f"{self._prefix}.job/_SUCCESS.json") > 0
        return (self._folder / "out/.job/_SUCCESS.json").exists()

    def _strike(self) -> None:
        if not self._pending or not self._cluster.nodes:  # none between one head and the next
            return
        fault = self._pending[0]
        if time.monotonic() - self._begun < 1 or (fault.at and self._done() < fault.at):
            return
        node = self._named[min(fault.node, len(self._named) - 1)]
        if not node.alive or (node in self._cluster.orphans):
            node = next((n for n in self._cluster.nodes[1:] if n.alive), self._cluster.head)
        if self._hit(fault, node):
            self._pending.pop(0)
            self.outcome.struck += 1

    def _hit(self, fault: Fault, node: Node) -> bool:
        """Let a fault happen; False when it cannot yet."""
        match fault.kind:
            case "actor":
                found = [pid for n in self._cluster.nodes for pid in self._cluster.actors(n)]
                mine = self._cluster.actors(node) or found
                if not mine:
                    return False
                with contextlib.suppress(ProcessLookupError):
                    os.kill(mine[0], signal.SIGKILL)
            case "node":
                if node is self._driver:
                    self._excuse = "its node was killed"
                self._cluster.kill(node)
                if len(self._cluster.nodes) == 1:
                    self._cluster.begin([1], small=SMALL)
            case "head":
                self._excuse = "the head was killed"
                self._cluster.kill_head()
                self.touched += self._cluster.orphans
                self._later.append((time.monotonic() + fault.seconds, fault, node))
            case "cut":
                if node in {self._driver, self._cluster.head}:
                    self._excuse = "the head or the command's node was cut off"
                self._cluster.cut(node)
                self.touched.append(node)
                self._later.append((time.monotonic() + fault.seconds, fault, node))
            case "full":
                if not self._cluster.actors(node):
                    return False
                if node is self._driver:
                    self._excuse = "the disk of the command's node is full"
                self._fill(node)
                self._later.append((time.monotonic() + fault.seconds, fault, node))
            case _:
                raise AssertionError(fault.kind)
        return True

    def _pass_by(self) -> None:
        """End the faults whose time is over."""
        for entry in [*self._later]:
            when, fault, node = entry
            if fault.kind == "full" and node.alive:
                self._fill(node)  # also what was given free since
            if time.monotonic() > when:
                self._later.remove(entry)
                self._restore(fault, node)

    def _make_room(self) -> None:
        """Do what the command's message asks for."""
        for entry in [*self._later]:
            _, fault, node = entry
            if fault.kind == "full" and node is self._driver:
                self._later.remove(entry)
                self._restore(fault, node)

    def _revive(self) -> None:
        """Start a node where Ray has ended on all of them, as whoever runs a cluster would.

        Ray also takes nodes for dead that nobody touched, when this machine is overloaded.
        """
        if time.monotonic() < self._look:
            return
        self._look = time.monotonic() + 2
        if not any(map(self._cluster.has_ray, self._cluster.nodes[1:])):
            self.touched += self._cluster.nodes[1:]
            self.touched += self._cluster.begin([1], small=SMALL)
            self._look += 20

    def _restore(self, fault: Fault, node: Node) -> None:
        if fault.kind == "head":
            self._cluster.begin_head()
        elif node.alive and fault.kind == "cut":
            self._cluster.heal(node)
        elif node.alive and fault.kind == "full":
            self._filler(node).unlink(missing_ok=True)

    def _repair(self) -> None:
        """Have a head and a worker at the least, and as many as the trial began with."""
        cluster = self._cluster
        if cluster.head in self.touched:  # it has no workers any more, it thinks
            for node in [*cluster.nodes]:
                cluster.kill(node)
            new = cluster.begin([0])
        else:
            new = []
            for node in [*cluster.nodes]:
                if node in self.touched:
                    cluster.nodes.remove(node)
                    cluster.orphans.append(node)
        new += cluster.begin([1] * (self._trial.nodes + 1 - len(cluster.nodes)), small=SMALL)
        cluster.wait_started(new)
        words = self._words
        words[words.index("--address") + 1] = cluster.address

    def _fill(self, node: Node) -> None:
        with contextlib.suppress(OSError), self._filler(node).open("ab", 0) as stream:
            while True:
                stream.write(bytes(4096))

    @staticmethod
    def _filler(node: Node) -> Path:
        return Path(f"/proc/{node.space.pid}/root{node.disk}/filler")
