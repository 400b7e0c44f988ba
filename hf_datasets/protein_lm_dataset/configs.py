"""The configs of protein-lm-dataset: adding one is a record here and the function it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.protein_lm_dataset.enzymes import ENZYME_COT
from hf_datasets.protein_lm_dataset.inserted import ABSTRACTS_WITH_SEQUENCES
from hf_datasets.protein_lm_dataset.literature import (
    ABSTRACT_PAIRS,
    PMC_FULL_TEXT,
    PUBMED_ABSTRACTS,
)
from hf_datasets.protein_lm_dataset.swiss_prot import SWISS_PROT_TEXT
from hf_datasets.protein_lm_dataset.uniprot_sft import UNIPROT_SFT

if TYPE_CHECKING:
    from hf_datasets.protein_lm_dataset.record import CorpusConfig

CONFIGS: dict[str, CorpusConfig] = {
    config.name: config
    for config in (
        SWISS_PROT_TEXT,
        PUBMED_ABSTRACTS,
        PMC_FULL_TEXT,
        ABSTRACTS_WITH_SEQUENCES,
        ABSTRACT_PAIRS,
        UNIPROT_SFT,
        ENZYME_COT,
    )
}
"""Every config by its name, in the order of the card."""
