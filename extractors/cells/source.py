"""Cells as an input of `extract`: rows are cells, in the order of the file or of the folder."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.cells.cell import gather
from extractors.cells.counts import choose_counts, impossible, not_raw
from extractors.cells.files import open_cell_file
from extractors.cells.genes import match_genes
from extractors.inputs import Input
from hf_datasets.command import say
from hf_datasets.errors import InputError, shorten
from hf_datasets.files import file_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from extractors.cells.files import CellFile
    from extractors.cells.genes import GeneMatch, Naming
    from extractors.cells.matrix import Block
    from extractors.inputs import Rows

SUFFIXES = (".h5ad", ".h5")


class CellInput(Input):
    """Files of cells, whose values are `Cell`s over a model's vocabulary.

    A cell's id is its name; where a name occurs in several files of a folder, all ids are
    `file:name`; the second cell of a name in one file is `name#2`, the third `name#3`. Cells
    that `filter_pass` marks as failed are left out, and counted.
    """

    def __init__(
        self,
        files: Sequence[CellFile],
        namings: Sequence[Naming],
        *,
        counts: str | None = None,
        allow_normalized: bool = False,
    ) -> None:
        self._files = files
        self._check = impossible if allow_normalized else not_raw
        self._allow_normalized = allow_normalized
        self._counts: list[str] = []
        self._genes: list[GeneMatch] = []
        self._kept = [file.kept() for file in files]
        for file, kept in zip(files, self._kept, strict=True):
            name = choose_counts(file, counts, allow_normalized=allow_normalized)
            some_cells = next(file.cell_names(), [])
            found = match_genes(file.gene_columns(name), namings, str(file.path), some_cells)
            with file.open(name) as matrix:
                if matrix.n_genes != len(found.numbers):
                    message = (
                        f"{file.path} is damaged: {len(found.numbers):,} gene names, "
                        f"{matrix.n_genes:,} columns in {name}"
                    )
                    raise InputError(message)
            self._counts.append(name)
            self._genes.append(found)
            say(f"{file.path.name}: counts from {name}; {found.line()}")
            if kept is not None and not kept.all():
                left = int((~kept).sum())
                say(f"  {left:,} of {file.n_cells:,} cells fail filter_pass and are left out")
        self._repeated, self._by_file = self._repeated_names()

    def rows(self) -> Iterator[Rows]:
        """Yield ids and cells; one without any known gene has length 0."""
        for number, file in enumerate(self._files):
            ids = self._ids(number)
            kept = self._kept[number]
            numbers = self._genes[number].numbers
            with file.open(self._counts[number]) as matrix:
                for start, stop in matrix.cuts():
                    block = matrix.read(start, stop)
                    self._require_counts(block, number, start)
                    cells = gather(block.starts, block.columns, block.counts, numbers).split()
                    if kept is not None:
                        cells = [
                            cell
                            for cell, good in zip(cells, kept[start:stop].tolist(), strict=True)
                            if good
                        ]
                    yield [next(ids) for _ in cells], cells

    def describe(self) -> dict[str, Any]:
        """Return each file's name, digest, matrix and gene column."""
        return {
            "files": [
                {
                    "file": file.path.name,
                    "sha256": file_digest(file.path),
                    "counts": counts,
                    "genes": genes.column,
                    "named_by": genes.kind,
                }
                for file, counts, genes in zip(self._files, self._counts, self._genes, strict=True)
            ],
            "allow_normalized": self._allow_normalized,
        }

    def _require_counts(self, block: Block, number: int, start: int) -> None:
        """InputError, naming the first cell, for values that are no counts."""
        problem = self._check(block.counts)
        if problem is None:
            return
        bad = next(
            row
            for row, (first, last) in enumerate(pairwise(block.starts.tolist()))
            if self._check(block.counts[first:last])
        )
        file = self._files[number]
        name = [name for names in file.cell_names() for name in names][start + bad]
        message = (
            f"{self._counts[number]} of {file.path} holds no raw counts: cell {name} has "
            f"{problem}; name the raw counts with --counts"
        )
        raise InputError(message)

    def _names(self, number: int) -> Iterator[str]:
        """Yield the names of a file's kept cells."""
        kept = self._kept[number]
        row = 0
        for names in self._files[number].cell_names():
            for name in names:
                if kept is None or kept[row]:
                    yield name
                row += 1

    def _ids(self, number: int) -> Iterator[str]:
        """Yield the ids of a file's kept cells: their names, made unique."""
        prefix = f"{self._files[number].path.name}:" if self._by_file else ""
        seen: Counter[str] = Counter()
        for name in self._names(number):
            unique = name
            if name in self._repeated:
                seen[name] += 1
                unique = name if seen[name] == 1 else f"{name}#{seen[name]}"
            yield f"{prefix}{unique}"

    def _repeated_names(self) -> tuple[set[str], bool]:
        """Return names that occur more than once, and whether one does in several files.

        Memory is eight bytes a cell, and the repeated names themselves.
        """
        hashes: NDArray[np.int64] = np.fromiter(
            (hash(name) for number in range(len(self._files)) for name in self._names(number)),
            np.int64,
        )
        if not len(hashes):
            return set(), False
        hashes.sort()
        suspects = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
        if not suspects:
            return set(), False
        places: dict[str, Counter[int]] = {}
        for number in range(len(self._files)):
            for name in self._names(number):
                if hash(name) in suspects:
                    places.setdefault(name, Counter())[number] += 1
        repeated = {name: where for name, where in places.items() if where.total() > 1}
        across = any(len(where) > 1 for where in repeated.values())
        within = sorted(name for name, where in repeated.items() if max(where.values()) > 1)
        if across:
            say(f"cell names repeat across files ({shorten(repeated, 3)}): ids are file:name")
        if within:
            say(f"{len(within):,} cell names repeat ({shorten(within, 3)}): later ones get #2, #3")
        return set(repeated), across


def find_cell_files(source: str) -> list[CellFile]:
    """Return the files of counts that `--input` names: one, or all of a folder by name.

    InputError for another kind of file, or a folder without any.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        found = sorted(part for part in path.iterdir() if part.suffix.lower() in SUFFIXES)
        if not found:
            message = (
                f"{path} holds no {' or '.join(SUFFIXES)}; a folder of matrix.mtx becomes one by "
                "scanpy.read_10x_mtx(FOLDER).write_h5ad(FILE)"
            )
            raise InputError(message)
        return [open_cell_file(part) for part in found]
    if not path.is_file():
        message = f"no file or folder {path}; give .h5ad, a 10x .h5, or a folder of them"
        raise InputError(message)
    if path.suffix.lower() not in SUFFIXES:
        message = f"{path} is no file of single cells; give .h5ad, a 10x .h5, or a folder of them"
        raise InputError(message)
    return [open_cell_file(path)]
