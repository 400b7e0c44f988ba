"""A checkpoint's tensors by name: safetensors, or torch files read without running their code."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open

from hf_datasets.errors import InputError, one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PLAIN_CLASSES = (argparse.Namespace,)
"""What fairseq's checkpoints hold beside tensors; nothing else is let in."""


class Weights:
    """Named tensors of one or several files, each read when it is taken.

    What was not taken in the end is as telling as what was missing: `require_all_used` names
    it, so that a checkpoint of another architecture never loads by half.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._readers: dict[str, Callable[[], torch.Tensor]] = {}
        self._used: set[str] = set()
        for path in files:
            if path.suffix == ".safetensors":
                self._index_safetensors(path)
            else:
                found = _state(load_torch(path))
                self._readers |= {name: _constant(tensor) for name, tensor in found.items()}
        self._where = shorten([path.name for path in files])

    @classmethod
    def of(cls, tensors: dict[str, torch.Tensor]) -> Weights:
        """Wrap tensors that are in memory already."""
        weights = cls([])
        weights._readers = {name: _constant(tensor) for name, tensor in tensors.items()}
        weights._where = "the state dict"
        return weights

    def __contains__(self, name: str) -> bool:
        return name in self._readers

    def names(self) -> list[str]:
        """Return all names, in the files' order."""
        return list(self._readers)

    def take(self, name: str) -> torch.Tensor:
        """Return the tensor of that name; InputError when there is none."""
        if name not in self._readers:
            message = (
                f"{self._where} has no tensor {name!r}: another architecture, or a damaged file; "
                f"it has {shorten(list(self._readers), 4)}"
            )
            raise InputError(message)
        self._used.add(name)
        return self._readers[name]()

    def renamed(self, rename: Callable[[str], str | None]) -> Weights:
        """Return the same tensors under other names; those renamed to None are left out."""
        other = Weights([])
        other._where = self._where
        for name, reader in self._readers.items():
            if (new := rename(name)) is not None:
                other._readers[new] = reader
        return other

    def require_all_used(self, ignored: str) -> None:
        """InputError when a tensor was not taken and does not match the pattern `ignored`.

        The pattern names what the encoder has no use for: heads, poolers, buffers.
        """
        pattern = re.compile(ignored)
        left = [
            name for name in self._readers if name not in self._used and not pattern.search(name)
        ]
        if left:
            message = (
                f"{self._where} has {len(left)} tensors that this architecture has no place for: "
                f"{shorten(left, 4)}; is it a checkpoint of this model?"
            )
            raise InputError(message)

    def _index_safetensors(self, path: Path) -> None:
        try:
            file: Any = safe_open(path, framework="pt")
            names = list(file.keys())
        except (SafetensorError, OSError) as error:
            message = f"{path} is not a readable safetensors file ({one_line(error)[:120]})"
            raise InputError(message) from error
        for name in names:
            self._readers[name] = _reader(file, name)


def _reader(file: Any, name: str) -> Callable[[], torch.Tensor]:  # noqa: ANN401
    return lambda: file.get_tensor(name)


def _constant(tensor: torch.Tensor) -> Callable[[], torch.Tensor]:
    return lambda: tensor


def load_torch(path: Path) -> Any:  # noqa: ANN401
    """Read a torch file: tensors and plain values only, none of its code is run.

    This is the one place that calls `torch.load`. InputError for a file that holds anything
    else, or is no torch file.
    """
    try:
        with torch.serialization.safe_globals(list(PLAIN_CLASSES)):
            try:
                return torch.load(path, map_location="cpu", weights_only=True, mmap=True)  # noqa: TID251
            except RuntimeError:  # files of torch before 1.6 cannot be mapped into memory
                return torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
    except Exception as error:
        named = _classes_in(path)
        why = f"it holds {shorten(named)}" if named else one_line(error)[:160]
        message = (
            f"{path} cannot be read as plain tensors ({why}); files with code in them are refused"
        )
        raise InputError(message) from error


def _classes_in(path: Path) -> list[str]:
    """Return the names of functions and classes in a torch file that are not let in."""
    try:
        with torch.serialization.safe_globals(list(PLAIN_CLASSES)):
            return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # noqa: BLE001  no torch file, or one of before 1.6: the first error stands
        return []


def _state(content: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401
    """Return the tensors of a torch file, which may lie one level down."""
    for key in ("model", "model_state_dict", "state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        return {}
    return {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
