"""A process that uses the test Hub: the real clients, with caches of their own.

A run prints neither a traceback nor the token, whatever happens: `Client.run` sees to it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from hub_routes import TOKEN

if TYPE_CHECKING:
    import pyarrow as pa
    from hub_server import Hub

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Client:
    """Runs Python against one Hub, with caches and a working folder of its own."""

    hub: Hub
    folder: Path

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `python …` in the folder; `variables` are added to its environment."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        ours = self.hub.environment(self.folder / "home")
        ours |= {"PYTHONPATH": str(ROOT), "GENEZOO_CACHE": str(self.folder / "cache")}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder, capture_output=True, text=True, timeout=100, check=False,
            env={**plain, **ours, **variables},
        )  # fmt: skip
        printed = done.stdout + done.stderr
        assert "Traceback" not in printed, printed
        assert TOKEN not in printed
        return done

    def json(self, code: str, *arguments: str, **variables: str) -> Any:
        """Run a snippet and return the JSON that it prints last."""
        done = self.run("-c", code, *arguments, **variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def extract(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "extractors", *arguments, **variables)

    def probe(self, *arguments: str, **variables: str) -> pa.Table:
        """Probe into a table of results."""
        out = self.folder / f"results-{hashlib.sha256(repr(arguments).encode()).hexdigest()[:8]}"
        done = self.run("-m", "probes", *arguments, "--out", f"{out}.parquet", **variables)
        assert done.returncode == 0, done.stderr
        return pq.read_table(f"{out}.parquet")


def error_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a command ended with; progress bars may stand before it."""
    assert done.returncode == 2, done.stderr
    *before, last = done.stderr.strip().splitlines()
    assert ": error: " in last
    assert all("Fetching" in line or not line.strip() for line in before), done.stderr
    return last
