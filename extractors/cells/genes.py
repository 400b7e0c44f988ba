"""Which genes the columns of a file are, in the numbers of the model that will read it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

LEAST_SHARE = 0.2
"""A file whose genes a model knows less of is another species, or its names are not genes."""
VERSION = re.compile(r"\.\d+$")
LOOKS = (
    (re.compile(r"(GRCh\d+|hg\d+)_.*"), "the names carry a genome: take the prefix off"),
    (re.compile(r"ENS[A-Z]{3,4}G\d{5,}.*"), "they are Ensembl ids of another species"),
    (re.compile(r"[A-Z][a-z]+\d*[a-z]?\d*"), "they look like symbols of mouse or rat"),
    (re.compile(r"\d*"), "they are numbers: the names were lost"),
    (re.compile(r"ENSG\d+.*"), "they are Ensembl ids, which this model cannot look up"),
    (re.compile(r"ENST\d+.*"), "they are transcripts, not genes"),
)
"""How names look that no model knows, and what that means."""


@dataclass(frozen=True)
class Naming:
    """One way to name a model's genes."""

    kind: str
    """In the plural, for messages: Ensembl ids, symbols."""
    genes: Mapping[str, int]
    """Name to the model's number of the gene."""
    is_ensembl: bool = False
    """Whether case and a version suffix (ENSG00000141510.18) mean nothing."""

    def number(self, name: str) -> int:
        """Return the model's number of a gene, -1 for one that it does not know."""
        if self.is_ensembl:
            name = VERSION.sub("", name).upper()
        return self.genes.get(name, -1)


@dataclass(frozen=True)
class GeneMatch:
    """The columns of one file as genes of a model."""

    column: str
    """The column of `var` that names them."""
    kind: str
    """As in `Naming`."""
    numbers: NDArray[np.int32]
    """Shape (columns,): the model's number of each, -1 for none."""
    known: int
    """How many columns the model knows."""

    @property
    def summed(self) -> int:
        """How many columns share their gene with an earlier one."""
        return self.known - len(np.unique(self.numbers[self.numbers >= 0]))

    def line(self) -> str:
        """Return a line for people: column, share, and what is summed."""
        share = self.known / len(self.numbers)
        more = f"; {self.summed:,} of them share a gene and are summed" if self.summed else ""
        return (
            f"genes by {self.column} ({self.kind}): the model knows {self.known:,} of "
            f"{len(self.numbers):,} ({share:.0%}){more}"
        )


def match_genes(
    columns: Mapping[str, Sequence[str]],
    namings: Sequence[Naming],
    where: str,
    cell_names: Sequence[str] = (),
) -> GeneMatch:
    """Return the column and the naming that the model knows most genes by.

    `columns`: column to a name for each gene; `cell_names`: some, to notice a transposed file.
    InputError, with a guess at the reason, where the best knows less than LEAST_SHARE.
    """
    best: GeneMatch | None = None
    for column, names in columns.items():
        for naming in namings:
            numbers = np.fromiter(map(naming.number, names), np.int32, len(names))
            found = GeneMatch(column, naming.kind, numbers, int((numbers >= 0).sum()))
            if best is None or found.known > best.known:
                best = found
    if best is None or not best.known or best.known < LEAST_SHARE * len(best.numbers):
        share = f"at most {best.known / max(1, len(best.numbers)):.1%}" if best else "none"
        kinds = " or ".join(naming.kind for naming in namings)
        message = (
            f"the model knows {share} of the genes of {where} by "
            f"{', '.join(columns) or 'any column'}; {_guess(columns, namings, cell_names)}; "
            f"it needs human genes as {kinds}"
        )
        raise InputError(message)
    return best


def _guess(
    columns: Mapping[str, Sequence[str]], namings: Sequence[Naming], cell_names: Sequence[str]
) -> str:
    """Say what the names look like instead."""

    def known(name: str) -> bool:
        return any(naming.number(name) >= 0 for naming in namings)

    shown = ", ".join(next(iter(columns.values()), ())[:3])
    if sum(map(known, cell_names)) > LEAST_SHARE * len(cell_names):
        return "its rows are named like genes: the matrix lies the wrong way round (adata.T)"
    for names in columns.values():
        for pattern, reason in LOOKS:
            if 2 * sum(pattern.fullmatch(name) is not None for name in names) > len(names):
                return f"{reason} ({shown})"
    return f"they look like {shown or 'nothing'}"
