"""DeepCRISPR: on-target efficiency of guides, four cell lines.

https://github.com/bm2-lab/DeepCRISPR: an archive with `ontar/hl60.repisgt` and others; columns
without a header: chromosome, start, end, strand, guide with PAM (23 bases), four epigenetic
tracks, efficiency. The task is HL60 with 2,076 guides; the origin has no split of it, so it is
drawn by a hash of the guide: 70, 10 and 20 %.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hf_datasets.sources.archives import member_lines
from hf_datasets.sources.labelled import Labelled, drawn_split, number_of, numbered
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_MEMBER = "ontar/hl60.repisgt"
_FIELDS = 10
_GUIDE = 4
SOURCE = Source(
    name="deepcrispr",
    title="DeepCRISPR",
    version="2018",
    licence="Apache-2.0",
    citation="Chuai et al., DeepCRISPR, Genome Biology 19:80 (2018)",
    homepage="https://github.com/bm2-lab/DeepCRISPR",
    files=(
        SourceFile(
            key="archive",
            url="",
            local=("*crispr*.tar.gz", "*paper_data*.tar.gz", "hl60.repisgt*"),
            max_bytes=500_000_000,
            optional=True,
        ),
    ),
)


def read(files: Mapping[str, UsedFile], _task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield the guides of HL60 with their efficiencies."""
    counts: Counter[str] = Counter()
    with member_lines(used(files, SOURCE, "archive"), _MEMBER) as lines:
        for number, line in enumerate(lines, 1):
            fields = line.split()
            place = f"{_MEMBER} line {number}"
            if len(fields) != _FIELDS:
                problems.add("row has another number of fields", place)
                continue
            value = number_of(fields[-1], problems, place)
            split = drawn_split(fields[_GUIDE].upper(), (0.7, 0.1))
            row = numbered(counts, split)
            if value is not None:
                yield Labelled(split, row, (fields[_GUIDE],), value)
