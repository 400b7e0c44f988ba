"""Vectors that exist already: a user's table, taken over into an embedding table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.model import Encoded, ModelRecord, PlainEncoder, Settings
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractors.vectors import VectorTable


class Precomputed(PlainEncoder):
    """Looks up vectors by id."""

    def __init__(self, table: VectorTable) -> None:
        self._rows = {entity: row for row, entity in enumerate(table.ids)}
        self._vectors = table.vectors
        self.dim = table.vectors.shape[1]

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> Precomputed:
        """Refuse: the vectors are the input, `extract` hands them over."""
        del settings
        message = f"model {record.name} is its input; give --input TABLE of vectors"
        raise InputError(message)

    def embed(self, ids: Sequence[str], values: Sequence[str | None]) -> Encoded:
        """Return the vectors of `ids`; `values` are not looked at."""
        del values
        n = len(ids)
        return Encoded(
            layers=[self._vectors[[self._rows[entity] for entity in ids]]],
            n_tokens=np.zeros(n, dtype=np.int32),
            truncated=np.zeros(n, dtype=np.bool_),
            errors=[None] * n,
        )

    def describe(self) -> dict[str, Any]:
        """Return the dimension; the table itself is recorded as the input."""
        return {"dim": self.dim}
