"""Jobs on a Ray cluster against those on one machine: throughput, and memory of the driver.

    python benchmarks/cluster_speed.py [--rows 1000000] [--rounds 5] [--workers 2] [--memory]

Throughput: short rows through the `random` control, so that the engine is most of the work; the
two engines in turn; of 50 shards the first ten do not count, nor does any start-up.
Memory: the peak of the driving process, for 10⁵, 10⁶ and 10⁷ rows.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from machine import describe_machine

GROUP = 10_000
ENGINES = {"local": [], "ray": ["--engine", "ray"]}


def write_rows(folder: Path, rows: int) -> Path:
    """Write `rows` symbols of genes that are none, in groups of 10,000 rows, as one file."""
    folder.mkdir()
    schema = pa.schema({"symbol": pa.string()})
    with pq.ParquetWriter(folder / "symbols.parquet", schema) as writer:
        for start in range(0, rows, GROUP):
            names = np.char.add("G", np.arange(start, min(start + GROUP, rows)).astype(str))
            writer.write_table(pa.table({"symbol": names}, schema=schema), row_group_size=GROUP)
    return folder


def run(source: Path, out: Path, engine: str, workers: int, shard_rows: int) -> tuple[float, float]:
    """Run a job; return rows a second after the first shards, and peak MiB of the driver."""
    words = ["--model", "random", "--dim", "64", "--input", str(source), "--out", f"{out}/"]
    more = ["--workers", str(workers), "--shard-rows", str(shard_rows), *ENGINES[engine]]
    process = subprocess.Popen(
        [sys.executable, "-m", "extractors", *words, *more],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        message = f"{' '.join(words)} ended with status {status}"
        raise SystemExit(message)
    done = sorted(path.stat().st_mtime for path in out.glob(".job/done/*/*.json"))
    timed = done[len(done) // 5 :]
    rate = (len(timed) - 1) * shard_rows / (timed[-1] - timed[0])
    return rate, usage.ru_maxrss / 1024


def main() -> None:
    """Print rates, their ratio, and memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", action="store_true")
    chosen = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = write_rows(folder / "in", chosen.rows)
        rates: dict[str, list[float]] = {engine: [] for engine in ENGINES}
        for _ in range(chosen.rounds):
            for engine, found in rates.items():
                rate, _ = run(source, folder / "out", engine, chosen.workers, chosen.rows // 50)
                found.append(rate)
                shutil.rmtree(folder / "out")
        middle = {engine: statistics.median(found) for engine, found in rates.items()}
        for engine, found in rates.items():
            shown = ", ".join(f"{rate:,.0f}" for rate in found)
            print(f"{engine}: {middle[engine]:,.0f} rows/s (median of {shown})")
        ratios = [ray / local for local, ray in zip(rates["local"], rates["ray"], strict=True)]
        print(
            f"ray/local: {middle['ray'] / middle['local']:.3f} of the medians; pairs "
            f"{', '.join(f'{ratio:.3f}' for ratio in ratios)}"
        )
        if chosen.memory:
            for rows in (10**5, 10**6, 10**7):
                source = write_rows(folder / f"in{rows}", rows)
                for engine in ENGINES:
                    _, peak = run(source, folder / "out", engine, chosen.workers, rows // 50)
                    print(f"{rows:,} rows, {engine}: driver {peak:.0f} MiB")
                    shutil.rmtree(folder / "out")


if __name__ == "__main__":
    main()
