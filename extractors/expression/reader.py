"""How a model reads cells: its genes by all their names, and a cell as its tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.cells.cell import Cells
from extractors.encoders.tokens import Frame
from extractors.expression.rank_value import rank_value_tokens
from extractors.expression.value_bins import binned_cell, cell_generator
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from extractors.cells.cell import Cell
    from extractors.cells.genes import Naming
    from extractors.expression.dictionaries import GeneDictionaries


class CellReader(ABC):
    """One model's way. Genes have numbers from 0, those of the rows of its token table."""

    size: int
    """Numbers of genes are below this."""
    namings: tuple[Naming, ...]
    frame: Frame
    kind: str
    """How it names its genes by itself: ensembl or symbol."""

    @abstractmethod
    def names(self, kind: str) -> dict[str, int]:
        """Return its genes' names, `ensembl` or `symbol`, to their numbers.

        No special token is among them. InputError when it has no such names.
        """

    @abstractmethod
    def tokenize(self, ids: Sequence[str], cells: Sequence[Cell | None]) -> list[NDArray[np.int64]]:
        """Return each cell's tokens without special ones; the first `frame.room` are read."""

    @abstractmethod
    def numbers(self, tokens: Any) -> Any:  # noqa: ANN401  array or tensor, as given
        """Return the number of each token's gene."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what decides the tokens."""


class RankReader(CellReader):
    """Geneformer: genes by rank."""

    kind = "ensembl"

    def __init__(self, dictionaries: GeneDictionaries, max_tokens: int) -> None:
        self._dictionaries = dictionaries
        self.size = dictionaries.size
        self.namings = dictionaries.namings
        special = dictionaries.special
        before, after = (
            tuple(special[name] for name in (token,) if name in special)
            for token in ("<cls>", "<eos>")
        )
        self.frame = Frame(before, after, max_tokens, has_cls=bool(before))

    def names(self, kind: str) -> dict[str, int]:
        """Return the genes' Ensembl ids, or the first symbol of each, to their tokens."""
        return self._dictionaries.names(kind)

    def tokenize(self, ids: Sequence[str], cells: Sequence[Cell | None]) -> list[NDArray[np.int64]]:
        """Return each cell's genes, the most outstanding first."""
        del ids
        ranked = rank_value_tokens(Cells.join(cells), self._dictionaries.medians)
        return [ranked.cell(row).astype(np.int64) for row in range(len(cells))]

    def numbers(self, tokens: Any) -> Any:  # noqa: ANN401
        """Return the tokens: they are the numbers."""
        return tokens

    def describe(self) -> dict[str, Any]:
        """Return the dictionaries' digests and the rule for ties."""
        return {"dictionaries": dict(self._dictionaries.files), "ties": "by token"}


class BinReader(CellReader):
    """scGPT: genes with the bin of their count; a token holds both, gene x span + bin.

    Bin 0 is what the special token carries.
    """

    kind = "symbol"

    def __init__(
        self, naming: Naming, size: int, *, cls: int, n_bins: int, max_tokens: int, seed: int
    ) -> None:
        self.size, self.namings = size, (naming,)
        self.span = n_bins
        self._seed = seed
        self.frame = Frame((cls * self.span,), (), max_tokens, has_cls=True)

    def names(self, kind: str) -> dict[str, int]:
        """Return the genes' symbols."""
        if kind != "symbol":
            message = f"this model names genes by symbol only; --gene-ids {kind} is not to be had"
            raise InputError(message)
        genes: Mapping[str, int] = self.namings[0].genes
        return dict(sorted(genes.items(), key=lambda item: item[1]))

    def tokenize(self, ids: Sequence[str], cells: Sequence[Cell | None]) -> list[NDArray[np.int64]]:
        """Return each cell's genes with their bins; draws depend on seed and id alone."""
        rows = []
        for entity, cell in zip(ids, cells, strict=True):
            if cell is None:
                rows.append(np.zeros(0, np.int64))
                continue
            room = self.frame.room or len(cell)
            generator = cell_generator(self._seed, entity)
            genes, bins = binned_cell(cell, self.span, room, generator)
            rows.append(genes.astype(np.int64) * self.span + bins)
        return rows

    def numbers(self, tokens: Any) -> Any:  # noqa: ANN401
        """Return the genes of tokens."""
        return tokens // self.span

    def describe(self) -> dict[str, Any]:
        """Return the number of bins and the seed of the draws."""
        return {"n_bins": self.span, "seed": self._seed}
