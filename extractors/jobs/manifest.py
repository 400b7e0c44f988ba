"""The manifest of a job: its input shards, one a line, streamed to a file and from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from extractors.inputs import Input
from extractors.jobs.source import Limits, Shard
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from extractors.inputs import Rows
    from extractors.jobs.source import Source
    from extractors.jobs.storage import JobFolder

INPUTS = ".job/inputs.jsonl"
OUTPUTS = "embeddings-*-of-*.parquet"
DIGITS = 5


@dataclass(frozen=True)
class Plan:
    """How the input is cut."""

    shards: int
    rows: int
    fingerprint: str
    """Of the files, the cuts and their order."""

    def output(self, number: int) -> str:
        """Return the file of a shard, named as datasets on the Hub name theirs."""
        digits = max(DIGITS, len(str(self.shards)))
        return f"embeddings-{number:0{digits}d}-of-{self.shards:0{digits}d}.parquet"

    def marker(self, number: int) -> str:
        """Return the file that says a shard is done; at most 1,000 to a folder."""
        return f".job/done/{number // 1000:05d}/{number:0{DIGITS}d}.json"


def plan(source: Source, limits: Limits, folder: JobFolder) -> Plan:
    """Cut the input and write the manifest. InputError when there is no row."""
    shards = rows = 0
    total = hashlib.sha256(json.dumps(source.describe(), sort_keys=True).encode())
    with folder.writing(INPUTS) as path, path.open("w", encoding="utf-8") as stream:
        for found in source.cut(limits):
            total.update(f"{found if isinstance(found, str) else found.line()}\n".encode())
            if isinstance(found, Shard):
                stream.write(f"{json.dumps(asdict(found))}\n")
                shards += 1
                rows += found.rows
    if not rows:
        message = "the input has no rows; give at least one"
        raise InputError(message)
    return Plan(shards, rows, f"sha256:{total.hexdigest()}")


def planned(folder: JobFolder) -> Iterator[Shard]:
    """Yield the shards of the manifest."""
    with folder.lines(INPUTS) as lines:
        for line in lines:
            yield Shard(**json.loads(line))


class WholeInput(Input):
    """All rows of a job, for an encoder that looks at its whole input first."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def rows(self) -> Iterator[Rows]:
        """Yield the rows of every file."""
        for found in self._source.cut(Limits(1 << 62, 1 << 62)):
            if isinstance(found, Shard):
                yield from self._source.rows(found)

    def describe(self) -> dict[str, Any]:
        """Return what the source is."""
        return self._source.describe()
