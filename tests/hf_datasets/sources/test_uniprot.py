from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hf_datasets.errors import InputError
from hf_datasets.sources import uniprot, uniprot_formats

if TYPE_CHECKING:
    from collections.abc import Callable

    from hf_datasets.sources.conftest import MakeFile

    from hf_datasets.sources import UsedFile

    Real = Callable[[str], dict[str, UsedFile]]


def entry(accession: str, gene: str | None, keywords: list[tuple[str, str]]) -> dict[str, Any]:
    genes = (
        {}
        if gene is None
        else {"genes": [{"geneName": {"value": gene}}, {"geneName": {"value": "SECOND"}}]}
    )
    return {
        "entryType": "UniProtKB reviewed (Swiss-Prot)",
        "primaryAccession": accession,
        **genes,
        "keywords": [
            {"id": "KW-0001", "category": category, "name": name} for name, category in keywords
        ],
        "sequence": {"value": "MKV" + accession, "length": 9},
    }


ENTRIES = [
    entry("P1", "NA", [("Zinc", "Ligand"), ("Zinc-finger", "Domain")]),
    entry("P2", None, [("Zinc", "Ligand")]),
    entry("P3", "NA", [("Zinc", "Ligand")]),
    entry("P4", "MARCH1", []),
    entry("Q9", "X", [("Zinc", "Ligand")]) | {"entryType": "UniProtKB unreviewed (TrEMBL)"},
]


def test_keywords_real(real: Real) -> None:
    keywords = uniprot.read_keywords(real("uniprot"))
    assert len({symbol for symbol, _, _ in keywords}) == 18_050
    assert len({keyword for _, keyword, _ in keywords}) == 702
    assert len(keywords) == len({pair[:2] for pair in keywords}) == 144_279
    sizes = {
        category: len({symbol for symbol, _, categories in keywords if category in categories})
        for category in ("PTM", "Ligand", "Domain")
    }
    assert sizes == {"PTM": 11_980, "Ligand": 4_015, "Domain": 12_198}


@pytest.mark.parametrize("packed", ["", "gzip"])
def test_keywords_of_the_json_stream(make_file: MakeFile, packed: str) -> None:
    files = make_file("uniprot", "entries", json.dumps({"results": ENTRIES}), packed=packed)
    assert uniprot.read_keywords(files) == [
        ("NA", "Zinc", ("Ligand",)),
        ("NA", "Zinc-finger", ("Domain",)),
    ]
    assert uniprot.read_sequences(files) == {
        "P1": ("NA", "MKVP1"),
        "P2": ("", "MKVP2"),
        "P3": ("NA", "MKVP3"),
        "P4": ("MARCH1", "MKVP4"),
    }


@pytest.mark.parametrize("chunk", [16, 17, 200])
def test_entries_split_over_chunks(
    make_file: MakeFile, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(uniprot_formats, "_CHUNK", chunk)
    text = json.dumps({"results": ENTRIES}, indent=1 if chunk > 100 else None)
    assert len(uniprot.read_sequences(make_file("uniprot", "entries", text))) == 4


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (json.dumps({"results": ENTRIES})[:-40], "ends within an entry"),
        ('{"messages": ["bad request"]}', "no list `results`"),
        ('{"results": [{"accession": "P1"}]}', "another shape"),
        ('{"results": [1]}', "another shape"),
        ("Accession\nP1\n", "no column 'Entry'"),
        (">P1 no database\nMKV\n", "is not UniProt's"),
    ],
)
def test_broken_streams_are_one_line(make_file: MakeFile, text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        uniprot.read_sequences(make_file("uniprot", "entries", text))


def test_keywords_of_the_tsv_stream(make_file: MakeFile) -> None:
    table = (
        "Entry\tReviewed\tGene Names (primary)\tKeywords\tSequence\n"
        "P1\treviewed\tNA; SECOND\tZinc;Signal\tMKV\n"
        "P2\treviewed\t\tZinc\tMK\n"
        "Q1\tunreviewed\tX\tZinc\tM\n"
    )
    terms = "accession\tidentifier\tcategory\nKW-1\tZinc\tLigand;Domain\n"
    files = make_file("uniprot", "entries", table) | make_file("uniprot", "terms", terms)
    assert uniprot.read_keywords(files) == [
        ("NA", "Zinc", ("Ligand", "Domain")),
        ("NA", "Signal", ()),
    ]
    assert uniprot.read_sequences(files) == {"P1": ("NA", "MKV"), "P2": ("", "MK")}


def test_sequences_of_the_fasta_stream(make_file: MakeFile) -> None:
    text = (
        ">sp|P04217|A1BG_HUMAN Alpha-1B-glycoprotein OS=Homo sapiens OX=9606 GN=A1BG PE=1 SV=4\n"
        "MSML\nVVFL\n"
        ">sp|P04217-2|A1BG_HUMAN Isoform 2 of Alpha-1B OS=Homo sapiens OX=9606 GN=A1BG\nMSML\n"
        ">sp|P02769|ALBU_BOVIN Albumin OS=Bos taurus OX=9913 GN=ALB PE=1 SV=4\nMKWV\n"
        ">tr|Q9XXX1|Q9XXX1_HUMAN Thing OS=Homo sapiens OX=9606 GN=T PE=4 SV=1\nMM\n"
        ">sp|P99999|NONAME_HUMAN Nameless OS=Homo sapiens OX=9606 PE=1 SV=1\nMA\n"
    )
    files = make_file("uniprot", "sequences", text, packed="gzip")
    assert uniprot.read_sequences(files) == {"P04217": ("A1BG", "MSMLVVFL"), "P99999": ("", "MA")}
