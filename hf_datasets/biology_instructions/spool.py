"""The rows of one task on their way into two tables: checked, named, and kept in Parquet.

Both faces of a task are read from here, so that they have the same rows with the same ids.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from hf_datasets.biology_instructions.answers import canonical, names
from hf_datasets.biology_instructions.tasks import Answer
from hf_datasets.sources.labelled import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow.parquet as pq

    from hf_datasets.biology_instructions.tasks import InstructionTask
    from hf_datasets.sources.labelled import Labelled, Problems

_BATCH = 1024
_BASES = "ACGTUNRYSWKMBDHV"
LETTERS = {
    "dna": frozenset(_BASES.replace("U", "")),
    "rna": frozenset(_BASES.replace("T", "")),
    "protein": frozenset("ACDEFGHIKLMNPQRSTVWYBJOUXZ"),
}
"""Molecule → letters: bases and amino acids with IUPAC's codes for several."""
_WRITTEN = {"dna": ("U", "T"), "rna": ("T", "U")}
"""Molecule → a letter that origins use and what stands for it here."""


class Spool:
    """Takes the rows of one task, of any split, in any order; `close` before reading."""

    def __init__(self, folder: Path, task: InstructionTask, problems: Problems) -> None:
        self.task = task
        self.problems = problems
        self.counts: Counter[tuple[str, str]] = Counter()
        """(subtask, split) → rows."""
        self.duplicates: Counter[str] = Counter()
        """Split → rows whose sequences were there before, in the same data set."""
        self.shared = 0
        """Rows whose sequences are in another split of the same data set too."""
        self.origin = ""
        """Name of the source."""
        self._labels: dict[str, None] = {}
        self._folder = folder / task.name
        self._batches: dict[str, list[dict[str, Any]]] = {}
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._seen: dict[int, int] = {}
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._entities: set[str] = set()

    def add(self, row: Labelled) -> None:
        """Check a row and keep it; one that cannot be used is counted."""
        place = f"{row.subtask or self.task.name} {row.split} {row.number}"
        sequences = [
            _clean(molecule, sequence)
            for molecule, sequence in zip(self.task.molecules, row.sequences, strict=True)
        ]
        for molecule, sequence in zip(self.task.molecules, sequences, strict=True):
            if not sequence:
                self.problems.add("no sequence", place)
                return
            if not LETTERS[molecule].issuperset(sequence):
                self.problems.add(f"letters that {molecule} does not have", place)
                return
        label = canonical(self.task, row.label)
        if label is None:
            self.problems.add("label that the task does not have", place)
            return
        self._count(row, sequences)
        self._labels |= dict.fromkeys(names(label) if self.task.answer is Answer.EC else ())
        parts = (self.task.name, row.subtask, row.split, str(row.number))
        record = {
            "id": "-".join(part for part in parts if part),
            "subtask": row.subtask,
            "label": label,
            "sequences": sequences,
            "entities": self._named(sequences) if self.task.is_pair else [],
        }
        self._write(row.split, record)

    def _count(self, row: Labelled, sequences: list[str]) -> None:
        self.counts[row.subtask, row.split] += 1
        key = hash((row.subtask, *sequences))
        bit, before = 1 << SPLITS.index(row.split), self._seen.get(key, 0)
        self.duplicates[row.split] += bool(before & bit)
        self.shared += bool(before & ~bit)
        self._seen[key] = before | bit

    def _named(self, sequences: list[str]) -> list[str]:
        """Return the names of a pair's sequences, new ones for a pair that comes again."""
        entities = [
            f"{molecule}-{hashlib.sha256(sequence.encode()).hexdigest()[:16]}"
            for molecule, sequence in zip(self.task.molecules, sequences, strict=True)
        ]
        pair = (entities[0], entities[1])
        self._pairs[pair] += 1
        if (times := self._pairs[pair]) > 1:
            entities[0] = f"{entities[0]}.{times}"
        for name, molecule, sequence in zip(entities, self.task.molecules, sequences, strict=True):
            if name not in self._entities:
                self._entities.add(name)
                self._write("inputs", {"id": name, "molecule": molecule, "sequence": sequence})
        return entities

    def _write(self, part: str, record: dict[str, Any]) -> None:
        batch = self._batches.setdefault(part, [])
        batch.append(record)
        if len(batch) >= _BATCH:
            self._flush(part)

    def _flush(self, part: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        text = pa.string()
        kinds = (
            {"id": text, "molecule": text, "sequence": text}
            if part == "inputs"
            else {
                "id": text, "subtask": text, "label": text,
                "sequences": pa.list_(text), "entities": pa.list_(text),
            }
        )  # fmt: skip
        schema = pa.schema(list(kinds.items()))
        if part not in self._writers:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{part}.parquet"
            self._writers[part] = pq.ParquetWriter(path, schema, compression="zstd")
        batch = self._batches.pop(part, [])
        self._writers[part].write_table(pa.Table.from_pylist(batch, schema=schema))

    def close(self) -> None:
        """Write what is left; after that the rows can be read."""
        for part in list(self._batches):
            self._flush(part)
        for writer in self._writers.values():
            writer.close()
        self._seen.clear()
        self._entities.clear()
        self._pairs.clear()

    @property
    def splits(self) -> list[str]:
        """The splits that have rows, in the order of SPLITS."""
        return [split for split in SPLITS if split in self._writers]

    def labels(self) -> tuple[str, ...]:
        """Return the labels seen in rows, of a task that does not fix them, sorted by number."""
        return tuple(sorted(self._labels, key=_ec_order))

    def rows(self, part: str) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of a split, or of `inputs`, in batches."""
        import pyarrow.parquet as pq

        with pq.ParquetFile(self._folder / f"{part}.parquet") as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                yield batch.to_pylist()


def _clean(molecule: str, sequence: str) -> str:
    """Return a sequence in capitals, with the letters of its molecule: U in RNA, T in DNA."""
    text = "".join(sequence.split()).upper()
    return text.replace(*_WRITTEN[molecule]) if molecule in _WRITTEN else text


def _ec_order(number: str) -> list[tuple[bool, int, str]]:
    parts = number.split(".")
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
