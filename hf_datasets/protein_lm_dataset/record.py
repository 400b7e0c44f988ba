"""What a config of protein-lm-dataset is: a frozen record, and a function that yields its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hf_datasets.protein_lm_dataset.upstream import Upstream

DATASET = "protein-lm-dataset"

Row = Mapping[str, str | int]
"""One row: column → value, every column of the config."""


@dataclass(frozen=True)
class CorpusConfig:
    """One table of texts or of questions.

    `rows` yields all rows once, in the order of the source, and knows nothing of splits: rows of
    one `group` come to lie on one side, and repeated rows are dropped and counted.
    """

    name: str
    """The config."""
    kind: Literal["self-supervised", "fine-tuning"]
    """What a language model does with it."""
    summary: str
    """One sentence: what a row is."""
    licence: str
    """SPDX identifier, or the terms in words."""
    sources: tuple[str, ...]
    """Names in `hf_datasets.sources.SOURCES`; without all of them it is not built."""
    columns: Mapping[str, str]
    """Column → dtype of its `datasets.Value`; `id` first, which is the key."""
    texts: tuple[str, ...]
    """The columns whose bytes, words and tokens are counted."""
    group: str
    """The column that decides the split."""
    same: tuple[str, ...]
    """A row that has the same in all these columns as one before it is dropped."""
    rows: Callable[[Upstream], Iterator[Row]]
    """Yields the rows."""
    asked: bool = False
    """It belongs to a build only if its sources were given: nothing lacks without it."""
