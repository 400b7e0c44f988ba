"""TargetFinder: which enhancers touch which promoters, as sequences.

TargetFinder (https://github.com/shwhalen/targetfinder) gives places in the genome. Its pairs as
sequences are those of SIMCNN and EPIVAN: `NAME_enhancer.fasta`, `NAME_promoter.fasta` and
`NAME_label.txt` (1 or 0 a line), all in one order, and the same with `_test`. They have no
validation part.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from hf_datasets.sources.labelled import Labelled, fasta, zero_or_one
from hf_datasets.sources.reading import open_lines
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_ENDINGS = {"train": "", "validation": "_val", "test": "_test"}
_PARTS = {"enhancers": "enhancer{}.fasta", "promoters": "promoter{}.fasta", "labels": "label{}.txt"}
SOURCE = Source(
    name="targetfinder",
    title="TargetFinder, enhancer and promoter pairs",
    version="2016",
    licence="MIT",
    citation="Whalen et al., Nature Genetics 48:488 (2016)",
    homepage="https://github.com/shwhalen/targetfinder",
    files=tuple(
        SourceFile(
            key=f"{split}-{part}",
            url="",
            local=tuple(f"{folder}*_{pattern.format(ending)}*" for folder in ("", f"{split}/")),
            max_bytes=2_000_000_000,
            optional=True,
        )
        for split, ending in _ENDINGS.items()
        for part, pattern in _PARTS.items()
    ),
)


def read(files: Mapping[str, UsedFile], _task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield enhancer and promoter with whether they touch."""
    for split in _ENDINGS:
        keys = [f"{split}-{part}" for part in _PARTS]
        if not any(key in files for key in keys):
            continue
        enhancers, promoters, labels = (used(files, SOURCE, key) for key in keys)
        with open_lines(labels) as lines:
            texts = (line for line in lines if line.strip())
            rows = zip_longest(fasta(enhancers), fasta(promoters), texts)
            for number, (enhancer, promoter, label) in enumerate(rows, 1):
                place = f"{split} pair {number}"
                if enhancer is None or promoter is None or label is None:
                    problems.add("files of another length", place)
                    continue
                value = zero_or_one(label.removesuffix("\n"), problems, place)
                if value is not None:
                    yield Labelled(split, number, (enhancer[1], promoter[1]), value)
