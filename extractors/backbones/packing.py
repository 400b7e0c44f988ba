"""How the rows of a batch lie end to end, without a padding token between them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import torch

from extractors.batching import equal_runs

if TYPE_CHECKING:
    from collections.abc import Sequence


class Packing:
    """Rows of `lengths` tokens, one after the other.

    Rows of equal length should stand together: they are attended to in one call where no
    kernel for ragged rows exists.
    """

    def __init__(
        self, lengths: Sequence[int], device: torch.device, balance: torch.Tensor | None = None
    ) -> None:
        self.lengths = list(lengths)
        self.balance = None if balance is None else balance.to(device)
        """What a token's vector is multiplied with before a mean over its row, shape (tokens, 1);
        None where every token counts the same."""
        self.device = device
        self.longest = max(self.lengths)
        self.runs = equal_runs(self.lengths)
        """(first token, rows, length) of each run of rows of equal length."""

    @cached_property
    def places(self) -> torch.Tensor:
        """Position of each token within its row, shape (tokens,), int64."""
        pieces = [torch.arange(length).repeat(rows) for _, rows, length in self.runs]
        return torch.cat(pieces).to(self.device, non_blocking=True)

    @cached_property
    def starts(self) -> torch.Tensor:
        """First token of each row, and the end: shape (rows + 1,), int32, as varlen kernels ask."""
        lengths = torch.tensor([0, *self.lengths], dtype=torch.int32)
        return lengths.cumsum(0, dtype=torch.int32).to(self.device, non_blocking=True)
