"""Sentence encoders: any sentence-transformers checkpoint, batched by tokens and packed.

Loading, pooling, dense layers and normalisation are sentence-transformers' own; batching is
ours. Rows are sorted by token count. BERT-like backbones run packed, without a single padding
token: a batch is one long row, attention runs within each stretch of equal-length rows. All
others are padded within a token budget.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.backbones.network import pick_device, pick_dtype
from extractors.batching import Window, equal_runs, token_batches, windows
from extractors.checkpoints import Checkpoint, find_checkpoint
from extractors.model import Encoded, ModelRecord, PlainEncoder, Settings
from hf_datasets.errors import InputError, one_line, shorten

os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.utils import logging as transformers_logging

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKED_ATTENTION = "genezoo_packed"
CPU_BUDGET = 4096
GPU_BUDGET = 65536
NO_LIMIT = 1_000_000
"""Tokenizers say "no limit" with a huge number of tokens."""
POOLING_NAMES = {
    "mean": "mean",
    "mean-special": "mean",
    "cls": "cls",
    "max": "max",
    "last": "lasttoken",
}
PACKABLE = {"bert": False, "roberta": True, "xlm-roberta": True, "camembert": True}
"""Backbones that run packed → whether their positions start after the padding id."""
PROBES = ("gene", "the", "a", "1")
"""Words to learn from where the tokenizer puts its special tokens."""


def packed_attention(  # noqa: PLR0917  transformers calls it so
    module: torch.nn.Module,  # noqa: ARG001  transformers' signature
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,  # noqa: ARG001
    scaling: float | None = None,
    packed_runs: Sequence[tuple[int, int, int]] = (),
    **_: Any,  # noqa: ANN401
) -> tuple[torch.Tensor, None]:
    """Attend within each row of a packed batch, all rows of equal length in one call.

    Query, key and value have shape (1, heads, tokens, head size); returns (1, tokens, heads,
    head size) as transformers expects. Nothing crosses from one row into another.
    """
    heads, tokens, size = query.shape[1:]
    out = torch.empty((1, tokens, heads, size), dtype=query.dtype, device=query.device)
    for start, rows, length in packed_runs:
        end = start + rows * length
        q, k, v = (
            part[0, :, start:end].reshape(heads, rows, length, size).transpose(0, 1)
            for part in (query, key, value)
        )
        attended = scaled_dot_product_attention(q, k, v, scale=scaling)
        out[0, start:end] = attended.transpose(1, 2).flatten(0, 1)
    return out, None


AttentionInterface.register(PACKED_ATTENTION, packed_attention)


class TextEncoder(PlainEncoder):
    """A sentence-transformers model."""

    def __init__(
        self, model: SentenceTransformer, checkpoint: Checkpoint, settings: Settings
    ) -> None:
        self._model = model
        self._checkpoint = checkpoint
        self._long = settings.long
        self._device = model.device
        self._budget = settings.budget or (CPU_BUDGET if self._device.type == "cpu" else GPU_BUDGET)
        first, *rest = list(model)
        if not isinstance(first, Transformer) or not rest or not isinstance(rest[0], Pooling):
            names = shorten([type(module).__name__ for module in model])
            message = (
                f"a checkpoint made of {names} is not supported; it needs a Transformer and a "
                "Pooling module, then any others"
            )
            raise InputError(message)
        self._transformer: Transformer = first
        self._pooling: Pooling = rest[0]
        self._after = rest[1:]
        if settings.pooling is not None:
            mode = POOLING_NAMES[settings.pooling]
            self._pooling = Pooling(self._pooling.embedding_dimension, pooling_mode=mode)
        self._tokenizer = first.tokenizer
        self._prefix, self._suffix = _special_tokens(self._tokenizer)
        self._prompt = (model.prompts or {}).get(model.default_prompt_name or "", "") or ""
        self._room = _room(model, len(self._prefix) + len(self._suffix))
        self._packed = self._can_pack()
        if self._packed:
            first.auto_model.set_attn_implementation(PACKED_ATTENTION)
        self.dim = int(model.get_embedding_dimension() or 0)

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> TextEncoder:
        """Load the checkpoint; no code of it is run, weights must be safetensors or plain."""
        checkpoint = find_checkpoint(record, settings)
        device = pick_device(settings.device)
        dtype = pick_dtype(settings.dtype, device)
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            model = SentenceTransformer(
                str(checkpoint.folder),
                device=str(device),
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"dtype": dtype},
            )
        except Exception as error:
            message = (
                f"cannot load {record.name} from its files: {type(error).__name__}: "
                f"{one_line(error)[:300]}; give a sentence-transformers checkpoint"
            )
            raise InputError(message) from error
        model.to(dtype).eval()
        return cls(model, checkpoint, settings)

    def describe(self) -> dict[str, Any]:
        """Return revision, weights, pooling, dtype and limits."""
        mode = self._pooling.pooling_mode
        return {
            **self._checkpoint.provenance(),
            "dim": self.dim,
            "layer": -1,
            "pooling": mode if isinstance(mode, str) else "+".join(mode),
            "then": [type(module).__name__.lower() for module in self._after],
            "dtype": str(next(self._model.parameters()).dtype).removeprefix("torch."),
            "device": self._device.type,
            "budget": self._budget,
            "packed": self._packed,
            "max_tokens": self._room and self._room + len(self._prefix) + len(self._suffix),
            "prompt": self._prompt,
            "long": self._long,
        }

    def embed(self, ids: Sequence[str], values: Sequence[str | None]) -> Encoded:
        """Encode texts; one without text fails, as one that is too long under --long error."""
        rows = self._tokenize(values)
        errors = [
            None if tokens else "no token in the text" if (value or "").strip() else "empty text"
            for tokens, value in zip(rows, values, strict=True)
        ]
        room = self._room or max(map(len, rows), default=0) or 1
        plan: list[tuple[int, Window]] = []
        for row, tokens in enumerate(rows):
            if len(tokens) > room and self._long == "error":
                errors[row] = f"{len(tokens)} tokens, the model takes {room}"
            elif tokens:
                cuts = windows(
                    min(len(tokens), room) if self._long == "truncate" else len(tokens), room
                )
                plan.extend((row, window) for window in cuts)
        vectors = np.zeros((len(ids), self.dim), dtype=np.float32)
        if plan:
            done = sorted({row for row, _ in plan})
            vectors[done] = self._vectors(rows, plan)
        lengths = np.array([len(tokens) for tokens in rows], dtype=np.int32)
        truncated = (lengths > room) if self._long == "truncate" else np.zeros(len(ids), np.bool_)
        return Encoded([vectors], lengths, truncated, errors)

    def _tokenize(self, values: Sequence[str | None]) -> list[list[int]]:
        """Return the token ids of each text without special tokens; [] for one without text."""
        texts = [(value or "").strip() for value in values]
        with_prompt = [self._prompt + text if text else "" for text in texts]
        found: list[list[int]] = self._tokenizer(
            with_prompt,
            add_special_tokens=False,
            truncation=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
        return [tokens if text else [] for tokens, text in zip(found, texts, strict=True)]

    @torch.inference_mode()
    def _vectors(
        self, rows: list[list[int]], plan: list[tuple[int, Window]]
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return one vector per planned row: its windows pooled, averaged, then post-processed.

        Shape (planned rows, dim). A row of one window is pooled just as it is.
        """
        sequences = [
            [*self._prefix, *rows[row][window.start : window.end], *self._suffix]
            for row, window in plan
        ]
        lengths = [len(sequence) for sequence in sequences]
        pooled: list[torch.Tensor | None] = [None] * len(plan)
        for batch in token_batches(lengths, self._budget):
            run = self._packed_batch if self._packed else self._padded_batch
            for index, vector in zip(
                batch, run([sequences[index] for index in batch]), strict=True
            ):
                pooled[index] = vector
        stacked = torch.stack([vector for vector in pooled if vector is not None])
        owners = torch.tensor([row for row, _ in plan], device=stacked.device)
        weights = torch.tensor([window.weight for _, window in plan], device=stacked.device)
        _, owner = torch.unique_consecutive(owners, return_inverse=True)
        total = torch.zeros(int(owner[-1]) + 1, device=stacked.device).index_add(0, owner, weights)
        share = (weights / total[owner])[:, None]
        means = torch.zeros((len(total), stacked.shape[1]), device=stacked.device)
        features = {"sentence_embedding": means.index_add(0, owner, stacked.float() * share)}
        for module in self._after:
            parameter = next(module.parameters(), None)
            if parameter is not None:
                features["sentence_embedding"] = features["sentence_embedding"].to(parameter.dtype)
            features = module(features)
        found: np.ndarray[Any, np.dtype[np.float32]]
        found = features["sentence_embedding"].float().cpu().numpy()
        return found

    def _packed_batch(self, sequences: list[list[int]]) -> list[torch.Tensor]:
        """Run rows end to end as one; return a pooled vector for each."""
        runs = equal_runs([len(sequence) for sequence in sequences])
        config = self._transformer.auto_model.config
        first = config.pad_token_id + 1 if PACKABLE[config.model_type] else 0
        flat = torch.tensor([[token for sequence in sequences for token in sequence]])
        places = torch.cat([torch.arange(length).repeat(rows) for _, rows, length in runs])
        hidden = self._transformer.auto_model(
            input_ids=flat.to(self._device),
            position_ids=(places + first)[None].to(self._device),
            packed_runs=runs,
        ).last_hidden_state[0]
        vectors: list[torch.Tensor] = []
        for start, rows, length in runs:
            tokens = hidden[start : start + rows * length].reshape(rows, length, -1)
            mask = torch.ones((rows, length), dtype=torch.long, device=self._device)
            vectors.extend(self._pool(tokens, mask))
        return vectors

    def _padded_batch(self, sequences: list[list[int]]) -> list[torch.Tensor]:
        """Run rows padded to the longest; return a pooled vector for each."""
        batch = self._tokenizer.pad(
            {"input_ids": sequences}, padding=True, return_tensors="pt", verbose=False
        ).to(self._device)
        features = self._transformer(dict(batch))
        return list(self._pool(features["token_embeddings"], features["attention_mask"]))

    def _pool(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Pool in float32: a mean over hundreds of bfloat16 numbers would lose digits."""
        features = {"token_embeddings": tokens.float(), "attention_mask": mask}
        pooled: torch.Tensor = self._pooling(features)["sentence_embedding"]
        return pooled

    def _can_pack(self) -> bool:
        config = self._transformer.auto_model.config
        return (
            config.model_type in PACKABLE
            and not getattr(config, "is_decoder", False)
            and getattr(config, "position_embedding_type", "absolute") == "absolute"
        )


def _room(model: SentenceTransformer, special: int) -> int | None:
    """Return how many tokens of its own an input may have; None without a limit."""
    limit = model.max_seq_length
    if limit is None or limit > NO_LIMIT:
        return None
    return int(limit) - special


def _special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:  # noqa: ANN401
    """Return the ids that the tokenizer puts before and after every input."""
    for probe in PROBES:
        plain: list[int] = tokenizer(probe, add_special_tokens=False)["input_ids"]
        full: list[int] = tokenizer(probe)["input_ids"]
        for start in range(len(full) - len(plain) + 1):
            if plain and full[start : start + len(plain)] == plain:
                return full[:start], full[start + len(plain) :]
    message = (
        f"the tokenizer of this checkpoint knows none of {', '.join(PROBES)}, or changes a "
        "text's own tokens when it adds special ones; give a checkpoint with its own tokenizer"
    )
    raise InputError(message)
