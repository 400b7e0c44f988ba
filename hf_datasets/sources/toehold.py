"""Toehold switches: how strongly 91,534 programmable RNA switches are on and off.

Angenent-Mari et al. 2020, https://github.com/lrsoenksen/CL_RNA_SynthBio:
`Toehold_Dataset_Final_2019-10-23.csv` with `seq_SwitchOFF_GFP`, `ON`, `OFF`, `ON_OFF` and
`QC_ON_OFF` among its columns. Rows of a quality of at least 1.1 are used, as there; the origin
has no fixed split, so it is drawn by a hash of the sequence: 80, 10 and 10 %.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hf_datasets.sources.labelled import Labelled, drawn_split, number_of, numbered, table_rows
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_NUMBERS = ("ON", "OFF", "ON_OFF")
_COLUMNS = ("seq_SwitchOFF_GFP", "QC_ON_OFF", *_NUMBERS)
_QUALITY = 1.1
SOURCE = Source(
    name="toehold",
    title="Toehold switches",
    version="2019-10-23",
    licence="CC-BY-4.0 (article)",
    citation="Angenent-Mari et al., Nature Communications 11:5057 (2020)",
    homepage="https://github.com/lrsoenksen/CL_RNA_SynthBio",
    files=(
        SourceFile(
            key="switches",
            url="",
            local=("Toehold_Dataset_Final*.csv*",),
            max_bytes=500_000_000,
            optional=True,
        ),
    ),
)


def read(files: Mapping[str, UsedFile], _task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield the switches that were measured well in both states."""
    counts: Counter[str] = Counter()
    file = used(files, SOURCE, "switches")
    for number, (sequence, quality, *cells) in table_rows(file, _COLUMNS, problems):
        place = f"switches row {number}"
        split = drawn_split(sequence.upper())
        row = numbered(counts, split)
        level = number_of(quality, problems, place) if quality.strip() else 0.0
        if level is None:
            continue
        if level < _QUALITY:  # no quality: not measured in both states
            problems.add("quality below 1.1 or none", place)
            continue
        values = [number_of(cell, problems, place) for cell in cells]
        known = [value for value in values if value is not None]
        if len(known) == len(_NUMBERS):
            yield Labelled(split, row, (sequence,), dict(zip(_NUMBERS, known, strict=True)))
