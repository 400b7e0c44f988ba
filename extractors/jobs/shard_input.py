"""The rows of one shard, as its worker reads them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from extractors.inputs import Input, Missing
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractors.inputs import Rows
    from extractors.jobs.source import Shard, Source

EMPTY_ID = "the row has an empty id"


class Unreadable(Exception):  # noqa: N818  it is no error yet: the shard is tried again
    """The input could not be read."""


class ShardInput(Input):
    """The rows of one shard, or a stretch of them; takes their digest as they pass."""

    def __init__(
        self,
        source: Source,
        shard: Shard,
        masked: dict[int, str],
        stretch: tuple[int, int] | None = None,
    ) -> None:
        self._source, self._shard, self._masked = source, shard, masked
        self._start, self._stop = stretch or (0, shard.rows)
        self._total = hashlib.sha256()

    def rows(self) -> Iterator[Rows]:
        """Yield the rows; Unreadable when that cannot be done, or there are not as many as planned.

        A row without an id, and a masked one, has a `Missing` for its value.
        """
        at = 0
        try:
            for ids, values in self._source.rows(self._shard):
                end = min(at + len(ids), self._stop)
                rows = range(max(at, self._start), end)
                if rows:
                    shown = slice(rows.start - at, rows.stop - at)
                    yield self._masking(rows.start, ids[shown], values[shown])
                at += len(ids)
                if at >= self._stop:
                    break
        except (InputError, OSError, ValueError) as error:
            raise Unreadable(str(error)) from error
        if at < self._stop:
            message = (
                f"{self._shard.file} has {at} of the {self._shard.rows} rows that were planned"
            )
            raise Unreadable(message)

    def _masking(self, first: int, ids: list[str], values: list[Any]) -> Rows:
        found = list(values)
        for row, (entity, value) in enumerate(zip(ids, values, strict=True)):
            self._total.update(f"{entity}\0".encode())
            self._total.update(b"\0" if value is None else b"\1" + value.encode() + b"\0")
            if not entity.strip():
                found[row] = Missing(EMPTY_ID)
            elif first + row in self._masked:
                found[row] = Missing(self._masked[first + row])
        return ids, found

    def describe(self) -> dict[str, Any]:
        """Return what the source is."""
        return self._source.describe()

    def digest(self) -> str:
        """Return the sha256 of the rows that were yielded."""
        return self._total.hexdigest()
