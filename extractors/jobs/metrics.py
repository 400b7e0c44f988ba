"""What a job on a Ray cluster tells Prometheus, through Ray's own metrics.

Every node serves its part of them; Ray puts `ray_` before the names and `_total` behind those of
counters. Labels are `job` (name of the output folder), `model` and, from workers, `node` and
`device`; the driver's are those with `genezoo_job` in their names.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from extractors.jobs.timing import STAGES

if TYPE_CHECKING:
    from extractors.jobs.timing import Spent, Where

COUNTERS = {
    "genezoo_rows": "Rows encoded; once more when their shard was tried again",
    "genezoo_failed_rows": "Of these, rows without an embedding",
    "genezoo_tokens": "Tokens of these rows",
    "genezoo_shards": "Shards written and marked as done",
    "genezoo_seconds": "Seconds of workers by stage: read (with tokenising), encode, write overlap",
    "genezoo_worker_seconds": "Seconds of workers altogether, waiting included",
}
"""Of workers; `genezoo_seconds` with the label `stage`."""
GAUGES = {
    "genezoo_busy_ratio": "Share of its last shard's time in which the worker encoded",
    "genezoo_gpu_busy_ratio": "Share of that time in which its GPU ran anything (NVML)",
    "genezoo_peak_memory_bytes": "Most memory: tensors on the GPU, or the process without one",
}
"""Of workers."""
SHARD_SECONDS = (1.0, 5.0, 15.0, 60.0, 180.0, 600.0, 1800.0, 7200.0)
HISTOGRAMS = {"genezoo_shard_seconds": "Seconds that a shard took, from reply to reply"}
"""Of workers."""
JOB_COUNTERS = {
    "genezoo_job_failed_calls": "Calls that failed: shards tried again, or given up after it",
    "genezoo_job_given_up_shards": "Shards that could not be made",
}
"""Of the driver; failed calls with the label `trouble`: files, raised, died."""
JOB_GAUGES = {
    "genezoo_job_rows": "Rows of the input",
    "genezoo_job_rows_done": "Of these, rows of finished shards, earlier runs' included",
    "genezoo_job_workers": "Workers that have a shard in hand",
    "genezoo_job_workers_starting": "Workers that load the model or wait for a machine",
}
"""Of the driver."""
HELP = COUNTERS | GAUGES | HISTOGRAMS | JOB_COUNTERS | JOB_GAUGES


class _Told:
    """Ray's metrics by name, with the labels that stay the same."""

    def __init__(self, labels: dict[str, str]) -> None:
        self._labels = labels
        self._made: dict[str, Any] = {}

    def _metric(self, kind: str, name: str, more: tuple[str, ...] = (), **how: Any) -> Any:  # noqa: ANN401
        if name not in self._made:
            make = getattr(import_module("ray.util.metrics"), kind)
            metric = make(name, description=HELP[name], tag_keys=(*self._labels, *more), **how)
            self._made[name] = metric.set_default_tags(self._labels)
        return self._made[name]

    def _count(self, name: str, by: float, **labels: str) -> None:
        """Add to a counter; Ray takes no 0, so one that never moved is not there."""
        if by > 0:
            self._metric("Counter", name, (*labels,)).inc(by, labels)

    def _set(self, name: str, value: float) -> None:
        self._metric("Gauge", name).set(value)


class WorkerMetrics(_Told):
    """What an actor tells, a `Meter`."""

    def __init__(self, job: str, model: str, where: Where) -> None:
        super().__init__({"job": job, "model": model, "node": where.node, "device": where.device})

    def part(self, rows: int, failed: int, tokens: int) -> None:
        """Count rows that were encoded."""
        self._count("genezoo_rows", rows)
        self._count("genezoo_failed_rows", failed)
        self._count("genezoo_tokens", tokens)

    def call(self, spent: Spent, *, made: bool) -> None:
        """Count what a call took."""
        for stage in STAGES:
            self._count("genezoo_seconds", spent.seconds[stage], stage=stage)
        self._count("genezoo_worker_seconds", spent.whole)
        self._set("genezoo_peak_memory_bytes", spent.memory)
        if spent.gpu is not None:
            self._set("genezoo_gpu_busy_ratio", spent.gpu)
        if made:
            self._count("genezoo_shards", 1)
            self._set("genezoo_busy_ratio", spent.seconds["encode"] / spent.whole)
            seconds = self._metric("Histogram", "genezoo_shard_seconds", boundaries=SHARD_SECONDS)
            seconds.observe(spent.whole)


class JobMetrics(_Told):
    """What the driver tells."""

    def __init__(self, job: str, model: str) -> None:
        super().__init__({"job": job, "model": model})

    def failed_call(self, trouble: str) -> None:
        """Count a call that failed."""
        self._count("genezoo_job_failed_calls", 1, trouble=trouble)

    def gave_up(self) -> None:
        """Count a shard that cannot be made."""
        self._count("genezoo_job_given_up_shards", 1)

    def stands(self, done: int, rows: int, working: int, starting: int) -> None:
        """Say how things stand."""
        for name, value in zip(JOB_GAUGES, (rows, done, working, starting), strict=True):
            self._set(name, value)
