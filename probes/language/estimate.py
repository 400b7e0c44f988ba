"""What a run will take, said before it starts: prompts, tokens, time and money."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.language.asking import LanguageModel, Prompt

LOOKED_AT = 500
"""So many prompts are counted in tokens; more are taken to be like them."""
MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class Prices:
    """What an endpoint asks for a million tokens, in any currency."""

    read: float | None = None
    written: float | None = None

    def __post_init__(self) -> None:
        """InputError for a price below 0."""
        for option, price in (("--price-in", self.read), ("--price-out", self.written)):
            if price is not None and not (price >= 0 and math.isfinite(price)):
                message = f"{option} {price} is not possible; give the price of a million tokens"
                raise InputError(message)


@dataclass(frozen=True)
class Estimate:
    """What is left to ask."""

    prompts: int
    known: int
    """Prompts that were answered before."""
    tokens_in: int
    exact: bool
    """Whether `tokens_in` was counted, not guessed."""
    tokens_out: int
    """At most."""
    cost: float | None

    def text(self, rate: float | None = None) -> str:
        """Say it in a line; `rate` is in prompts a second, where it was measured."""
        about = "" if self.exact else "about "
        parts = [
            f"{self.prompts:,} prompts",
            f"{about}{self.tokens_in:,} tokens to read, at most {self.tokens_out:,} to write",
        ]
        if self.known:
            parts.insert(1, f"{self.known:,} more were answered before")
        if rate and self.prompts:
            parts.append(f"about {duration(self.prompts / rate)} at {rate:.3g} prompts/s")
        if self.cost is not None:
            parts.append(f"at most about {self.cost:,.2f} at the prices given")
        return "; ".join(parts)


def estimate(
    model: LanguageModel, prompts: Sequence[Prompt], known: int, prices: Prices
) -> Estimate:
    """Count what is left to ask; `known` prompts beside it were answered before."""
    step = max(1, math.ceil(len(prompts) / LOOKED_AT))
    looked = prompts[::step]
    size, written, exact = model.size(looked) if looked else (0, 0, True)
    share = len(prompts) / len(looked) if looked else 0
    tokens_in, tokens_out = round(size * share), round(written * share)
    cost = None
    if prices.read is not None or prices.written is not None:
        cost = (tokens_in * (prices.read or 0) + tokens_out * (prices.written or 0)) / 1e6
    whole = exact and len(looked) == len(prompts)
    return Estimate(len(prompts), known, tokens_in, whole, tokens_out, cost)


def duration(seconds: float) -> str:
    """Write a time so that one reads it at a glance."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.1f} h"
