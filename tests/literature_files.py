"""Small files in the formats of PubMed, PMC, SIFTS, ENZYME and RefSeq, written by hand."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PUBMED_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd" [\n'
    '<!ENTITY lol "ha"><!ENTITY lol2 "&lol;&lol;"><!ENTITY file SYSTEM "file:///etc/passwd">]>\n'
    "<PubmedArticleSet>\n"
)


def pubmed_article(
    pmid: str,
    title: str = "A kinase",
    sections: Sequence[tuple[str, str]] = (("", "It <i>binds</i> H<sub>2</sub>O &amp; more."),),
    language: str = "eng",
) -> str:
    abstract = "".join(
        f'<AbstractText Label="{label}" NlmCategory="{label}">{text}</AbstractText>'
        if label
        else f"<AbstractText>{text}</AbstractText>"
        for label, text in sections
    )
    return (
        f'<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">{pmid}'
        "</PMID><Article PubModel='Print'><Journal><JournalIssue CitedMedium='Print'><PubDate>"
        "<MedlineDate>2001 Nov-Dec</MedlineDate></PubDate></JournalIssue></Journal>"
        f"<ArticleTitle>{title}</ArticleTitle>"
        + (f"<Abstract>{abstract}<CopyrightInformation>X</CopyrightInformation></Abstract>"
           if sections else "")
        + f"<Language>{language}</Language></Article></MedlineCitation><PubmedData><ReferenceList>"
        "<Reference><ArticleIdList><ArticleId IdType='pubmed'>99</ArticleId></ArticleIdList>"
        "</Reference></ReferenceList></PubmedData></PubmedArticle>\n"
    )  # fmt: skip


def write_pubmed(path: Path, articles: Sequence[str], deleted: Sequence[str] = ()) -> Path:
    gone = "".join(f'<PMID Version="1">{pmid}</PMID>' for pmid in deleted)
    tail = f"<DeleteCitation>{gone}</DeleteCitation>" if deleted else ""
    text = f"{PUBMED_HEAD}{''.join(articles)}{tail}</PubmedArticleSet>\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return path


def pmc_article(
    number: str = "11", body: str = "", title: str = "On <italic>kinases</italic>"
) -> str:
    body = body or (
        "<p>An opening <xref ref-type='bibr' rid='r1'>1</xref>.</p>"
        "<sec><title>Results</title><p>ABL1 binds (<xref ref-type='bibr' rid='r2'>2</xref>, "
        "<xref ref-type='bibr' rid='r3'>3</xref>) to <italic>SRC</italic>; see "
        "<xref ref-type='fig' rid='f1'>Figure 1</xref>.<fig><caption><p>Not prose.</p></caption>"
        "</fig></p><table-wrap><table><tr><td>7</td></tr></table></table-wrap>"
        "<sec><title>Details</title><p>Rate <inline-formula><mml:math><mml:mi>k</mml:mi></mml:math>"
        "</inline-formula> holds.</p></sec></sec>"
    )
    return (
        '<article xmlns:xlink="http://www.w3.org/1999/xlink" '
        'xmlns:mml="http://www.w3.org/1998/Math/MathML" article-type="research-article">'
        f"<front><article-meta><article-id pub-id-type='pmid'>5{number}</article-id>"
        f'<article-id pub-id-type="pmc">{number}</article-id>'
        f"<title-group><article-title>{title}</article-title></title-group>"
        "<permissions><license xlink:href='https://creativecommons.org/licenses/by/4.0/'>"
        "<license-p>Open.</license-p></license></permissions>"
        "<abstract><p>In short.</p></abstract>"
        "<abstract abstract-type='teaser'><p>Buy it.</p></abstract></article-meta></front>"
        f"<body>{body}</body><back><ref-list><ref><mixed-citation>Old.</mixed-citation></ref>"
        "</ref-list></back></article>"
    )


PMC_HEAD = (
    '<?xml version="1.0"?><!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal Archiving '
    'and Interchange DTD v1.2 20190208//EN" "JATS-archivearticle1.dtd">\n'
)


def write_pmc_archive(path: Path, members: Mapping[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, text in members.items():
            content = text.encode()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


ENZYME = """\
CC   -----------------------------------------------------------------------
CC   ENZYME nomenclature database
//
ID   1.1.1.1
DE   alcohol dehydrogenase.
AN   aldehyde reductase.
AN   ADH (some long-
AN   winded name).
CA   (1) a primary alcohol + NAD(+) = an aldehyde + NADH + H(+).
CA   (2) a secondary alcohol + NAD(+) = a ketone + NADH + H(+).
CC   -!- Acts on primary or secondary alcohols
CC       or hemiacetals.
CC   -!- A second remark.
PR   PROSITE; PDOC00058;
DR   P07327, ADH1A_HUMAN;  P28469, ADH1A_MACMU;
//
ID   1.1.1.5
DE   Transferred entry: 1.1.1.303 and 1.1.1.304.
//
ID   2.7.10.2
DE   non-specific protein-
DE   tyrosine kinase.
CA   ATP + a [protein]-L-tyrosine = ADP + a [protein]-L-tyrosine
CA   phosphate + H(+).
CC   -!- Cytoplasmic.
//
ID   3.4.21.4
DE   trypsin.
CC   -!- Preferential cleavage: Arg-|-Xaa, Lys-|-Xaa.
//
ID   9.9
DE   broken.
//
ID   4.2.1.1
//
"""


def write_table(path: Path, header: str, rows: Sequence[str], comment: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [*([comment] if comment else ()), header, *rows]
    text = "\n".join(line.replace(" ", "\t") if line is not comment else line for line in lines)
    path.write_bytes(gzip.compress(f"{text}\n".encode(), mtime=0))
    return path


def write_sifts(
    folder: Path, enzymes: Sequence[str], chains: Sequence[str], papers: Sequence[str]
) -> Path:
    stamp = "# 2026/10/01 - 10:00 | PDB: 40.26 | UniProt: 2026.04"
    write_table(folder / "pdb_chain_enzyme.tsv.gz", "PDB CHAIN ACCESSION EC_NUMBER", enzymes, stamp)
    header = "PDB CHAIN SP_PRIMARY RES_BEG RES_END PDB_BEG PDB_END SP_BEG SP_END"
    write_table(folder / "pdb_chain_uniprot.tsv.gz", header, chains, stamp)
    write_table(folder / "pdb_pubmed.tsv.gz", "PDB ORDINAL PUBMED_ID", papers, stamp)
    return folder


def write_refseq(folder: Path, genes: Sequence[tuple[str, str, str]], fasta: str) -> Path:
    """Genes are (tax_id, protein, symbol)."""
    header = (
        "#tax_id GeneID status RNA_nucleotide_accession.version RNA_nucleotide_gi "
        "protein_accession.version protein_gi genomic_nucleotide_accession.version "
        "genomic_nucleotide_gi start_position end_position orientation assembly "
        "mature_peptide_accession.version mature_peptide_gi Symbol"
    )
    rows = [
        f"{taxon} {number} REVIEWED NM_1.1 - {protein} - NC_1.1 - 1 2 + GRCh38 - - {symbol}"
        for number, (taxon, protein, symbol) in enumerate(genes, 1)
    ]
    write_table(folder / "gene2refseq.gz", header, rows)
    (folder / "GRCh38_latest_protein.faa").write_text(fasta, encoding="ascii")
    return folder
