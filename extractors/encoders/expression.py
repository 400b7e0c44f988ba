"""What encoders of gene expression share: vectors of cells, of genes over cells, of genes alone."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from extractors.cells.source import CellInput
from extractors.encoders.tokens import TokenEncoder, Tokens
from extractors.expression.means import GeneSums
from extractors.expression.sources import CellGenes, open_expression
from extractors.model import Encoded
from hf_datasets.command import progress
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from extractors.checkpoints import Checkpoint
    from extractors.encoders.tokens import Network
    from extractors.expression.reader import CellReader
    from extractors.inputs import Asked, Input
    from extractors.model import ModelRecord, Settings

CELLS_AT_ONCE = 1024
"""Cells that go into gene sums together; where the cuts fall decides the last bits."""
NO_GENE = "no gene of this cell is known to the model"


class ExpressionEncoder(TokenEncoder):
    """An encoder over a `CellReader`.

    What a row is depends on the input. Cells: a row is a cell, pooled from its tokens; a cell
    over the model's limit is cut as the reader orders its tokens. Genes of cells: a row is the
    mean of a gene's token vectors over the cells that hold it, unweighted, and `n_tokens` says
    how many cells. Genes alone: a row of the model's own table, see `table`.
    """

    def __init__(
        self,
        network: Network,
        reader: CellReader,
        checkpoint: Checkpoint,
        settings: Settings,
        *,
        pooling: str,
        layer: int,
    ) -> None:
        if settings.pooling == "none":
            message = (
                "--pooling none would give vectors of genes without their names; "
                "--entity gene averages each gene over the cells"
            )
            raise InputError(message)
        self._reader = reader
        self._asked = settings
        settings = replace(
            settings,
            pooling=settings.pooling or pooling,
            layers=settings.layers or (layer,),
            long="error" if settings.long == "error" else "truncate",
        )
        # `tokenize` is our own: a cell is no text, and some need its id.
        super().__init__(network, reader, reader.frame, checkpoint, settings)  # type: ignore[arg-type]
        self._rows = "cells"
        self._table: list[NDArray[np.float32]] | None = None
        self._n_cells: NDArray[np.int64] | None = None

    @classmethod
    @abstractmethod
    def open_reader(cls, record: ModelRecord, settings: Settings) -> CellReader:
        """Return how the model reads cells, without its weights."""

    @abstractmethod
    def table(self) -> tuple[str, NDArray[np.float32]]:
        """Return the genes' vectors without any cell, (size, width), and what they are."""

    @classmethod
    def open_input(cls, record: ModelRecord, settings: Settings, asked: Asked) -> Input:
        """Open cells, genes of cells, a table of genes, or the vocabulary."""
        return open_expression(cls.open_reader(record, settings), settings.entity, asked)

    def prepare(self, source: Input, scratch: Path) -> None:
        """Make the table of gene vectors, where rows are genes; over cells this is the work."""
        if isinstance(source, CellInput):
            return
        if self._asked.pooling is not None:
            message = f"--pooling {self._asked.pooling} is for cells; rows are genes here"
            raise InputError(message)
        self.per_token = False
        if isinstance(source, CellGenes):
            self._rows = "genes, means over cells"
            self._table = self._means(source, scratch)
            self._n_cells = source.n_cells
            return
        if self._asked.layers:
            message = "--layers is for cells; gene vectors without cells are the model's own table"
            raise InputError(message)
        self._rows, table = self.table()
        self._table, self.layers = [table], ()

    def describe(self) -> dict[str, Any]:
        """Return what decides the numbers."""
        pooling = self._pooling if self._table is None else None
        own = {"rows": self._rows, "pooling": pooling}
        return {**super().describe(), **self._reader.describe(), **own}

    def tokenize(self, ids: Sequence[str], values: Sequence[Any]) -> Tokens:
        """Turn cells into tokens, or names of genes into their numbers."""
        if self._table is None:
            rows = self._reader.tokenize(ids, values)
            errors = [None if len(row) else NO_GENE for row in rows]
            return Tokens(rows, errors, list(self._plan(rows, errors)))
        numbers = [
            self._number(entity) if value is None else int(value)
            for entity, value in zip(ids, values, strict=True)
        ]
        return Tokens(
            [np.array([number]) for number in numbers],
            [None if number >= 0 else "the model does not know this gene" for number in numbers],
            [],
        )

    def encode(self, tokens: Tokens) -> Encoded:
        """Run cells through the model, or look up genes."""
        if self._table is None:
            return super().encode(tokens)
        numbers = np.concatenate(tokens.rows)
        counts = np.ones(len(numbers), np.int32)
        if self._n_cells is not None:
            counts = self._n_cells[numbers].astype(np.int32)
        counts[numbers < 0] = 0
        return Encoded(
            [table[numbers] for table in self._table],
            counts,
            np.zeros(len(numbers), np.bool_),
            list(tokens.errors),
        )

    def _number(self, name: str) -> int:
        """Return the number of a gene by whichever kind of name it is, -1 for an unknown one."""
        found = (naming.number(name) for naming in self._reader.namings)
        return next((number for number in found if number >= 0), -1)

    @torch.inference_mode()
    def _means(self, source: CellGenes, scratch: Path) -> list[NDArray[np.float32]]:
        """Return each gene's mean over the cells that hold it, (size, width) for each layer."""
        reader, network = self._reader, self._network
        sums = GeneSums(len(self._layers), reader.size, self.dim, network.device, scratch)
        sums.resume()
        with progress(None, "cells", "average") as bar:
            bar.update(sums.cells_done)
            for ids, cells in _stretches(source.cells, sums.cells_done):
                tokens = ExpressionEncoder.tokenize(self, ids, cells)
                errors = list(tokens.errors)
                for batch, _, layers in self._batches(tokens, errors):
                    numbers, places = self._own(tokens, batch)
                    sums.add(numbers, [hidden[places] for hidden in layers])
                for entity, error in zip(ids, errors, strict=True):
                    if error not in {None, NO_GENE}:
                        message = f"cell {entity}: {error}"
                        raise InputError(message)
                sums.finished(len(ids))
                bar.update(len(ids))
        sums.save()
        return sums.means(source.n_cells)

    def _own(self, tokens: Tokens, batch: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the genes of a batch's tokens and their places, special tokens left out."""
        before, after = len(self._frame.prefix), len(self._frame.suffix)
        numbers, places, start = [], [], 0
        for index in batch:
            row, cut = tokens.plan[index]
            length = cut.end - cut.start
            numbers.append(self._reader.numbers(tokens.rows[row][cut.start : cut.end]))
            places.append(np.arange(start + before, start + before + length))
            start += before + length + after
        device = self._network.device
        both = (torch.from_numpy(np.concatenate(part)).to(device) for part in (numbers, places))
        return next(both), next(both)


def _stretches(cells: CellInput, skip: int) -> Iterator[tuple[list[str], list[Any]]]:
    """Yield ids and cells, CELLS_AT_ONCE at a time, after the first `skip` cells."""
    waiting_ids: list[str] = []
    waiting: list[Any] = []
    for ids, values in cells.rows():
        passed = min(skip, len(ids))
        skip -= passed
        waiting_ids += ids[passed:]
        waiting += values[passed:]
        while len(waiting) >= CELLS_AT_ONCE:
            yield waiting_ids[:CELLS_AT_ONCE], waiting[:CELLS_AT_ONCE]
            waiting_ids, waiting = waiting_ids[CELLS_AT_ONCE:], waiting[CELLS_AT_ONCE:]
    if waiting:
        yield waiting_ids, waiting
