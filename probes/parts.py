"""What a run has finished so far, in a folder beside its output: so an interrupted one goes on.

A part is a batch of tasks: its result rows as Parquet, and its predictions if they are wanted.
The folder `OUT.parts` holds them, a lock, and the settings they were made with; it is removed
when the run is done.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hf_datasets.errors import InputError, one_line
from hf_datasets.files import atomic_path, check_writable, write_text
from probes.result import PREDICTION_SCHEMA, RESULT_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    Row = dict[str, Any]
    Unconverged = dict[tuple[str, str], int]

LOCK, JOB, LATE = "lock", "job.json", b"unconverged"


@dataclass(frozen=True)
class Parts:
    """The folder of a run's finished batches."""

    folder: Path
    predictions: bool
    """Whether predictions are kept too."""

    def read(self, number: int) -> tuple[list[Row], Unconverged] | None:
        """Return the rows of a batch and its fits that stopped early; None if it is not done."""
        path = self.folder / f"{number:06d}.rows.parquet"
        if not path.exists():
            return None
        with pq.ParquetFile(path) as file:
            table = file.read(use_threads=False)
        late = json.loads(table.schema.metadata[LATE])
        return table.to_pylist(), {(source, task): count for source, task, count in late}

    def write_predictions(self, number: int, predictions: list[pa.Table]) -> None:
        """Keep the predictions of a batch, if any are wanted."""
        if self.predictions:
            whole = pa.concat_tables([PREDICTION_SCHEMA.empty_table(), *predictions])
            with atomic_path(self._scores(number)) as temporary:
                pq.write_table(whole, temporary)

    def write(self, number: int, rows: list[Row], unconverged: Unconverged) -> None:
        """Keep a finished batch. Its rows are written last: where they are, all of it is."""
        late = json.dumps([[*place, count] for place, count in unconverged.items()])
        table = pa.Table.from_pylist(rows, schema=RESULT_SCHEMA.with_metadata({LATE: late}))
        with atomic_path(self.folder / f"{number:06d}.rows.parquet") as temporary:
            pq.write_table(table, temporary)

    def _scores(self, number: int) -> Path:
        return self.folder / f"{number:06d}.predictions.parquet"

    def join_predictions(self, out: Path) -> int:
        """Write the predictions of all batches to `out`, a batch at a time; return the rows."""
        count = 0
        with (
            atomic_path(out) as temporary,
            pq.ParquetWriter(temporary, PREDICTION_SCHEMA) as writer,
        ):
            for path in sorted(self.folder.glob("*.predictions.parquet")):
                with pq.ParquetFile(path) as part:
                    table = part.read(use_threads=False)
                count += len(table)
                if len(table):
                    writer.write_table(table)
        return count


@contextlib.contextmanager
def open_parts(
    out: Path, job: Mapping[str, Any], *, predictions: bool, restart: bool = False
) -> Iterator[Parts]:
    """Hold the folder of parts of `out`; remove it if the block ends well.

    `job` is all that decides the numbers: parts of another one are refused, or discarded with
    `restart`.

    InputError for those, for another process at the same work, and for a place that cannot be
    written.
    """
    check_writable(out)
    folder = out.with_name(f"{out.name}.parts")
    text = json.dumps({**job, "predictions": predictions}, sort_keys=True, ensure_ascii=False)
    folder.mkdir(exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"another process is writing {folder}; wait or choose another --out"
            raise InputError(message) from error
        before = folder / JOB
        if before.exists() and not restart:
            _require_same(folder, json.loads(before.read_text(encoding="utf-8")), json.loads(text))
            for leftover in folder.glob(".*.tmp"):
                leftover.unlink()
        else:
            for leftover in folder.iterdir():
                if leftover.name != LOCK:
                    leftover.unlink()
            write_text(before, text)
        yield Parts(folder, predictions)
        shutil.rmtree(folder)


def _require_same(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            was = one_line(f"{name} was {before.get(name)}, now {now.get(name)}")[:200]
            message = (
                f"{folder} holds an unfinished run with other settings ({was}); "
                "repeat that command, pass --restart to discard it, or choose another --out"
            )
            raise InputError(message)
