"""What a job will take, from a sample: rows spread over the input, encoded by one worker.

The rows that are measured stand in stretches spread evenly over the input, by bytes where the
plan knows them, so that long sequences weigh what they cost. A shard is then taken to last its
rows times the seconds a row of the stretches around it, and what a shard costs by itself.
"""

from __future__ import annotations

import heapq
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.jobs.job import limits_of, require_one_layer
from extractors.jobs.manifest import plan, planned
from extractors.jobs.sample import Layout, SampleWorker, Stretch, measure
from extractors.jobs.shard import Output, Setup
from extractors.jobs.storage import JobFolder
from extractors.jobs.tally import duration, number, size
from extractors.provenance import common_provenance, layer_provenances
from hf_datasets.command import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractors.jobs.engine import Engine
    from extractors.jobs.source import Source
    from extractors.loading import Loader

ASSUMED = (
    "workers that do not slow each other down and never wait for machines or fail",
    "input and working space as quick as for the sample; storing at --out was not measured",
)
GRID = 1024
"""Points of the input between which a rate is taken to be straight."""


@dataclass(frozen=True)
class Estimate:
    """What a job will take."""

    model: str
    node: str
    device: str
    rows: int
    shards: int
    bytes: int
    """Of all output files together,"""
    file_bytes: tuple[int, int]
    """of the smallest and the largest of them,"""
    bytes_per_row: float
    """as written, so with compression."""
    rows_per_second: float
    """Of one worker, over the whole input,"""
    rows_per_second_sampled: tuple[float, float]
    """and over the slowest and the quickest of the stretches."""
    tokens_per_second: float
    start_seconds: float
    """Until a worker has the model."""
    seconds_one_worker: float
    workers: int
    seconds: float
    """With so many workers."""
    price_per_hour: float | None
    """Of a worker."""
    cost_one_worker: float | None
    cost: float | None
    sampled_rows: int
    sampled_failed: int
    """Of these, rows that the model refused."""
    sampled_stretches: int
    sampled_seconds: float
    weighted_by: str
    """What the stretches are spread over: bytes or rows."""

    def table(self) -> list[tuple[str, str]]:
        """Return what people read: a label and a text a line."""
        start, took = duration(self.start_seconds), duration(self.sampled_seconds)
        failed = f", {self.sampled_failed:,} of them failed" if self.sampled_failed else ""
        stretches = f"{self.sampled_stretches} stretches, spread by {self.weighted_by}"
        files = " to ".join(dict.fromkeys(size(each) for each in self.file_bytes))
        each = f"{number(self.bytes_per_row)} bytes a row, compressed"
        slow, quick = (number(rate) for rate in self.rows_per_second_sampled)
        rate = number(self.rows_per_second)
        tokens = f", {number(self.tokens_per_second)} tokens/s" if self.tokens_per_second else ""
        lines = [
            ("worker", f"{self.model} on {self.device} of {self.node}, ready after {start}"),
            ("sample", f"{self.sampled_rows:,} rows in {stretches}, took {took}{failed}"),
            ("input", f"{self.rows:,} rows in {self.shards:,} shards"),
            ("output", f"{size(self.bytes)} in {self.shards:,} files of {files}; {each}"),
            ("speed", f"{rate} rows/s a worker (sampled: {slow} to {quick}){tokens}"),
            ("time", self._both(duration(self.seconds_one_worker), duration(self.seconds))),
        ]
        if self.cost is not None and self.cost_one_worker is not None:
            both = self._both(number(self.cost_one_worker), number(self.cost))
            lines.append(("cost", f"{both}; {number(self.price_per_hour or 0)} a worker-hour"))
        return [*lines, *(("assumes", text) for text in ASSUMED)]

    def _both(self, one: str, many: str) -> str:
        more = f", {many} with {self.workers:,}" if self.workers > 1 else ""
        return f"{one} with 1 worker{more}"


def estimate_job(
    loader: Loader,
    source: Source,
    engine: Engine[Any],
    *,
    name: str | None = None,
    stored: str = "float32",
    shard_rows: int | None = None,
    sample_seconds: float = 20.0,
    price: float | None = None,
) -> Estimate:
    """Cut the input as the job would, measure a sample on one worker, and work out the rest.

    What it writes lies in temporary folders, and is gone at the end. InputError as from the job:
    input that cannot be read, a model that cannot be loaded; or when no sampled row can be encoded.
    """
    with tempfile.TemporaryDirectory(prefix="genezoo-") as temporary, engine.running():
        folder = JobFolder.at(temporary)
        worker = SampleWorker(engine, Setup(loader, source, folder, engine.threads()))
        try:
            facts = worker.load()
            require_one_layer(facts)
            cuts = plan(source, limits_of(facts, stored, shard_rows), folder)
            common = common_provenance(
                loader.record, source.describe(), cuts.rows, cuts.fingerprint, stored
            ) | {"name": name}
            kind = Output(layer_provenances(common, facts)[0], facts.dim, stored, facts.per_token)
            say(f"measuring {loader.record.name} on one worker for about {sample_seconds:g} s")
            begun = time.monotonic()
            layout = Layout.of(planned(folder))
            measured = measure(worker, layout, folder, kind, sample_seconds)
            passed = time.monotonic() - begun
            found = _Sums(measured)
            free = [0.0] * min(engine.places(), layout.shards)
            for shard, start, end in layout.spans(planned(folder)):
                heapq.heapreplace(free, free[0] + found.add(shard.rows, start, end))
            workers = len(free)  # more would have nothing to do
        finally:
            worker.stop()
    rates = [one.sample.rows / one.seconds for one in measured]
    assert worker.where is not None, "something was measured"  # noqa: S101
    return Estimate(
        model=loader.record.name,
        node=worker.where.node,
        device=worker.where.device,
        rows=cuts.rows,
        shards=cuts.shards,
        bytes=found.bytes,
        file_bytes=(found.smallest, found.largest),
        bytes_per_row=found.bytes / cuts.rows,
        rows_per_second=cuts.rows / found.seconds,
        rows_per_second_sampled=(min(rates), max(rates)),
        tokens_per_second=found.tokens / found.seconds,
        start_seconds=worker.start_seconds,
        seconds_one_worker=found.seconds,
        workers=workers,
        seconds=max(free),
        price_per_hour=price,
        cost_one_worker=None if price is None else found.seconds / 3600 * price,
        cost=None if price is None else max(free) * workers / 3600 * price,
        sampled_rows=sum(one.sample.rows for one in measured),
        sampled_failed=sum(one.sample.failed for one in measured),
        sampled_stretches=len(measured),
        sampled_seconds=passed,
        weighted_by=layout.by,
    )


def _mean_over(
    stretches: list[Stretch], value: Callable[[Stretch], float]
) -> Callable[[float, float], float]:
    """Return what gives the mean of a value between two points of the input."""
    edges = np.linspace(0.0, 1.0, GRID + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    at = [stretch.at for stretch in stretches]
    values = np.interp(middles, at, [value(stretch) for stretch in stretches])
    total = np.concatenate([[0.0], np.cumsum(values) / GRID])

    def mean(start: float, end: float) -> float:
        difference = np.interp(end, edges, total) - np.interp(start, edges, total)
        return float(difference / (end - start))

    return mean


class _Sums:
    """What the shards come to, each by the stretches around it."""

    def __init__(self, measured: list[Stretch]) -> None:
        n = len(measured)
        self._seconds = _mean_over(measured, lambda one: one.slowest / one.sample.rows)
        self._tokens = _mean_over(measured, lambda one: one.sample.tokens / one.sample.rows)
        self._bytes = _mean_over(measured, lambda one: one.bytes_each)
        self._alone = sum(one.seconds - one.slowest for one in measured) / n
        self._one = sum(one.sample.bytes_one for one in measured) / n
        self.seconds = self.tokens = 0.0
        self.bytes = self.rows = 0
        self.smallest, self.largest = 1 << 62, 0

    def add(self, rows: int, start: float, end: float) -> float:
        """Add a shard; return the seconds that it will take."""
        seconds = self._alone + rows * self._seconds(start, end)
        written = round(self._one + (rows - 1) * self._bytes(start, end))
        self.rows += rows
        self.seconds += seconds
        self.tokens += rows * self._tokens(start, end)
        self.bytes += written
        self.smallest, self.largest = min(self.smallest, written), max(self.largest, written)
        return seconds
