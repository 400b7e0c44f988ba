"""A gene's mean over cells: sums in float64, kept on disk so that an interrupted run goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from hf_datasets.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SAVE_SECONDS = 60.0
"""Least time between two saves: what a kill can lose."""
NAME = "gene-sums.npz"


class GeneSums:
    """Sums of token vectors by gene, and how many cells they are over.

    Cells are added in their order, a fixed number at a time, so that the sums are the same
    bytes whether a run was interrupted or not.
    """

    def __init__(
        self, layers: int, size: int, width: int, device: torch.device, scratch: Path
    ) -> None:
        # Apple's GPUs have no float64.
        self._device = torch.device("cpu") if device.type == "mps" else device
        self._sums = torch.zeros((layers, size, width), dtype=torch.float64, device=self._device)
        self._path = scratch / NAME
        self._saved = time.monotonic()
        self.cells_done = 0

    def resume(self) -> None:
        """Take up what an interrupted run has saved, if anything."""
        if self._path.is_file():
            with np.load(self._path, allow_pickle=False) as saved:
                self._sums = torch.from_numpy(saved["sums"]).to(self._device)
                self.cells_done = int(saved["cells_done"])

    def add(self, numbers: torch.Tensor, layers: Sequence[torch.Tensor]) -> None:
        """Add token vectors, each of `layers` (tokens, width), to the genes of `numbers`.

        Tokens are brought together by gene first: sums by atomic addition would differ from run
        to run on a GPU.
        """
        ordered, order = torch.sort(numbers.to(self._device), stable=True)
        genes, counts = torch.unique_consecutive(ordered, return_counts=True)
        for total, hidden in zip(self._sums, layers, strict=True):
            tokens = hidden.to(self._device)[order].double()
            total[genes] += torch.segment_reduce(tokens, "sum", lengths=counts, axis=0)

    def finished(self, cells: int) -> None:
        """Note that so many more cells are in the sums, and save now and then."""
        self.cells_done += cells
        if time.monotonic() - self._saved >= SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Write the sums, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(self._path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, sums=self._sums.cpu().numpy(), cells_done=self.cells_done)
        self._saved = time.monotonic()

    def means(self, n_cells: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """Return (size, width) of each layer; zeros where `n_cells` is zero."""
        divisor = torch.from_numpy(np.maximum(n_cells, 1)).to(self._device)[:, None]
        return [(total / divisor).float().cpu().numpy() for total in self._sums]
