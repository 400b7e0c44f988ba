"""The whole dataset from small files of every source: abstracts, articles, pairs and enzymes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from literature_files import (
    ENZYME,
    PMC_HEAD,
    pmc_article,
    pubmed_article,
    write_pmc_archive,
    write_pubmed,
    write_refseq,
    write_sifts,
)
from uniprot_files import FORMATS, Comment, Entry, write_gzip

from hf_datasets import load_dataset
from hf_datasets.__main__ import command
from hf_datasets.protein_lm_dataset.enzymes import MOST

if TYPE_CHECKING:
    from pathlib import Path

NAME = "protein-lm-dataset"
SEQUENCE = "MLEICLKLVGCKSKKGLSSSSSCYLEEALQRPVASDFEPQGLSEAARWNSKENLLAGPSEND"
"""Of the kinase P00519."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    said = [Comment("FUNCTION", [("Phosphorylates tyrosines (PubMed:1).", "ECO:0000305")])]
    many = [Entry(f"A{at:05}", SEQUENCE[at:] + SEQUENCE[:at]) for at in range(MOST + 5)]
    entries = [Entry("P00519", SEQUENCE, said, name="Tyrosine-protein kinase ABL1"), *many]
    (folder / "uniprot-sprot").mkdir()
    write_gzip(folder / "uniprot-sprot" / "uniprot_sprot.dat.gz", FORMATS["dat"](entries))
    write_pubmed(
        folder / "pubmed" / "baseline" / "pubmed26n0001.xml.gz",
        [
            pubmed_article(
                "10", "The tyrosine-protein kinase ABL1 at work", [("", "BRCA1 and BRCA1 too.")]
            ),
            pubmed_article("11", "The tyrosine-protein kinase ABL1 unlinked", [("", "DNA. REST.")]),
            pubmed_article("12", "Of TITIN1", [("", "Too long a chain.")]),
            pubmed_article("13").replace("</Article>", ""),
            *(pubmed_article(str(100 + at), f"Paper {at}") for at in range(150)),
        ],
    )
    write_pmc_archive(
        folder / "pmc" / "oa_comm" / "oa_comm_xml.tar.gz",
        {f"a/PMC{at}.xml": PMC_HEAD + pmc_article(str(at)) for at in (1, 2, 3)},
    )
    enzymes = [f"1abc A A{at:05} 1.1.1.1" for at in range(MOST + 5)]
    write_sifts(
        folder / "sifts",
        [*enzymes, "2fo0 A P00519 2.7.10.2", "2fo0 A P00519 2.7.10.-", "3xyz A P00519 9.9.9.9",
         "3xyz A P00519 3.4.21.4"],
        ["2fo0 A P00519 1 9 1 9 1 9"],
        ["2fo0 0 10"],
    )  # fmt: skip
    (folder / "enzyme").mkdir()
    (folder / "enzyme" / "enzyme.dat").write_text(ENZYME, encoding="utf-8")
    (folder / "refseq").mkdir()
    write_refseq(
        folder / "refseq",
        [("9606", "NP_1.1", "BRCA1"), ("9606", "NP_2.1", "TITIN1"), ("9606", "NP_3.1", "REST")],
        f">NP_1.1 x\nMDLSA\n>NP_2.1 y\n{'M' * 2000}\n>NP_3.1 z\nMMM\n",
    )
    return folder


@pytest.fixture(scope="module")
def built(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / NAME
    words = ["build", NAME, "--out", str(out), "--sources", str(sources), "--no-download"]
    assert command(words) == 1  # one abstract is broken
    return out


def rows(folder: Path, config: str) -> dict[str, dict[str, str]]:
    found = load_dataset(str(folder), config)
    assert isinstance(found, dict)
    return {row["id"]: row for split in found.values() for row in split}


def test_abstracts(built: Path) -> None:
    found = rows(built, "pubmed-abstracts")
    # Those of one text, whatever their number, are one.
    assert len(found) == 3 + 150
    assert found["12"]["text"] == "Of TITIN1\nToo long a chain."
    splits = load_dataset(str(built), "pubmed-abstracts")
    assert isinstance(splits, dict)
    assert len(splits["validation"]) > 0


def test_articles(built: Path) -> None:
    found = rows(built, "pmc-full-text")
    # Their text is the same: what repeats is dropped and counted.
    assert list(found) == ["PMC1"]
    one = found["PMC1"]
    assert one["licence"] == "CC-BY-4.0"
    assert one["text"] == (
        "On kinases\n\nAbstract\nIn short.\n\nAn opening.\n\nResults\nABL1 binds to SRC; see "
        "Figure 1.\n\nDetails\nRate holds."
    )
    record = json.loads((built / "build.json").read_text(encoding="utf-8"))
    assert record["configs"]["pmc-full-text"]["repeated_rows_dropped"] == 2


def test_sequences_follow_the_first_mention(built: Path) -> None:
    found = rows(built, "abstracts-with-sequences")
    assert list(found) == ["10"]
    assert found["10"]["text"] == (
        f"The tyrosine-protein kinase ABL1 <seq> {' '.join(SEQUENCE)} </seq> at work\n"
        "BRCA1 <seq> M D L S A </seq> and BRCA1 too."
    )
    assert found["10"]["proteins"] == "P00519,NP_1.1"


def test_enzymes_go_from_function_to_name_to_reaction(built: Path) -> None:
    found = rows(built, "enzyme-cot")
    kinase = found["P00519/2.7.10.2"]
    function, name, reaction = kinase["output"].split("\n")
    assert function.endswith("Phosphorylates tyrosines.")
    assert "non-specific protein-tyrosine kinase (EC 2.7.10.2)" in name
    assert reaction.endswith("ADP + a [protein]-L-tyrosine phosphate + H(+).")
    assert kinase["input"] == f"<seq> {' '.join(SEQUENCE)} </seq>"
    others = [row for row in found.values() if row["ec"] == "1.1.1.1"]
    assert len(others) == MOST
    assert {row["ec"] for row in found.values()} == {"1.1.1.1", "2.7.10.2"}
    # Without a comment in UniProt, what the IUBMB says of the enzyme.
    assert "Acts on primary or secondary alcohols or hemiacetals" in others[0]["output"]


def test_what_is_left_out_is_said_and_what_nobody_gave_is_not_missed(built: Path) -> None:
    record = json.loads((built / "build.json").read_text(encoding="utf-8"))
    assert set(record["missing"]) == {
        f"{NAME}/pubmed-abstracts", f"{NAME}/abstracts-with-sequences", f"{NAME}/enzyme-cot",
    }  # fmt: skip
    card = (built / "README.md").read_text(encoding="utf-8")
    assert "pubmed26n0001.xml.gz: left out 1 x broken XML (13: " in card
    assert "EC number of SIFTS that is not in force (9.9.9.9)" in card
    assert "zh-en-abstracts" not in card


def test_pairs_are_built_when_they_are_given(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    zh, en = "激酶结合并激活蛋白质。", "The kinase binds the protein and turns it on."
    lines = [f"{at},{zh}{at},{en} {at}" for at in range(40)]
    path.write_text("\n".join(["id,zh,en", *lines]), encoding="utf-8")
    out = tmp_path / NAME
    words = ["build", NAME, "--out", str(out), "--no-download", "--allow-partial"]
    assert command([*words, "--source", f"abstract-pairs={path}"]) == 0
    found = rows(out, "zh-en-abstracts")
    assert len(found) == 40
    one = found["7"]
    assert sorted(line.split(": ", 1)[1] for line in one["text"].split("\n")) == sorted(
        [f"{zh}7", f"{en} 7"]
    )
    starts = {row["text"].split(": ", 1)[1][0] for row in found.values()}
    assert starts == {"激", "T"}
