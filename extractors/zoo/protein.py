"""Protein language models.

Revisions and digests stand here where they could be read upstream. A model without them is
loaded from the repository's newest revision, which the embedding table records.
"""

from __future__ import annotations

from dataclasses import dataclass

from extractors.model import ModelRecord

PROTEIN_COLUMNS = ("protein_sequence", "sequence", "protein")
ESM = "extractors.encoders.esm:EsmEncoder"
FAIR_ESM = "extractors.encoders.fair_esm:FairEsmEncoder"
ESMC = "extractors.encoders.esmc:EsmcEncoder"
T5 = "extractors.encoders.t5:ProteinT5Encoder"
PROT_BERT = "extractors.encoders.prot_bert:ProtBertEncoder"

TRAINED_TOKENS = 1024
"""Longest row of the training of ESM-2, and all that ESM-1b and ESM-1v have positions for."""
T5_TOKENS = 4096
"""T5's relative positions have no end, but their bias is heads x tokens x tokens: 2 GB here."""

ESM2_PAPER = "10.1101/2022.07.20.500902"
ESM1_PAPER = "10.1101/622803"
ESM1V_PAPER = "10.1101/2021.07.09.450648"
ESMC_PAGE = "https://www.evolutionaryscale.ai/blog/esm-cambrian"
PROT_TRANS_PAPER = "10.1109/TPAMI.2021.3095381"
ANKH_PAPER = "arXiv:2301.06568"


@dataclass(frozen=True)
class _Esm2:
    """What tells one size of ESM-2 from another."""

    size: str
    hub: str
    dim: int
    parameters: int
    revision: str
    weights: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


_ESM2 = (
    _Esm2(
        size="8m",
        hub="esm2_t6_8M_UR50D",
        dim=320,
        parameters=7_400_000,
        revision="c731040fcd8d73dceaa04b0a8e6329b345b0f5df",
        weights=("24c5fa474c48f3b754b86efe752d5f189d2bcd88190fa2270fc92b2ef3034189",),
    ),
    _Esm2(
        size="35m",
        hub="esm2_t12_35M_UR50D",
        dim=480,
        parameters=33_000_000,
        revision="6fbf070e65b0b7291e7bbcd451118c216cff79d8",
        weights=("e35647818e0e064351d4531ed480d225a002567b4b2b93ad3a9246d753150fc0",),
    ),
    _Esm2(
        size="150m",
        hub="esm2_t30_150M_UR50D",
        dim=640,
        parameters=148_000_000,
        revision="a695f6045e2e32885fa60af20c13cb35398ce30c",
        weights=("c3f1da8aea53bddd32c246c86168c23b9fd72341fb9db9a94436f855f5053566",),
    ),
    _Esm2(
        size="650m",
        hub="esm2_t33_650M_UR50D",
        dim=1280,
        parameters=649_000_000,
        revision="08e4846e537177426273712802403f7ba8261b6c",
        weights=("a08adabb949fa67ad3c14b509d04fd60368b35007b0095e3358f81200c4f4db0",),
        aliases=("esm2",),
    ),
    _Esm2(
        size="3b",
        hub="esm2_t36_3B_UR50D",
        dim=2560,
        parameters=2_830_000_000,
        revision="476b639933c8baad5ad09a60ac1a87f987b656fc",
        weights=(
            "0f971f11c449d21422aa982b791619c10351972992c735f4c3cd43fe09790412",
            "7560b46fc383c691fb74b915b7d4bcef40d3df181447f16ba4b298845e308d0c",
        ),
    ),
    _Esm2(
        size="15b",
        hub="esm2_t48_15B_UR50D",
        dim=5120,
        parameters=15_100_000_000,
        revision="5fbca39631164edc1d402a5aa369f982f72ee282",
    ),
)

_ESM1V_REVISIONS = {3: "0b00fd112e63f6b5e70a9cd8484d4e660312ce70"}

RECORDS = (
    *(
        ModelRecord(
            name=f"esm2-{one.size}",
            modality="protein",
            encoder=ESM,
            summary=f"ESM-2 {one.size.upper()}, a masked language model of UniRef50 proteins",
            reads=PROTEIN_COLUMNS,
            dim=one.dim,
            parameters=one.parameters,
            max_tokens=TRAINED_TOKENS,
            licence="MIT",
            citation=ESM2_PAPER,
            hub_id=f"facebook/{one.hub}",
            revision=one.revision,
            weights=one.weights,
            aliases=one.aliases,
        )
        for one in _ESM2
    ),
    ModelRecord(
        name="esm1b",
        modality="protein",
        encoder=ESM,
        summary="ESM-1b 650M, the masked language model before ESM-2",
        reads=PROTEIN_COLUMNS,
        dim=1280,
        parameters=651_000_000,
        max_tokens=TRAINED_TOKENS,
        licence="MIT",
        citation=ESM1_PAPER,
        # The one revision that is known lacks the tokenizer, so the newest is taken.
        hub_id="facebook/esm1b_t33_650M_UR50S",
    ),
    *(
        ModelRecord(
            name=f"esm1v-{number}",
            modality="protein",
            encoder=ESM,
            summary=f"ESM-1v 650M, {number} of 5, a masked language model for effects of variants",
            reads=PROTEIN_COLUMNS,
            dim=1280,
            parameters=651_000_000,
            max_tokens=TRAINED_TOKENS,
            licence="MIT",
            citation=ESM1V_PAPER,
            hub_id=f"facebook/esm1v_t33_650M_UR90S_{number}",
            revision=_ESM1V_REVISIONS.get(number),
            aliases=("esm1v",) if number == 1 else (),
        )
        for number in range(1, 6)
    ),
    ModelRecord(
        name="esm1-t34",
        modality="protein",
        encoder=FAIR_ESM,
        summary="ESM-1 670M (UniRef50 sparse), a .pt file of fair-esm: give --checkpoint FILE",
        reads=PROTEIN_COLUMNS,
        dim=1280,
        parameters=670_000_000,
        max_tokens=TRAINED_TOKENS,
        licence="MIT",
        citation=ESM1_PAPER,
        aliases=("esm1",),
    ),
    ModelRecord(
        name="esmc-300m",
        modality="protein",
        encoder=ESMC,
        summary="ESM C 300M (Cambrian), a masked language model of proteins",
        reads=PROTEIN_COLUMNS,
        dim=960,
        parameters=332_000_000,
        max_tokens=2048,
        licence="MIT",
        citation=ESMC_PAGE,
        hub_id="biohub/ESMC-300M-hf",
    ),
    ModelRecord(
        name="esmc-600m",
        modality="protein",
        encoder=ESMC,
        summary="ESM C 600M (Cambrian), a masked language model of proteins",
        reads=PROTEIN_COLUMNS,
        dim=1152,
        parameters=574_000_000,
        max_tokens=2048,
        licence="MIT",
        citation=ESMC_PAGE,
        hub_id="biohub/ESMC-600M-hf",
        revision="0fb34e7e5fe1f85d0abaa3d35e2671107c0b458c",
        aliases=("esmc",),
    ),
    ModelRecord(
        name="prot-t5-xl",
        modality="protein",
        encoder=T5,
        summary="ProtT5-XL UniRef50, the encoder half of a T5",
        reads=PROTEIN_COLUMNS,
        dim=1024,
        parameters=1_210_000_000,
        max_tokens=T5_TOKENS,
        licence="AFL-3.0",
        citation=PROT_TRANS_PAPER,
        hub_id="Rostlab/prot_t5_xl_half_uniref50-enc",
        revision="94a6abc029ae13029317b140b7424e012bf8dfbf",
        weights=("7f51ba885541c7dc569d46b796af57cc7a2ba7945107dced4f19d1b5ec091157",),
        aliases=("prot-t5", "prott5"),
    ),
    ModelRecord(
        name="prot-bert",
        modality="protein",
        encoder=PROT_BERT,
        summary="ProtBERT, a BERT of UniRef100 proteins",
        reads=PROTEIN_COLUMNS,
        dim=1024,
        parameters=420_000_000,
        max_tokens=40_000,
        licence="AFL-3.0",
        citation=PROT_TRANS_PAPER,
        hub_id="Rostlab/prot_bert",
        revision="7a894481acdc12202f0a415dd567f6cfdb698908",
        weights=("6ea3edd26cfefc3111176100ee2a027ed510f9c86b63e5b53a2a050b59f2af9d",),
        aliases=("protbert",),
    ),
    ModelRecord(
        name="ankh-base",
        modality="protein",
        encoder=T5,
        summary="Ankh base, the encoder half of a T5 of UniRef50 proteins",
        reads=PROTEIN_COLUMNS,
        dim=768,
        parameters=450_000_000,
        max_tokens=T5_TOKENS,
        licence="CC-BY-NC-SA-4.0",
        citation=ANKH_PAPER,
        hub_id="ElnaggarLab/ankh-base",
        revision="d99cb6b966530dfc2ae96bc69d9255c2a07308b0",
        weights=("9b2a886374f0ff4a893f4e7a989deed76bb2458c8998bd5202ea8e97d92ddcc3",),
    ),
    ModelRecord(
        name="ankh-large",
        modality="protein",
        encoder=T5,
        summary="Ankh large, the encoder half of a T5 of UniRef50 proteins",
        reads=PROTEIN_COLUMNS,
        dim=1536,
        parameters=1_150_000_000,
        max_tokens=T5_TOKENS,
        licence="CC-BY-NC-SA-4.0",
        citation=ANKH_PAPER,
        hub_id="ElnaggarLab/ankh-large",
        revision="74b371dbfa3ee0a05d32ae74df0c2e0b82d6b9a6",
        weights=("517b6e8b279dedcb477af240b35c46bd6eb3307723eb281e60d4b2c8a87b889b",),
        aliases=("ankh",),
    ),
)
