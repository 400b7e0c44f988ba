"""The benchmarks that need hours or a GPU run, as such, in a minute on a small machine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, f"benchmarks/{words[0]}.py", *words[1:]],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_gpu_rows_are_all_printed() -> None:
    shown = run("gpu", "--tiny")
    ours = re.findall(r"^  genezoo .*(?:residues|cells)/s .*% of peak", shown, re.MULTILINE)
    assert len(ours) == 3
    assert shown.count("fair-esm") >= 2
    assert shown.count("genezoo is") >= 3
    assert shown.count("alone = batched") == shown.count(": ok\n") == 6
    assert "does not run" not in shown
    cosines = [float(found) for found in re.findall(r"x as fast  min cosine (\S+)", shown)]
    assert len(cosines) == 3
    assert min(cosines) > 0.999


def test_a_run_killed_ends_in_the_same_bytes() -> None:
    shown = run("resume", "--rows", "12000", "--kills", "1")
    assert "same bytes: yes" in shown
    undisturbed, killed = re.findall(r"rows encoded: ([\d,]+) and ([\d,]+)", shown)[0]
    assert undisturbed == "12,000"
    assert 12_000 <= int(killed.replace(",", "")) <= 12_000 + 4 * 2048
