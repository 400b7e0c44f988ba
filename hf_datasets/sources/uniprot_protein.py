"""What is read of an entry of UniProtKB/Swiss-Prot, whichever of its formats it comes in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hf_datasets.sources.salvage import Faults

TOPICS = (
    "FUNCTION",
    "CATALYTIC ACTIVITY",
    "COFACTOR",
    "ACTIVITY REGULATION",
    "PATHWAY",
    "SUBUNIT",
    "SUBCELLULAR LOCATION",
    "TISSUE SPECIFICITY",
    "DEVELOPMENTAL STAGE",
    "INDUCTION",
    "DOMAIN",
    "PTM",
    "POLYMORPHISM",
    "DISEASE",
    "DISRUPTION PHENOTYPE",
    "ALLERGEN",
    "TOXIC DOSE",
    "BIOTECHNOLOGY",
    "PHARMACEUTICAL",
    "SIMILARITY",
    "MISCELLANEOUS",
    "CAUTION",
)
"""The comments that are prose, or can be told as prose, in the order of our texts."""
TABULAR = (
    "ALTERNATIVE PRODUCTS",
    "BIOPHYSICOCHEMICAL PROPERTIES",
    "INTERACTION",
    "MASS SPECTROMETRY",
    "RNA EDITING",
    "SEQUENCE CAUTION",
    "WEB RESOURCE",
)
"""The comments that are tables, of measurements, partners, isoforms or links: they are not read."""
LETTERS = frozenset("ACDEFGHIKLMNPQRSTVWYBJOUXZ")
"""The twenty amino acids, selenocysteine, pyrrolysine, and what stands for several or any."""


@dataclass(frozen=True, slots=True)
class Protein:
    """One entry, as its file has it: nothing is cleaned yet."""

    accession: str
    """The primary one."""
    name: str
    """The recommended full name."""
    organism: str
    """Scientific name, with common name and synonym in parentheses."""
    sequence: str
    """One letter an amino acid."""
    length: int | None
    """As the entry states it."""
    comments: tuple[tuple[str, str], ...]
    """(topic, text) in file order; the text as the flat file writes it, on one line."""
    reviewed: bool = True
    """Swiss-Prot, not TrEMBL."""


def is_sound(protein: Protein, faults: Faults) -> bool:
    """Whether an entry can be used; if not, it is counted under the first thing that is wrong."""
    accession = protein.accession
    for field in ("accession", "sequence", "name", "organism"):
        if not getattr(protein, field):
            faults.add(f"no {field}", accession or protein.name or protein.organism or "?")
            return False
    if odd := set(protein.sequence) - LETTERS:
        shown = "".join(sorted(odd))[:10]
        faults.add("letters that are no amino acids", f"{accession} has {shown!r}")
    elif protein.length is None:
        faults.add("no length", accession)
    elif protein.length != len(protein.sequence):
        faults.add(
            "sequence of another length than stated",
            f"{accession} states {protein.length}, has {len(protein.sequence)}",
        )
    elif not protein.reviewed:
        faults.add("unreviewed entry (TrEMBL)", accession)
    else:
        return True
    return False


def without_evidence(text: str) -> str:
    """Return a name without its `{ECO:…}`."""
    return re.sub(r"\s*\{ECO:[^{}]*\}", "", text).strip() if "{" in text else text.strip()
