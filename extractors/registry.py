"""The zoo: every model by name. A new one of a known family is one record in `extractors/zoo/`."""

from __future__ import annotations

from pathlib import Path

from extractors.model import ModelRecord
from extractors.zoo import controls, protein, text
from extractors.zoo.text import TEXT_COLUMNS, TEXT_ENCODER
from hf_datasets.errors import InputError, choose

TEXT_PREFIX = "text:"

_ZOO = (
    *text.RECORDS,
    *protein.RECORDS,
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
