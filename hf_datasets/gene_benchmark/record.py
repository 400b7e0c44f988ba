"""What a task of gene-benchmark is: a frozen record that says where its labels come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hf_datasets.gene_benchmark.upstream import Upstream
    from hf_datasets.task import TaskType

DATASET = "gene-benchmark"
HERE = Path(__file__).parent

Key = tuple[str, ...]
"""Who is asked about: (symbol,), (symbol_a, symbol_b) or (symbol, disease_id)."""
Value = str | float | tuple[str, ...]
"""A label: a class name, a number, or the names of all labels that apply."""
Labels = Mapping[Key, Value]
ReadLabels = Callable[["Upstream"], Labels]
"""Reads the labels of one task out of the sources; every key once."""


@dataclass(frozen=True)
class TaskRecord:
    """One task: a label column of one config."""

    config: str
    """The table that holds it."""
    column: str
    """Its name there, in snake case."""
    published: str
    """Its name in gene-benchmark's lists."""
    family: str
    """The family under which gene-benchmark files it; the config, except where DESIGN differs."""
    type: TaskType
    """What is predicted."""
    source: str
    """The source of its labels, a name in `hf_datasets.sources.SOURCES`."""
    description: str
    """One sentence: what the label says."""
    labels: ReadLabels
    """Reads them."""
    published_size: int | None = None
    """How many entities the paper states; None where it states none."""
    classes: tuple[str, ...] = ()
    """Class names in label order where they are fixed; else those of the data, sorted."""
    needs: tuple[str, ...] = ()
    """Further sources without which the labels cannot be assigned to genes."""
    differs: str = ""
    """Why the number of entities is another than the published one, where the reason is known."""

    @property
    def path(self) -> str:
        """The task's name, as `probe --tasks` takes it."""
        return f"{DATASET}/{self.config}/{self.column}"

    @property
    def derived(self) -> tuple[str, ...]:
        """Its labels that gene-benchmark publishes as binary tasks, in the order of its list."""
        return published_labels().get(self.column, ())


@cache
def published_labels() -> Mapping[str, tuple[str, ...]]:
    """Return column → the labels that gene-benchmark lists as derived binary tasks."""
    found: dict[str, tuple[str, ...]] = {}
    lines = (HERE / "published_labels.tsv").read_text(encoding="utf-8").splitlines()[1:]
    for line in lines:
        column, label = line.split("\t")
        found[column] = (*found.get(column, ()), label)
    return found


def snake_case(name: str) -> str:
    """Return a published name as a column name.

    >>> snake_case("RNA tissue specificity")
    'rna_tissue_specificity'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
