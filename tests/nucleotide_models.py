"""Which small checkpoint stands for which registered DNA or RNA model, and what it is given."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from nucleotide_berts import save_dnabert, save_gena, save_mosaic, save_mrnabert, save_splicebert
from nucleotide_esms import save_nt_v1, save_nt_v2, save_rnafm
from nucleotide_hyena import save_hyenadna
from zoo_harness import random_sequences

from extractors.registry import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nucleotide_parts import Forward

NAMES = [name for name, record in MODELS.items() if record.modality in {"dna", "rna"}]
DNA = random_sequences("ACGT" * 6 + "N", [31, 7, 44, 31, 12, 25])
RNA = random_sequences("ACGU", [31, 1, 44, 31, 12, 25])
MESSENGER = {"a": "A T C G G A GGG CCC TTT", "b": "A T C G", "c": "TTT CCC GAC ATG GGG CCC TTT TGA"}
SAVERS: dict[str, Callable[[Path], Forward]] = {
    **{f"dnabert-{k}mer": partial(save_dnabert, k=k) for k in range(3, 7)},
    "dnabert-2": save_mosaic,
    "dnabert-s": partial(save_mosaic, species=True),
    "gena-lm-bert-base-t2t-multi": partial(save_gena, multi=True),
    "mrnabert": save_mrnabert,
    "rna-fm": save_rnafm,
    "splicebert": save_splicebert,
}
BY_PREFIX: dict[str, Callable[[Path], Forward]] = {
    "nt-v2": save_nt_v2,
    "nt": save_nt_v1,
    "gena-lm": save_gena,
    "hyenadna": save_hyenadna,
}


def save_nucleotide_model(name: str, folder: Path) -> Forward:
    """Save a small checkpoint of a registered model's architecture; return its reference."""
    if name in SAVERS:
        return SAVERS[name](folder)
    return next(save for prefix, save in BY_PREFIX.items() if name.startswith(prefix))(folder)


def rows_of(name: str) -> dict[str, str]:
    """Return sequences that the model reads."""
    if name == "mrnabert":
        return MESSENGER
    return RNA if name == "rna-fm" else DNA


def around(name: str) -> tuple[int, int]:
    """Return how many special tokens stand before and after a row."""
    if name.startswith("hyenadna"):
        return 0, 0
    return (1, 0) if name.startswith("nt-") else (1, 1)
