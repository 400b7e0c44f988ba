"""GUE: classification of DNA, from the data behind DNABERT-2.

https://github.com/MAGICS-LAB/DNABERT_2: `GUE.zip` with a folder per data set and in it
`train.csv`, `dev.csv` and `test.csv` of `sequence,label`. Flat names (`H3_test.csv.gz`) do too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.sources.labelled import Labelled, table_rows, zero_or_one
from hf_datasets.sources.source import Source, SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_MARKS = (
    "H3", "H3K14ac", "H3K36me3", "H3K4me1", "H3K4me2", "H3K4me3", "H3K79me3", "H3K9ac", "H4",
    "H4ac",
)  # fmt: skip
_SETS = tuple(str(number) for number in range(5))
SUBTASKS: dict[str, tuple[str, ...]] = {
    "emp": _MARKS,
    "pd300": ("all", "notata", "tata"),
    "cpd": ("all", "notata", "tata"),
    "tb-human": _SETS,
    "tb-mouse": _SETS,
}
"""Task → its data sets."""
_FOLDERS = {
    "emp": ("EMP/{}", "emp/{}"),
    "pd300": ("prom/prom_300_{}", "prom_300/{}"),
    "cpd": ("prom/prom_core_{}", "prom_core/{}"),
    "tb-human": ("tf/{}", "tf_human/{}"),
    "tb-mouse": ("mouse/{}", "tf_mouse/{}"),
}
"""Task → folder in the archive, and flat name, of a data set."""
_SPLITS = {"train": "train", "validation": "dev", "test": "test"}


def _local(task: str, subtask: str, split: str) -> tuple[str, ...]:
    folder, flat = (pattern.format(subtask) for pattern in _FOLDERS[task])
    inside = f"{folder}/{split}.csv*"
    return inside, f"GUE/{inside}", f"{flat}_{split}.csv*"


SOURCE = Source(
    name="gue",
    title="Genome Understanding Evaluation (GUE)",
    version="DNABERT-2",
    licence="Apache-2.0",
    citation="Zhou et al., DNABERT-2, ICLR 2024, arXiv 2306.15006",
    homepage="https://github.com/MAGICS-LAB/DNABERT_2",
    files=tuple(
        SourceFile(
            key=f"{task}-{subtask}-{split}",
            url="",
            local=_local(task, subtask, name),
            optional=True,
        )
        for task, subtasks in SUBTASKS.items()
        for subtask in subtasks
        for split, name in _SPLITS.items()
    ),
)


def parts(task: str) -> dict[str, tuple[str, str]]:
    """Return key of a file → (subtask, split), for one task."""
    return {
        f"{task}-{subtask}-{split}": (subtask, split)
        for subtask in SUBTASKS[task]
        for split in _SPLITS
    }


def read(files: Mapping[str, UsedFile], task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield the rows of all files of a task that are at hand."""
    for key, (subtask, split) in parts(task).items():
        if key not in files:
            continue
        for number, (sequence, label) in table_rows(files[key], ("sequence", "label"), problems):
            value = zero_or_one(label, problems, f"{key} row {number}")
            if value is not None:
                yield Labelled(split, number, (sequence,), value, subtask)
