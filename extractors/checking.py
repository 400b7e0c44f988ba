"""`extract --check`: the real weights, and what they give for inputs with published values."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.loading import Loader
from hf_datasets.command import EXIT_INCOMPLETE, EXIT_OK, show
from hf_datasets.errors import InputError, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractors.model import Check, Encoder, ModelRecord, Settings

SHOWN_VALUE = 24


def check_models(records: Sequence[ModelRecord], settings: Settings) -> int:
    """Load each model on the CPU in float32 and compare with its recorded values.

    Prints a line for each value and a verdict for each model; returns 1 when a value is off or a
    model could not be loaded. Weights that differ from pinned digests do not load.
    """
    settings = replace(settings, dtype="float32")
    wrong = []
    for record in records:
        if record.hub_id is None and settings.checkpoint is None:
            remedy = "; check it with --checkpoint FOLDER" if record.parameters else ""
            show(f"{record.name}: no weights to load{remedy}")
            if remedy:
                wrong.append(record.name)
            continue
        try:
            good = _check_model(record, settings)
        except InputError as error:
            show(f"{record.name}: FAILED: {error}")
            good = False
        if not good:
            wrong.append(record.name)
        gc.collect()  # one model in memory at a time
    if wrong:
        show(f"{len(wrong)} of {len(records)} models are not confirmed: {shorten(wrong, 12)}")
    return EXIT_INCOMPLETE if wrong else EXIT_OK


def _check_model(record: ModelRecord, settings: Settings) -> bool:
    """Print what becomes of one model; return whether all is as it should be."""
    if not record.checks:
        described = Loader(record, settings).load("cpu").describe()
        show(f"{record.name}: weights load{_digests(record, described)}; no values to compare with")
        return True
    good = True
    for pooling in sorted({check.pooling for check in record.checks}):
        encoder = Loader(record, replace(settings, pooling=pooling)).load("cpu")
        for check in record.checks:
            if check.pooling == pooling:
                good &= _compare(record, check, encoder)
        described = encoder.describe()
    verdict = "as published" if good else "NOT as published"
    show(f"{record.name}: weights load{_digests(record, described)}; values {verdict}")
    return good


def _digests(record: ModelRecord, described: dict[str, Any]) -> str:
    found = tuple(digest.removeprefix("sha256:") for digest in described.get("weights", ()))
    if not record.weights:
        return " (no pinned digest)"
    return " and match the pinned digests" if found == record.weights else " (not the pinned ones)"


def _compare(record: ModelRecord, check: Check, encoder: Encoder[Any]) -> bool:
    """Print one value: what was expected, what was found, by how much it is off."""
    encoded = encoder.encode(encoder.tokenize(["check"], [check.value]))
    shown = check.value if len(check.value) <= SHOWN_VALUE else f"{check.value[:SHOWN_VALUE]}…"
    if encoded.errors[0] is not None:
        show(f"{record.name}: {shown!r} {check.pooling}: FAILED: {encoded.errors[0]}")
        return False
    vector = np.asarray(encoded.layers[-1])[0, : len(check.first)].astype(np.float64)
    off = float(np.abs(vector - np.array(check.first)).max())
    good = off <= check.tolerance
    show(
        f"{record.name}: {shown!r} {check.pooling}: expected {_numbers(check.first)}, "
        f"found {_numbers(vector.tolist())}, off by {off:.2g} (at most {check.tolerance:g}): "
        f"{'ok' if good else 'WRONG'}; from {check.source}"
    )
    return good


def _numbers(numbers: Sequence[float]) -> str:
    return f"[{', '.join(f'{number:.5f}' for number in numbers)}]"
