"""Swiss-Prot in its three formats, written from one description of each entry.

The layout follows UniProt's user manual (flat file), uniprot.xsd and the table of rest.uniprot.org;
the flat file is wrapped at 80 columns as UniProt's writer does it: at a space, or after a hyphen
inside a word, but neither after a hyphen that a space follows nor at that space.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

COLUMNS = {
    "FUNCTION": "Function [CC]",
    "CATALYTIC ACTIVITY": "Catalytic activity",
    "COFACTOR": "Cofactor",
    "SUBUNIT": "Subunit structure",
    "SUBCELLULAR LOCATION": "Subcellular location [CC]",
    "TISSUE SPECIFICITY": "Tissue specificity",
    "INDUCTION": "Induction",
    "PTM": "Post-translational modification",
    "DISEASE": "Involvement in disease",
    "SIMILARITY": "Sequence similarities",
    "INTERACTION": "Interacts with",
}
RULE = "-" * 75


@dataclass
class Comment:
    """One comment; sentences come as (text, evidence), where the evidence may be empty."""

    topic: str
    sentences: list[tuple[str, str]] = field(default_factory=list)
    molecule: str = ""
    disease: tuple[str, str, str, str, str] | None = None
    """Name, acronym, MIM number, description, evidence; `sentences` are its note."""
    places: list[list[str]] = field(default_factory=list)
    """Locations, each with topology and orientation; `sentences` are the note."""
    reaction: tuple[str, str] | None = None
    """The reaction and its EC number."""
    cofactors: list[str] = field(default_factory=list)

    def flat(self) -> list[str]:
        """Return the pieces of the comment after its topic, each starting a line of its own."""
        said = " ".join(text + (f" {{{why}}}." if why else "") for text, why in self.sentences)
        note = f"Note={said}" if said else ""
        head = f"[{self.molecule}]: " if self.molecule else ""
        if self.reaction:
            name, number = self.reaction
            reaction = f"Reaction={name}; Xref=Rhea:RHEA:10736, ChEBI:CHEBI:15378; EC={number};"
            return ["", reaction + " Evidence={ECO:0000269|PubMed:11274460};"]
        if self.cofactors:
            names = [f"Name={name}; Xref=ChEBI:CHEBI:29105;" for name in self.cofactors]
            return ["", *names, *([f"{note};"] if note else [])]
        if self.disease:
            name, acronym, number, text, why = self.disease
            said = f"{name} ({acronym}) [MIM:{number}]: {text} {{{why}}}. {note}"
        elif self.places:
            said = ". ".join("; ".join(f"{p} {{ECO:0000305}}" for p in one) for one in self.places)
            said += f". {note}" if note else "."
        elif self.topic == "DISEASE":
            said = note
        return [head + said]

    def xml(self) -> str:
        """Return the comment as an element."""
        inner = f"<molecule>{escape(self.molecule)}</molecule>" if self.molecule else ""
        if self.reaction:
            name, number = self.reaction
            inner += (
                f'<reaction evidence="1"><text>{escape(name)}</text><dbReference type="Rhea" '
                f'id="RHEA:10736"/><dbReference type="EC" id="{number}"/></reaction>'
            )
        for name in self.cofactors:
            inner += f'<cofactor evidence="1"><name>{escape(name)}</name></cofactor>'
        if self.disease:
            name, acronym, number, text, _ = self.disease
            inner += (
                f'<disease id="DI-00085"><name>{escape(name)}</name><acronym>{acronym}</acronym>'
                f"<description>{escape(text)}</description>"
                f'<dbReference type="MIM" id="{number}"/></disease>'
            )
        for place in self.places:
            tags = ("location", "topology", "orientation")
            parts = (f"<{t} evidence='2'>{escape(p)}</{t}>" for t, p in zip(tags, place))  # noqa: B905
            inner += f"<subcellularLocation>{''.join(parts)}</subcellularLocation>"
        for text, why in self.sentences:
            # The flat file ends each with a full stop; the XML has those of the curators.
            said = text.removesuffix(".") if why else text
            evidence = ' evidence="1 2"' if why else ""
            inner += f"<text{evidence}>{escape(said)}</text>"
        kind = self.topic if self.topic == "PTM" else self.topic.lower()
        return f"<comment type={quoteattr(kind)}>{inner}</comment>"


@dataclass
class Entry:
    """One entry."""

    accession: str
    sequence: str
    comments: list[Comment] = field(default_factory=list)
    name: str = "Test protein"
    organism: tuple[str, ...] = ("Homo sapiens", "Human")
    length: int | None = None
    """Stated, if another than the sequence has."""
    reviewed: bool = True

    @property
    def stated(self) -> int:
        """The length on the ID line."""
        return len(self.sequence) if self.length is None else self.length

    @property
    def species(self) -> str:
        """The organism on one line."""
        return " ".join([*self.organism[:1], *(f"({name})" for name in self.organism[1:])])


BREAK = re.compile(r"(?<!-) |(?<=\S)-(?=[\w(\[])")


def wrap(code: str, pieces: Iterable[str], start: str, indent: str) -> list[str]:
    """Return lines of at most 80 columns where that is possible."""
    lines = []
    for piece in pieces:
        line, rest = f"{code}   {start}", piece
        start = indent
        while len(line) + len(rest) > 80:
            room = 80 - len(line)
            ends = [
                one.end()
                for one in BREAK.finditer(rest)
                if len(one[0].strip()) + one.start() <= room
            ]
            if not ends:
                break
            lines.append((line + rest[: ends[-1]]).rstrip())
            line, rest = f"{code}   {indent}", rest[ends[-1] :]
        lines.append((line + rest).rstrip())
    return lines


def flat_entry(entry: Entry) -> str:
    """Return an entry of the flat file, up to and with `//`."""
    status = "Reviewed;" if entry.reviewed else "Unreviewed;"
    lines = [
        f"ID   {entry.accession}_TEST{'':12}{status:10} {entry.stated:9} AA.",
        f"AC   {entry.accession}; A8K9K2;",
        "DT   21-JUL-1986, integrated into UniProtKB/Swiss-Prot.",
        f"DE   RecName: Full={entry.name} {{ECO:0000303|PubMed:1}};",
        "DE            Short=TP;",
        "DE   AltName: Full=Other name;",
        "GN   Name=TP1; Synonyms=TP2;",
        *wrap("OS", [f"{entry.species}."], "", ""),
        "OC   Eukaryota; Metazoa.",
        "OX   NCBI_TaxID=9606 {ECO:0000312};",
        "RN   [1]",
        "RP   FUNCTION, AND SUBUNIT: NOT A COMMENT.",
        "RX   PubMed=8515476; DOI=10.1073/pnas.90.12.5853;",
    ]
    for comment in entry.comments:
        first, *others = comment.flat()
        lines += wrap("CC", [first], f"-!- {comment.topic}: ", "    ")
        lines += wrap("CC", others, "    ", "      ")
    if entry.comments:
        lines += [
            f"CC   {RULE}",
            "CC   Copyrighted by the UniProt Consortium, see https://www.uniprot.org/terms",
            "CC   Distributed under the Creative Commons Attribution (CC BY 4.0) License",
            f"CC   {RULE}",
        ]
    lines += [
        "DR   EMBL; X57346; CAA40621.1; -; mRNA.",
        "PE   1: Evidence at protein level;",
        "KW   3D-structure; Acetylation.",
        "FT   CHAIN           1..246",
        'FT                   /note="Test protein, CC   -!- FUNCTION: no"',
        f"SQ   SEQUENCE   {entry.stated} AA;  28082 MW;  6BE1A9BF97468017 CRC64;",
    ]
    for start in range(0, len(entry.sequence), 60):
        row = entry.sequence[start : start + 60]
        lines.append("     " + " ".join(row[at : at + 10] for at in range(0, len(row), 10)))
    return "\n".join([*lines, "//", ""])


def xml_entry(entry: Entry) -> str:
    """Return an `<entry>`."""
    kinds = ("scientific", "common", "synonym")
    names = "".join(
        f'<name type="{kind}">{escape(name)}</name>'
        for kind, name in zip(kinds, entry.organism)  # noqa: B905
    )
    dataset = "Swiss-Prot" if entry.reviewed else "TrEMBL"
    return (
        f'<entry dataset="{dataset}" created="1986-07-21" modified="2024-11-27" version="268" '
        'xmlns="https://uniprot.org/uniprot">\n'
        f"<accession>{entry.accession}</accession>\n<accession>A8K9K2</accession>\n"
        f"<name>{entry.accession}_TEST</name>\n<protein><recommendedName>"
        f'<fullName evidence="1">{escape(entry.name)}</fullName><shortName>TP</shortName>'
        "</recommendedName><alternativeName><fullName>Other name</fullName></alternativeName>"
        f"</protein>\n<organism>{names}"
        '<dbReference type="NCBI Taxonomy" id="9606"/></organism>\n'
        '<reference key="1"><citation type="journal article"><title>A &amp; B</title></citation>'
        f"</reference>\n{''.join(comment.xml() for comment in entry.comments)}\n"
        '<dbReference type="EMBL" id="X57346"/>\n'
        '<evidence type="ECO:0000269" key="1"/>\n'
        f'<sequence length="{entry.stated}" mass="28082" checksum="6BE1A9BF97468017">'
        f"{entry.sequence}</sequence>\n</entry>\n"
    )


def table_row(entry: Entry) -> str:
    """Return a row of the table."""
    cells = []
    for topic in COLUMNS:
        found = [one for one in entry.comments if one.topic == topic]
        said = (f"{topic}: {' '.join(part for part in one.flat() if part)}" for one in found)
        cells.append("; ".join(said))
    status = "reviewed" if entry.reviewed else "unreviewed"
    names = f"{entry.name} (TP) (Other name)" if entry.name else ""
    head = [entry.accession, status, f"{entry.accession}_TEST", names, entry.species]
    return "\t".join([*head, str(entry.stated), *cells, entry.sequence]) + "\n"


def flat_file(entries: Iterable[Entry]) -> str:
    """Return a flat file."""
    return "".join(map(flat_entry, entries))


def xml_file(entries: Iterable[Entry]) -> str:
    """Return an XML file."""
    head = '<?xml version="1.0" encoding="UTF-8"  standalone="no" ?>\n'
    root = '<uniprot xmlns="https://uniprot.org/uniprot" xmlns:xsi="http://www.w3.org/2001/x">\n'
    foot = "<copyright>\nCopyrighted by the UniProt Consortium\n</copyright>\n</uniprot>\n"
    return head + root + "".join(map(xml_entry, entries)) + foot


def table_file(entries: Iterable[Entry]) -> str:
    """Return a table."""
    head = ["Entry", "Reviewed", "Entry Name", "Protein names", "Organism", "Length"]
    header = "\t".join([*head, *COLUMNS.values(), "Sequence"]) + "\n"
    return header + "".join(map(table_row, entries))


FORMATS = {"dat": flat_file, "xml": xml_file, "tsv": table_file}


def write_gzip(path: Path, text: str) -> Path:
    """Write a text packed; return its path."""
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return path
