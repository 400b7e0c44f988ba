"""Rows as tables: of text on the terminal, as CSV or Parquet in a file."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hf_datasets.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def text_columns(lines: list[list[str]]) -> str:
    """Lay out cells in columns, all to the left; every line has as many cells."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def write_rows(rows: Sequence[dict[str, Any]], schema: pa.Schema, out: Path) -> None:
    """Write rows as CSV or Parquet, by the name of `out`, atomically."""
    with atomic_path(out) as temporary:
        if out.suffix.lower() == ".csv":
            with temporary.open("w", newline="", encoding="utf-8") as stream:
                writer = csv.DictWriter(stream, schema.names, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
        else:
            pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary)
