"""Attention within the rows of a packed batch; nothing crosses from one row into another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import scaled_dot_product_attention

if TYPE_CHECKING:
    from extractors.backbones.packing import Packing

VARLEN_TYPES = (torch.float16, torch.bfloat16)
LARGEST_HEAD = 256
"""Flash attention takes half precision and heads up to this size, a multiple of 8."""


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    packing: Packing,
    *,
    scale: float,
    causal: bool = False,
    bias: torch.Tensor | None = None,
) -> torch.Tensor:
    """Attend within each row.

    Parameters
    ----------
    query, key, value
        Shape (tokens, heads, head size); key and value may have fewer heads, each shared by a
        group of query heads.
    packing
        How the rows lie in the batch.
    scale
        What scores are multiplied with before the softmax.
    causal
        Whether a token sees only itself and those before it.
    bias
        Added to the scores, shape (heads, longest, longest); a shorter row uses its corner, so
        it must depend on the distance of two tokens alone.

    Returns
    -------
    Shape (tokens, heads, head size). On a GPU in half precision this is one call of flash
    attention for ragged rows (`torch.nn.attention.varlen`); elsewhere one call of
    `scaled_dot_product_attention` for each run of rows of equal length.

    """
    if bias is None and _has_varlen(query):
        return _varlen(query, key, value, packing, scale=scale, causal=causal)
    grouped = query.shape[1] != key.shape[1]
    out = torch.empty_like(query)
    for start, rows, length in packing.runs:
        end = start + rows * length
        q, k, v = (
            part[start:end].reshape(rows, length, *part.shape[1:]).transpose(1, 2)
            for part in (query, key, value)
        )
        attended = scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=None if bias is None else bias[:, :length, :length].to(query.dtype),
            is_causal=causal and length > 1,
            scale=scale,
            enable_gqa=grouped,
        )
        out[start:end] = attended.transpose(1, 2).flatten(0, 1)
    return out


def _has_varlen(query: torch.Tensor) -> bool:
    size = query.shape[2]
    return query.is_cuda and query.dtype in VARLEN_TYPES and size % 8 == 0 and size <= LARGEST_HEAD


def _varlen(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    packing: Packing,
    *,
    scale: float,
    causal: bool,
) -> torch.Tensor:
    from torch.nn.attention.varlen import varlen_attn

    found = varlen_attn(
        query,
        key,
        value,
        packing.starts,
        packing.starts,
        packing.longest,
        packing.longest,
        scale=scale,
        window_size=(-1, 0) if causal else (-1, -1),
        enable_gqa=query.shape[1] != key.shape[1],
        num_splits=1,  # a row's numbers must not depend on how the longest row is split
    )
    assert isinstance(found, torch.Tensor)  # noqa: S101  a pair only when more is asked for
    return found
