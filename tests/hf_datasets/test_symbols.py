"""Names of genes: every kind of name, and those that lead nowhere or to several genes."""

from __future__ import annotations

import pytest

from hf_datasets.sources.hgnc import HgncGene
from hf_datasets.symbols import Found, Resolution, SymbolTable, one_to_one


def gene(symbol: str, *, number: int, **more: object) -> HgncGene:
    fields: dict[str, object] = {
        "hgnc_id": f"HGNC:{number}", "symbol": symbol, "name": "", "status": "Approved",
        "locus_group": "", "location": "", "alias_symbols": (), "previous_symbols": (),
        "gene_groups": (), "gene_group_ids": (), "entrez_id": str(number),
        "ensembl_gene_id": f"ENSG{number:011d}", "uniprot_ids": (),
    }  # fmt: skip
    return HgncGene(**{**fields, **more})  # type: ignore[arg-type]


@pytest.fixture
def table() -> SymbolTable:
    return SymbolTable(
        [
            gene("QARS1", number=1, previous_symbols=("QARS",), uniprot_ids=("P1", "P2")),
            gene("EPRS1", number=2, alias_symbols=("QARS", "OLDEST"), uniprot_ids=("P2",)),
            gene("TP53", number=3, alias_symbols=("p53", "EPRS1")),
            gene("MARCHF1", number=4, previous_symbols=("MARCH1",), alias_symbols=("MARCH1",)),
            gene("NA", number=5, alias_symbols=("LOST",)),
            gene("LOST", number=6, status="Entry Withdrawn", ensembl_gene_id="", entrez_id=""),
            gene("MOVED", number=7, status="Merged/Split", merged_into=("TP53",)),
            gene("SPLIT", number=8, status="Merged/Split", merged_into=("TP53", "NA", "GONE")),
        ]
    )


@pytest.mark.parametrize(
    ("name", "found", "symbol"),
    [
        ("TP53", Found.APPROVED, "TP53"),
        (" TP53 ", Found.APPROVED, "TP53"),
        ("EPRS1", Found.APPROVED, "EPRS1"),
        ("NA", Found.APPROVED, "NA"),
        ("p53", Found.ALIAS, "TP53"),
        ("MARCH1", Found.PREVIOUS, "MARCHF1"),
        ("HGNC:3", Found.HGNC, "TP53"),
        ("ENSG00000000003", Found.ENSEMBL, "TP53"),
        ("ENSG00000000003.12", Found.ENSEMBL, "TP53"),
        ("3", Found.ENTREZ, "TP53"),
        ("P1", Found.UNIPROT, "QARS1"),
        ("MOVED", Found.PREVIOUS, "TP53"),
        ("P53", Found.UNKNOWN, None),
        ("", Found.UNKNOWN, None),
    ],
)
def test_a_name_leads_to_its_gene(
    table: SymbolTable, name: str, found: Found, symbol: str | None
) -> None:
    assert table.resolve(name) == Resolution(name, found, symbol)


def test_nothing_is_guessed(table: SymbolTable) -> None:
    assert table.resolve("QARS").candidates == ("EPRS1", "QARS1")
    assert table.resolve("P2").found is Found.AMBIGUOUS
    assert table.resolve("SPLIT").candidates == ("NA", "TP53")
    withdrawn = table.resolve("LOST")
    assert (withdrawn.found, withdrawn.symbol) == (Found.WITHDRAWN, None)
    assert withdrawn.candidates == ("NA",), "another gene's alias is told, not taken"
    assert len(table) == 5
    assert "LOST" not in table


def test_all_names_are_reported(table: SymbolTable) -> None:
    names = ["p53", "TP53", "QARS", "LOST", "nobody", "nobody", "OLDEST"]
    mapping, report = table.resolve_all(names)
    assert mapping == {"OLDEST": "EPRS1", "TP53": "TP53", "p53": "TP53"}
    assert report.counts == {
        "approved": 1, "alias": 2, "ambiguous": 1, "withdrawn": 1, "unknown": 1,
    }  # fmt: skip
    assert report.ambiguous == {"QARS": ("EPRS1", "QARS1")}
    assert (report.withdrawn, report.unknown) == (("LOST",), ("nobody",))
    assert report.merged == {"TP53": ("TP53", "p53")}


def test_no_two_names_become_one() -> None:
    mapping = {"A": "A", "old A": "A", "B1": "B", "B2": "B", "old C": "C"}
    assert one_to_one(mapping) == {
        "A": "A", "old A": "old A", "B1": "B1", "B2": "B2", "old C": "C",
    }  # fmt: skip
