"""`extract --list`: the zoo as a table, or as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from hf_datasets.command import EXIT_OK, show
from hf_datasets.errors import choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractors.model import ModelRecord

HEADER = ("model", "modality", "params", "dim", "tokens", "licence", "citation", "what it is")
TO_THE_RIGHT = ("params", "dim", "tokens")
OTHERS = (
    "text:ID_OR_FOLDER takes any sentence-transformers checkpoint, "
    "hf:ID_OR_FOLDER --modality M any architecture of transformers"
)


def list_models(records: Sequence[ModelRecord], modality: str | None, *, as_json: bool) -> int:
    """Print the models of a modality, or all; InputError for a modality without any."""
    if modality is not None:
        choose(modality, {record.modality: None for record in records}, "modality")
        records = [record for record in records if record.modality == modality]
    if as_json:
        show(json.dumps([asdict(record) for record in records], indent=2))
        return EXIT_OK
    rows = [HEADER, *(_row(record) for record in records)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if name in TO_THE_RIGHT else cell.ljust(width)
            for name, cell, width in zip(HEADER, row, widths, strict=True)
        ]
        show("  ".join(cells).rstrip())
    show(OTHERS)
    return EXIT_OK


def _row(record: ModelRecord) -> tuple[str, ...]:
    return (
        record.name,
        record.modality,
        in_short(record.parameters),
        f"{record.dim or '-'}",
        f"{record.max_tokens or '-'}",
        record.licence or "-",
        record.citation or "-",
        record.summary,
    )


def in_short(parameters: int | None) -> str:
    """Return a number of weights as people say it: 7.4M, 650M, 15.1B."""
    if not parameters:
        return "-"
    for size, letter in ((10**9, "B"), (10**6, "M")):
        if parameters >= size:
            rounded = f"{parameters / size:.1f}".removesuffix(".0")
            return f"{rounded if parameters < 100 * size else round(parameters / size)}{letter}"
    return f"{parameters / 1000:.0f}K"
