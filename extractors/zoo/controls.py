"""Controls that a model has to beat, and vectors that exist already."""

from __future__ import annotations

from extractors.model import ModelRecord
from extractors.zoo.text import TEXT_COLUMNS

RECORDS = (
    ModelRecord(
        name="bag-of-words",
        modality="text",
        encoder="extractors.encoders.controls:BagOfWords",
        summary="counts of the 1,024 most frequent words of the input: what plain words know",
        reads=TEXT_COLUMNS,
        licence="BSD-3-Clause",
        citation="https://scikit-learn.org/stable/modules/feature_extraction.html",
    ),
    ModelRecord(
        name="random",
        modality="any",
        encoder="extractors.encoders.controls:RandomControl",
        summary="seeded Gaussian vectors by id: the floor that any model has to clear",
        licence="Apache-2.0",
        citation="https://aclanthology.org/D19-1275 (control tasks)",
    ),
    ModelRecord(
        name="precomputed",
        modality="vectors",
        encoder="extractors.encoders.precomputed:Precomputed",
        summary="a table of vectors that you have: CSV, TSV, Parquet or word2vec text",
    ),
)
