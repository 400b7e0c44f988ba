"""Where the arithmetic is done: numpy on the CPU, or torch on a device, under one set of names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array = Any
"""A numpy array, or a torch tensor."""


class Arrays:
    """An array library (`xp`: numpy or torch), a floating type and a device.

    Parameters
    ----------
    exact
        float64 rather than float32.
    device
        None for numpy; else a device of torch (`cpu`, `cuda`, `cuda:1`), where torch does the work.

    InputError for a device that is not there.

    """

    def __init__(self, *, exact: bool = False, device: str | None = None) -> None:
        self.single = not exact
        self.device = device
        self.xp: Any = np if device is None else _torch(device)
        self.dtype = self.xp.float64 if exact else self.xp.float32

    def floats(self, values: NDArray[Any]) -> Array:
        """Return numbers as this library's floats, copied only if need be."""
        if self.device is None:
            return np.ascontiguousarray(values, dtype=self.dtype)
        return self.xp.as_tensor(values).to(device=self.device, dtype=self.dtype)

    def places(self, values: NDArray[Any]) -> Array:
        """Return whole numbers to index with."""
        if self.device is None:
            return np.asarray(values, dtype=np.intp)
        return self.xp.as_tensor(values.astype(np.int64), device=self.device)

    def zeros(self, *shape: int) -> Array:
        """Return zeros."""
        if self.device is None:
            return np.zeros(shape, dtype=self.dtype)
        return self.xp.zeros(shape, dtype=self.dtype, device=self.device)

    def sparse(self, matrix: Any) -> Array:  # noqa: ANN401  a scipy.sparse matrix
        """Return a sparse matrix as this library's."""
        matrix = matrix.astype(np.float32 if self.single else np.float64)
        if self.device is None:
            return matrix
        matrix = matrix.tocoo()
        places = self.places(np.vstack(matrix.coords))
        # Not in CSR form, for which torch warns that it is in beta.
        return self.xp.sparse_coo_tensor(
            places, self.floats(matrix.data), matrix.shape, check_invariants=True
        ).coalesce()

    def rows(self, values: Array) -> Array:
        """Return an array whose rows are contiguous."""
        return np.ascontiguousarray(values) if self.device is None else values.contiguous()

    def host(self, values: Array) -> NDArray[Any]:
        """Return values as a numpy array."""
        found: NDArray[Any] = values if self.device is None else values.cpu().numpy()
        return found


def _torch(device: str) -> Any:  # noqa: ANN401  a module
    """Import torch; InputError unless it is there and has the device."""
    try:
        import torch
    except ImportError as error:
        message = f"--device {device} needs torch; install genezoo[text], or leave --device out"
        raise InputError(message) from error
    kind = device.partition(":")[0]
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(kind, False):
        choices = ", ".join(name for name, usable in there.items() if usable)
        message = f"--device {device} is not there; choices: {choices}, or leave --device out"
        raise InputError(message)
    return torch
