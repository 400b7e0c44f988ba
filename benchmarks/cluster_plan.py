"""What a job of many shards costs its scheduler, and the plan for 10⁹ proteins on 64 GPUs.

    python benchmarks/cluster_plan.py [--shards 1000000] [--rows 1000000000] [--gpus 64]

First the constants are measured on this machine: cutting the input, writing and verifying output.
Then the real scheduler is run over simulated workers (`simulated_cluster.py`): machines that boot,
die and hang, storage that fails. Last the arithmetic, for several shares of a GPU's peak.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from machine import describe_machine
from simulated_cluster import FACTS, HOUR, SimulatedEngine, Weather

from extractors.inputs import Asked
from extractors.jobs.fleet import Fleet
from extractors.jobs.ledger import RECORD, open_ledger
from extractors.jobs.manifest import Plan, plan
from extractors.jobs.schedule import Scheduler
from extractors.jobs.shard import Done, Output, Setup
from extractors.jobs.source import Limits, Shard, open_source
from extractors.jobs.storage import JobFolder
from extractors.parts import GroupWriter
from extractors.store import embedding_schema
from hf_datasets.files import file_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

DIM, LAYERS, PARAMETERS = 1280, 33, 651e6
"""Of ESM-2 650M (Lin et al. 2023, Science 379:1123)."""
RESIDUES = 350
"""Mean length of a protein; of UniProtKB/Swiss-Prot it is about 360."""
PEAK = 790e12
"""bf16 FLOP/s that an H200 was measured to reach in one large matrix product."""
SAMPLE = 200_000
SHARD_BYTES = 256e6


def cutting(folder: Path) -> dict[str, float]:
    """Return rows a second of planning, by kind of input."""
    letters = np.array(list("ACDEFGHIKLMNPQRSTVWY"))
    drawn = np.random.default_rng(0).choice(letters, (1000, RESIDUES))
    rows = ["".join(row) for row in drawn]
    table = pa.table(
        {
            "id": [f"P{row:09d}" for row in range(SAMPLE)],
            "sequence": [rows[row % 1000] for row in range(SAMPLE)],
        }
    )
    for name in ("parquet", "fasta"):
        (folder / name).mkdir()
    pq.write_table(table, folder / "parquet/a.parquet", row_group_size=10_000)
    with (folder / "fasta/a.fasta").open("w", encoding="ascii") as stream:
        for row in range(SAMPLE):
            stream.write(f">P{row:09d}\n{rows[row % 1000]}\n")
    found = {}
    for name in ("parquet", "fasta"):
        source = open_source(Asked(str(folder / name)), ("sequence",))
        began = time.process_time()
        plan(source, Limits(50_000, 1 << 60), JobFolder.at(f"{folder}/job"))
        found[name] = SAMPLE / (time.process_time() - began)
    return found


def writing(folder: Path, stored: str) -> tuple[float, float, float]:
    """Return bytes a row, bytes a second of writing with its digest, and of verifying."""
    rows = 20_000
    kind = np.float32 if stored == "float32" else np.float16
    vectors = np.random.default_rng(0).standard_normal((rows, DIM)).astype(kind)
    schema = embedding_schema(DIM, stored, {}, per_token=False)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), DIM)
    columns = {
        "id": pa.array([f"P{row:09d}" for row in range(rows)]),
        "embedding": flat,
        "n_tokens": pa.array(np.full(rows, RESIDUES, np.int32)),
    }
    table = pa.table(
        [
            columns[field.name].cast(field.type)
            if field.name in columns
            else pa.nulls(rows, field.type)
            if field.nullable
            else pa.array(np.zeros(rows), field.type)
            for field in schema
        ],
        schema=schema,
    )
    path = folder / f"{stored}.parquet"
    began = time.process_time()
    with GroupWriter(path, schema) as writer:
        writer.add(table)
    file_digest(path)
    wrote = time.process_time() - began
    began = time.process_time()
    file_digest(path)
    size = path.stat().st_size
    return size / rows, size / wrote, size / (time.process_time() - began)


def simulate(n_shards: int, workers: int, weather: Weather, seed: int = 0) -> dict[str, float]:
    """Take `n_shards` to their end; every one must be done exactly once."""
    engine = SimulatedEngine(workers, weather, np.random.default_rng(seed))
    with tempfile.TemporaryDirectory() as scratch, open_ledger() as ledger:
        cuts = Plan(n_shards, n_shards, "sha256:")
        folder = JobFolder.at(scratch)
        setup = Setup(None, None, folder, 1)  # type: ignore[arg-type]
        fleet = Fleet(engine, setup, lambda *_: None)
        seen = np.zeros(n_shards, dtype=np.uint8)

        def finished(shard: Shard, done: Done, reused: bool) -> None:  # noqa: FBT001
            del reused
            seen[shard.number] += 1
            ledger.put(shard.number, done)

        kind = Output({}, FACTS.dim, "float16", per_token=False)
        scheduler = Scheduler(fleet, cuts, kind, lambda _: False, finished)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.process_time()
        fleet.load_one()
        scheduler.run(_shards(n_shards))
        seconds = time.process_time() - began
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        entries = sum(1 for _ in ledger.entries())
    done = int((seen == 1).sum())
    if done + len(scheduler.given_up) != n_shards or (seen > 1).any():
        message = f"{done} of {n_shards} once, {int((seen > 1).sum())} twice"
        raise SystemExit(message)
    return {
        "cpu_us": 1e6 * seconds / n_shards,
        "mib": (after - before) / 1024,
        "hours": engine.clock / HOUR,
        "ideal": n_shards * weather.seconds * math.exp(weather.spread**2 / 2) / workers / HOUR,
        "starts": engine.starts,
        "deaths": engine.deaths,
        "again": engine.made - done,
        "given_up": len(scheduler.given_up),
        "entries": entries,
    }


def _shards(n: int) -> Iterator[Shard]:
    """Yield them one at a time, as a manifest does."""
    for number in range(n):
        yield Shard(number, "a.parquet", number, number + 1, 1, 1)


def main() -> None:
    """Print constants, simulations and plan."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shards", type=int, default=1_000_000)
    parser.add_argument("--rows", type=float, default=1e9)
    parser.add_argument("--gpus", type=int, default=64)
    parser.add_argument("--price", type=float, default=3.0, help="of a GPU an hour")
    chosen = parser.parse_args()
    print(describe_machine())

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rates = cutting(folder)
        for kind, rate in rates.items():
            print(f"planning {kind}: {rate:,.0f} rows/s of one core")
        sizes = {stored: writing(folder, stored) for stored in ("float16", "float32")}
        for stored, (each, wrote, verified) in sizes.items():
            print(
                f"output {stored}: {each:,.0f} bytes/row, written with digest at "
                f"{wrote / 1e6:,.0f} MB/s of one core, verified at {verified / 1e6:,.0f}"
            )
        line = json.dumps(asdict(Shard(10**6, "part-00000.parquet", 10**9, 10**9, 10**4, 10**9)))
        marker = Done(50_000, 0, 0, 17_500_000, 256_000_000, "0" * 64, "0" * 64)
        print(
            f"state: {len(line) + 1} bytes of manifest, {len(json.dumps(asdict(marker), indent=1))}"
            f" of marker, {RECORD.size} of ledger a shard"
        )
    sys.stdout.flush()

    print("\nscheduler, real decisions over simulated workers:")
    stormy = Weather(60.0, 0.3, deaths=0.05, storage=0.001, hangs=1e-6)
    for shards, workers, weather, what in (
        (chosen.shards // 10, chosen.gpus, Weather(60.0), "calm"),
        (chosen.shards, chosen.gpus, Weather(60.0), "calm"),
        (chosen.shards, chosen.gpus, stormy, "stormy"),
        (chosen.shards, 16 * chosen.gpus, stormy, "stormy"),
    ):
        found = simulate(shards, workers, weather)
        print(
            f"  {shards:,} shards, {workers:,} workers, {what}: {found['cpu_us']:,.0f} us of "
            f"driver CPU a shard, +{found['mib']:,.0f} MiB, {found['hours'] / found['ideal']:.4f} "
            f"of the ideal time; {found['deaths']:,} deaths, {found['starts']:,} starts, "
            f"{found['again']:,} made twice, {found['given_up']:,} given up"
        )
        sys.stdout.flush()

    # 2 FLOP for each parameter and token, 4 for each pair of tokens, channel and layer.
    per_token = 2 * PARAMETERS + 4 * LAYERS * DIM * RESIDUES
    tokens = chosen.rows * (RESIDUES + 2)
    print(
        f"\n{chosen.rows:,.0f} proteins of {RESIDUES} residues: {tokens:.3g} tokens, "
        f"{per_token / 1e9:.2f} GFLOP each"
    )
    for stored, (each, _, verified) in sizes.items():
        total = each * chosen.rows
        print(
            f"  {stored}: {total / 1e12:.2f} TB in {total / SHARD_BYTES:,.0f} shards; all verified "
            f"again in {total / verified / chosen.gpus / 60:,.0f} min by {chosen.gpus} workers"
        )
    for share in (0.2, 0.4, 0.6):
        rate = share * PEAK / per_token
        hours = tokens / rate / chosen.gpus / HOUR
        each, wrote, _ = sizes["float16"]
        per_shard = SHARD_BYTES / each * (RESIDUES + 2) / rate
        print(
            f"  at {share:.0%} of peak: {rate:,.0f} tokens/s a GPU, {hours:.1f} h on "
            f"{chosen.gpus}, {hours * chosen.gpus:,.0f} GPU-hours, cost "
            f"{hours * chosen.gpus * chosen.price:,.0f} at {chosen.price:g} an hour; "
            f"{per_shard:,.0f} s a shard, writing is {SHARD_BYTES / wrote / per_shard:.1%} of it"
        )
    for kind, rate in rates.items():
        hours = chosen.rows / rate / HOUR
        print(f"  planning {kind}: {hours:.2f} h of one core before the first shard")


if __name__ == "__main__":
    main()
