"""What expression models are asked about: cells, genes over cells, or genes of a vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.cells.source import SUFFIXES, CellInput, find_cell_files
from extractors.inputs import Input, open_input
from hf_datasets.command import progress, say
from hf_datasets.errors import InputError, choose
from hf_datasets.tables import BATCH_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extractors.expression.reader import CellReader
    from extractors.inputs import Asked, Rows

ENTITIES = ("cell", "gene")
NAMES = ("ensembl", "symbol")


class GeneInput(Input):
    """Genes of a model's vocabulary, in its order; a value is the gene's number as text."""

    def __init__(self, names: Mapping[str, int], kind: str) -> None:
        self._names, self._kind = list(names.items()), kind

    def rows(self) -> Iterator[Rows]:
        """Yield names and numbers."""
        for start in range(0, len(self._names), BATCH_ROWS):
            some = self._names[start : start + BATCH_ROWS]
            yield [name for name, _ in some], [str(number) for _, number in some]

    def describe(self) -> dict[str, Any]:
        """Return how the genes are named."""
        return {"genes": "vocabulary", "named_by": self._kind}


class CellGenes(GeneInput):
    """Genes that occur in cells as a model reads them, cut at its limit."""

    def __init__(self, cells: CellInput, reader: CellReader, kind: str) -> None:
        self.cells = cells
        self.n_cells = np.zeros(reader.size, np.int64)
        """Shape (size,): in how many cells each gene is read."""
        empty = 0
        with progress(None, "cells", "genes of") as bar:
            for ids, values in cells.rows():
                for row in reader.tokenize(ids, values):
                    self.n_cells[reader.numbers(row[: reader.frame.room])] += 1
                    empty += not len(row)
                bar.update(len(ids))
        every = reader.names(kind)
        found = {name: number for name, number in every.items() if self.n_cells[number]}
        if not found:
            message = "no cell holds a gene that the model knows by this name; nothing to average"
            raise InputError(message)
        say(f"{len(found):,} of {len(every):,} genes are read in at least one cell")
        unnamed = int((self.n_cells > 0).sum()) - len(found)
        if unnamed:
            say(f"  {unnamed:,} genes that are read have no {kind} and are left out")
        if empty:
            say(f"  {empty:,} cells hold no gene that the model knows and are left out")
        super().__init__(found, kind)

    def describe(self) -> dict[str, Any]:
        """Return the files of cells and how the genes are named."""
        return {**self.cells.describe(), "genes": "of cells", "named_by": self._kind}


def open_expression(reader: CellReader, entity: str | None, asked: Asked) -> Input:
    """Open cells, or genes: of cells, of a user's table, or of the whole vocabulary.

    InputError for options that do not go together.
    """
    kind = asked.gene_ids or reader.kind
    choose(kind, dict.fromkeys(NAMES), "--gene-ids")
    if entity is not None:
        choose(entity, dict.fromkeys(ENTITIES), "--entity")
    _refuse(asked, "a model that knows genes by their names", genes=asked.genes)
    if asked.source is not None and holds_cells(asked.source):
        _refuse(asked, "cells", column=asked.column, id=asked.id_column)
        cells = CellInput(
            find_cell_files(asked.source),
            reader.namings,
            counts=asked.counts,
            allow_normalized=asked.allow_normalized,
        )
        if entity == "gene":
            return CellGenes(cells, reader, kind)
        _refuse(asked, "cells", gene_ids=asked.gene_ids)
        return cells
    if entity == "cell":
        message = "--entity cell needs cells; give --input FILE.h5ad, a 10x .h5, or a folder"
        raise InputError(message)
    normalized = "yes" if asked.allow_normalized else None
    _refuse(asked, "genes without cells", counts=asked.counts, allow_normalized=normalized)
    if asked.source is not None:
        _refuse(asked, "a table of genes", gene_ids=asked.gene_ids)
        return open_input(asked.source, (), asked.column, asked.id_column)
    names = reader.names(kind)
    known = len(reader.names(reader.kind))
    if len(names) < known:
        say(f"{known - len(names):,} of {known:,} genes have no {kind} and are left out")
    return GeneInput(names, kind)


def holds_cells(source: str) -> bool:
    """Whether `--input` names single-cell counts rather than a table of genes."""
    path = Path(source).expanduser()
    if path.is_dir():
        return any(part.suffix.lower() in SUFFIXES for part in path.iterdir())
    return path.suffix.lower() in SUFFIXES


def _refuse(asked: Asked, what: str, **options: str | None) -> None:
    """InputError for an option that means nothing here."""
    for name, given in options.items():
        if given is not None:
            option = f"--{name.replace('_', '-')}"
            message = (
                f"{option} means nothing for {what} ({asked.source or 'vocabulary'}); leave it out"
            )
            raise InputError(message)
