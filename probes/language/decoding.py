"""New tokens of a causal model, greedy or drawn, that do not depend on the batch.

Prompts are padded on the left, under an attention mask and with positions that count real tokens;
a model that takes neither (recurrent ones) must get prompts of equal length. A draw is
`argmax(logits / T + Gumbel noise)`, which is a draw from the softmax; the noise is a prompt's own,
by its text and the seed. transformers' `generate` is not used: it takes temperature, penalties
and more from the checkpoint's generation_config, and has one stream of random numbers a batch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.language.asking import Prompt


@dataclass(frozen=True)
class Decoder:
    """A network that is asked for one token after the other."""

    model: Any
    takes: frozenset[str]
    """Names of the arguments that its `forward` takes."""
    stops: frozenset[int]
    """Tokens that end an answer."""
    device: torch.device

    @torch.inference_mode()
    def run(self, contexts: Sequence[list[int]], prompts: Sequence[Prompt]) -> list[list[int]]:
        """Return the new tokens of each context, up to a stop token or `max_tokens`."""
        if not contexts:
            return []
        longest = max(map(len, contexts))
        ids = torch.zeros((len(contexts), longest), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for at, tokens in enumerate(contexts):
            ids[at, longest - len(tokens) :] = torch.tensor(tokens)
            mask[at, longest - len(tokens) :] = 1
        ids, mask = ids.to(self.device), mask.to(self.device)
        temperature = prompts[0].temperature
        noise = [_noise(prompt) for prompt in prompts] if temperature else []
        made: list[list[int]] = [[] for _ in contexts]
        going = [True] * len(contexts)
        past = None
        for _ in range(prompts[0].max_tokens):
            logits, past = self._step(ids, mask, past)
            if temperature:
                shape = logits.shape[-1]
                drawn = np.stack([one.gumbel(size=shape) for one in noise])
                logits = logits / temperature + torch.from_numpy(drawn).to(logits)
            chosen = logits.argmax(dim=-1)
            for at, token in enumerate(chosen.tolist()):
                if going[at] and token in self.stops:
                    going[at] = False
                elif going[at]:
                    made[at].append(token)
            if not any(going):
                break
            ids = chosen[:, None]
            mask = torch.cat([mask, torch.ones_like(ids)], dim=1)
        return made

    def _step(self, ids: torch.Tensor, mask: torch.Tensor, past: Any) -> tuple[torch.Tensor, Any]:  # noqa: ANN401  transformers' caches
        """Return the logits after the last token, float64, and the cache."""
        extra: dict[str, Any] = {}
        if "attention_mask" in self.takes:
            extra["attention_mask"] = mask
        if "position_ids" in self.takes:
            places = (mask.cumsum(dim=1) - 1).clamp(min=0)
            extra["position_ids"] = places[:, -ids.shape[1] :]
        if "logits_to_keep" in self.takes:
            extra["logits_to_keep"] = 1
        name = "past_key_values" if "past_key_values" in self.takes else "cache_params"
        if past is not None:
            extra[name] = past
        out = self.model(input_ids=ids, use_cache=True, **extra)
        return out.logits[:, -1].double(), getattr(out, name)


def _noise(prompt: Prompt) -> np.random.Generator:
    """Return a prompt's own stream of numbers."""
    digest = hashlib.sha256(f"{prompt.seed}\0{prompt.text}".encode()).digest()
    return np.random.default_rng(list(digest))
