"""PubMed, PMC and the tables about enzymes: what is read, and that what is broken is counted."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from literature_files import (
    ENZYME,
    PMC_HEAD,
    PUBMED_HEAD,
    pmc_article,
    pubmed_article,
    write_pmc_archive,
    write_pubmed,
    write_refseq,
    write_sifts,
    write_table,
)

from hf_datasets.errors import InputError
from hf_datasets.sources import abstract_pairs, enzyme, pmc, pubmed, refseq, sifts
from hf_datasets.sources.fetch import locate
from hf_datasets.sources.salvage import Faults

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hf_datasets.sources.source import Source, UsedFile


def found(source: Source, place: Path) -> dict[str, UsedFile]:
    """The files of a source, as `--source NAME=PLACE` gives them."""
    return locate(
        source, given={source.name: place}, folder=None, download=False, cache=place / "none"
    )


class Accounts:
    """The faults of every file that is read."""

    def __init__(self) -> None:
        self.all: list[Faults] = []

    def open(self, used: UsedFile) -> Faults:
        self.all.append(Faults(used.path.name))
        return self.all[-1]

    @property
    def counts(self) -> dict[str, int]:
        return {kind: count for one in self.all for kind, count in one.counts.items()}

    @property
    def cut(self) -> list[str]:
        return [one.cut for one in self.all if one.cut]


def test_abstracts_come_in_their_newest_version(tmp_path: Path) -> None:
    sections = [("METHODS", "We looked."), ("RESULTS", "It <b>shines</b>.")]
    write_pubmed(
        tmp_path / "pubmed26n0001.xml.gz",
        [pubmed_article("1"), pubmed_article("2"), pubmed_article("3", "Old"), pubmed_article("4")],
    )
    write_pubmed(
        tmp_path / "pubmed26n0002.xml.gz",
        [
            pubmed_article("3", "New", sections, "chi"),
            pubmed_article("5", sections=()),
            pubmed_article("3", "Twice"),
        ],
        deleted=["2"],
    )
    accounts = Accounts()
    used = found(pubmed.SOURCE, tmp_path)["articles"]
    read = {one.pmid: one for one in pubmed.read_abstracts(used, accounts.open)}
    assert sorted(read) == ["1", "3", "4"]
    assert (read["3"].title, read["3"].language) == ("New", "chi")
    assert read["3"].text == "METHODS: We looked.\nRESULTS: It shines."
    assert (read["1"].text, read["1"].year) == ("It binds H2O & more.", "2001")
    assert accounts.counts == {"PMID that was there before": 1}
    assert not accounts.cut


def test_broken_abstracts_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    bomb = pubmed_article("8", sections=[("", "&lol2; &file;")])
    text = "".join(
        [
            PUBMED_HEAD,
            pubmed_article("1"),
            pubmed_article("2").replace("</ArticleTitle>", ""),
            pubmed_article("none"),
            pubmed_article("6").replace("</PubmedArticle>", ""),
            pubmed_article("7"),
            bomb,
            pubmed_article("9", title=""),
            pubmed_article("10"),
        ]
    )
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "pubmed1.xml").write_text(text + "</PubmedArticleSet>", encoding="utf-8")
    accounts = Accounts()
    used = found(pubmed.SOURCE, whole)["articles"]
    read = [one.pmid for one in pubmed.read_abstracts(used, accounts.open)]
    assert read == ["1", "7", "10"]
    assert accounts.counts == {
        "broken XML": 2,
        "article without a PMID": 1,
        "record without an end (</PubmedArticle>)": 1,
        "abstract without a title": 1,
    }
    broken = accounts.all[0].examples["broken XML"]
    assert broken[0].startswith("2: ")
    assert broken[1].startswith("8: undefined entity")
    cut = tmp_path / "cut"
    cut.mkdir()
    packed = gzip.compress((text + "</PubmedArticleSet>").encode(), compresslevel=0, mtime=0)
    (cut / "pubmed1.xml.gz").write_bytes(packed[: len(packed) // 2])
    accounts = Accounts()
    used = found(pubmed.SOURCE, cut)["articles"]
    assert [one.pmid for one in pubmed.read_abstracts(used, accounts.open)] == ["1"]
    assert accounts.cut == ["the gzip file ends too early: fetch it again"]


def test_articles_become_prose(tmp_path: Path) -> None:
    write_pmc_archive(
        tmp_path / "oa_comm_xml.PMC000xxxxxx.baseline.2026-01-01.tar.gz",
        {
            "PMC000xxxxxx/PMC11.xml": PMC_HEAD + pmc_article(),
            "PMC000xxxxxx/PMC12.xml": PMC_HEAD + pmc_article("12", body="<sec></sec>"),
            "PMC000xxxxxx/PMC13.xml": PMC_HEAD + pmc_article("13").replace("</body>", ""),
            "PMC000xxxxxx/readme.txt": "not an article",
            "../../etc/PMC14.xml": PMC_HEAD + pmc_article("14"),
        },
    )
    (tmp_path / "PMC11.nxml").write_text(PMC_HEAD + pmc_article(), encoding="utf-8")
    accounts = Accounts()
    used = found(pmc.SOURCE, tmp_path)["articles"]
    read = {one.pmcid: one for one in pmc.read_articles(used, accounts.open)}
    assert sorted(read) == ["PMC11", "PMC14"]
    one = read["PMC11"]
    assert (one.title, one.abstract, one.pmid) == ("On kinases", "In short.", "511")
    assert one.licence == "CC-BY-4.0"
    assert one.sections == (
        ("", "An opening."),
        ("Results", "ABL1 binds to SRC; see Figure 1."),
        ("Details", "Rate holds."),
    )
    assert accounts.counts == {
        "article without a body": 1,
        "broken XML": 1,
        "PMCID that was there before": 1,
    }


def test_a_damaged_archive_gives_what_came_before(tmp_path: Path) -> None:
    members = {f"a/PMC{at}.xml": PMC_HEAD + pmc_article(str(at)) for at in range(100, 130)}
    path = write_pmc_archive(tmp_path / "oa_comm_xml.tar.gz", members)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    accounts = Accounts()
    used = found(pmc.SOURCE, path)["articles"]
    read = [one.pmcid for one in pmc.read_articles(used, accounts.open)]
    assert 0 < len(read) < 30
    assert accounts.cut == ["the gzip file ends too early: fetch it again"]


def test_enzymes(tmp_path: Path) -> None:
    path = tmp_path / "enzyme.dat"
    path.write_text(ENZYME, encoding="utf-8")
    faults = Faults("enzyme.dat")
    read = {
        one.number: one
        for one in enzyme.read_enzymes(found(enzyme.SOURCE, path)["entries"], faults)
    }
    assert list(read) == ["1.1.1.1", "2.7.10.2", "3.4.21.4"]
    one = read["1.1.1.1"]
    assert one.others == ("aldehyde reductase", "ADH (some long-winded name)")
    assert one.reactions == (
        "a primary alcohol + NAD(+) = an aldehyde + NADH + H(+)",
        "a secondary alcohol + NAD(+) = a ketone + NADH + H(+)",
    )
    assert one.comments == (
        "Acts on primary or secondary alcohols or hemiacetals.",
        "A second remark.",
    )
    kinase = read["2.7.10.2"]
    assert kinase.name == "non-specific protein-tyrosine kinase"
    assert kinase.reactions[0].endswith("tyrosine phosphate + H(+)")
    assert faults.counts == {
        "entry whose ID is no EC number": 1,
        "entry without a name (DE)": 1,
    }
    path.write_text(ENZYME.rstrip().removesuffix("//"), encoding="utf-8")
    faults = Faults("enzyme.dat")
    list(enzyme.read_enzymes(found(enzyme.SOURCE, path)["entries"], faults))
    assert faults.cut == "the last entry has no end (//): fetch it again"


def test_sifts(tmp_path: Path) -> None:
    write_sifts(
        tmp_path,
        ["1abc A P1 1.1.1.1", "1abc B P1 ?", "2abc A  1.1.1.1", "3abc A"],
        ["1ABC A P1 1 9 1 9 1 9", "1abc B P2 1 9 1 9 1 9"],
        ["1abc 0 55", "1abc 1 null", "2abc 0 x"],
    )
    files = found(sifts.SOURCE, tmp_path)
    faults = Faults("sifts")
    assert list(sifts.read_enzymes(files["pdb_chain_enzyme"], faults)) == [
        ("P1", "1.1.1.1"),
        ("P1", "?"),
    ]
    assert list(sifts.read_chains(files["pdb_chain_uniprot"], faults)) == [
        ("1abc", "P1"),
        ("1abc", "P2"),
    ]
    assert list(sifts.read_papers(files["pdb_pubmed"], faults)) == [("55", "1abc")]
    assert faults.counts == {
        "row without all of its columns": 2,
        "PubMed id that is no number": 1,
    }
    write_table(tmp_path / "pdb_pubmed.tsv.gz", "PDB ORDINAL PMID", [])
    with pytest.raises(InputError, match="no column 'PUBMED_ID'"):
        list(sifts.read_papers(found(sifts.SOURCE, tmp_path)["pdb_pubmed"], faults))


def test_refseq(tmp_path: Path) -> None:
    write_refseq(
        tmp_path,
        [
            ("9606", "NP_2.1", "ABL1"),
            ("9606", "NP_1.3", "ABL1"),
            ("9606", "XP_9.1", "NEW1"),
            ("10090", "NP_5.1", "Abl1"),
            ("9606", "NP_7.1", "BAD1"),
            ("9606", "-", "NONE"),
        ],
        ">NP_1.3 kinase [Homo sapiens]\nMKV\nLAA\n>NP_2.1 x\nMMM\n>NP_7.1 y\nM K9\n>\nMK\n",
    )
    files = found(refseq.SOURCE, tmp_path)
    genes = refseq.read_genes(files["genes"])
    assert genes == {"ABL1": "NP_1.3", "BAD1": "NP_7.1"}
    faults = Faults("refseq")
    wanted = frozenset(genes.values())
    assert refseq.read_sequences(files["proteins"], wanted, faults) == {"NP_1.3": "MKVLAA"}
    assert faults.counts == {"sequence that is empty or has other letters than residues": 1}


PAIRS = [
    ("a", "激酶结合并激活蛋白质。", "The kinase binds the protein and turns it on."),
    ("b", "", "Only English."),
    ("c", "Not Chinese at all", "Not Chinese at all, said again"),
    ("d", "激酶结合并激活蛋白质。", "激酶结合并激活蛋白质。"),
    ("e", "激酶", "A far longer text than two characters could ever have stood for, by any rule."),
    ("a", "蛋白质激活激酶并结合它。", "The protein turns the kinase on and binds it."),
]


@pytest.mark.parametrize("ending", ["csv", "tsv.gz", "jsonl"])
def test_pairs(tmp_path: Path, ending: str, write_pairs: Callable[..., Path]) -> None:
    path = write_pairs(tmp_path / f"pairs.{ending}", PAIRS)
    faults = Faults(path.name)
    used = found(abstract_pairs.SOURCE, path)["pairs"]
    (read,) = abstract_pairs.read_pairs(used, faults)
    assert (read.id, read.zh, read.en) == PAIRS[0]
    assert faults.counts == {
        "pair without one of its languages": 1,
        "`zh` that is not Chinese": 1,
        "`en` that is not English": 1,
        "pair of unlike lengths": 1,
        "id that was there before": 1,
    }


@pytest.fixture
def write_pairs() -> Callable[..., Path]:
    import csv
    import io
    import json

    def write(path: Path, rows: list[tuple[str, str, str]]) -> Path:
        out = io.StringIO()
        if ".jsonl" in path.name:
            out.writelines(
                json.dumps(dict(zip(("id", "zh", "en"), row, strict=True))) + "\n" for row in rows
            )
        else:
            table = csv.writer(out, delimiter="\t" if "tsv" in path.name else ",")
            table.writerows([("id", "zh", "en"), *rows])
        data = out.getvalue().encode()
        path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
        return path

    return write


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("id,chinese,en\n", encoding="utf-8")
    used = found(abstract_pairs.SOURCE, path)["pairs"]
    with pytest.raises(InputError, match="no column 'zh'"):
        list(abstract_pairs.read_pairs(used, Faults("x")))
