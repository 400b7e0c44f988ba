"""FLIP: melting temperatures of proteins of one human cell line.

https://github.com/J-SNACKKB/FLIP, splits/meltome: `splits.zip` with `human_cell.csv` of
`sequence,target,set,validation`; `set` is train or test, `validation` True for training rows that
validate. Targets are in °C.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hf_datasets.sources.labelled import Labelled, number_of, numbered, table_rows
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_COLUMNS = ("sequence", "target", "set", "validation")
SOURCE = Source(
    name="flip",
    title="FLIP, thermostability of a human cell line",
    version="2021",
    licence="AFL-3.0",
    citation="Dallago et al., FLIP, NeurIPS Datasets 2021; Jarzab et al. 2020",
    homepage="https://github.com/J-SNACKKB/FLIP/tree/main/splits/meltome",
    files=(
        SourceFile(
            key="human-cell", url="", local=("human_cell.csv*", "*/human_cell.csv*"), optional=True
        ),
    ),
)


def read(files: Mapping[str, UsedFile], _task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield the proteins with their melting points."""
    counts: Counter[str] = Counter()
    file = used(files, SOURCE, "human-cell")
    for number, (sequence, target, part, validation) in table_rows(file, _COLUMNS, problems):
        place = f"human-cell row {number}"
        if part not in {"train", "test"}:
            problems.add("set is neither train nor test", place)
            continue
        split = "validation" if part == "train" and validation.lower() == "true" else part
        row = numbered(counts, split)
        value = number_of(target, problems, place)
        if value is not None:
            # Some proteins end in a stop, which is no residue.
            yield Labelled(split, row, (sequence.removesuffix("*"),), value)
