"""DeepAAI: which antibodies neutralise which strains of HIV.

https://github.com/enai4bio/DeepAAI, processing/hiv_cls: `dataset_hiv_cls.xlsx`, saved as CSV, with
`antibody_seq` (heavy and light chain, one after the other), `virus_seq`, `label` (1: IC50 below
10 µg/ml) and `split` (seen or unseen antibody) among its columns. Unseen antibodies are the test
part; the origin draws its validation part anew each time, so there is none here.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hf_datasets.sources.labelled import Labelled, numbered, table_rows, zero_or_one
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_COLUMNS = ("antibody_seq", "virus_seq", "label", "split")
_SPLITS = {"seen": "train", "unseen": "test"}
SOURCE = Source(
    name="deepaai",
    title="DeepAAI, HIV neutralisation",
    version="2022",
    licence="see its repository",
    citation="Zhang et al., Nature Machine Intelligence 4:964 (2022)",
    homepage="https://github.com/enai4bio/DeepAAI",
    files=(SourceFile(key="pairs", url="", local=("dataset_hiv_cls*.csv*",), optional=True),),
)


def read(files: Mapping[str, UsedFile], _task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield antibody and antigen with whether the one neutralises the other."""
    counts: Counter[str] = Counter()
    file = used(files, SOURCE, "pairs")
    for number, (antibody, virus, label, part) in table_rows(file, _COLUMNS, problems):
        place = f"pairs row {number}"
        split = _SPLITS.get(part)
        if split is None:
            problems.add("split is neither seen nor unseen", place)
            continue
        row = numbered(counts, split)
        value = zero_or_one(label, problems, place)
        if value is not None:
            yield Labelled(split, row, (antibody, virus), value)
