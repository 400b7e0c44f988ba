"""Read the folder of a finished job with every reader that is installed, and compare the rows.

    python benchmarks/readers.py DIR [READER …]

Each reader prints its version, the rows, and one checksum: the sha256 of ids, vectors and errors in
the order of the ids. They are the same unless a reader takes the job's own files (`.job/`) for
data, or loses some. A reader that is not installed is named; Spark needs Java.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import struct
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Row: TypeAlias = "tuple[str, list[float] | None, str | None]"
COLUMNS = ["id", "embedding", "error"]


def with_pyarrow(folder: Path) -> Iterable[Row]:
    """Read with pyarrow's dataset, which passes hidden files by."""
    dataset: Any = importlib.import_module("pyarrow.dataset")
    for batch in dataset.dataset(folder, format="parquet").to_batches(columns=COLUMNS):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def with_datasets(folder: Path) -> Iterable[Row]:
    """Read with `datasets`, by the line that `extract` prints."""
    datasets: Any = importlib.import_module("datasets")
    with tempfile.TemporaryDirectory() as cache:
        table = datasets.load_dataset(
            "parquet", data_dir=str(folder), split="train", cache_dir=cache
        )
        for row in table.select_columns(COLUMNS):
            yield row["id"], row["embedding"], row["error"]


def with_polars(folder: Path) -> Iterable[Row]:
    """Read with Polars; of a plain folder it would read the hidden files too."""
    polars: Any = importlib.import_module("polars")
    frame = polars.read_parquet(f"{folder}/*.parquet", columns=COLUMNS)
    for entity, vector, error in frame.select(COLUMNS).iter_rows():
        yield entity, vector if vector is None else list(vector), error


def with_duckdb(folder: Path) -> Iterable[Row]:
    """Read with DuckDB."""
    duckdb: Any = importlib.import_module("duckdb")
    found = duckdb.read_parquet(f"{folder}/*.parquet").project(", ".join(COLUMNS))
    for entity, vector, error in found.fetchall():
        yield entity, vector if vector is None else list(vector), error


def with_pyspark(folder: Path) -> Iterable[Row]:
    """Read with Spark, the folder as it is."""
    sql: Any = importlib.import_module("pyspark.sql")
    builder = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    try:
        for row in session.read.parquet(str(folder)).select(*COLUMNS).toLocalIterator():
            yield row["id"], row["embedding"], row["error"]
    finally:
        session.stop()


READERS: dict[str, Callable[[Path], Iterable[Row]]] = {
    "pyarrow": with_pyarrow,
    "datasets": with_datasets,
    "polars": with_polars,
    "duckdb": with_duckdb,
    "pyspark": with_pyspark,
}


def checksum(rows: Iterable[Row]) -> tuple[int, str]:
    """Return the number of rows and a digest that does not depend on their order."""
    digests = []
    for entity, vector, error in rows:
        data = b"-" if vector is None else struct.pack(f"<{len(vector)}d", *vector)
        digests.append(hashlib.sha256(f"{entity}\0{error}\0".encode() + data).digest())
    return len(digests), hashlib.sha256(b"".join(sorted(digests))).hexdigest()[:16]


def main() -> int:
    """Read with each reader; the exit status is 1 when they do not agree."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("readers", nargs="*", default=[])
    arguments = parser.parse_args()
    found = set()
    for name in arguments.readers or READERS:
        if name not in READERS:
            parser.error(f"no reader {name}; choices: {', '.join(READERS)}")
        begun = time.perf_counter()
        try:
            rows, digest = checksum(READERS[name](arguments.folder.resolve()))
        except ModuleNotFoundError as error:
            print(f"{name:10} not installed ({error.name})")
            continue
        seconds = time.perf_counter() - begun
        print(f"{name:10} {version(name):10} {rows:>12,} rows  {digest}  {seconds:6.1f} s")
        found.add((rows, digest))
    print("all agree" if len(found) == 1 else f"{len(found)} different answers")
    return int(len(found) != 1)


if __name__ == "__main__":
    raise SystemExit(main())
