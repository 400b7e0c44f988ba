"""The search for the row that ends its process: halves are tried until one row is left."""

from __future__ import annotations


class RowSearch:
    """Bisects the rows of a shard, `ask` by `tell`: log2(rows) + 2 trials.

    A row must be bad twice alone, so that a machine that fails in that moment costs no row.
    """

    def __init__(self, rows: int) -> None:
        self._start, self._stop = 0, rows
        self.over = self._seen = False
        self.found: int | None = None
        """The row, once the search is over; None when no single row does it."""

    def ask(self) -> tuple[int, int]:
        """Return the first and the last row, exclusive, of the next trial."""
        return self._start, self._half() if self._stop - self._start > 1 else self._stop

    def _half(self) -> int:
        return (self._start + self._stop) // 2

    def tell(self, *, bad: bool) -> None:
        """Say how the trial went. What is not in a good half must be in the other."""
        if self._stop - self._start == 1:  # tried alone: no guess any more
            self.over, self.found = self._seen or not bad, self._start if bad else None
            self._seen = True
        elif bad:
            self._stop = self._half()
        else:
            self._start = self._half()
