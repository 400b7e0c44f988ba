"""The largest number of tokens a batch can have on a device: found by trying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hf_datasets.command import say

if TYPE_CHECKING:
    from extractors.model import Encoder

FIRST = 4096
LAST = 1 << 21
"""No GPU gains from more."""


def largest_budget(encoder: Encoder[Any]) -> int | None:
    """Return the largest power of two that fits the device, by doubling until one does not.

    An encoder without batches of tokens, or on a device that has no room for the first, keeps
    its own.
    """
    if encoder.budget is None or not encoder.fits(FIRST):
        return encoder.budget
    budget = FIRST
    while budget < LAST and encoder.fits(2 * budget):
        budget *= 2
    say(f"--budget auto: {budget:,} tokens a batch")
    return budget
