"""BEACON: RNA tasks with fixed splits, from which Biology-Instructions took its own.

https://github.com/terry-r123/RNABenchmark: a folder per task with `train.csv` (`train_new.csv` of
Isoform), `val.csv` and `test.csv`. What the columns are is read off the benchmark's own loading
code; their header is not relied on:

=======================  =====================================================
Isoform                  header; 4 columns, sequence in the second, value in the third
Modification             no header; sequence, then a 0 or 1 for each of 12 modifications
MeanRibosomeLoading      header; sequence, value
ProgrammableRNASwitches  header; sequence, ON, OFF, ON_OFF
CRISPROnTarget           header; sequence, value
=======================  =====================================================

Its NoncodingRNAFamily numbers the classes without naming them; that task comes from nRC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.sources.labelled import Labelled, bare_rows, number_of, zero_or_one
from hf_datasets.sources.source import Source, SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Label, Problems
    from hf_datasets.sources.source import UsedFile

MODIFICATIONS = (
    "Am", "Cm", "Gm", "Um", "m1A", "m5C", "m5U", "m6A", "m6Am", "m7G", "Psi", "AtoI",
)  # fmt: skip
"""In the order of the columns."""
_SWITCH = ("ON", "OFF", "ON_OFF")
_FOLDERS = {
    "apa": "Isoform",
    "modification": "Modification",
    "mrl": "MeanRibosomeLoading",
    "prs": "ProgrammableRNASwitches",
    "crispr-on-target": "CRISPROnTarget",
}
_SPLITS = {"train": "train", "validation": "val", "test": "test"}
_WIDTHS = {"apa": 4, "modification": 1 + len(MODIFICATIONS), "prs": 1 + len(_SWITCH)}
SOURCE = Source(
    name="beacon",
    title="BEACON, RNA benchmark",
    version="2024",
    licence="Apache-2.0 (code; the data are those of its sources)",
    citation="Ren et al., BEACON, arXiv 2406.10391 (2024)",
    homepage="https://github.com/terry-r123/RNABenchmark",
    files=tuple(
        SourceFile(
            key=f"{task}-{split}",
            url="",
            local=(
                f"{folder}/{name}_new.csv*",
                f"{folder}/{name}.csv*",
                f"*/{folder}/{name}.csv*",
            ),
            max_bytes=2_000_000_000,
            optional=True,
        )
        for task, folder in _FOLDERS.items()
        for split, name in _SPLITS.items()
    ),
)


def keys(task: str) -> tuple[str, ...]:
    """Return the keys of a task's files."""
    return tuple(f"{task}-{split}" for split in _SPLITS)


def read(files: Mapping[str, UsedFile], task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield the rows of a task's files."""
    width = _WIDTHS.get(task, 2)
    for split, key in zip(_SPLITS, keys(task), strict=True):
        if key not in files:
            continue
        rows = bare_rows(files[key])
        if task != "modification":
            next(rows, None)
        for number, row in enumerate(rows, 1):
            place = f"{key} row {number}"
            if len(row) != width:
                problems.add("row has another number of fields", place)
                continue
            label = _label(task, row, problems, place)
            if label is not None:
                sequence = row[1] if task == "apa" else row[0]
                yield Labelled(split, number, (sequence,), label)


def _label(task: str, row: list[str], problems: Problems, place: str) -> Label | None:
    if task == "modification":
        marks = [zero_or_one(cell, problems, place) for cell in row[1:]]
        if None in marks:
            return None
        return tuple(name for name, mark in zip(MODIFICATIONS, marks, strict=True) if mark)
    if task == "prs":
        values = [number_of(cell, problems, place) for cell in row[1:]]
        known = [value for value in values if value is not None]
        return dict(zip(_SWITCH, known, strict=True)) if len(known) == len(_SWITCH) else None
    return number_of(row[2] if task == "apa" else row[1], problems, place)
