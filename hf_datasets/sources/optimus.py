"""Optimus 5-prime: mean ribosome loading of 5' UTRs of 25 to 100 bases.

https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSM4084997: a CSV with `utr`, `rl`, `set`
(random or human) and `total_reads`. Splits as in Sample et al. 2019: of each set and length the
100 UTRs with the most reads are kept back. Human ones are the test part, random ones the
validation part; the other random ones train and the other human ones are not used.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from hf_datasets.sources.labelled import Labelled, number_of, numbered, table_rows
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_COLUMNS = ("utr", "rl", "set", "total_reads")
_LENGTHS = range(25, 101)
_KEPT_BACK = 100
_PARTS = {"random": "validation", "human": "test"}
SOURCE = Source(
    name="optimus",
    title="Optimus 5-prime, UTRs of varying length",
    version="GSM4084997",
    licence="public (GEO)",
    citation="Sample et al., Nature Biotechnology 37:803 (2019)",
    homepage="https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSM4084997",
    files=(
        SourceFile(
            key="utrs",
            url="https://ftp.ncbi.nlm.nih.gov/geo/samples/GSM4084nnn/GSM4084997/suppl/"
            "GSM4084997_varying_length_25to100.csv.gz",
            local=("*varying_length_25to100.csv*",),
        ),
    ),
)


def read(files: Mapping[str, UsedFile], _task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield the UTRs in file order: 76,319 train, 7,600 validate and 7,600 test."""
    rows: list[tuple[str, float, str]] = []
    ranked: dict[tuple[str, int], list[tuple[float, int]]] = defaultdict(list)
    for number, (utr, *cells, kind, reads) in table_rows(
        used(files, SOURCE, "utrs"), _COLUMNS, problems
    ):
        place = f"utrs row {number}"
        if kind not in _PARTS:
            problems.add("set is neither random nor human", place)
        elif len(utr) not in _LENGTHS:
            problems.add("UTR is not of 25 to 100 bases", place)
        else:
            value, depth = (number_of(cell, problems, place) for cell in (*cells, reads))
            if value is not None and depth is not None:
                ranked[kind, len(utr)].append((-depth, len(rows)))
                rows.append((utr, value, kind))
    kept = {index for group in ranked.values() for _, index in sorted(group)[:_KEPT_BACK]}
    counts: Counter[str] = Counter()
    for index, (utr, value, kind) in enumerate(rows):
        split = _PARTS[kind] if index in kept else "train"
        if split == "train" and kind == "human":
            continue
        yield Labelled(split, numbered(counts, split), (utr,), value)
