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
SMALL_HEAD = 24
"""On a CPU, heads below this size are quicker in float32 than in bfloat16."""
CACHED_SCORES = 1 << 20
"""Bytes of scores that are worked on at a time on a CPU: what stays in its second-level cache."""


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
    `scaled_dot_product_attention` for each run of rows of equal length, but in bfloat16 on a
    CPU plain matrix products over what the cache holds, which use its bfloat16 units better.

    """
    if bias is None and has_varlen(query):
        return _varlen(query, key, value, packing, scale=scale, causal=causal)
    grouped = query.shape[1] != key.shape[1]
    plain = query.dtype == torch.bfloat16 and not (
        query.is_cuda or grouped or causal or bias is not None
    )
    bias = None if bias is None else bias.to(query.dtype)
    out = torch.empty_like(query)
    for start, rows, length in packing.runs:
        end = start + rows * length
        q, k, v = (
            part[start:end].reshape(rows, length, *part.shape[1:]).transpose(1, 2)
            for part in (query, key, value)
        )
        if plain:
            out[start:end] = _products(q, k, v, scale).transpose(1, 2).flatten(0, 1)
            continue
        attended = scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=None if bias is None else _corner(bias, rows, length),
            is_causal=causal and length > 1,
            scale=scale,
            enable_gqa=grouped,
        )
        out[start:end] = attended.transpose(1, 2).flatten(0, 1)
    return out


def _corner(bias: torch.Tensor, rows: int, length: int) -> torch.Tensor:
    """Return the bias of rows of one length, (rows, heads, length, length), one in memory.

    With a dimension for rows the fast kernels take it; without, the scores are written out.
    """
    return bias[None, :, :length, :length].expand(rows, -1, -1, -1)


def attention_dtype(dtype: torch.dtype, device: torch.device, head_size: int) -> torch.dtype:
    """Return the type in which `attend` is best given heads of this size."""
    small = device.type == "cpu" and head_size < SMALL_HEAD
    return torch.float32 if small else dtype


def _products(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
) -> torch.Tensor:
    """Attend by plain products, some heads at a time; all shapes (rows, heads, length, size)."""
    shape, length = query.shape, query.shape[2]
    query = (query * scale).flatten(0, 1)
    key, value = key.flatten(0, 1).transpose(1, 2), value.flatten(0, 1)
    out = torch.empty_like(query)
    step = max(1, CACHED_SCORES // (2 * length * length))
    for first in range(0, len(query), step):
        part = slice(first, first + step)
        shares = torch.softmax(torch.bmm(query[part], key[part]), dim=-1)
        torch.bmm(shares, value[part], out=out[part])
    return out.view(shape)


def has_varlen(query: torch.Tensor) -> bool:
    """Whether one call of flash attention can take ragged rows of such queries."""
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
