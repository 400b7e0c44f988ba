"""nRC: non-coding RNAs of Rfam in 13 classes.

https://github.com/IcarPA-TBlab/nrc: two FASTA files; the last word of a header is the class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.sources.labelled import Labelled, fasta
from hf_datasets.sources.source import Source, SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

SOURCE = Source(
    name="nrc",
    title="nRC, non-coding RNAs of Rfam",
    version="2017",
    licence="GPL-3.0",
    citation="Fiannaca et al., nRC: non-coding RNA Classifier, BioData Mining 10:27 (2017)",
    homepage="https://github.com/IcarPA-TBlab/nrc",
    files=(
        SourceFile(key="train", url="", local=("*6320_13classes.fasta*",), optional=True),
        SourceFile(key="test", url="", local=("*2600_13classes_test.fasta*",), optional=True),
    ),
)


def read(files: Mapping[str, UsedFile], _task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield the records of both files: 6,320 for training and 2,600 for testing."""
    for split in ("train", "test"):
        if split not in files:
            continue
        for number, (header, sequence) in enumerate(fasta(files[split]), 1):
            name, _, family = header.rpartition(" ")
            if name:
                yield Labelled(split, number, (sequence,), family)
            else:
                problems.add("no class in the header", f"{split} record {number}")
