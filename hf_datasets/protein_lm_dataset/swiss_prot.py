"""Config `swiss-prot`: each entry as one text to go on training a language model with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.protein_lm_dataset.record import CorpusConfig, Row
from hf_datasets.protein_lm_dataset.wording import choose_wording, spaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.protein_lm_dataset.proteins import Annotated
    from hf_datasets.protein_lm_dataset.upstream import Upstream

INTRODUCTIONS = (
    "{accession} is the UniProt accession of {name}, a protein of {length} from {organism}.",
    "This is {name}, as found in {organism}: {length}, UniProt accession {accession}.",
    "{name} ({accession}) occurs in {organism}; its chain is {length} long.",
    "The organism {organism} makes {name}. UniProt files it under {accession}, with {length}.",
    "Here is the entry {accession} of UniProt: {name}, {length}, organism {organism}.",
    "Among the proteins of {organism} is {name}, {length}, UniProt accession {accession}.",
)
HEADINGS = {
    "FUNCTION": ("Function", "What it does", "Role"),
    "CATALYTIC ACTIVITY": ("Catalytic activity", "Reactions", "What it catalyzes"),
    "COFACTOR": ("Cofactors", "What it needs", "Bound cofactors"),
    "ACTIVITY REGULATION": ("Regulation of its activity", "What turns it on and off"),
    "PATHWAY": ("Pathway", "Metabolic pathway"),
    "SUBUNIT": ("Subunits and partners", "Quaternary structure", "What it binds to"),
    "SUBCELLULAR LOCATION": ("Place in the cell", "Subcellular location", "Where it is"),
    "TISSUE SPECIFICITY": ("Tissues", "Where it is expressed", "Tissue specificity"),
    "DEVELOPMENTAL STAGE": ("Developmental stages", "When it is expressed"),
    "INDUCTION": ("Induction", "What changes its expression"),
    "DOMAIN": ("Domains", "Parts of the chain"),
    "PTM": ("Modifications", "Post-translational modifications", "After translation"),
    "POLYMORPHISM": ("Polymorphism", "Natural variation"),
    "DISEASE": ("Diseases", "Role in disease"),
    "DISRUPTION PHENOTYPE": ("Without it", "Phenotype of its loss"),
    "ALLERGEN": ("Allergy", "Allergenic properties"),
    "TOXIC DOSE": ("Toxic dose", "Toxicity"),
    "BIOTECHNOLOGY": ("Biotechnology", "Technical use"),
    "PHARMACEUTICAL": ("Medical use", "Pharmaceutical use"),
    "SIMILARITY": ("Family", "Related proteins"),
    "MISCELLANEOUS": ("Further remarks", "Miscellaneous"),
    "CAUTION": ("Caution", "What is in doubt"),
}
SEQUENCE_HEADINGS = ("Sequence", "Amino acid sequence", "The chain")


def document(protein: Annotated) -> str:
    """Return the text of an entry: introduction, sequence, then a section a comment."""
    accession = protein.accession
    residues = len(protein.sequence)
    introduction = choose_wording(INTRODUCTIONS, "introduction", accession).format(
        accession=accession,
        name=protein.name,
        length=f"{residues} residue{'s' * (residues != 1)}",
        organism=protein.organism,
    )
    heading = choose_wording(SEQUENCE_HEADINGS, "sequence", accession)
    parts = [introduction, f"{heading}: {spaced(protein.sequence)}"]
    for topic, text in protein.sections.items():
        parts.append(f"{choose_wording(HEADINGS[topic], topic, accession)}: {text}")
    return "\n".join(parts)


def rows(upstream: Upstream) -> Iterator[Row]:
    """Yield a row an entry."""
    for protein in upstream.proteins:
        yield {
            "id": protein.accession,
            "text": document(protein),
            "length": len(protein.sequence),
            "cluster": protein.cluster,
        }


SWISS_PROT_TEXT = CorpusConfig(
    name="swiss-prot",
    kind="self-supervised",
    summary="each reviewed entry of UniProt as text: introduction, sequence, annotation",
    licence="CC-BY-4.0",
    sources=("uniprot-sprot",),
    columns={"id": "string", "text": "string", "length": "int32", "cluster": "string"},
    texts=("text",),
    group="cluster",
    same=("text",),
    rows=rows,
)
