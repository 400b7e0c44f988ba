"""Single-cell files: every way of storing counts gives the same cells, the rest is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from expression_files import GENES, plain

from extractors.cells import matrix as matrix_module
from extractors.cells.cell import Cell, Cells, gather
from extractors.cells.genes import Naming
from extractors.cells.source import CellInput, find_cell_files
from extractors.engine import extract
from extractors.loading import Loader
from extractors.model import Settings
from extractors.registry import model_record
from extractors.survey import Survey
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

IDS = Naming("Ensembl ids", {name: 100 - place for place, name in enumerate(GENES)}, True)
SYMBOLS = Naming("symbols", {f"GENE{place}": 100 - place for place in range(60)})
NAMINGS = (IDS, SYMBOLS)


def counts(n_cells: int = 30, n_genes: int = 60, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    values = rng.geometric(0.3, (n_cells, n_genes)) * (rng.random((n_cells, n_genes)) < 0.3)
    values[3] = 0  # an empty cell
    return values.astype(np.float32)


def table(
    matrix: Any, *, names: list[str] | None = None, cells: list[str] | None = None
) -> anndata.AnnData:
    n_cells, n_genes = matrix.shape
    return anndata.AnnData(
        matrix,
        obs=pd.DataFrame(index=plain(cells or [f"c{row}" for row in range(n_cells)])),
        var=pd.DataFrame(index=plain(names or GENES[:n_genes])),
    )


def expected(values: NDArray[np.float32]) -> list[dict[int, float]]:
    return [{100 - g: float(v) for g, v in enumerate(row) if v} for row in values]


def read(source: Path, **options: Any) -> tuple[list[str], list[dict[int, float]]]:
    """Return ids and {gene: count} of every cell; genes must ascend."""
    ids: list[str] = []
    found = []
    for some, cells in CellInput(find_cell_files(str(source)), NAMINGS, **options).rows():
        ids += some
        for cell in cells:
            assert cell.genes.dtype == np.int32
            assert cell.counts.dtype == np.float32
            assert cell.genes.tolist() == sorted(cell.genes.tolist())
            found.append(dict(zip(cell.genes.tolist(), cell.counts.tolist(), strict=True)))
    return ids, found


STORED = {
    "csr": sp.csr_matrix,
    "csc": sp.csc_matrix,
    "dense": np.asarray,
    "int64": lambda values: sp.csr_matrix(values.astype(np.int64)),
    "uint8": lambda values: sp.csr_matrix(values.astype(np.uint8)),
    "float64": lambda values: values.astype(np.float64),
}


@pytest.mark.parametrize("stored", STORED)
def test_any_way_of_storing_gives_the_same_cells(
    tmp_path: Path, stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_module, "BLOCK_VALUES", 100)  # many blocks, of unequal size
    values = counts()
    adata = table(STORED[stored](values))
    adata.write_h5ad(tmp_path / "a.h5ad", compression="gzip" if stored == "dense" else None)
    ids, found = read(tmp_path / "a.h5ad")
    assert ids == [f"c{row}" for row in range(30)]
    assert found == expected(values)
    assert found[3] == {}


def test_a_matrix_by_columns_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_module, "COLUMN_WISE_LIMIT", 10)
    table(sp.csc_matrix(counts())).write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(InputError, match=r"stored by genes \(CSC\).*tocsr"):
        read(tmp_path / "a.h5ad")


def test_explicit_zeros_repeats_and_unsorted_columns_are_put_in_order() -> None:
    starts = np.array([0, 4, 4, 7])
    columns = np.array([3, 0, 3, 1, 2, 2, 0])
    values = np.array([2, 0, 5, 1, 4, 4, 9], np.int16)
    column_gene = np.array([7, -1, 5, 6], np.int32)
    found = gather(starts, columns, values, column_gene)
    rows = [(cell.genes.tolist(), cell.counts.tolist()) for cell in found.split()]
    assert rows == [([6], [7.0]), ([], []), ([5, 7], [8.0, 9.0])]
    joined = Cells.join([*found.split(), None])
    assert joined.starts.tolist() == [0, 1, 1, 3, 3]


def test_counts_come_from_the_layer_then_raw_then_x(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = counts()
    sums = values.sum(axis=1, keepdims=True)
    logged = np.log1p(np.divide(values, sums, out=np.zeros_like(values), where=sums > 0) * 1e4)
    adata = table(sp.csr_matrix(values))
    adata.raw = adata.copy()
    adata = adata[:, ::-1].copy()  # X has its genes in another order than raw
    adata.X = sp.csr_matrix(logged[:, ::-1])
    adata.write_h5ad(tmp_path / "raw.h5ad")
    assert read(tmp_path / "raw.h5ad")[1] == expected(values)
    assert "counts from raw.X" in capsys.readouterr().err

    del adata.raw
    adata.layers["spliced"] = sp.csr_matrix(values[:, ::-1])
    adata.write_h5ad(tmp_path / "only_log.h5ad")
    with pytest.raises(
        InputError,
        match=r"no raw counts: X has values that are no whole numbers \(\d+\.\d+\), as after log1p "
        r"of counts normalised to 10,000 per cell; name the raw counts with --counts",
    ):
        read(tmp_path / "only_log.h5ad")
    for name in ("layers/spliced", "spliced"):
        assert read(tmp_path / "only_log.h5ad", counts=name)[1] == expected(values)
    accepted = read(tmp_path / "only_log.h5ad", allow_normalized=True)[1]
    assert accepted == expected(logged.astype(np.float32))
    with pytest.raises(InputError, match="no matrix 'raw'; --counts can be X, layers/spliced"):
        read(tmp_path / "only_log.h5ad", counts="raw")

    adata.layers["counts"] = sp.csr_matrix(values[:, ::-1])
    adata.write_h5ad(tmp_path / "layer.h5ad")
    assert read(tmp_path / "layer.h5ad")[1] == expected(values)
    assert "counts from layers/counts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda x: x - 1, r"negative values \(-1\), as after scaling"),
        (lambda x: np.where(x > 0, np.nan, 0), "NaN or infinite values"),
        (lambda x: x * 0, "only zeros"),
        (
            lambda x: np.nan_to_num(x / x.sum(axis=1, keepdims=True)) * 1e4,
            "as of counts normalised to 10,000 per cell",
        ),
    ],
)
def test_what_is_no_count_is_refused(tmp_path: Path, spoil: Any, reason: str) -> None:
    with np.errstate(invalid="ignore"):
        table(spoil(counts())).write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(InputError, match=reason):
        read(tmp_path / "a.h5ad")


def test_a_single_bad_cell_between_the_tested_ones_is_found(tmp_path: Path) -> None:
    values = np.ones((1000, 60), np.float32)
    values[335, 5] = 0.5
    table(sp.csr_matrix(values)).write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(InputError, match=r"cell c335 has values that are no whole numbers \(0.5\)"):
        read(tmp_path / "a.h5ad")


def test_the_best_column_of_gene_names_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = counts(n_genes=60)
    adata = table(values, names=[f"GENE{place}" for place in range(60)])
    adata.write_h5ad(tmp_path / "symbols.h5ad")
    assert read(tmp_path / "symbols.h5ad")[1] == expected(values)
    assert "genes by var_names (symbols): the model knows 60 of 60" in capsys.readouterr().err

    adata.var_names = plain([str(place) for place in range(60)])
    named = [f"{name.lower()}.{place % 9}" for place, name in enumerate(GENES)]
    adata.var["gene_ids"] = pd.Categorical(plain([*named[:58], named[0], "other"]))
    adata.write_h5ad(tmp_path / "ids.h5ad")
    found = read(tmp_path / "ids.h5ad")[1]
    values[:, 0] += values[:, 58]
    values[:, 58:] = 0
    assert found == expected(values)
    said = capsys.readouterr().err
    assert "genes by gene_ids (Ensembl ids): the model knows 59 of 60 (98%); 1 of them" in said


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([f"ENSMUSG{n:011d}" for n in range(60)], "Ensembl ids of another species"),
        ([f"Gene{n}" for n in range(60)], "symbols of mouse or rat"),
        ([f"GRCh38_{name}" for name in GENES], "carry a genome: take the prefix off"),
        ([str(n) for n in range(60)], "they are numbers: the names were lost"),
        (["AB", *(f"X-{n}" for n in range(59))], "they look like AB, X-0, X-1"),
    ],
)
def test_genes_that_the_model_does_not_know_are_refused_with_a_guess(
    tmp_path: Path, names: list[str], reason: str
) -> None:
    table(counts(), names=names).write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(InputError, match=re.escape(reason)):
        read(tmp_path / "a.h5ad")


def test_a_transposed_file_is_refused(tmp_path: Path) -> None:
    values = counts().T
    table(values, names=[f"c{n}" for n in range(30)], cells=GENES).write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(InputError, match="the wrong way round"):
        read(tmp_path / "a.h5ad")


@pytest.mark.parametrize("place", ["uns", "obs"])
def test_another_species_is_refused(tmp_path: Path, place: str) -> None:
    adata = table(counts())
    if place == "uns":
        adata.uns["organism_ontology_term_id"] = "NCBITaxon:10090"
    else:
        species = ["NCBITaxon:9606"] * 29 + ["NCBITaxon:10090"]
        adata.obs["organism_ontology_term_id"] = pd.Categorical(plain(species))
    adata.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(InputError, match=r"cells of NCBITaxon:10090 .* keep the cells of NCBI"):
        read(tmp_path / "a.h5ad")
    if place == "obs":
        human = table(counts()[:29])
        human.obs["organism_ontology_term_id"] = pd.Categorical(plain(species[:29]))
        human.write_h5ad(tmp_path / "human.h5ad")
        assert len(read(tmp_path / "human.h5ad")[0]) == 29


@pytest.mark.parametrize("kind", [int, bool, float])
def test_cells_that_fail_filter_pass_are_left_out_and_counted(
    tmp_path: Path, kind: type, capsys: pytest.CaptureFixture[str]
) -> None:
    adata = table(counts())
    adata.obs["filter_pass"] = [kind(row % 3 != 1) for row in range(30)]
    adata.write_h5ad(tmp_path / "a.h5ad")
    ids, found = read(tmp_path / "a.h5ad")
    kept = [row for row in range(30) if row % 3 != 1]
    assert ids == [f"c{row}" for row in kept]
    assert found == [expected(counts())[row] for row in kept]
    assert "10 of 30 cells fail filter_pass and are left out" in capsys.readouterr().err


def test_repeated_cell_names_become_unique(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    values = counts(n_cells=5)
    with pytest.warns(UserWarning, match="not unique"):
        one = table(values, cells=["a", "b", "a", "a", "c"])
    one.write_h5ad(folder / "x.h5ad")
    assert read(folder)[0] == ["a", "b", "a#2", "a#3", "c"]
    assert "1 cell names repeat (a): later ones get #2, #3" in capsys.readouterr().err
    table(values, cells=["c", "d", "e", "f", "g"]).write_h5ad(folder / "y.h5ad")
    (folder / "notes.txt").write_text("not a matrix")
    ids, found = read(folder)
    assert ids == [
        "x.h5ad:a", "x.h5ad:b", "x.h5ad:a#2", "x.h5ad:a#3", "x.h5ad:c",
        *(f"y.h5ad:{name}" for name in "cdefg"),
    ]  # fmt: skip
    assert found == expected(values) * 2
    assert "names repeat across files (a, c): ids are file:name" in capsys.readouterr().err
    table(values, cells=["1", "2", "3", "4", "5"]).write_h5ad(folder / "x.h5ad")
    assert read(folder)[0] == [*"12345", *"cdefg"]


def write_10x(path: Path, values: NDArray[np.float32], *, version: int, genome: str) -> None:
    rows = sp.csr_matrix(values.astype(np.int32))
    n_cells, n_genes = values.shape
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix" if version == 3 else genome)
        group["barcodes"] = np.array([f"c{row}-1" for row in range(n_cells)], "S")
        group["data"], group["indices"], group["indptr"] = rows.data, rows.indices, rows.indptr
        group["shape"] = [n_genes, n_cells]
        symbols = np.array([f"G{place}" for place in range(n_genes)], "S")
        if version == 2:
            group["genes"], group["gene_names"] = np.array(GENES[:n_genes], "S"), symbols
            return
        features = group.create_group("features")
        features["id"], features["name"] = np.array(GENES[:n_genes], "S"), symbols
        kinds = ["Gene Expression"] * (n_genes - 2) + ["Antibody Capture"] * 2
        features["feature_type"] = np.array(kinds, "S")
        features["genome"] = np.array([genome] * (n_genes - 2) + [""] * 2, "S")


@pytest.mark.parametrize("version", [2, 3])
def test_10x_files_of_both_versions(tmp_path: Path, version: int) -> None:
    values = counts()
    write_10x(tmp_path / "a.h5", values, version=version, genome="GRCh38")
    ids, found = read(tmp_path / "a.h5")
    if version == 3:
        values[:, -2:] = 0  # antibodies are no genes
    assert ids == [f"c{row}-1" for row in range(30)]
    assert found == expected(values)


def test_10x_files_of_two_species_are_refused(tmp_path: Path) -> None:
    write_10x(tmp_path / "a.h5", counts(), version=3, genome="GRCh38")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["matrix/features/genome"][5:9] = b"mm10"
    with pytest.raises(InputError, match="cells or genes of mm10"):
        read(tmp_path / "a.h5")


def test_files_that_are_something_else_are_refused_in_a_line(tmp_path: Path) -> None:
    values = counts()
    table(sp.csr_matrix(values)).write_h5ad(tmp_path / "good.h5ad")
    whole = (tmp_path / "good.h5ad").read_bytes()
    (tmp_path / "cut.h5ad").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.h5ad").write_text("cell,gene\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.loom").write_bytes(whole)
    with h5py.File(tmp_path / "keras.h5", "w") as file:
        file["weights"] = [1.0]
    table(sp.csr_matrix(values)).write_h5ad(tmp_path / "bad.h5ad")
    with h5py.File(tmp_path / "bad.h5ad", "a") as file:
        file["X/indices"][7] = 60
    table(sp.csr_matrix(values)).write_h5ad(tmp_path / "short.h5ad")
    with h5py.File(tmp_path / "short.h5ad", "a") as file:
        file["X/indptr"][-1] = 5
    for name, reason in (
        ("cut.h5ad", "cannot read"),
        ("text.h5ad", "no HDF5 file"),
        ("keras.h5", "no 10x matrix"),
        ("a.loom", "no file of single cells"),
        ("nowhere.h5ad", "no file or folder"),
        ("empty", r"holds no \.h5ad or \.h5; .*read_10x_mtx"),
        ("bad.h5ad", "beyond its 60 genes: the file is damaged"),
        ("short.h5ad", "row pointers do not fit"),
    ):
        with pytest.raises(InputError, match=reason):
            read(tmp_path / name)


def test_the_engine_takes_cells_as_it_takes_text(tmp_path: Path) -> None:
    """Fingerprint, duplicate check, parts and order are those of any other input."""
    values = counts()
    table(sp.csr_matrix(values)).write_h5ad(tmp_path / "a.h5ad")
    cells = CellInput(find_cell_files(str(tmp_path / "a.h5ad")), NAMINGS)
    (tmp_path / "scratch").mkdir()
    survey = Survey(cells, tmp_path / "scratch")
    values[7, 7] += 1
    table(sp.csr_matrix(values)).write_h5ad(tmp_path / "b.h5ad")
    other = CellInput(find_cell_files(str(tmp_path / "b.h5ad")), NAMINGS)
    assert Survey(cells, tmp_path / "scratch").fingerprint == survey.fingerprint
    assert Survey(other, tmp_path / "scratch").fingerprint != survey.fingerprint
    assert survey.n_rows == 30
    one = Cell(np.array([1], np.int32), np.array([2], np.float32))
    assert len(one) == 1
    assert len({one.encode(), Cell(one.genes, one.counts + 1).encode(), b""}) == 3

    loader = Loader(model_record("random"), Settings(dim=8))
    summary = extract(loader, cells, tmp_path / "out.parquet")
    assert (summary.n_rows, summary.n_failed) == (30, 0)


def test_the_real_files_agree_with_scanpy(upstream: Path) -> None:
    scanpy = pytest.importorskip("scanpy")
    from extractors.expression.dictionaries import read_dictionaries

    dictionaries = read_dictionaries(1, [upstream / "geneformer"])
    for name, column in (
        ("zheng68k.h5ad", None),
        ("10x_v3_filtered_feature_bc_matrix.h5", "gene_ids"),
    ):
        path = upstream / "singlecell" / name
        adata = anndata.read_h5ad(path) if path.suffix == ".h5ad" else scanpy.read_10x_h5(path)
        labels = adata.var[column] if column else adata.var_names
        tokens = [
            dictionaries.tokens.get(label if column else dictionaries.symbols.get(label, ""), -1)
            for label in labels
        ]
        dense = adata.X.toarray()
        ids, found = [], []
        for some, cells in CellInput(find_cell_files(str(path)), dictionaries.namings).rows():
            ids += some
            found += cells
        assert ids == list(adata.obs_names)
        for row, cell in zip(dense, found, strict=True):
            wanted: dict[int, float] = {}
            for token, count in zip(tokens, row.tolist(), strict=True):
                if token >= 0 and count:
                    wanted[token] = wanted.get(token, 0) + count
            assert dict(zip(cell.genes.tolist(), cell.counts.tolist(), strict=True)) == wanted
