"""A long run, killed and resumed again and again, against an undisturbed one.

    python benchmarks/resume.py [--rows 1000000] [--kills 10]

A tiny random ESM over many short proteins, through the command. SIGKILL falls at random moments
spread over the run. Compared are the bytes of the table, the rows that went through the model
(counted in shared memory, which outlives a kill) and the processors' time, of which starting
anew (imports, loading, reading the input once for its fingerprint) is given apart.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from machine import describe_machine
from tiny_esm import save_tiny_esm, write_proteins

COUNTED = """
import sys
import numpy as np
from extractors.__main__ import command
from extractors.encoders.tokens import TokenEncoder
counter = np.memmap(sys.argv[1], dtype=np.int64, mode="r+", shape=(1,))
encode = TokenEncoder.encode
def counted(self, tokens):
    found = encode(self, tokens)
    counter[0] += len(tokens.rows)
    return found
TokenEncoder.encode = counted
sys.exit(command(sys.argv[2:]))
"""
"""The command, with a counter of encoded rows in a file that is mapped into memory."""


@dataclass
class Run:
    """What one or several processes over the same table used."""

    counter: Path
    seconds: float = 0.0
    """Of all processors."""

    @property
    def rows(self) -> int:
        """Rows that went through the model."""
        return int(np.fromfile(self.counter, dtype=np.int64)[0])


def start(words: list[str], counter: Path) -> subprocess.Popen[bytes]:
    """Start the command."""
    if not counter.exists():
        np.zeros(1, dtype=np.int64).tofile(counter)
    return subprocess.Popen(
        [sys.executable, "-c", COUNTED, str(counter), *words], stderr=subprocess.DEVNULL
    )


def finish(process: subprocess.Popen[bytes], run: Run) -> int:
    """Wait for the end of a process; add what it used."""
    _, status, usage = os.wait4(process.pid, 0)
    run.seconds += usage.ru_utime + usage.ru_stime
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode


def kill_when(process: subprocess.Popen[bytes], folder: Path, parts: int, delay: float) -> None:
    """SIGKILL a process some time after it has written that many parts."""
    while sum(1 for _ in folder.glob("part-*")) < parts:
        if process.poll() is not None:
            message = "the run ended before it could be killed; give more --rows"
            raise SystemExit(message)
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)


def main() -> None:
    """Print what the interruptions cost; end with status 1 when the bytes differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=10)
    arguments = parser.parse_args()
    generator = random.Random(0)  # noqa: S311  reproducible moments, no secrets
    print(describe_machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = save_tiny_esm(folder / "esm")
        source = write_proteins(folder / "proteins.csv", arguments.rows)

        def words(out: str) -> list[str]:
            given = ["--model", "esm2-8m", "--checkpoint", str(checkpoint), "--input", str(source)]
            return [*given, "--out", str(folder / out)]

        smooth = Run(folder / "smooth.count")
        if finish(start(words("smooth.parquet"), smooth.counter), smooth):
            message = "the undisturbed run failed"
            raise SystemExit(message)

        rough = Run(folder / "rough.count")
        parts = folder / "rough.parquet.parts"
        all_parts = -(-arguments.rows // 2048)
        for kill in range(1, arguments.kills + 1):
            process = start(words("rough.parquet"), rough.counter)
            target = round(all_parts * kill / (arguments.kills + 1))
            kill_when(process, parts, target, generator.uniform(0, 0.5))
            finish(process, rough)
            there = sum(1 for _ in parts.glob("part-*"))
            print(f"kill {kill:2}: {there} of {all_parts} parts written, {rough.rows:,} encoded")
        if finish(start(words("rough.parquet"), rough.counter), rough):
            message = "the last resumption failed"
            raise SystemExit(message)

        idle = Run(folder / "smooth.count")  # a finished run: all that starting anew costs
        finish(start(words("smooth.parquet"), idle.counter), idle)
        same = (folder / "smooth.parquet").read_bytes() == (folder / "rough.parquet").read_bytes()
        encoded = smooth.rows, rough.rows
    starts = arguments.kills * idle.seconds
    print(f"same bytes: {'yes' if same else 'NO'}")
    print(f"rows encoded: {encoded[0]:,} and {encoded[1]:,} ({encoded[1] / encoded[0] - 1:+.1%})")
    print(
        f"processors' time: {smooth.seconds:.0f} s and {rough.seconds:.0f} s "
        f"({rough.seconds / smooth.seconds - 1:+.1%}), of which {starts:.0f} s for "
        f"{arguments.kills} new starts of {idle.seconds:.1f} s; without them "
        f"{(rough.seconds - starts) / smooth.seconds - 1:+.1%}"
    )
    raise SystemExit(0 if same else 1)


if __name__ == "__main__":
    main()
