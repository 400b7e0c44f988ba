"""Config `abstracts-with-sequences`: abstracts in which proteins are followed by their sequence.

Which proteins an abstract is about comes from two places. SIFTS links papers to the chains of PDB
entries and those to UniProt: such a protein is looked for by its full name. And a symbol of a
human gene stands for its RefSeq protein, if it cannot be mistaken for a word: in capitals, with a
digit in it or four letters long. Only the first mention is followed by the sequence.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from hf_datasets.protein_lm_dataset.literature import PUBMED, abstracts
from hf_datasets.protein_lm_dataset.record import CorpusConfig, Row
from hf_datasets.protein_lm_dataset.upstream import SWISS_PROT
from hf_datasets.protein_lm_dataset.wording import spaced
from hf_datasets.sources.refseq import read_genes, read_sequences
from hf_datasets.sources.sifts import read_chains, read_papers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hf_datasets.protein_lm_dataset.upstream import Upstream

SIFTS, REFSEQ = "sifts", "refseq"
MOST = 3
"""Sequences in one abstract."""
LONGEST = 1500
"""Residues of a sequence that is inserted: a longer one would be all there is to read."""
SHORTEST_NAME = 5
"""Characters of a protein's name that is looked for."""
_SYMBOL = re.compile(r"(?<![\w-])(?=[A-Z0-9-]*\d[A-Z0-9-]*(?![\w-])|[A-Z]{4,}(?![\w-]))"
                     r"[A-Z][A-Z0-9-]{2,}(?![\w-])")  # fmt: skip
_WORDS = frozenset({
    "ATP", "DNA", "RNA", "NADH", "NADPH", "MRNA", "CDNA", "HIV-1", "ELISA", "CRISPR", "COVID-19",
    "SDS-PAGE", "RT-PCR", "UNLABELLED", "CONCLUSION", "CONCLUSIONS", "BACKGROUND", "METHODS",
    "RESULTS", "OBJECTIVE", "IMPORTANCE", "STAT", "REST", "IMPACT", "CAMP", "COPE",
})  # fmt: skip
"""Capitals that mean something else, although some are genes too."""


class Proteins:
    """What may be inserted: sequences by the name or the symbol that an abstract mentions."""

    def __init__(self, upstream: Upstream) -> None:
        files = upstream.files[SIFTS]
        chains, papers = files["pdb_chain_uniprot"], files["pdb_pubmed"]
        entries: dict[str, set[str]] = defaultdict(set)
        for entry, accession in read_chains(chains, upstream.faults_of(SIFTS, chains)):
            entries[entry].add(accession)
        self.of_paper: dict[str, set[str]] = defaultdict(set)
        for pmid, entry in read_papers(papers, upstream.faults_of(SIFTS, papers)):
            self.of_paper[pmid] |= entries.get(entry, set())
        upstream.report(SIFTS)
        linked = set().union(*self.of_paper.values())
        self.named = {
            one.accession: (one.name, one.sequence)
            for one in upstream.proteins
            if one.accession in linked and len(one.name) >= SHORTEST_NAME
        }
        genes, fasta = upstream.file(REFSEQ, "genes"), upstream.file(REFSEQ, "proteins")
        made = read_genes(genes)
        faults = upstream.faults_of(REFSEQ, fasta)
        found = read_sequences(fasta, frozenset(made.values()), faults)
        upstream.report(REFSEQ)
        self.by_symbol = {
            symbol: (protein, found[protein])
            for symbol, protein in made.items()
            if protein in found
        }

    def mentions(self, pmid: str, text: str) -> list[tuple[int, str, str]]:
        """Return (end of the mention, what is inserted, its sequence), in order of the text."""
        found: dict[str, tuple[int, str]] = {}
        for accession in sorted(self.of_paper.get(pmid, ())):
            name, sequence = self.named.get(accession, ("", ""))
            place = _find(name, text) if name else -1
            if place >= 0:
                found[accession] = (place + len(name), sequence)
        for mention in _SYMBOL.finditer(text):
            protein, sequence = self.by_symbol.get(mention[0], ("", ""))
            if protein and protein not in found and mention[0] not in _WORDS:
                found[protein] = (mention.end(), sequence)
        fits = [
            (end, name, sequence)
            for name, (end, sequence) in found.items()
            if len(sequence) <= LONGEST
        ]
        places: set[int] = set()
        chosen: list[tuple[int, str, str]] = []
        for end, name, sequence in sorted(fits):
            if end not in places and len(chosen) < MOST:
                places.add(end)
                chosen.append((end, name, sequence))
        return chosen


def _find(name: str, text: str) -> int:
    """Return where a name stands as whole words, whatever its case; -1 if nowhere."""
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE)
    return found.start() if found else -1


def insert(text: str, mentions: Sequence[tuple[int, str, str]]) -> str:
    """Return a text with each sequence after the mention that ends at its place.

    >>> insert("The kinase ABL1 binds.", [(15, "NP_1", "MKV")])
    'The kinase ABL1 <seq> M K V </seq> binds.'
    """
    parts, start = [], 0
    for end, _, sequence in mentions:
        parts += [text[start:end], " ", spaced(sequence)]
        start = end
    return "".join([*parts, text[start:]])


def rows(upstream: Upstream) -> Iterator[Row]:
    """Yield a row for each abstract that mentions a protein whose sequence is known."""
    proteins = Proteins(upstream)
    for one in abstracts(upstream):
        text = f"{one.title}\n{one.text}"
        if found := proteins.mentions(one.pmid, text):
            yield {
                "id": one.pmid,
                "text": insert(text, found),
                "proteins": ",".join(name for _, name, _ in found),
            }


ABSTRACTS_WITH_SEQUENCES = CorpusConfig(
    name="abstracts-with-sequences",
    kind="self-supervised",
    summary="an abstract in which the first mention of a protein is followed by its sequence",
    licence="terms of the NLM; sequences CC-BY-4.0 (UniProt) and public domain (RefSeq)",
    sources=(PUBMED, SIFTS, SWISS_PROT, REFSEQ),
    columns=dict.fromkeys(("id", "text", "proteins"), "string"),
    texts=("text",),
    group="id",
    same=("text",),
    rows=rows,
)
