"""Vectors that exist already: a user's table, taken over into an embedding table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.inputs import VectorInput
from extractors.model import Encoded, ModelRecord, PlainEncoder, Settings
from extractors.vectors import read_vector_table
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractors.inputs import Asked, Input


class Precomputed(PlainEncoder):
    """Looks up vectors by id."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._vectors = np.empty((0, 0), dtype=np.float32)
        self._failed: dict[str, str] = {}

    @classmethod
    def open_input(cls, record: ModelRecord, settings: Settings, asked: Asked) -> VectorInput:
        """Read the table of vectors; its ids are the rows."""
        del settings
        if asked.source is None:
            message = f"model {record.name} is its input; give --input TABLE of vectors"
            raise InputError(message)
        path = Path(asked.source).expanduser()
        return VectorInput(path, read_vector_table(path, asked.id_column))

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> Precomputed:
        """Nothing to load: the vectors are the input."""
        del record, settings
        return cls()

    def prepare(self, source: Input, scratch: Path) -> None:
        """Take the vectors over from the input."""
        del scratch
        assert isinstance(source, VectorInput)  # noqa: S101  open_input opens no other
        self._rows = {entity: row for row, entity in enumerate(source.table.ids)}
        self._vectors, self._failed = source.table.vectors, source.table.failed
        self.dim = self._vectors.shape[1]

    def embed(self, ids: Sequence[str], values: Sequence[str | None]) -> Encoded:
        """Return the vectors of `ids`; `values` are not looked at."""
        del values
        n = len(ids)
        return Encoded(
            layers=[self._vectors[[self._rows[entity] for entity in ids]]],
            n_tokens=np.zeros(n, dtype=np.int32),
            truncated=np.zeros(n, dtype=np.bool_),
            errors=[self._failed.get(entity) for entity in ids],
        )

    def describe(self) -> dict[str, Any]:
        """Return the dimension; the table itself is recorded as the input."""
        return {"dim": self.dim}
