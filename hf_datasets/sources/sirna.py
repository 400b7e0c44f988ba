"""siRNA efficiency, as the SAIS siRNA challenge of 2024 gave it.

`train_data.csv` with `siRNA_antisense_seq`, `gene_target_seq` (the whole mRNA) and
`mRNA_remaining_pct` among its columns. It is handed out to participants and has no split: it is
drawn by a hash of the two sequences, 80, 10 and 10 %.
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

_COLUMNS = ("siRNA_antisense_seq", "gene_target_seq", "mRNA_remaining_pct")
SOURCE = Source(
    name="sirna",
    title="SAIS siRNA challenge",
    version="2024",
    licence="terms of the challenge",
    citation="Shanghai Academy of AI for Science, siRNA efficiency challenge (2024)",
    homepage="http://competition.sais.com.cn",
    files=(
        SourceFile(
            key="rows",
            url="",
            local=("train_data*.csv*", "sirna*.csv*"),
            max_bytes=1_000_000_000,
            optional=True,
        ),
    ),
)


def read(files: Mapping[str, UsedFile], _task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield siRNA and mRNA with the per cent of mRNA that remains."""
    counts: Counter[str] = Counter()
    for number, (guide, target, cell) in table_rows(
        used(files, SOURCE, "rows"), _COLUMNS, problems
    ):
        split = drawn_split(f"{guide} {target}".upper())
        row = numbered(counts, split)
        value = number_of(cell, problems, f"rows row {number}")
        if value is not None:
            yield Labelled(split, row, (guide, target), value)
