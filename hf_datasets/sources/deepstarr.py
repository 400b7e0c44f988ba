"""DeepSTARR: activity of Drosophila enhancers with two promoters.

https://data.starklab.org/almeida/DeepSTARR/Data/ and Zenodo 5502060: for Train, Val and Test a
FASTA file (249 bases) and a TSV in the same order, with `Dev_log2_enrichment` and
`Hk_log2_enrichment`.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from hf_datasets.sources.labelled import Labelled, bare_rows, fasta, number_of
from hf_datasets.sources.reading import position
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_URL = "https://data.starklab.org/almeida/DeepSTARR/Data/"
_SPLITS = {"train": "Train", "validation": "Val", "test": "Test"}
_PARTS = {"sequences": "Sequences_{}.fa", "activity": "Sequences_activity_{}.txt"}
_COLUMNS = ("Hk_log2_enrichment", "Dev_log2_enrichment")
SOURCE = Source(
    name="deepstarr",
    title="DeepSTARR",
    version="2022",
    licence="cite (data without a stated licence)",
    citation="de Almeida et al., DeepSTARR, Nature Genetics 54:613 (2022)",
    homepage="https://github.com/bernardo-de-almeida/DeepSTARR",
    files=tuple(
        SourceFile(
            key=f"{split}-{part}",
            url=_URL + pattern.format(name),
            local=(f"{pattern.format(name)}*",),
            max_bytes=500_000_000,
            optional=True,
        )
        for split, name in _SPLITS.items()
        for part, pattern in _PARTS.items()
    ),
)


def read(files: Mapping[str, UsedFile], _task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield the sequences with `hk` and `dev`, both log2 of RNA over DNA."""
    for split in _SPLITS:
        keys = [f"{split}-{part}" for part in _PARTS]
        if not any(key in files for key in keys):
            continue
        sequences, activity = (used(files, SOURCE, key) for key in keys)
        rows = bare_rows(activity, delimiter="\t")
        header = next(rows, [])
        where = [position(activity, header, name) for name in _COLUMNS]
        for number, (record, row) in enumerate(zip_longest(fasta(sequences), rows), 1):
            place = f"{split} record {number}"
            if record is None or row is None:
                problems.add("sequence without activity, or the other way round", place)
            elif len(row) != len(header):
                problems.add("row has another number of fields", place)
            else:
                hk, dev = (number_of(row[index], problems, place) for index in where)
                if hk is not None and dev is not None:
                    yield Labelled(split, number, (record[1],), {"hk": hk, "dev": dev})
