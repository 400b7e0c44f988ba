"""APARENT: use of the proximal polyadenylation site in random 3' UTRs.

https://github.com/johli/aparent, processed data: `apa_general3_antimisprime_orig.csv` with `seq`
(186 bases), `proximal_count` and `total_count_vs_distal` among its columns. The value is their
quotient. Its split lies in NumPy files of indices, which are not read: the split is drawn by a
hash of the sequence, 80, 10 and 10 %.
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

_COLUMNS = ("seq", "proximal_count", "total_count_vs_distal")
SOURCE = Source(
    name="aparent",
    title="APARENT, random 3' UTRs",
    version="2019",
    licence="cite (data without a stated licence)",
    citation="Bogard et al., Cell 178:91 (2019)",
    homepage="https://github.com/johli/aparent",
    files=(
        SourceFile(
            key="isoforms",
            url="",
            local=("apa_general3*.csv*",),
            max_bytes=4_000_000_000,
            optional=True,
        ),
    ),
)


def read(files: Mapping[str, UsedFile], _task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield the variants that were read at least once."""
    counts: Counter[str] = Counter()
    file = used(files, SOURCE, "isoforms")
    for number, (sequence, *cells) in table_rows(file, _COLUMNS, problems):
        split = drawn_split(sequence.upper())
        row = numbered(counts, split)
        place = f"isoforms row {number}"
        near, total = (number_of(cell, problems, place) for cell in cells)
        if near is None or total is None:
            continue
        if total <= 0:
            problems.add("no reads", place)
            continue
        yield Labelled(split, row, (sequence,), near / total)
