"""Seeing a job run: what is done, how fast, for how long still, at what cost, on which devices."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from extractors.engine import SHOWN_FAILURES
from extractors.jobs.shard import Done

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tqdm import tqdm

    from extractors.jobs.fleet import Fleet
    from extractors.jobs.manifest import Plan
    from extractors.jobs.metrics import JobMetrics
    from extractors.jobs.schedule import Case
    from extractors.jobs.shard import Reply
    from extractors.jobs.source import Shard
    from extractors.jobs.timing import Spent

SHOWN_DEVICES = 8
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:,}/{total:,} rows [{elapsed}{postfix}]"
"""Rate and remaining time are ours: tqdm's count what an earlier run had done."""


@dataclass
class Usage:
    """What the workers of one device did, from their first shard to their last."""

    node: str
    device: str
    processes: set[tuple[str, int]] = field(default_factory=set)
    rows: int = 0
    seconds: float = 0.0
    """Of all its workers together, waiting for shards included."""
    encoding: float = 0.0
    """Of these."""
    gpu_seconds: float = 0.0
    """In which the GPU ran anything,"""
    gpu_looked: float = 0.0
    """of so many in which that is known."""
    peak_bytes: int = 0
    """Memory of its largest worker, of the GPU or else of the machine."""

    def add(self, spent: Spent, rows: int) -> None:
        """Take a call."""
        self.processes.add((spent.where.node, spent.where.process))
        self.rows += rows
        self.seconds += spent.whole
        self.encoding += spent.seconds["encode"]
        if spent.gpu is not None:
            self.gpu_seconds += spent.gpu * spent.whole
            self.gpu_looked += spent.whole
        self.peak_bytes = max(self.peak_bytes, spent.memory)

    def merge(self, other: Usage) -> None:
        """Take what another did."""
        self.processes |= other.processes
        self.rows += other.rows
        self.seconds += other.seconds
        self.encoding += other.encoding
        self.gpu_seconds += other.gpu_seconds
        self.gpu_looked += other.gpu_looked
        self.peak_bytes = max(self.peak_bytes, other.peak_bytes)

    @property
    def busy(self) -> float:
        """Share of the time that its workers were encoding."""
        return self.encoding / self.seconds if self.seconds else 0.0

    @property
    def gpu(self) -> float | None:
        """Share of the time in which the GPU ran anything; None when that is not known."""
        return self.gpu_seconds / self.gpu_looked if self.gpu_looked else None

    def shown(self) -> dict[str, Any]:
        """Return the figures, for a file."""
        return {
            "node": self.node, "device": self.device, "workers": len(self.processes),
            "rows": self.rows, "worker_seconds": round(self.seconds, 3),
            "busy": round(self.busy, 4), "gpu": self.gpu and round(self.gpu, 4),
            "peak_bytes": self.peak_bytes,
        }  # fmt: skip

    def line(self) -> str:
        """Return the figures, for people."""
        workers = len(self.processes)
        each = self.rows / self.seconds if self.seconds else 0.0
        gpu = "" if self.gpu is None else f", GPU {self.gpu:.0%}"
        return (
            f"{f'{self.node} {self.device}'.strip()}: {self.rows:,} rows by {workers} "
            f"worker{'s' if workers > 1 else ''} at {number(each)} rows/s each, "
            f"{self.busy:.0%} encoding{gpu}, at most {size(self.peak_bytes)}"
        )


@dataclass(frozen=True)
class Report:
    """What a run took; `.job/runs/` keeps it."""

    seconds: float
    """From the first shard handed out."""
    worker_seconds: float
    """Of the workers that were there, whatever they did."""
    rows: int
    """That this run made."""
    reused: int
    """Rows that it found and verified."""
    tokens: int
    retries: int
    """Calls that failed and were made again, or were the last of a shard that was given up."""
    given_up: int
    cost: float | None
    """Of the seconds of workers; None without a price."""
    devices: tuple[Usage, ...]
    """The most rows first."""

    def plain(self) -> dict[str, Any]:
        """Return the figures, for a file."""
        return {**vars(self), "devices": [usage.shown() for usage in self.devices]}

    def lines(self) -> Iterator[str]:
        """Yield the figures, for people: the first devices, and then the rest as one."""
        cost = "" if self.cost is None else f", cost {number(self.cost)}"
        calls = f"{self.retries:,} call{'' if self.retries == 1 else 's'}"
        failed = f", {calls} failed" if self.retries else ""
        hours = number(self.worker_seconds / 3600)
        yield f"took {duration(self.seconds)}, {hours} worker-hours{cost}{failed}"
        for usage in self.devices[:SHOWN_DEVICES]:
            yield usage.line()
        if rest := self.devices[SHOWN_DEVICES:]:
            total = Usage("", f"{len(rest)} more devices")
            for usage in rest:
                total.merge(usage)
            yield total.line()


class Tally:
    """Counts what is done, and shows it; looks on while a scheduler works."""

    def __init__(
        self, bar: tqdm[Any], cuts: Plan, price: float | None, metrics: JobMetrics | None
    ) -> None:
        self._bar, self._cuts, self._price, self._metrics = bar, cuts, price, metrics
        self.rows = self.failed = self.truncated = self.tokens = self.reused = 0
        self.shards = self.made = 0
        self.first: list[str] = []
        self._new_rows = self._new_tokens = self._retries = self._given_up = 0
        self._seconds = self._worker_seconds = 0.0
        self._spent = 0.0
        """Seconds of workers on shards that were no earlier run's, from reply to reply."""
        self._usage: dict[tuple[str, str], Usage] = {}
        self._there = self._working = self._starting = 0
        self._looked: float | None = None
        self._shown = time.monotonic()

    def add(self, shard: Shard, done: Done, reused: bool) -> None:  # noqa: FBT001  a callback
        """Take a finished shard."""
        del shard
        self.shards += 1
        self.rows += done.rows
        self.failed += done.failed
        self.truncated += done.truncated
        self.tokens += done.tokens
        self.first += done.first_failures[: SHOWN_FAILURES - len(self.first)]
        if reused:
            self.reused += done.rows
        else:
            self.made += 1
            self._new_rows += done.rows
            self._new_tokens += done.tokens
        self._bar.n = self.rows

    def replied(self, case: Case, reply: Reply) -> None:
        """Take what a call took, and whether it failed."""
        if reply.trouble is not None and case.search is None:
            self._retries += 1
            if self._metrics:
                self._metrics.failed_call(reply.trouble)
        spent = reply.spent
        if spent is None or case.unverified:  # to verify what is there says nothing of the rest
            return
        self._spent += spent.whole
        key = spent.where.node, spent.where.device
        rows = reply.value.rows if isinstance(reply.value, Done) else 0
        self._usage.setdefault(key, Usage(*key)).add(spent, rows)

    def gave_up(self, shard: Shard, reason: str) -> None:
        """Take a shard that cannot be made."""
        del shard, reason
        self._given_up += 1
        if self._metrics:
            self._metrics.gave_up()

    def looked(self, fleet: Fleet) -> None:
        """Count the workers, and show how things stand if that is due."""
        now = fleet.now()
        passed = now - self._looked if self._looked is not None else 0.0
        self._looked = now
        self._seconds += passed
        self._worker_seconds += passed * self._there
        # One that has not answered yet may wait for a machine, which costs nothing.
        self._there = sum(place.worker is not None and place.reached for place in fleet.places)
        self._working, self._starting = len(fleet.at_work()), fleet.preparing()
        if self._metrics:
            self._metrics.stands(self.rows, self._cuts.rows, self._working, self._starting)
        if time.monotonic() - self._shown >= self._bar.mininterval:
            self._shown = time.monotonic()
            self._bar.set_postfix_str(", ".join(self._standing()), refresh=False)
            self._bar.refresh()

    def finish(self) -> None:
        """Have the bar show how it went, when it is closed."""
        parts = [self._shards()]
        if self._new_rows and self._seconds:
            parts += self._rates(1 / self._seconds)
        self._bar.set_postfix_str(", ".join(parts), refresh=False)

    def _standing(self) -> list[str]:
        parts = [self._shards()]
        each = self._new_rows / self._spent if self._spent else 0.0
        left, working = self._cuts.rows - self.rows, max(1, self._working)
        if each:
            parts += self._rates(working / self._spent)
            if left:
                parts.append(f"{duration(left / each / working)} left")
        if self._price is not None:
            cost = self._worker_seconds / 3600 * self._price
            expected = f" of {number(cost + left / each / 3600 * self._price)}" if each else ""
            parts.append(f"cost {number(cost)}{expected}")
        starting = f" (+{self._starting} starting)" if self._starting else ""
        parts.append(f"{self._working} worker{'' if self._working == 1 else 's'}{starting}")
        if self._usage:
            parts.append(f"{self._busy():.0%} encoding")
        return parts

    def _shards(self) -> str:
        return f"{self.shards:,}/{self._cuts.shards:,} shards"

    def _rates(self, by: float) -> list[str]:
        rates = [f"{number(self._new_rows * by)} rows/s"]
        if self._new_tokens:
            rates.append(f"{number(self._new_tokens * by)} tokens/s")
        return rates

    def _busy(self) -> float:
        seconds = sum(usage.seconds for usage in self._usage.values())
        return sum(usage.encoding for usage in self._usage.values()) / seconds if seconds else 0.0

    def report(self) -> Report:
        """Return what the run took."""
        devices = sorted(self._usage.values(), key=lambda usage: (-usage.rows, usage.node))
        return Report(
            seconds=round(self._seconds, 3),
            worker_seconds=round(self._worker_seconds, 3),
            rows=self._new_rows,
            reused=self.reused,
            tokens=self._new_tokens,
            retries=self._retries,
            given_up=self._given_up,
            cost=None if self._price is None else self._worker_seconds / 3600 * self._price,
            devices=tuple(devices),
        )


def number(value: float) -> str:
    """Return a number as people read it: `12,345`, `12.3`, `0.012`."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004


def size(value: float) -> str:
    """Return bytes as people read them: `6.4 GB`."""
    units = ("bytes", "kB", "MB", "GB", "TB", "PB")
    thousands = min(len(f"{value:.0f}") - 1, 3 * len(units) - 1) // 3
    return f"{number(value / 1000**thousands)} {units[thousands]}"


def duration(seconds: float) -> str:
    """Return a time as people read it: `12 s`, `3 min 20 s`, `2 h 05 min`, `3 d 04 h`."""
    for unit, smaller, parts in (("d", "h", 24), ("h", "min", 60), ("min", "s", 60)):
        length = {"d": 86400, "h": 3600, "min": 60}[unit]
        if seconds >= length:
            whole, rest = divmod(round(seconds / length * parts), parts)
            return f"{whole} {unit} {rest:02d} {smaller}"
    return f"{number(seconds)} s"
