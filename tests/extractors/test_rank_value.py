"""Rank-value tokens against a plain loop, and Geneformer's dictionaries as upstream ships them."""

from __future__ import annotations

import pickle  # noqa: TID251  the test writes what upstream ships
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.cells.cell import STRETCH, Cell, Cells
from extractors.expression.dictionaries import read_dictionaries
from extractors.expression.dictionary_files import dictionary_paths
from extractors.expression.rank_value import rank_value_tokens
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

V1 = {"<pad>": 0, "<mask>": 1, "ENSG01": np.int16(2), "ENSG02": np.int16(3), "ENSG03": np.int16(4)}
V2 = {"<pad>": 0, "<mask>": 1, "<cls>": 2, "<eos>": 3, "ENSG01": 4, "ENSG02": 5}
MEDIANS = {"ENSG01": np.float64(1.5), "ENSG02": 2.5, "ENSG03": np.float64(0.095), "ENSG99": 7.0}


def plain_loop(cells: list[Cell], medians: NDArray[np.float64]) -> list[list[int]]:
    """The rule as one would write it down."""
    found = []
    for cell in cells:
        pairs = zip(cell.genes.tolist(), cell.counts.tolist(), strict=True)
        ranked = sorted((-(count / float(medians[gene])), gene) for gene, count in pairs)
        found.append([gene for _, gene in ranked])
    return found


def tokens(cells: list[Cell], medians: NDArray[np.float64]) -> list[list[int]]:
    ranked = rank_value_tokens(Cells.join(cells), medians)
    return [ranked.cell(row).tolist() for row in range(len(cells))]


def random_cells(n: int, genes: int, seed: int, most: int = 300) -> list[Cell]:
    rng = np.random.default_rng(seed)
    cells = []
    for size in rng.integers(0, most, n).tolist():
        picked = np.sort(rng.choice(genes, size, replace=False)).astype(np.int32)
        cells.append(Cell(picked, rng.geometric(0.4, size).astype(np.float32)))
    return cells


def test_ranks_agree_with_a_plain_loop_over_many_cells() -> None:
    medians = np.random.default_rng(0).lognormal(0.5, 0.8, 20_000)
    cells = random_cells(1200, 20_000, seed=1)
    assert sum(map(len, cells)) > STRETCH  # more than is sorted in one go
    assert tokens(cells, medians) == plain_loop(cells, medians)


def test_values_that_differ_in_the_last_bit_keep_their_order() -> None:
    """Float32, or the bits beside the token, cannot tell these apart; float64 can."""
    base = 1.0 + np.arange(40) * 2.0**-52
    medians = np.tile(base, 500)  # every value also occurs 500 times: ties go by token
    for counts in (1.0, 3.0, 16_777_215.0):
        cell = Cell(np.arange(20_000, dtype=np.int32), np.full(20_000, counts, np.float32))
        small = Cell(np.array([0, 1], np.int32), np.array([1e-3, 1e6], np.float32))
        cells = [small, cell, cell]
        assert tokens(cells, medians) == plain_loop(cells, medians)


@given(
    rows=st.lists(
        st.dictionaries(st.integers(0, 30), st.integers(1, 2**24), max_size=31), max_size=6
    ),
    medians=st.lists(
        st.one_of(st.floats(1e-3, 1e4), st.sampled_from([0.5, 1.0, 2.0, 3.0])),
        min_size=31,
        max_size=31,
    ),
)
@settings(max_examples=300, deadline=None)
def test_ranks_agree_with_a_plain_loop_on_any_cells(
    rows: list[dict[int, int]], medians: list[float]
) -> None:
    cells = [
        Cell(np.array(sorted(row), np.int32), np.array([row[g] for g in sorted(row)], np.float32))
        for row in rows
    ]
    assert tokens(cells, np.array(medians)) == plain_loop(cells, np.array(medians))


def write(folder: Path, name: str, content: Any) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=4))


@pytest.mark.parametrize(
    ("version", "layout"),
    [
        (1, "geneformer/gene_dictionaries_30m/{}_gc30M.pkl"),
        (1, "geneformer/{}.pkl"),
        (1, "{}.pkl"),
        (2, "geneformer/{}_gc104M.pkl"),
        (2, "geneformer/{}_gc95M.pkl"),
    ],
)
def test_dictionaries_are_found_in_every_layout_of_upstream(
    tmp_path: Path, version: int, layout: str
) -> None:
    ids: dict[str, Any] = dict(V1 if version == 1 else V2)
    write(tmp_path, layout.format("token_dictionary"), ids)
    write(tmp_path, layout.format("gene_median_dictionary"), MEDIANS)
    write(tmp_path, layout.format("gene_name_id_dict"), {"TP53": "ENSG02", "GONE": "ENSG77"})
    mapping = {"ENSG01": "ENSG01", "ENSG08": "ENSG01", "ENSG02": "ENSG77", "OLD1": "ENSG01"}
    write(tmp_path, layout.format("ensembl_mapping_dict"), mapping)
    if layout.startswith("geneformer"):
        assert layout.format("token_dictionary") in dictionary_paths(version)
    found = read_dictionaries(version, [tmp_path / "model", tmp_path])
    assert dict(found.special) == {name: ids[name] for name in ids if name.startswith("<")}
    assert found.tokens == {name: int(ids[name]) for name in ids if name.startswith("E")}
    assert found.size == len(ids)
    assert np.isnan(found.medians[: len(found.special)]).all()
    assert found.medians[found.tokens["ENSG02"]] == 2.5
    ensembl, symbols = found.namings
    assert ensembl.number("ensg01.14") == ids["ENSG01"]
    assert ensembl.number("ENSG08") == ids["ENSG01"]
    assert ensembl.number("ENSG02") == -1, "upstream maps it out of the vocabulary"
    assert ensembl.number("<mask>") == symbols.number("<mask>") == -1
    assert (symbols.number("TP53"), symbols.number("OLD1")) == (ids["ENSG02"], ids["ENSG01"])
    assert symbols.number("GONE") == -1
    assert found.names("symbol") == {"TP53": ids["ENSG02"]}
    assert len(found.files) == 4


def test_dictionaries_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no dictionaries of Geneformer V2 .*_gc104M\.pkl"):
        read_dictionaries(2, [tmp_path])
    write(tmp_path, "token_dictionary.pkl", V1)
    write(tmp_path, "gene_median_dictionary.pkl", {"ENSG01": 1.0, "ENSG02": 0.0})
    with pytest.raises(InputError, match=r"no median above zero for 2 genes .*ENSG02, ENSG03"):
        read_dictionaries(1, [tmp_path])
    write(tmp_path, "token_dictionary.pkl", {"<pad>": 0, "ENSG01": 2})
    with pytest.raises(InputError, match="does not number its 2 tokens"):
        read_dictionaries(1, [tmp_path])
    write(tmp_path, "token_dictionary.pkl", ["<pad>"])
    with pytest.raises(InputError, match="holds no dictionary"):
        read_dictionaries(1, [tmp_path])
    (tmp_path / "token_dictionary.pkl").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(InputError, match=r"no plain pickle .*it was not run"):
        read_dictionaries(1, [tmp_path])


def test_the_real_dictionaries_of_v1(upstream: Path) -> None:
    found = read_dictionaries(1, [upstream / "geneformer"])
    assert (len(found.tokens), found.size) == (25_424, 25_426)
    assert dict(found.special) == {"<pad>": 0, "<mask>": 1}
    assert found.tokens["ENSG00000000003"] == 2
    assert np.nanmin(found.medians) == pytest.approx(0.0947, abs=1e-4)
    assert np.nanmax(found.medians) == pytest.approx(634.3, abs=0.1)
    assert len(found.symbols) == 40_248
    assert len(found.names("symbol")) == 25_424 - 4_179
    assert found.namings[1].number("TP53") == found.tokens["ENSG00000141510"]
    with pytest.raises(InputError, match="V2"):
        read_dictionaries(2, [upstream / "geneformer"])
