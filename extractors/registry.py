"""The zoo: every model by name. A new one of a known family is one record in `extractors/zoo/`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from extractors.model import ModelRecord
from extractors.zoo import controls, dna, expression, protein, rna, text, vectors
from extractors.zoo.text import TEXT_COLUMNS, TEXT_ENCODER
from hf_datasets.errors import InputError, choose

TEXT_PREFIX = "text:"
HF_PREFIX = "hf:"
HF_READS = {
    "protein": protein.PROTEIN_COLUMNS,
    "dna": dna.DNA_COLUMNS,
    "rna": rna.RNA_COLUMNS,
    "text": TEXT_COLUMNS,
}
"""What `hf:ID` may read → the columns that hold it, best first."""

_ZOO = (
    *text.RECORDS,
    *protein.RECORDS,
    *dna.RECORDS,
    *rna.RECORDS,
    *expression.RECORDS,
    *vectors.RECORDS,
    *controls.RECORDS,
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


def model_record(name: str, modality: str | None = None) -> ModelRecord:
    """Return the record of a model.

    `text:ID_OR_FOLDER` names any sentence-transformers checkpoint, on the Hub or local (by the id
    of a registered one, that one as it is pinned);
    `hf:ID_OR_FOLDER` any other of an architecture that transformers knows, and `modality` says
    what that reads. InputError with the nearest name for an unknown one.
    """
    if name.startswith(HF_PREFIX):
        return _any_model(name, modality)
    if modality is not None:
        message = f"--modality {modality} is for {HF_PREFIX}ID_OR_FOLDER; {name} has its own"
        raise InputError(message)
    if name.startswith(TEXT_PREFIX):
        return _any_text_model(name)
    remedy = f"`extract --list` shows them; {TEXT_PREFIX}ID_OR_FOLDER takes any text encoder"
    return choose(name, _NAMES, "model", remedy)


def _any_model(name: str, modality: str | None) -> ModelRecord:
    where = name.removeprefix(HF_PREFIX)
    if not where:
        message = f"{name!r} names no model; give {HF_PREFIX}org/name or {HF_PREFIX}FOLDER"
        raise InputError(message)
    if modality is None:
        choices = ", ".join(HF_READS)
        message = f"--modality is missing: what does {name} read? choices: {choices}"
        raise InputError(message)
    reads = choose(modality, HF_READS, "modality")
    folder = Path(where).expanduser().is_dir()
    return ModelRecord(
        name=f"{HF_PREFIX}{Path(where).name}" if folder else name,
        modality=modality,
        encoder="extractors.encoders.hf:HfEncoder",
        summary="a checkpoint of transformers",
        reads=reads,
        hub_id=where,
    )


def _any_text_model(name: str) -> ModelRecord:
    where = name.removeprefix(TEXT_PREFIX)
    if not where:
        message = f"{name!r} names no model; give {TEXT_PREFIX}org/name or {TEXT_PREFIX}FOLDER"
        raise InputError(message)
    for known in text.RECORDS:
        if known.hub_id == where:  # with the prompt and pooling that its files do not tell
            return replace(known, name=name, aliases=())
    folder = Path(where).expanduser().is_dir()
    return ModelRecord(
        name=f"{TEXT_PREFIX}{Path(where).name}" if folder else name,
        modality="text",
        encoder=TEXT_ENCODER,
        summary="a sentence-transformers checkpoint",
        reads=TEXT_COLUMNS,
        hub_id=where,
    )
