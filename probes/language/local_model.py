"""A causal language model of transformers on this machine: exact log-likelihoods, seeded draws.

Why not `lm_eval`'s `HFLM`: it cuts long prompts from the left with no more than a warning in a
log, gives its answers only when all are there, and its cache, by which it would resume, is a
file of pickles. The rule by which a text is divided into context and option is the same, so the
numbers are too; a test holds them against each other, on the tasks that `probe export-lm-eval`
writes.

Exactness
---------
* Log-likelihoods: rows are padded on the right. A causal model's token sees what stands before
  it alone, so no padding is ever seen, whatever the kind of positions, and logits are turned
  into log-probabilities in float32.
* Generation: see `probes.language.decoding`.
"""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING, Any

import torch

from extractors.backbones.network import pick_device, pick_dtype
from extractors.tokenizers.subwords import open_tokenizer
from hf_datasets.errors import InputError, one_line
from probes.language.asking import Group, Prompt, Reply
from probes.language.causal import checkpoint_digest, find_language_model, load_causal
from probes.language.decoding import Decoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probes.language.asking import Chat

NO_LIMIT = 1_000_000
SEES_AHEAD = 1e-3
"""Largest change of a first token's logits, relative, by what comes after it."""
CACHED_TOKENS = 8
"""Tokens of the causality check."""

Row = tuple[int, int, list[int], list[int]]
"""Place of a prompt, place of its option, tokens of the context, tokens of the option."""


class LocalModel:
    """A checkpoint in memory."""

    together = 1

    def __init__(
        self,
        name: str,
        *,
        device: str = "auto",
        dtype: str = "auto",
        chat: Chat = "auto",
        batch: int = 16,
    ) -> None:
        """Load model and tokenizer; none of the checkpoint's code is run.

        Parameters
        ----------
        name
            A folder in transformers' layout, or org/name[@REVISION] on the Hub.
        device, dtype
            As for `extract`.
        chat
            Whether prompts go through the tokenizer's chat template; `auto`: if there is one.
        batch
            Rows of the network at a time.

        Raises
        ------
        InputError
            For files that are missing or do not fit, and for a model that is not causal.

        """
        checkpoint, self.name = find_language_model(name)
        self.revision = checkpoint.revision
        self.batch = batch
        self._device = pick_device(device)
        self._dtype = pick_dtype(dtype, self._device)
        self.tokenizer = open_tokenizer(checkpoint.folder)
        self.chat = self._pick_chat(chat)
        self.model = load_causal(checkpoint, self._dtype).to(self._device).eval()
        self._takes = frozenset(inspect.signature(self.model.forward).parameters)
        self._decoder = Decoder(self.model, self._takes, self._stop_tokens(), self._device)
        self._limit = self._longest()
        self._digest = checkpoint_digest(checkpoint)
        self._require_causal()

    def identity(self) -> dict[str, Any]:
        """Return what decides the answers: weights, tokenizer, template, dtype, device kind."""
        return {
            "kind": "transformers",
            "revision": self.revision,
            "sha256": self._digest,
            "dtype": str(self._dtype).removeprefix("torch."),
            "device": self._device.type,
            "chat": self.chat,
        }

    def groups(self, prompts: Sequence[Prompt]) -> list[Group]:
        """Put prompts of like length together, longest first; a prompt's options stay together."""
        lengths = [len(self._context(prompt)) for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda at: (-lengths[at], prompts[at].text, at))
        pads = {"attention_mask", "position_ids"} <= self._takes
        groups: list[Group] = []
        for at in order:
            first = groups[-1][0] if groups else at
            alike = _alike(prompts[first], prompts[at])
            even = pads or bool(prompts[at].options) or lengths[first] == lengths[at]
            if not groups or not alike or not even or len(groups[-1]) == self.batch:
                groups.append([])
            groups[-1].append(at)
        return groups

    def size(self, prompts: Sequence[Prompt]) -> tuple[int, int, bool]:
        """Return how many tokens the model reads, options included, and may write; exact."""
        total = 0
        for prompt in prompts:
            if prompt.options:
                rows = {(*context, *option[:-1]) for context, option in self._divide(prompt)}
                total += sum(map(len, rows))
            else:
                total += len(self._context(prompt))
        return total, sum(prompt.max_tokens for prompt in prompts), True

    def ask(
        self, prompts: Sequence[Prompt], groups: Sequence[Group]
    ) -> Iterator[tuple[Group, list[Reply]]]:
        """Answer group after group. A group that fails is asked again one by one."""
        for group in groups:
            yield group, self._answer([prompts[at] for at in group])

    def _answer(self, prompts: Sequence[Prompt]) -> list[Reply]:
        start = time.perf_counter()
        try:
            replies = self._weigh(prompts) if prompts[0].options else self._generate(prompts)
        except (RuntimeError, ValueError, IndexError) as error:  # out of memory, for one
            if len(prompts) == 1:
                why = one_line(f"{type(error).__name__}: {error}")[:300]
                return [Reply(error=why)]
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            return [one for prompt in prompts for one in self._answer([prompt])]
        took = (time.perf_counter() - start) / len(prompts)
        return [Reply(**{**one.to_json(), "seconds": took}) for one in replies]

    # Texts and tokens

    def rendered(self, prompt: Prompt) -> str:
        """Return the text that the model reads: the prompt, in the chat template if any."""
        if not self.chat:
            return prompt.text
        said = [{"role": "user", "content": prompt.text}]
        text: str = self.tokenizer.apply_chat_template(
            said, tokenize=False, add_generation_prompt=True
        )
        return text

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        # A chat template writes its special tokens itself.
        found: list[list[int]] = self.tokenizer(
            texts, add_special_tokens=not self.chat, truncation=False, verbose=False
        )["input_ids"]
        return found

    def _context(self, prompt: Prompt) -> list[int]:
        return self._tokens([self.rendered(prompt)])[0]

    def _divide(self, prompt: Prompt) -> list[tuple[list[int], list[int]]]:
        """Return the tokens of context and option, for each option, as `lm_eval` divides them.

        The whole text is tokenised, and what comes after as many tokens as the context alone has
        is the option's. White space at the context's end is the option's, as a blank before a
        word usually is part of the word's token.
        """
        text = self.rendered(prompt)
        wholes = [f"{text}{self.delimiter}{option}" for option in prompt.options]
        context, *found = self._tokens([text if self.chat else text.rstrip(), *wholes])
        return [(whole[: len(context)], whole[len(context) :]) for whole in found]

    @property
    def delimiter(self) -> str:
        """What stands between prompt and option: nothing where a template says who speaks."""
        return "" if self.chat else " "

    # Log-likelihoods

    def _weigh(self, prompts: Sequence[Prompt]) -> list[Reply]:
        """Return the log-likelihood of every option of every prompt."""
        rows: list[Row] = []
        refused: dict[int, str] = {}
        for at, prompt in enumerate(prompts):
            divided = self._divide(prompt)
            longest = max(len(context) + len(option) for context, option in divided)
            if any(not option or not context for context, option in divided):
                refused[at] = "an option or the prompt has no tokens of its own"
            elif longest > self._limit:
                refused[at] = (
                    f"{longest} tokens are more than the {self._limit} that this model reads"
                )
            else:
                rows.extend((at, place, *pair) for place, pair in enumerate(divided))
        sums = self._loglikelihoods([row[2:] for row in rows]) if rows else []
        found: dict[int, list[tuple[float, int, int]]] = {}
        for (at, _, context, option), value in zip(rows, sums, strict=True):
            found.setdefault(at, []).append((value, len(option), len(context)))
        return [
            Reply(error=refused[at])
            if at in refused
            else Reply(
                loglikelihoods=tuple(value for value, _, _ in found[at]),
                option_tokens=tuple(tokens for _, tokens, _ in found[at]),
                prompt_tokens=found[at][0][2],
            )
            for at in range(len(prompts))
        ]

    @torch.inference_mode()
    def _loglikelihoods(self, rows: Sequence[tuple[list[int], list[int]]]) -> list[float]:
        """Return log P(option | context) of each (context, option).

        Options that differ in their last token alone share one row of the network.
        """
        inputs = [tuple(context + option[:-1]) for context, option in rows]
        sharing: dict[tuple[int, ...], list[int]] = {}
        for at, tokens in enumerate(inputs):
            sharing.setdefault(tokens, []).append(at)
        distinct = list(sharing)
        sums = [0.0] * len(rows)
        for low in range(0, len(distinct), self.batch):
            part = distinct[low : low + self.batch]
            first = min(len(rows[at][0]) for tokens in part for at in sharing[tokens]) - 1
            logits = self._logits(part, first)
            for line, tokens in enumerate(part):
                for at in sharing[tokens]:
                    context, option = rows[at]
                    begin = len(context) - 1 - first
                    told = logits[line, begin : begin + len(option)].float().log_softmax(dim=-1)
                    wanted = torch.tensor(option, device=self._device)
                    sums[at] = float(told.gather(1, wanted[:, None]).double().sum())
        return sums

    def _logits(self, rows: Sequence[Sequence[int]], first: int) -> torch.Tensor:
        """Return the logits of rows padded on the right, from position `first` on."""
        longest = max(map(len, rows))
        ids = torch.zeros((len(rows), longest), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for at, tokens in enumerate(rows):
            ids[at, : len(tokens)] = torch.tensor(tokens)
            mask[at, : len(tokens)] = 1
        extra: dict[str, Any] = {}
        if "attention_mask" in self._takes:
            extra["attention_mask"] = mask.to(self._device)
        keeps = "logits_to_keep" in self._takes
        if keeps:  # logits of a whole prompt, times the vocabulary, are most of the memory
            extra["logits_to_keep"] = longest - first
        out: torch.Tensor = self.model(
            input_ids=ids.to(self._device), use_cache=False, **extra
        ).logits
        return out if keeps else out[:, first:]

    # Generation

    def _generate(self, prompts: Sequence[Prompt]) -> list[Reply]:
        contexts = [self._context(prompt) for prompt in prompts]
        allowed = prompts[0].max_tokens
        fits = [
            at
            for at, tokens in enumerate(contexts)
            if tokens and len(tokens) + allowed <= self._limit
        ]
        made = self._decoder.run([contexts[at] for at in fits], [prompts[at] for at in fits])
        replies = [
            Reply(
                error=f"{len(tokens)} tokens and {allowed} new ones are more than the "
                f"{self._limit} that this model reads"
            )
            for tokens in contexts
        ]
        for at, tokens in zip(fits, made, strict=True):
            text = self.tokenizer.decode(tokens, skip_special_tokens=True)
            replies[at] = Reply(
                text=text, prompt_tokens=len(contexts[at]), answer_tokens=len(tokens)
            )
        return replies

    # The checkpoint

    def _pick_chat(self, wanted: Chat) -> bool:
        has = bool(getattr(self.tokenizer, "chat_template", None))
        if wanted == "on" and not has:
            message = f"--chat on: the tokenizer of {self.name} has no chat template; leave it out"
            raise InputError(message)
        return has and wanted != "off"

    def _stop_tokens(self) -> frozenset[int]:
        stated = [self.tokenizer.eos_token_id]
        for config in (self.model.config, self.model.generation_config):
            ids = getattr(config, "eos_token_id", None)
            stated.extend(ids if isinstance(ids, list) else [ids])
        return frozenset(one for one in stated if one is not None)

    def _longest(self) -> int:
        config = self.model.config.get_text_config()
        stated = (
            self.tokenizer.model_max_length,
            getattr(config, "max_position_embeddings", None),
        )
        return min((int(one) for one in stated if one and 0 < one <= NO_LIMIT), default=NO_LIMIT)

    @torch.inference_mode()
    def _require_causal(self) -> None:
        """InputError for a model whose tokens see what comes after them: BERT and its kin."""
        size = self.model.get_input_embeddings().num_embeddings
        one = [(3 + 7 * at) % size for at in range(CACHED_TOKENS)]
        other = [*one[:4], *((5 + 11 * at) % size for at in range(4))]
        first, second = self._logits([one, other], 0)[:, :4].float()
        largest = max(float(first.abs().max()), 1e-6)
        if float((first - second).abs().max()) > SEES_AHEAD * largest * (
            1 if self._dtype == torch.float32 else 50
        ):
            message = (
                f"{self.name} is no causal language model: a token's prediction changes with what "
                "comes after it; give a model that was trained to predict the next token"
            )
            raise InputError(message)


def _alike(one: Prompt, other: Prompt) -> bool:
    """Whether two prompts can be in one batch."""
    return (bool(one.options), one.max_tokens, one.temperature) == (
        bool(other.options), other.max_tokens, other.temperature,
    )  # fmt: skip
