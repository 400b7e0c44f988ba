"""Files of single-cell counts: AnnData's `.h5ad` and 10x Genomics' `.h5`, opened where needed.

Layouts: https://anndata.readthedocs.io/en/stable/fileformat-prose.html and
https://www.10xgenomics.com/support/software/cell-ranger/latest/analysis/outputs/cr-outputs-h5-matrices
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.cells.matrix import BLOCK_ROWS, CountMatrix, SparseRows, stored_matrix
from hf_datasets.errors import InputError, one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

INDEX = "var_names"
GENE_COLUMNS = (
    "ensembl_id", "gene_ids", "feature_id", "feature_name", "gene_symbols", "gene_name",
)  # fmt: skip
"""Columns of `var` that may hold genes' identifiers, beside its index."""
RAW = "raw.X"
SPECIES = "organism_ontology_term_id"
HUMAN = "NCBITaxon:9606"
PASSED = {"1", "1.0", "True", "true"}
HUMAN_GENOMES = ("GRCh38", "GRCh37", "hg19", "hg38", "T2T-CHM13")


class CellFile(ABC):
    """One file; it is open only while something is read from it."""

    path: Path
    n_cells: int
    usual: tuple[str, ...]
    """Where raw counts lie in such a file, likeliest first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turned: dict[str, CountMatrix] = {}

    @abstractmethod
    def matrices(self) -> list[str]:
        """Return the names of all its matrices, the usual ones first."""

    @abstractmethod
    def gene_columns(self, matrix: str) -> dict[str, list[str]]:
        """Return what could identify the genes of a matrix: column to one name a gene."""

    @abstractmethod
    def kept(self) -> NDArray[np.bool_] | None:
        """Return which cells its maker kept (`filter_pass`); None for all."""

    @abstractmethod
    def _matrix(self, file: Any, name: str) -> CountMatrix: ...  # noqa: ANN401

    @abstractmethod
    def _cell_names(self, file: Any) -> Any: ...  # noqa: ANN401

    @contextmanager
    def open(self, matrix: str) -> Iterator[CountMatrix]:
        """Open one of its matrices; InputError when it cannot be read."""
        with self._file() as file:
            if matrix in self._turned:
                yield self._turned[matrix]
                return
            found = self._matrix(file, matrix)
            if found.n_cells != self.n_cells:
                message = (
                    f"{self.path} is damaged: {self.n_cells:,} cell names, "
                    f"{found.n_cells:,} rows in {matrix}"
                )
                raise InputError(message)
            if found.in_memory:
                self._turned[matrix] = found
            yield found

    def cell_names(self) -> Iterator[list[str]]:
        """Yield the names of all cells, some thousands at a time."""
        with self._file() as file:
            names = self._cell_names(file)
            for start in range(0, self.n_cells, BLOCK_ROWS):
                yield _texts(names[start : start + BLOCK_ROWS])

    @contextmanager
    def _file(self) -> Iterator[Any]:
        import h5py

        try:
            with h5py.File(self.path, "r") as file:
                yield file
        except (OSError, KeyError, RuntimeError) as error:
            message = f"cannot read {self.path}: {one_line(error)[:200]}; is it a whole file?"
            raise InputError(message) from error


class AnnDataFile(CellFile):
    """`.h5ad`."""

    usual = ("layers/counts", RAW, "X")

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._file() as file:
            for name in ("obs", "var"):
                if name not in file or not hasattr(file[name], "keys"):
                    message = (
                        f"{path} has no {name} table, or one written by anndata before 0.7; "
                        "write it anew: anndata.read_h5ad(OLD).write_h5ad(NEW)"
                    )
                    raise InputError(message)
            self.n_cells = len(self._cell_names(file))
            _require_human(file, path)

    def matrices(self) -> list[str]:
        """Return the usual places of raw counts that the file has, then its other layers."""
        with self._file() as file:
            usual = [name for name in self.usual if _place(name) in file]
            layers = [f"layers/{name}" for name in file.get("layers", ())]
            return usual + [name for name in layers if name not in usual]

    def gene_columns(self, matrix: str) -> dict[str, list[str]]:
        """Return the index and the known columns of the `var` that goes with the matrix."""
        with self._file() as file:
            table = file["raw/var" if matrix == RAW else "var"]
            named = {INDEX: table.attrs["_index"], **{name: name for name in GENE_COLUMNS}}
            return {
                label: _texts(_column(table, name))
                for label, name in named.items()
                if name in table
            }

    def kept(self) -> NDArray[np.bool_] | None:
        """Return which cells have 1 in `obs["filter_pass"]`, None without that column."""
        with self._file() as file:
            if "filter_pass" not in file["obs"]:
                return None
            marks = _texts(_column(file["obs"], "filter_pass"))
        return np.array([mark in PASSED for mark in marks])

    def _matrix(self, file: Any, name: str) -> CountMatrix:  # noqa: ANN401
        return stored_matrix(file[_place(name)], f"{name} of {self.path}")

    def _cell_names(self, file: Any) -> Any:  # noqa: ANN401
        item = file["obs"][file["obs"].attrs["_index"]]
        return item if hasattr(item, "shape") else _column(file["obs"], item.name)


class TenXFile(CellFile):
    """`.h5` of Cell Ranger: version 3 on (`/matrix`), and version 2 (a group per genome)."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._file() as file:
            self._group = _tenx_group(file, path)
            group = file[self._group]
            self.usual = (self._group,)
            self._is_v2 = self._group != "matrix"
            self.n_cells = len(group["barcodes"])
            self._n_genes = int(group["shape"][0])
            genomes = set() if self._is_v2 else set(_texts(group["features/genome"][:])) - {""}
        others = sorted(genome for genome in genomes if not _is_human(genome))
        if others and len(genomes) > 1:  # one of a name that we do not know may well be human
            message = (
                f"{path} has cells or genes of {shorten(others)}; these models know human ones "
                "only: keep those"
            )
            raise InputError(message)

    def matrices(self) -> list[str]:
        """Return the one matrix."""
        return list(self.usual)

    def gene_columns(self, matrix: str) -> dict[str, list[str]]:
        """Return ids and symbols under scanpy's names; empty for what is no gene."""
        with self._file() as file:
            group = file[matrix]
            if self._is_v2:
                ids, names = _texts(group["genes"][:]), _texts(group["gene_names"][:])
                return {"gene_ids": ids, INDEX: names}
            features = group["features"]
            is_gene = [kind == "Gene Expression" for kind in _texts(features["feature_type"][:])]
            return {
                label: [
                    name if gene else ""
                    for name, gene in zip(_texts(features[key][:]), is_gene, strict=True)
                ]
                for label, key in (("gene_ids", "id"), (INDEX, "name"))
            }

    def kept(self) -> NDArray[np.bool_] | None:
        """Return None: the format marks no cells."""
        return None

    def _matrix(self, file: Any, name: str) -> CountMatrix:  # noqa: ANN401
        # Stored by columns with genes as rows: the same numbers as cells by rows.
        group = file[name]
        starts = group["indptr"][:].astype(np.int64)
        return SparseRows(group["data"], group["indices"], starts, self._n_genes)

    def _cell_names(self, file: Any) -> Any:  # noqa: ANN401
        return file[self._group]["barcodes"]


def open_cell_file(path: Path) -> CellFile:
    """Open a file of counts by its content; InputError for another kind of file."""
    import h5py

    if not h5py.is_hdf5(path):
        message = f"{path} is no HDF5 file; give .h5ad, or the .h5 of Cell Ranger"
        raise InputError(message)
    return AnnDataFile(path) if path.suffix.lower() == ".h5ad" else TenXFile(path)


def _place(matrix: str) -> str:
    """Return where in the file a matrix lies."""
    return "raw/X" if matrix == RAW else matrix


def _column(table: Any, name: str) -> NDArray[Any]:  # noqa: ANN401
    """Return a column of an AnnData table, whatever way it is stored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anndata on files of its older versions
        from anndata.io import read_elem

        return np.asarray(read_elem(table[name]), dtype=object)


def _texts(values: Any) -> list[str]:  # noqa: ANN401
    """Return names as text; a missing one is empty."""
    return [_text(value) for value in np.asarray(values).tolist()]


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    is_missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if is_missing else str(value)


def _require_human(file: Any, path: Path) -> None:  # noqa: ANN401
    """InputError when an AnnData file says that its cells are of another species."""
    found: set[str] = set()
    if SPECIES in file.get("uns", ()):
        found = set(_texts(np.atleast_1d(_column(file["uns"], SPECIES))))
    elif SPECIES in file["obs"]:
        found = set(_texts(_column(file["obs"], SPECIES)))
    if others := sorted(found - {HUMAN, ""}):
        message = (
            f"{path} has cells of {shorten(others)} ({SPECIES}); these models know human "
            f"genes only: keep the cells of {HUMAN}"
        )
        raise InputError(message)


def _tenx_group(file: Any, path: Path) -> str:  # noqa: ANN401
    """Return the group that holds the matrix of a 10x file."""
    if "matrix" in file and "features" in file["matrix"]:
        return "matrix"
    genomes = [name for name in file if hasattr(file[name], "keys") and "genes" in file[name]]
    human = [name for name in genomes if _is_human(name)]
    if len(genomes) == 1 or len(human) == 1:
        return str((human or genomes)[0])
    has = f"genomes {shorten(genomes)}, of which one human one is needed" if genomes else "none"
    message = f"{path} holds no 10x matrix of human cells ({has}); give Cell Ranger's .h5 or .h5ad"
    raise InputError(message)


def _is_human(genome: str) -> bool:
    return genome.lower().startswith(tuple(name.lower() for name in HUMAN_GENOMES))
