"""Peak memory against the number of rows, and how long the light commands take to start.

    python benchmarks/memory_and_startup.py [--rounds 7]

Memory: the `random` encoder and a tiny random ESM on 100,000 and 1,000,000 rows, each a process of
its own, peak resident size from the operating system. Start-up: whole processes, medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine
from tiny_esm import write_proteins

ROWS = (100_000, 1_000_000)
LIGHT = (
    ("extractors", "--help"),
    ("extractors", "--list"),
    ("probes", "--help"),
    ("hf_datasets", "list"),
    ("cards", "--help"),
)


def peak_memory(words: list[str]) -> tuple[float, float]:
    """Run a command; return its peak resident size in MiB and its seconds."""
    start = time.perf_counter()
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        message = f"{' '.join(words)} ended with status {status}"
        raise SystemExit(message)
    return usage.ru_maxrss / 1024, time.perf_counter() - start


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "esm"
        # Not in this process: what it holds when it starts others counts into their peak.
        maker = Path(__file__).with_name("tiny_esm.py")
        subprocess.run([sys.executable, str(maker), str(checkpoint)], check=True)
        options = {"random": ["--dim", "64"], "esm2-8m": ["--checkpoint", str(checkpoint)]}
        for model, own in options.items():
            peaks = []
            for rows in ROWS:
                source = write_proteins(Path(folder) / f"{rows}.csv", rows)
                words = ["--model", model, *own, "--input", str(source)]
                words += ["--out", str(Path(folder) / f"{model}-{rows}.parquet")]
                peak, seconds = peak_memory([sys.executable, "-m", "extractors", *words])
                peaks.append(peak)
                print(f"{model}, {rows:9,} rows: peak {peak:6.1f} MiB, {seconds:5.1f} s")
            print(f"{model}, ten times the rows: {peaks[1] / peaks[0] - 1:+.1%} memory")
    for light in LIGHT:
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", *light], check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        print(f"{' '.join(light):18} {statistics.median(times):.3f} s")


if __name__ == "__main__":
    main()
