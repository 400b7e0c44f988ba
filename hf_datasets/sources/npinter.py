"""NPInter v2: which non-coding RNAs bind which proteins, as RPI benchmarks give it.

`NPInter_pairs.txt` (protein, RNA, 1 or 0, separated by white space) beside
`sequence/NPinter_protein_seq.fa` and `NPinter_rna_seq.fa`; 10,412 pairs of each label. It has no
split: it is drawn by a hash of the two names, 72, 8 and 20 %, the shares that were published.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hf_datasets.sources.labelled import Labelled, drawn_split, fasta, numbered, zero_or_one
from hf_datasets.sources.reading import open_lines
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_FIELDS = 3
SOURCE = Source(
    name="npinter",
    title="NPInter v2, RNA and protein pairs",
    version="2.0",
    licence="cite (data without a stated licence)",
    citation="Yuan et al., NPInter v2.0, NAR 42:D104 (2014)",
    homepage="http://bigdata.ibp.ac.cn/npinter",
    files=(
        SourceFile(key="pairs", url="", local=("NPInter*_pairs.txt*",), optional=True),
        SourceFile(
            key="rna",
            url="",
            local=("NP[iI]nter*_rna_seq.fa*", "sequence/NP[iI]nter*_rna_seq.fa*"),
            max_bytes=500_000_000,
            optional=True,
        ),
        SourceFile(
            key="protein",
            url="",
            local=("NP[iI]nter*_protein_seq.fa*", "sequence/NP[iI]nter*_protein_seq.fa*"),
            optional=True,
        ),
    ),
)


def read(files: Mapping[str, UsedFile], _task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield RNA and protein with whether they bind; pairs without a sequence are counted."""
    rnas, proteins = (
        {header.split()[0]: sequence for header, sequence in fasta(used(files, SOURCE, key))}
        for key in ("rna", "protein")
    )
    counts: Counter[str] = Counter()
    with open_lines(used(files, SOURCE, "pairs")) as lines:
        for number, line in enumerate(lines, 1):
            fields = line.split()
            place = f"pairs line {number}"
            if len(fields) != _FIELDS:
                if fields:
                    problems.add("row has another number of fields", place)
                continue
            protein, rna, label = fields
            split = drawn_split(f"{protein} {rna}", (0.72, 0.08))
            row = numbered(counts, split)
            if rna not in rnas or protein not in proteins:
                problems.add("no sequence of the RNA or the protein", place)
                continue
            value = zero_or_one(label, problems, place)
            if value is not None:
                yield Labelled(split, row, (rnas[rna], proteins[protein]), value)
