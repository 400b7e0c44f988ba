"""Config `uniprot-sft`: questions on a sequence, answered by what Swiss-Prot says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.protein_lm_dataset.record import CorpusConfig, Row
from hf_datasets.protein_lm_dataset.wording import choose_wording, spaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.protein_lm_dataset.upstream import Upstream

QUESTIONS = {
    "function": (
        "FUNCTION",
        (
            "What does the protein with this sequence do?",
            "Describe the function of this protein.",
            "Here is a protein, residue by residue. What is its role in the organism?",
            "From the amino acid sequence below, tell what the protein is for.",
            "Which biological function does this chain of residues have?",
            "Read the sequence and explain the job that the protein has.",
        ),
    ),
    "subunit": (
        "SUBUNIT",
        (
            "Which subunits or partners does this protein assemble with?",
            "Describe the quaternary structure and the interactions of this protein.",
            "Does the protein below act alone, or in a complex? Say in which.",
            "What does the protein with this sequence bind to?",
            "From the sequence, tell how copies of this protein or others join it.",
        ),
    ),
    "tissue_specificity": (
        "TISSUE SPECIFICITY",
        (
            "In which tissues is this protein expressed?",
            "Where in the body or plant would one find the protein with this sequence?",
            "Describe how the expression of this protein differs between tissues.",
            "Name the organs, tissues or cells that make the protein below.",
            "From the sequence, tell the tissue specificity of the protein.",
        ),
    ),
    "ptm": (
        "PTM",
        (
            "Which modifications does this protein undergo after translation?",
            "Describe the post-translational modifications of the protein below.",
            "How is the chain with this sequence processed or modified once it is made?",
            "From the sequence, tell what is cleaved off, attached or changed later.",
            "What happens to the residues of this protein after its synthesis?",
        ),
    ),
    "induction": (
        "INDUCTION",
        (
            "What raises or lowers the expression of this protein?",
            "Under which conditions is the protein with this sequence induced or repressed?",
            "Describe how the expression of the protein below is controlled.",
            "Which signals, stresses or compounds change the amount of this protein?",
            "From the sequence, tell what induces the protein.",
        ),
    ),
    "disease": (
        "DISEASE",
        (
            "Which diseases is this protein involved in?",
            "Describe what illness is linked to variants or changes of the protein below.",
            "What is known of the role in disease of the protein with this sequence?",
            "From the sequence, tell which disorders the protein is associated with.",
            "If this protein fails, which diseases can follow?",
        ),
    ),
}
"""Task → the topic that answers it, and the wordings of its question."""


def rows(upstream: Upstream) -> Iterator[Row]:
    """Yield a row for each entry and question that it answers."""
    for protein in upstream.proteins:
        sequence = ""
        for task, (topic, wordings) in QUESTIONS.items():
            answer = protein.sections.get(topic)
            if answer is None:
                continue
            sequence = sequence or spaced(protein.sequence)
            yield {
                "id": f"{protein.accession}/{task}",
                "accession": protein.accession,
                "task": task,
                "instruction": choose_wording(wordings, task, protein.accession),
                "input": sequence,
                "output": answer,
                "cluster": protein.cluster,
            }


UNIPROT_SFT = CorpusConfig(
    name="uniprot-sft",
    kind="fine-tuning",
    summary="questions on a sequence with answers of Swiss-Prot: function, subunit, tissue "
    "specificity, PTM, induction, disease",
    licence="CC-BY-4.0",
    sources=("uniprot-sprot",),
    columns=dict.fromkeys(
        ("id", "accession", "task", "instruction", "input", "output", "cluster"), "string"
    ),
    texts=("instruction", "input", "output"),
    group="cluster",
    same=("task", "input", "output"),
    rows=rows,
)
