"""One pass over the rows of a config: repeated rows out, split by group, counted, as Arrow tables.

Memory holds a table of BATCH rows and 16 bytes of digest a row. Validation rows, one in fifty,
wait in a temporary file, so that a source of any size is read once for both splits.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from hf_datasets.protein_lm_dataset.seen import Seen
from hf_datasets.protein_lm_dataset.tokens import TextSize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.protein_lm_dataset.record import CorpusConfig, Row
    from hf_datasets.protein_lm_dataset.upstream import Upstream

TRAIN, VALIDATION = "train", "validation"
SHARE = 0.02
"""Share of the groups that are validation."""
BATCH = 1000


def split_of(group: str) -> str:
    """Return the split of a group: by its name alone, so that it keeps it in later releases."""
    number = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big")
    return VALIDATION if number < SHARE * 2**64 else TRAIN


class ConfigStream:
    """The rows of one config; `train` first, then `validation`."""

    def __init__(self, config: CorpusConfig, upstream: Upstream) -> None:
        self.config = config
        self.rows: Counter[str] = Counter()
        """Split → rows."""
        self.sizes: dict[str, TextSize] = defaultdict(TextSize)
        """Split → how much text."""
        self.repeated = 0
        """Rows dropped because one like them was there before."""
        self._upstream = upstream
        self._schema = pa.schema(
            {name: pa.type_for_alias(kind) for name, kind in config.columns.items()}
        )
        self._waiting: pa.ipc.RecordBatchFileReader | None = None

    def tables(self, split: str) -> Iterator[pa.Table]:
        """Yield the tables of a split. The source is read for `train`, which must come first."""
        if split == TRAIN:
            yield from self._train()
        elif self._waiting is None:
            message = "validation rows are set aside while train is read: ask for train first"
            raise RuntimeError(message)
        else:
            for number in range(self._waiting.num_record_batches):
                yield pa.Table.from_batches([self._waiting.get_batch(number)])

    def _train(self) -> Iterator[pa.Table]:
        scratch = self._upstream.scratch()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        waiting: dict[str, list[Row]] = {TRAIN: [], VALIDATION: []}
        with pa.ipc.new_file(scratch, self._schema, options=options) as aside:
            for row in self._fresh():
                split = split_of(str(row[self.config.group]))
                self._count(split, row)
                waiting[split].append(row)
                if len(waiting[TRAIN]) == BATCH:
                    yield pa.Table.from_batches([self._batch(waiting.pop(TRAIN))])
                    waiting[TRAIN] = []
                elif len(waiting[VALIDATION]) == BATCH:
                    aside.write_batch(self._batch(waiting[VALIDATION]))
                    waiting[VALIDATION] = []
            # Of no rows there is a table too: it says what the columns are.
            aside.write_batch(self._batch(waiting[VALIDATION]))
            yield pa.Table.from_batches([self._batch(waiting[TRAIN])])
        scratch.seek(0)
        self._waiting = pa.ipc.open_file(scratch)

    def _batch(self, rows: list[Row]) -> pa.RecordBatch:
        return pa.RecordBatch.from_pylist(rows, schema=self._schema)

    def _fresh(self) -> Iterator[Row]:
        """Yield the rows, each once."""
        seen, rows = Seen(), iter(self.config.rows(self._upstream))
        while batch := list(itertools.islice(rows, BATCH)):
            keys = ["\0".join(str(row[name]) for name in self.config.same) for row in batch]
            fresh = seen.add(keys)
            self.repeated += int((~fresh).sum())
            yield from itertools.compress(batch, fresh)

    def _count(self, split: str, row: Row) -> None:
        self.rows[split] += 1
        size = self.sizes[split]
        for name in self.config.texts:
            size.add(str(row[name]))

    def record(self) -> dict[str, Any]:
        """Return what `build.json` says about the config."""
        return {
            "kind": self.config.kind,
            "licence": self.config.licence,
            "sources": list(self.config.sources),
            "repeated_rows_dropped": self.repeated,
            "splits": {
                split: {"rows": self.rows[split], **vars(self.sizes[split])}
                for split in (TRAIN, VALIDATION)
            },
        }
