"""DeepSol: solubility of proteins expressed in E. coli.

https://zenodo.org/record/1162886: `train_src`, `val_src` and `test_src` with a sequence a line,
and `…_tgt` with 0 or 1 for each.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from hf_datasets.sources.labelled import Labelled, zero_or_one
from hf_datasets.sources.reading import open_lines
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_SPLITS = {"train": "train", "validation": "val", "test": "test"}
SOURCE = Source(
    name="deepsol",
    title="DeepSol",
    version="2018",
    licence="MIT",
    citation="Khurana et al., DeepSol, Bioinformatics 34:2605 (2018)",
    homepage="https://zenodo.org/record/1162886",
    files=tuple(
        SourceFile(
            key=f"{split}-{part}",
            url="",
            local=(f"{name}_{part}*", f"*_{name}_{part}*"),
            optional=True,
        )
        for split, name in _SPLITS.items()
        for part in ("src", "tgt")
    ),
)


def read(files: Mapping[str, UsedFile], _task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield the proteins of every split at hand; a line of one file without its partner counts."""
    for split in _SPLITS:
        source, target = f"{split}-src", f"{split}-tgt"
        if source not in files and target not in files:
            continue
        with (
            open_lines(used(files, SOURCE, source)) as sequences,
            open_lines(used(files, SOURCE, target)) as labels,
        ):
            for number, (sequence, label) in enumerate(zip_longest(sequences, labels), 1):
                place = f"{split} line {number}"
                if sequence is None or label is None:
                    problems.add("sequence without a label, or the other way round", place)
                    continue
                value = zero_or_one(label, problems, place)
                if value is not None:
                    yield Labelled(split, number, (sequence.strip(),), value)
