"""How others run ESM-2: fair-esm's script, transformers in padded batches, FAESM."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from extractors.batching import token_batches
from extractors.encoders.tokens import GPU_BUDGET

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from transformers import BertModel, EsmModel

    Run = Callable[[], NDArray[np.float32]]

FAIR_ESM_TOKENS = 4096
PAD = 1


@dataclass(frozen=True)
class Peer:
    """The model that all share, and its shape."""

    model: EsmModel
    layers: int
    width: int
    heads: int

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return next(self.model.parameters()).device


def _stack(
    rows: Sequence[NDArray[np.int64]], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.full((len(rows), max(map(len, rows))), pad)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.from_numpy(row)
    mask = torch.zeros(ids.shape, dtype=torch.long)
    for number, row in enumerate(rows):
        mask[number, : len(row)] = 1
    return ids.to(device), mask.to(device)


def _mean(hidden: torch.Tensor, rows: Sequence[NDArray[np.int64]]) -> torch.Tensor:
    """Return the mean over each row's own tokens, shape (rows, width), as people write it."""
    return torch.stack(
        [hidden[number, 1 : len(row) - 1].float().mean(0) for number, row in enumerate(rows)]
    ).cpu()


def padded(
    model: EsmModel | BertModel, rows: Sequence[NDArray[np.int64]], *, batch: int, pad: int = PAD
) -> Run:
    """Return a run in padded batches of fixed size in arrival order, bfloat16, sdpa."""
    half: Any = deepcopy(model)
    half.to(torch.bfloat16)
    device = next(half.parameters()).device

    @torch.inference_mode()
    def run() -> NDArray[np.float32]:
        found = []
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            ids, mask = _stack(part, pad, device)
            found.append(_mean(half(input_ids=ids, attention_mask=mask).last_hidden_state, part))
        return torch.cat(found).numpy()

    return run


def _fair_esm(peer: Peer, rows: Sequence[NDArray[np.int64]], dtype: torch.dtype) -> Run:
    """Return a run as fair-esm's `extract.py` does it: sorted, 4,096 tokens a batch, logits too.

    Its weights are random ones of its own: only its speed is compared.
    """
    from esm.model.esm2 import ESM2

    with peer.device:
        model = ESM2(peer.layers, peer.width, peer.heads, alphabet="ESM-1b").eval().to(dtype)
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    batches: list[list[int]] = [[]]
    for row in order:
        if batches[-1] and len(rows[row]) * (len(batches[-1]) + 1) > FAIR_ESM_TOKENS:
            batches.append([])
        batches[-1].append(row)

    @torch.inference_mode()
    def run() -> NDArray[np.float32]:
        found = np.zeros((len(rows), peer.width), dtype=np.float32)
        for batch in batches:
            part = [rows[row] for row in batch]
            ids, _ = _stack(part, PAD, peer.device)
            hidden = model(ids, repr_layers=[peer.layers])["representations"][peer.layers]
            found[batch] = _mean(hidden, part).numpy()
        return found

    return run


def _faesm(peer: Peer, rows: Sequence[NDArray[np.int64]]) -> Run:
    """Return a run of FAESM (flash attention over unpadded rows) on sorted batches."""
    from faesm.esm import FAEsmForMaskedLM  # type: ignore[import-not-found]

    with peer.device:
        model: Any = FAEsmForMaskedLM(peer.model.config).eval().to(torch.bfloat16)
    batches = list(token_batches([len(row) for row in rows], GPU_BUDGET))

    @torch.inference_mode()
    def run() -> NDArray[np.float32]:
        found = np.zeros((len(rows), peer.width), dtype=np.float32)
        for batch in batches:
            part = [rows[row] for row in batch]
            ids, mask = _stack(part, PAD, peer.device)
            hidden = model(input_ids=ids, attention_mask=mask)["last_hidden_state"]
            found[batch] = _mean(hidden, part).numpy()
        return found

    return run


PEERS: dict[str, Callable[[Peer, Sequence[NDArray[np.int64]]], Run]] = {
    "fair-esm float32, as its script runs": lambda peer, rows: _fair_esm(peer, rows, torch.float32),
    "fair-esm bf16, 4,096-token batches": lambda peer, rows: _fair_esm(peer, rows, torch.bfloat16),
    "transformers bf16, padded 8, arrival order": lambda peer, rows: padded(
        peer.model, rows, batch=8
    ),
    "FAESM bf16, sorted, 65,536-token batches": _faesm,
}
