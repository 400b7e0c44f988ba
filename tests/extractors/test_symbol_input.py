"""Symbols as input for any model: looked up in a dataset, rows keep the user's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from protein_checkpoints import save_esm

from extractors.__main__ import command
from extractors.store import read_provenance

if TYPE_CHECKING:
    from pathlib import Path

PROTEINS = {"TP53": "MEEPQSDPSV", "ACTB": "MDDDIAALVV", "BRCA1": "MDLSALRVEE", "XIST": None}
HGNC_COLUMNS = (
    "hgnc_id symbol name locus_group status location alias_symbol prev_symbol gene_group "
    "gene_group_id entrez_id ensembl_gene_id uniprot_ids"
).split()


@pytest.fixture
def genes(tmp_path: Path) -> Path:
    """A dataset with a config `genes`."""
    folder = tmp_path / "my-genes"
    folder.mkdir()
    columns = {
        "symbol": list(PROTEINS),
        "protein_sequence": list(PROTEINS.values()),
        "description": [f"about {symbol}" for symbol in PROTEINS],
    }
    pq.write_table(pa.table(columns), folder / "genes.parquet")
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: genes\n  version: 1.0.0\n"
        "  data_files: [{split: train, path: genes.parquet}]\n---\n"
    )
    return folder


@pytest.fixture
def hgnc(tmp_path: Path) -> Path:
    """HGNC's complete set in its format: as many rows as a whole one has, few of them real."""
    rows = [
        {"hgnc_id": "HGNC:11998", "symbol": "TP53", "alias_symbol": "p53|LFS1"},
        {"hgnc_id": "HGNC:132", "symbol": "ACTB", "ensembl_gene_id": "ENSG00000075624"},
        {"hgnc_id": "HGNC:1100", "symbol": "BRCA1", "alias_symbol": "BOTH"},
        {"hgnc_id": "HGNC:1101", "symbol": "BRCA2", "alias_symbol": "BOTH", "prev_symbol": "FAD"},
    ]
    rows += [{"hgnc_id": f"HGNC:{90_000 + row}", "symbol": f"MADE{row}"} for row in range(40_000)]
    base = {"status": "Approved", "locus_group": "other", "name": "a gene"}
    lines = ["\t".join(HGNC_COLUMNS)]
    lines += ["\t".join(str((base | row).get(name, "")) for name in HGNC_COLUMNS) for row in rows]
    path = tmp_path / "hgnc_complete_set.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    save_esm(tmp_path / "esm")
    out = ["--out", str(tmp_path / "out.parquet")]
    return ["--model", "esm2-8m", "--checkpoint", str(tmp_path / "esm"), *out]


def test_names_are_looked_up_and_kept(
    tmp_path: Path,
    genes: Path,
    hgnc: Path,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("ACTB\np53\nENSG00000075624.7\n\nTP53\nBOTH\nFAD\nNOPE\nXIST\n")
    look_up = ["--genes", str(genes), "--hgnc", str(hgnc)]
    assert command([*words, "--input", str(names), *look_up]) == 1
    said = capsys.readouterr().err
    assert "5 of 8 names are in my-genes/genes" in said
    assert "2 of them by another name (HGNC): p53, ENSG00000075624.7" in said
    assert "1 of them have no protein_sequence there" in said
    assert "3 are not: BOTH, FAD, NOPE" in said
    assert "4 rows failed" in said
    rows = {row["id"]: row for row in pq.read_table(tmp_path / "out.parquet").to_pylist()}
    assert list(rows) == names.read_text().split()
    assert {name: row["error"] for name, row in rows.items() if row["error"]} == {
        "BOTH": "BOTH is not in my-genes/genes; in HGNC it is ambiguous: BRCA1, BRCA2",
        "FAD": "FAD, now BRCA2, is not in my-genes/genes",
        "NOPE": "NOPE is not in my-genes/genes; in HGNC it is unknown",
        "XIST": "XIST has no protein_sequence in my-genes/genes",
    }
    direct = tmp_path / "direct.csv"
    direct.write_text(f"id,sequence\nACTB,{PROTEINS['ACTB']}\nTP53,{PROTEINS['TP53']}\n")
    words[-1] = str(tmp_path / "direct.parquet")
    assert command([*words, "--input", str(direct)]) == 0
    expected = {row["id"]: row for row in pq.read_table(words[-1]).to_pylist()}
    for name, symbol in {
        "ACTB": "ACTB", "ENSG00000075624.7": "ACTB", "TP53": "TP53", "p53": "TP53"
    }.items():  # fmt: skip
        assert rows[name]["embedding"] == pytest.approx(expected[symbol]["embedding"], abs=1e-6)
    described = read_provenance(pq.read_schema(tmp_path / "out.parquet"))["input"]
    assert described["file"] == "names.txt"
    assert described["genes"]["dataset"] == "my-genes"
    assert described["genes"]["column"] == "protein_sequence"
    assert len(described["hgnc"]["genes"]) == 64


def test_a_table_of_symbols_and_no_hgnc(
    tmp_path: Path, genes: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "mine.tsv"
    table.write_text("gene\tscore\nTP53\t1\np53\t2\n")
    assert command([*words, "--input", str(table), "--genes", str(genes)]) == 1
    said = capsys.readouterr().err
    assert "1 of 2 names are in my-genes/genes" in said
    assert "HGNC's complete set (--hgnc FILE) would find previous names and aliases" in said
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["error"] for row in rows] == [None, "p53 is not in my-genes/genes"]


def test_the_model_decides_which_column_is_read(tmp_path: Path, genes: Path) -> None:
    (tmp_path / "names.txt").write_text("TP53\nXIST\n")
    out = tmp_path / "out.parquet"
    words = ["--model", "bag-of-words", "--input", str(tmp_path / "names.txt"), "--out", str(out)]
    assert command([*words, "--genes", str(genes)]) == 0
    assert pq.read_table(out)["n_tokens"].to_pylist() == [2, 2]
    named = ["--genes", str(genes), "--column", "protein_sequence", "--restart"]
    assert command([*words, *named]) == 1
    assert pq.read_table(out)["n_tokens"].to_pylist() == [1, 0]


@pytest.mark.parametrize(
    "case",
    [
        ("TP53\n", [], "is a list of names, the model reads protein_sequence; to look symbols up"),
        ("TP53 ACTB\n", ["--genes"], "line 1 holds more than one name; give one a line"),
        ("TP53\nTP53\n", ["--genes"], "1 ids occur more than once: TP53"),
        ("\n", ["--genes"], "is empty"),
    ],
)
def test_a_bad_list_is_one_line(
    tmp_path: Path,
    genes: Path,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    case: tuple[str, list[str], str],
) -> None:
    content, more, message = case
    (tmp_path / "names.txt").write_text(content)
    given = [*more, str(genes)] if more else []
    assert command([*words, "--input", str(tmp_path / "names.txt"), *given]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert message in error


def test_a_table_without_the_models_column_names_the_way_out(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.csv").write_text("symbol\nTP53\n")
    assert command([*words, "--input", str(tmp_path / "mine.csv")]) == 2
    error = capsys.readouterr().err
    assert "none of the columns protein_sequence" in error
    assert "to look symbols up add --genes gene-benchmark" in error
    assert error.count("\n") == 1


def test_with_the_real_hgnc(
    tmp_path: Path, upstream: Path, genes: Path, words: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (hgnc,) = sorted((upstream / "hgnc").glob("hgnc_complete_set*"))
    (tmp_path / "names.txt").write_text("LFS1\nENSG00000141510\n")
    look_up = ["--genes", str(genes), "--hgnc", str(hgnc)]
    assert command([*words, "--input", str(tmp_path / "names.txt"), *look_up]) == 0
    assert "2 of 2 names are in my-genes/genes" in capsys.readouterr().err
