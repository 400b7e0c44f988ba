"""Models of gene expression: vectors of genes, of cells, and of genes over cells."""

from __future__ import annotations

from dataclasses import replace

from extractors.expression.dictionary_files import dictionary_paths
from extractors.model import ModelRecord

GENEFORMER = "extractors.encoders.geneformer:GeneformerV{}"
GENEFORMER_HUB = "ctheodoris/Geneformer"
WITH_V2 = "05fcbeb8a27d49e0a7a4349152202ee2c1cbfd28"
"""A commit that holds V1 of 6 layers and V2, each in a folder; the root has held several models."""
WITH_12_LAYERS = "31bf641d0f173a18a5e06d9a6574bb0d3fe5edc1"
"""The last commit that holds V1 of 12 layers."""
V1_CITATION = "10.1038/s41586-023-06139-9"
V2_CITATION = "10.1101/2024.08.16.608180"
SCGPT_CITATION = "10.1038/s41592-024-02201-0"


def _geneformer(
    name: str, folder: str, dim: int, parameters: int, summary: str, *aliases: str
) -> ModelRecord:
    version = 1 if "-v1-" in name else 2
    return ModelRecord(
        name=name,
        modality="expression",
        encoder=GENEFORMER.format(version),
        summary=summary,
        dim=dim,
        parameters=parameters,
        max_tokens=2048 if version == 1 else 4096,
        licence="Apache-2.0",
        citation=V1_CITATION if version == 1 else V2_CITATION,
        hub_id=GENEFORMER_HUB,
        revision=WITH_V2,
        subfolder=folder,
        files=dictionary_paths(version),
        aliases=aliases,
    )


_GENEFORMERS = (
    _geneformer(
        "geneformer-v1-10m",
        "Geneformer-V1-10M",
        256,
        10_196_992,
        "Geneformer V1, 6 layers, 30 million human cells; the one of gene-benchmark",
        "geneformer",
        "geneformer-v1-6l",
    ),
    replace(
        _geneformer(
            "geneformer-v1-12l",
            "gf-12L-30M-i2048",
            512,
            39_302_144,
            "Geneformer V1, 12 layers, 30 million human cells",
        ),
        revision=WITH_12_LAYERS,
    ),
    _geneformer(
        "geneformer-v2-104m",
        "Geneformer-V2-104M",
        768,
        103_774_464,
        "Geneformer V2, 12 layers, 104 million human cells",
        "geneformer-v2",
    ),
    _geneformer(
        "geneformer-v2-104m-clcancer",
        "Geneformer-V2-104M_CLcancer",
        768,
        103_774_464,
        "Geneformer V2, 12 layers, trained on with cancer cells",
    ),
    _geneformer(
        "geneformer-v2-316m",
        "Geneformer-V2-316M",
        1152,
        315_004_032,
        "Geneformer V2, 18 layers, 104 million human cells",
    ),
)

_SCGPT = ModelRecord(
    name="scgpt-human",
    modality="expression",
    encoder="extractors.encoders.scgpt:ScGpt",
    summary="scGPT, 33 million normal human cells; genes: embedding and layer norm",
    dim=512,
    parameters=50_278_400,
    max_tokens=1200,
    licence="MIT",
    citation=SCGPT_CITATION,
    hub_id="wanglab/scGPT-human",
    revision="a24c237737a40f3720f75abb555489e9fe753be6",
    aliases=("scgpt",),
)
_BLOOD = replace(
    _SCGPT,
    name="scgpt-blood",
    summary="scGPT, 10.3 million blood and bone marrow cells; genes: embedding and layer norm",
    parameters=37_927_424,
    hub_id=None,
    revision=None,
    aliases=(),
)


def _raw(record: ModelRecord) -> ModelRecord:
    """Return the same model, whose vectors of genes are embeddings as they are."""
    return replace(
        record,
        name=f"{record.name}-raw",
        encoder="extractors.encoders.scgpt:RawScGpt",
        summary=f"{record.summary.partition(';')[0]}; genes: embedding alone",
        aliases=(),
    )


RECORDS = (*_GENEFORMERS, _SCGPT, _raw(_SCGPT), _BLOOD, _raw(_BLOOD))
