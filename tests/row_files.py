"""Input files of every format with what is hard in each, and the rows that a job takes of them."""

from __future__ import annotations

import csv
import gzip
import json
import random
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from extractors.jobs.source import Limits, Shard, Source

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ["csv", "tsv", "jsonl", "fasta", "parquet"]


def write_input(path: Path, n: int, seed: int) -> Path:
    """Write rows with what is hard in each format: quotes, line ends, empty lines, nulls."""
    generator = random.Random(seed)
    letters = "ACDé漢" + (' ,"\n' if ".csv" in path.name else "")
    texts = ["".join(generator.choices(letters, k=generator.randrange(1, 40))) for _ in range(n)]
    ids = [f"{path.name}-{row}" for row in range(n)]
    opened = gzip.open if path.suffix == ".gz" else open
    kind = next(kind for kind in FORMATS if f".{kind}" in path.name)
    if kind == "parquet":
        table = pa.table({"text": [*texts[:-1], None], "id": ids, "other": list(range(n))})
        pq.write_table(table, path, row_group_size=generator.randrange(1, n))
        return path
    with opened(path, "wt", encoding="utf-8-sig" if seed % 2 else "utf-8", newline="") as stream:
        if kind == "jsonl":
            for entity, text in zip(ids, texts, strict=True):
                stream.write(json.dumps({"id": entity, "text": text or None}) + "\n\n")
        elif kind == "fasta":
            for entity, text in zip(ids, texts, strict=True):
                stream.write(f">{entity} more words\r\n{text[:9]}\r\n\r\n{text[9:]}\r\n")
        elif kind == "csv":
            writer = csv.writer(stream)
            writer.writerow(["text", "other", "id"])
            writer.writerows(
                [text, f'say "{row}"', entity]
                for row, (entity, text) in enumerate(zip(ids, texts, strict=True))
            )
        else:
            stream.write(
                "id\ttext\n" + "".join(f"{e}\t{t}\n" for e, t in zip(ids, texts, strict=True))
            )
    return path


def rows_of(source: Source, limits: Limits) -> tuple[list[tuple[str, str | None]], list[Shard]]:
    shards = [found for found in source.cut(limits) if isinstance(found, Shard)]
    rows = []
    for shard in shards:
        found = [pair for batch in source.rows(shard) for pair in zip(*batch, strict=True)]
        assert len(found) == shard.rows
        rows += found
    assert [shard.number for shard in shards] == list(range(len(shards)))
    return rows, shards
