"""Inputs and outcomes of jobs, for the tests of both engines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import job_driver
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Sequence

Rows: TypeAlias = "list[tuple[str, list[float] | None, str | None]]"
"""Ids, vectors and errors."""
WAIT = 30.0
"""Seconds after which a test gives up."""
FILE_ROWS, SHARD_ROWS = 40, 10


def write_folder(folder: Path, bad: dict[int, str] | None = None, n: int = 3) -> Path:
    """Write `n` Parquet files of 40 rows; `bad` texts stand in the rows of these numbers."""
    folder.mkdir(parents=True)
    for file in range(n):
        numbers = range(file * FILE_ROWS, (file + 1) * FILE_ROWS)
        texts = [(bad or {}).get(row, f"text of {row}") for row in numbers]
        table = pa.table({"id": [f"r{row}" for row in numbers], "text": texts})
        pq.write_table(table, folder / f"{file}.parquet", row_group_size=5)
    return folder


def job(source: Path, out: Path, *more: str) -> list[str]:
    words = ["--model", job_driver.MODEL, "--input", str(source), "--out", f"{out}/"]
    return [*words, "--shard-rows", str(SHARD_ROWS), *more]


def shards(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.parquet"))}


def success(out: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((out / ".job/_SUCCESS.json").read_text())
    return found


def rows(out: Path) -> Rows:
    table = pa.concat_tables([pq.read_table(path) for path in sorted(out.glob("*.parquet"))])
    return [(row["id"], row["embedding"], row["error"]) for row in table.to_pylist()]


def expected_rows(n: int, errors: dict[int, str] | None = None) -> Rows:
    """What the job must hold, computed here."""
    bad = errors or {}
    return [
        (f"r{row}", None if row in bad else job_driver.digest(f"text of {row}"), bad.get(row))
        for row in range(n)
    ]


def start(words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start the command in a process of its own, which knows the model for tests."""
    tests = Path(job_driver.__file__).parent
    path = os.pathsep.join([str(tests), str(tests.parent)])
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "job_driver", *words],
            stdout=stream, stderr=stream, env=os.environ | {"PYTHONPATH": path},
        )  # fmt: skip


def wait_for_shards(out: Path, process: subprocess.Popen[bytes], n: int) -> None:
    end = time.monotonic() + WAIT
    while len(list(out.glob(".job/done/*/*.json"))) < n:
        assert process.poll() is None, "it ended too early"
        assert time.monotonic() < end
        time.sleep(0.005)
