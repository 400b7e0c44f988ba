"""Building protein-lm-dataset from a Swiss-Prot of any size: time, memory, and where they go.

    python benchmarks/swiss_prot.py [--entries 20000] [--format dat|xml] [--out DIR]

The file is generated, seeded, in the layout of uniprot_sprot.dat.gz or .xml.gz: log-normal lengths
with a mean near 360 residues, families of like sequences, comments with citations and evidence,
and so many cross-references and features that an entry has the mean size of the real ones (6.1 kB
flat, 572,970 entries in 3.5 GB; XML about 2.5 times that). Generation is not measured. The build
runs as a user runs it, in a process of its own, watched for processor seconds, wall seconds and
memory: the peak that the system counts, which includes pages of mapped files that it can drop, and
the peak of the process's own (anonymous) memory.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from machine import describe_machine

if TYPE_CHECKING:
    from collections.abc import Iterator

LETTERS, WEIGHTS = "ALGVESIKRDTPNQFYMHCW", (83, 97, 71, 69, 67, 66, 59, 58, 55, 55, 54, 47, 41, 39,
                                            39, 29, 24, 23, 14, 11)  # fmt: skip
WORDS = (
    "the of and in to protein binds required for formation complex membrane regulates activity "
    "kinase domain transport involved with DNA RNA-binding catalyzes ATP-dependent phosphorylation "
    "synthesis mitochondrial ribosomal subunit interacts through C-terminal region during cell "
    "cycle response stress (By-similar) pathway receptor signaling expression 2-oxoglutarate"
).split()
SHARES = {
    "FUNCTION": 0.82, "CATALYTIC ACTIVITY": 0.47, "COFACTOR": 0.22, "PATHWAY": 0.24,
    "SUBUNIT": 0.51, "SUBCELLULAR LOCATION": 0.62, "TISSUE SPECIFICITY": 0.09, "INDUCTION": 0.045,
    "DOMAIN": 0.1, "PTM": 0.085, "DISEASE": 0.01, "SIMILARITY": 0.95, "CAUTION": 0.03,
}  # fmt: skip
"""Topic → share of entries that have it, as ProteinLMDataset's counts have it or about so."""
FULL = 572_970
"""Entries of a present release."""


def comment(draw: random.Random, topic: str) -> tuple[str, str]:
    """Return a comment's text and its evidence."""
    words = max(4, int(draw.lognormvariate(3.1, 0.6)))
    said = " ".join(draw.choices(WORDS, k=words)).capitalize()
    if draw.random() < 0.5:
        said += f" (PubMed:{draw.randrange(10**7, 4 * 10**7)})"
    if topic == "CATALYTIC ACTIVITY":
        return "a primary alcohol + NAD(+) = an aldehyde + NADH + H(+)", "1.1.1.1"
    return f"{said}.", f"ECO:0000269|PubMed:{draw.randrange(10**7, 4 * 10**7)}"


def entries(count: int, seed: int = 0) -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    """Yield accession, sequence and comments; every third sequence is like one before it."""
    draw = random.Random(seed)  # noqa: S311
    before: list[str] = []
    for number in range(count):
        accession = f"P{number:06d}"
        if before and draw.random() < 0.35:
            letters = list(draw.choice(before))
            for at in draw.sample(range(len(letters)), len(letters) // draw.choice((5, 10, 50))):
                letters[at] = draw.choice(LETTERS)
            sequence = "".join(letters)
        else:
            length = min(35_000, max(20, int(draw.lognormvariate(5.68, 0.64))))
            sequence = "".join(draw.choices(LETTERS, WEIGHTS, k=length))
            before = [*before[-2000:], sequence]
        said = [
            (topic, *comment(draw, topic))
            for topic, share in SHARES.items()
            if draw.random() < share
        ]
        yield accession, sequence, said


def references(extra: int, seed: int) -> list[int]:
    """Return made-up numbers, so that cross-references pack no better than real ones."""
    return random.Random(seed * extra).choices(range(10**9), k=extra)  # noqa: S311


def flat(accession: str, sequence: str, said: list[tuple[str, str, str]], extra: int) -> str:
    """Return an entry of the flat file with `extra` lines of cross-references and features."""
    lines = [
        f"ID   {accession}_TEST            Reviewed; {len(sequence):9} AA.",
        f"AC   {accession};",
        "DT   21-JUL-1986, integrated into UniProtKB/Swiss-Prot.",
        "DE   RecName: Full=14-3-3 protein beta {ECO:0000303|PubMed:1};",
        "OS   Homo sapiens (Human).",
        "OX   NCBI_TaxID=9606;",
        "RN   [1]",
        "RP   NUCLEOTIDE SEQUENCE [LARGE SCALE GENOMIC DNA].",
        "RA   Leffers H., Madsen P., Rasmussen H.H., Honore B., Andersen A.H., Walbum E.,",
        'RT   "Molecular cloning and expression of the transformation sensitive protein.";',
    ]
    for topic, text, why in said:
        if topic == "CATALYTIC ACTIVITY":
            lines += [f"CC   -!- {topic}:", f"CC       Reaction={text};",
                      f"CC         Xref=Rhea:RHEA:10736, ChEBI:CHEBI:15378; EC={why};"]  # fmt: skip
            continue
        words = f"-!- {topic}: {text} {{{why}}}.".split(" ")
        line = "CC  "
        for word in words:
            if len(line) + len(word) > 79:
                lines.append(line)
                line = "CC      "
            line += f" {word}"
        lines.append(line)
    rule = "CC   " + "-" * 75
    lines += [rule, "CC   Copyrighted by the UniProt Consortium", rule]
    for number in references(extra, len(sequence)):
        lines += [
            f"DR   EMBL; X{number}; CAA{number ^ 40621}.1; -; mRNA; ENSG{number:011}.",
            f"FT   MOD_RES         {number % 1000}",
            'FT                   /note="N-acetylthreonine"',
        ]
    lines.append(f"SQ   SEQUENCE   {len(sequence)} AA;  28082 MW;  6BE1A9BF97468017 CRC64;")
    for start in range(0, len(sequence), 60):
        row = sequence[start : start + 60]
        lines.append("     " + " ".join(row[at : at + 10] for at in range(0, len(row), 10)))
    return "\n".join([*lines, "//", ""])


def xml(accession: str, sequence: str, said: list[tuple[str, str, str]], extra: int) -> str:
    """Return an `<entry>` with about as many cross-references and features."""
    parts = [
        '<entry dataset="Swiss-Prot" created="1986-07-21" xmlns="https://uniprot.org/uniprot">',
        f"  <accession>{accession}</accession>\n  <name>{accession}_TEST</name>",
        "  <protein><recommendedName><fullName>14-3-3 beta</fullName></recommendedName></protein>",
        '  <organism><name type="scientific">Homo sapiens</name></organism>',
    ]
    for topic, text, why in said:
        kind = topic if topic == "PTM" else topic.lower()
        inner = f'<text evidence="1">{escape(text)}</text>'
        if topic == "CATALYTIC ACTIVITY":
            inner = f'<reaction>{inner}<dbReference type="EC" id="{why}"/></reaction>'
        parts.append(f'  <comment type="{kind}">\n    {inner}\n  </comment>')
    for number in references(extra, len(sequence)):
        parts.append(  # noqa: PERF401  reads better so
            f'  <dbReference type="EMBL" id="X{number}">\n'
            f'    <property type="protein sequence ID" value="CAA{number ^ 40621}.1"/>\n'
            '    <property type="molecule type" value="mRNA"/>\n  </dbReference>\n'
            '  <feature type="modified residue" description="N-acetylthreonine" evidence="7 12">\n'
            f'    <location>\n      <position position="{number % 1000}"/>\n'
            "    </location>\n  </feature>\n"
            f'  <evidence type="ECO:0000269" key="{number % 100}">\n    <source>\n'
            f'      <dbReference type="PubMed" id="{number % 10**8}"/>\n'
            "    </source>\n  </evidence>"
        )
    parts.append(
        f'  <sequence length="{len(sequence)}" mass="28082">{sequence}</sequence>\n</entry>\n'
    )
    return "\n".join(parts)


def write_file(path: Path, count: int, kind: str) -> int:
    """Write a file of so many entries; return the bytes that it unpacks to."""
    draw = random.Random(1)  # noqa: S311
    size = 0
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=6) as out:
        if kind == "xml":
            out.write('<?xml version="1.0" encoding="UTF-8"?>\n<uniprot>\n')
        for accession, sequence, said in entries(count):
            # A few entries have hundreds of lines, most have some dozens.
            extra = int(draw.lognormvariate(2.95, 0.8))
            text = (xml if kind == "xml" else flat)(accession, sequence, said, extra)
            size += out.write(text)
        if kind == "xml":
            out.write("</uniprot>\n")
    return size


def own_memory(process: int) -> int:
    """Return a process's anonymous memory in bytes, 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def build(sources: dict[str, Path], out: Path, cache: Path) -> dict[str, float]:
    """Build the dataset from these sources alone, as a user does; return seconds and bytes."""
    words = [sys.executable, "-m", "hf_datasets", "build", "protein-lm-dataset"]
    words += ["--allow-partial", "--no-download", "--out", str(out)]
    for name, path in sources.items():
        words += ["--source", f"{name}={path}"]
    environment = os.environ | {"GENEZOO_CACHE": str(cache), "HF_HOME": str(cache / "hf")}
    started, peak = time.perf_counter(), 0
    with subprocess.Popen(words, env=environment) as process:
        while process.poll() is None:
            peak = max(peak, own_memory(process.pid))
            time.sleep(0.2)
    wall = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"publish build ended with status {process.returncode}")
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "cpu_seconds": spent.ru_utime + spent.ru_stime,
        "wall_seconds": wall,
        "peak_rss_bytes": spent.ru_maxrss * 1024,
        "peak_anonymous_bytes": peak,
    }


def main() -> None:
    """Generate, build and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--format", choices=("dat", "xml"), default="dat")
    parser.add_argument("--out", type=Path, help="keep file and dataset here")
    arguments = parser.parse_args()
    count, kind = arguments.entries, arguments.format
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / f"uniprot_sprot_{count}.{kind}.gz"
        unpacked = write_file(source, count, kind)
        found = build({"uniprot-sprot": source}, folder / f"built-{kind}-{count}", folder / "cache")
        record = json.loads((folder / f"built-{kind}-{count}" / "build.json").read_text("utf-8"))
        print(f"# {describe_machine()}")
        print(
            json.dumps(
                {
                    "entries": count,
                    "format": kind,
                    "unpacked_bytes": unpacked,
                    "packed_bytes": source.stat().st_size,
                    **found,
                    "full_release_cpu_minutes": found["cpu_seconds"] * FULL / count / 60,
                    "clusters": record["clusters"],
                    "splits": {name: one["splits"] for name, one in record["configs"].items()},
                }
            )
        )


if __name__ == "__main__":
    main()
