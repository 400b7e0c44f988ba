"""Building protein-lm-dataset from PubMed and PMC of any size: time and memory.

    python benchmarks/literature.py [--abstracts 100000] [--articles 2000]

Files are generated, seeded, in the layout of the baseline (30,000 records a file, with the lists
of authors, headings and references that make most of a record) and of the open access archives.
Generation is not measured. The build runs as a user runs it, in a process of its own.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import tarfile
import tempfile
from pathlib import Path

from machine import describe_machine
from swiss_prot import WORDS, build

A_FILE = 30_000
"""Records in a file of the baseline."""
BASELINE = 38_000_000
"""Records in all of them, of which some two thirds have an abstract."""


def prose(draw: random.Random, words: int) -> str:
    """Return a sentence or more of so many words."""
    return " ".join(draw.choices(WORDS, k=words)).capitalize() + "."


def record(draw: random.Random, pmid: int) -> str:
    """Return a record of PubMed: about 5 kB, two thirds of them with an abstract."""
    has = draw.random() < 2 / 3
    text = f"<AbstractText>{prose(draw, 180)}</AbstractText>"
    author = (
        '<Author ValidYN="Y"><LastName>Doe</LastName><ForeName>Jane</ForeName><Initials>J'
        "</Initials><AffiliationInfo><Affiliation>Department of Biology</Affiliation>"
        "</AffiliationInfo></Author>"
    )
    heading = (
        '<MeshHeading><DescriptorName UI="D011506" MajorTopicYN="N">Proteins</DescriptorName>'
        "</MeshHeading>"
    )
    reference = (
        "<Reference><Citation>Nature. 2001;1:1-2</Citation><ArticleIdList>"
        f'<ArticleId IdType="pubmed">{pmid // 2}</ArticleId></ArticleIdList></Reference>'
    )
    return (
        f'<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">{pmid}'
        '</PMID><Article PubModel="Print"><Journal><JournalIssue CitedMedium="Print"><PubDate>'
        f"<Year>{1980 + pmid % 45}</Year></PubDate></JournalIssue></Journal><ArticleTitle>"
        f"{prose(draw, 12)}</ArticleTitle>{f'<Abstract>{text}</Abstract>' if has else ''}"
        f"<AuthorList>{author * 5}</AuthorList><Language>eng</Language></Article>"
        f"<MeshHeadingList>{heading * 10}</MeshHeadingList></MedlineCitation><PubmedData>"
        f"<ReferenceList>{reference * draw.randrange(20)}</ReferenceList></PubmedData>"
        "</PubmedArticle>\n"
    )


def write_pubmed(folder: Path, count: int) -> int:
    """Write so many records as files of the baseline; return the bytes they unpack to."""
    draw, size = random.Random(1), 0  # noqa: S311
    folder.mkdir()
    for number, start in enumerate(range(0, count, A_FILE), 1):
        path = folder / f"pubmed26n{number:04}.xml.gz"
        with gzip.open(path, "wt", encoding="utf-8", compresslevel=6) as out:
            out.write('<?xml version="1.0" encoding="utf-8"?>\n<PubmedArticleSet>\n')
            for pmid in range(start + 1, min(start + A_FILE, count) + 1):
                size += out.write(record(draw, pmid))
            out.write("</PubmedArticleSet>\n")
    return size


def article(draw: random.Random, number: int) -> str:
    """Return an article of PMC: about 60 kB."""
    cited = "<xref ref-type='bibr' rid='r1'>1</xref>"
    paragraphs = "".join(f"<p>{prose(draw, 120)} [{cited}]</p>" for _ in range(6))
    sections = "".join(
        f"<sec><title>Part {at}</title>{paragraphs}</sec>" for at in range(draw.randrange(4, 10))
    )
    references = f"<ref><mixed-citation>{prose(draw, 12)}</mixed-citation></ref>" * 60
    return (
        f"<article><front><article-meta><article-id pub-id-type='pmc'>{number}</article-id>"
        f"<title-group><article-title>{prose(draw, 12)}</article-title></title-group>"
        f"<abstract><p>{prose(draw, 180)}</p></abstract></article-meta></front>"
        f"<body>{sections}</body><back><ref-list>{references}</ref-list></back></article>"
    )


def write_pmc(path: Path, count: int) -> int:
    """Write so many articles as one archive; return the bytes of the articles."""
    draw, size = random.Random(2), 0  # noqa: S311
    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        for number in range(1, count + 1):
            content = article(draw, number).encode()
            info = tarfile.TarInfo(f"PMC000xxxxxx/PMC{number}.xml")
            info.size = len(content)
            size += len(content)
            archive.addfile(info, io.BytesIO(content))
    return size


def main() -> None:
    """Generate, build and print a JSON line for each source."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--abstracts", type=int, default=100_000, help="records of PubMed")
    parser.add_argument("--articles", type=int, default=2_000, help="articles of PMC")
    arguments = parser.parse_args()
    print(f"# {describe_machine()}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        archive = folder / "oa_comm_xml.tar.gz"
        jobs = {
            "pubmed": (folder / "pubmed", write_pubmed(folder / "pubmed", arguments.abstracts)),
            "pmc": (archive, write_pmc(archive, arguments.articles)),
        }
        before = 0.0
        for source, (place, unpacked) in jobs.items():
            out = folder / f"built-{source}"
            found = build({source: place}, out, folder / "cache")
            # The system counts the processor seconds of all children so far together.
            found["cpu_seconds"], before = found["cpu_seconds"] - before, found["cpu_seconds"]
            made = json.loads((out / "build.json").read_text("utf-8"))
            splits = {name: one["splits"] for name, one in made["configs"].items()}
            if source == "pubmed":
                share = BASELINE / arguments.abstracts
                found["full_baseline_cpu_hours"] = found["cpu_seconds"] * share / 3600
            print(json.dumps({"source": source, "unpacked_bytes": unpacked, **found, **splits}))


if __name__ == "__main__":
    main()
