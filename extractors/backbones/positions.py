"""How a transformer knows where a token stands: rotation, ALiBi's slopes, T5's buckets."""

from __future__ import annotations

import torch


def rotate(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Rotate each head's two halves by its token's angles, in float32."""
    first, second = x.float().chunk(2, dim=-1)
    turned = (
        torch.addcmul(first * cosine, second, sine, value=-1),
        torch.addcmul(second * cosine, first, sine),
    )
    return torch.cat(turned, dim=-1)


def alibi_slopes(heads: int) -> list[float]:
    """Return the slope of each head's penalty on distance.

    Powers of two get a geometric row; another number of heads, the row of the power below it
    and every other slope of the row of the power above (Press et al. 2022, arXiv 2108.12409).
    """
    power = 1 << (heads.bit_length() - 1)
    slopes = [2.0 ** (-8 * (head + 1) / power) for head in range(power)]
    if power < heads:
        slopes += [2.0 ** (-8 * (head + 1) / (2 * power)) for head in range(0, 2 * power, 2)]
    return slopes[:heads]


def relative_bucket(distance: torch.Tensor, buckets: int, furthest: int) -> torch.Tensor:
    """Return T5's bucket of each distance (key minus query), both directions, int64.

    Half of the buckets are for keys after the query; of each half, one half holds single
    distances, the other grows logarithmically to `furthest` (Raffel et al. 2020, 1910.10683).
    """
    half = buckets // 2
    single = half // 2
    far = distance.abs()
    grown = torch.log(far.clamp(min=1).float() / single) / torch.log(
        torch.tensor(furthest / single, device=distance.device)
    )
    logarithmic = (single + (grown * (half - single)).long()).clamp(max=half - 1)
    within = torch.where(far < single, far, logarithmic)
    return within + half * (distance > 0)
