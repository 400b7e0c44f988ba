"""From a record and settings to a model in memory, in this process or another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from extractors.inputs import open_input
from extractors.symbol_input import SymbolInput
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from extractors.inputs import Asked, Input
    from extractors.model import Encoder, ModelRecord, Settings

OWN_INPUT = ("expression", "vectors")
"""Modalities whose encoders open their input themselves: cells, vocabularies, vectors."""
EXTRAS = {"vectors": "text", "any": "text"}
"""Modality to the optional dependencies that it needs, where they are not called the same."""


def encoder_class(record: ModelRecord) -> type[Encoder[Any]]:
    """Import the encoder of a model; InputError naming a library that is missing."""
    module, _, name = record.encoder.partition(":")
    try:
        found: type[Encoder[Any]] = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        message = (
            f"model {record.name} needs {error.name}; "
            f"pip install 'genezoo[{EXTRAS.get(record.modality, record.modality)}]'"
        )
        raise InputError(message) from error
    return found


def open_source(record: ModelRecord, settings: Settings, asked: Asked) -> Input:
    """Open what a model reads; InputError for a wrong path, column or format."""
    if record.modality in OWN_INPUT:
        return encoder_class(record).open_input(record, settings, asked)
    if asked.source is None:
        message = f"--input is missing: model {record.name} has no vocabulary of its own"
        raise InputError(message)
    if asked.genes is not None and record.reads:
        return SymbolInput(asked, record.reads)
    return open_input(asked.source, record.reads, asked.column, asked.id_column)


@dataclass(frozen=True)
class Loader:
    """Loads a model; goes to other processes, so it holds plain values alone."""

    record: ModelRecord
    settings: Settings
    find_budget: bool = False
    """Whether to try how many tokens fit a batch."""

    def load(self, device: str) -> Encoder[Any]:
        """Bring the model into memory on one device.

        InputError when its files or a setting do not fit, or a library is missing.
        """
        return encoder_class(self.record).load(self.record, replace(self.settings, device=device))
