"""Config `enzyme-cot`: from the sequence of an enzyme by steps to the reaction it catalyses.

Chains of the PDB that SIFTS gives a complete EC number, the sequence of their UniProt entry, and
what the IUBMB says of the number. The answer goes the way that ProteinLMDataset publishes: what
the protein does, then the enzyme's accepted name, then its reaction.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from hf_datasets.protein_lm_dataset.cleaning import clean_prose
from hf_datasets.protein_lm_dataset.record import CorpusConfig, Row
from hf_datasets.protein_lm_dataset.upstream import SWISS_PROT
from hf_datasets.protein_lm_dataset.wording import choose_wording, spaced
from hf_datasets.sources.enzyme import COMPLETE, Enzyme, read_enzymes
from hf_datasets.sources.sifts import read_enzymes as read_chains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.protein_lm_dataset.proteins import Annotated
    from hf_datasets.protein_lm_dataset.upstream import Upstream

SIFTS, ENZYME = "sifts", "enzyme"
MOST = 20
"""Proteins of one EC number."""
QUESTIONS = (
    "Which reaction does this enzyme catalyze? Reason step by step.",
    "The sequence below is an enzyme. Work out, step by step, what it catalyzes.",
    "Find the reaction of the enzyme with this sequence, and show how you get there.",
    "From the sequence, say what the protein does, then which enzyme it is, then its reaction.",
    "What is the chemistry of this enzyme? Give your reasoning before the reaction.",
)
FUNCTION = ("What the protein does: {}", "Its function: {}", "To begin with, its role: {}")
NAME = (
    "So it is the enzyme {} (EC {}).",
    "That makes it {} (EC {}).",
    "Its accepted name: {} (EC {}).",
)
REACTION = ("It catalyzes: {}.", "The reaction: {}.", "What it catalyzes is: {}.")


def answer(protein: Annotated, enzyme: Enzyme) -> str:
    """Return function (if it is known), name and reaction, each on a line of its own."""
    accession = protein.accession
    function = protein.sections.get("FUNCTION") or clean_prose(" ".join(enzyme.comments))
    steps = []
    if function:
        steps.append(choose_wording(FUNCTION, "function", accession).format(function))
    steps.append(choose_wording(NAME, "name", accession).format(enzyme.name, enzyme.number))
    reactions = " or ".join(enzyme.reactions)
    steps.append(choose_wording(REACTION, "reaction", accession).format(reactions))
    return "\n".join(steps)


def rows(upstream: Upstream) -> Iterator[Row]:
    """Yield a row for a protein and its EC number, for the first MOST proteins of a number."""
    chains, entries = upstream.file(SIFTS, "pdb_chain_enzyme"), upstream.file(ENZYME, "entries")
    numbers: dict[str, set[str]] = defaultdict(set)
    for accession, number in read_chains(chains, upstream.faults_of(SIFTS, chains)):
        if COMPLETE.fullmatch(number):
            numbers[number].add(accession)
    enzyme_faults = upstream.faults_of(ENZYME, entries)
    enzymes = {one.number: one for one in read_enzymes(entries, enzyme_faults)}
    for number in sorted(numbers.keys() - enzymes.keys()):
        enzyme_faults.add("EC number of SIFTS that is not in force", number)
    wanted: dict[str, list[Enzyme]] = defaultdict(list)
    for number, accessions in sorted(numbers.items()):
        # One without a reaction (a peptidase's is in its comments) has no answer to give.
        if (enzyme := enzymes.get(number)) and enzyme.reactions:
            for accession in sorted(accessions)[:MOST]:
                wanted[accession].append(enzyme)
    upstream.report(SIFTS)
    upstream.report(ENZYME)
    for protein in upstream.proteins:
        for enzyme in wanted.get(protein.accession, ()):
            yield {
                "id": f"{protein.accession}/{enzyme.number}",
                "accession": protein.accession,
                "ec": enzyme.number,
                "instruction": choose_wording(QUESTIONS, "enzyme", protein.accession),
                "input": spaced(protein.sequence),
                "output": answer(protein, enzyme),
                "cluster": protein.cluster,
            }


ENZYME_COT = CorpusConfig(
    name="enzyme-cot",
    kind="fine-tuning",
    summary="an enzyme's sequence, and by steps its function, name and reaction",
    licence="CC-BY-4.0",
    sources=(SWISS_PROT, SIFTS, ENZYME),
    columns=dict.fromkeys(
        ("id", "accession", "ec", "instruction", "input", "output", "cluster"), "string"
    ),
    texts=("instruction", "input", "output"),
    group="cluster",
    same=("input", "output"),
    rows=rows,
)
