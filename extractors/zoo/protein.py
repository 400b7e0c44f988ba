"""Protein language models."""

from __future__ import annotations

from extractors.model import ModelRecord

PROTEIN_COLUMNS = ("protein_sequence", "sequence", "protein")
ESM_ENCODER = "extractors.encoders.esm:EsmEncoder"
ESM_1B_RESIDUES = 1024
"""ESM-1b and ESM-1v have 1,024 learned positions, two of them for special tokens."""


def _esm2(  # noqa: PLR0917  a table reads better without the names
    size: str, hub: str, dim: int, parameters: int, revision: str, weights: tuple[str, ...]
) -> ModelRecord:
    return ModelRecord(
        name=f"esm2-{size}",
        modality="protein",
        encoder=ESM_ENCODER,
        summary=f"ESM-2 {size.upper()}, a masked language model of UniRef50 proteins",
        reads=PROTEIN_COLUMNS,
        dim=dim,
        parameters=parameters,
        max_tokens=1024,
        licence="MIT",
        citation="10.1101/2022.07.20.500902",
        hub_id=f"facebook/{hub}",
        revision=revision,
        weights=weights,
        aliases=("esm2",) if size == "650m" else (),
    )


_ESM2 = (
    _esm2(
        "8m",
        "esm2_t6_8M_UR50D",
        320,
        7_400_000,
        "c731040fcd8d73dceaa04b0a8e6329b345b0f5df",
        ("24c5fa474c48f3b754b86efe752d5f189d2bcd88190fa2270fc92b2ef3034189",),
    ),
)

RECORDS = _ESM2
