"""Sentence encoders: any sentence-transformers checkpoint, or a bare transformer.

Pooling, dense layers, prompt and limit are what the checkpoint says (`sentence.py`); the network
is ours where it can be (`networks.py`). Genes are documents, not queries: no query instruction
is added, only what its authors put before passages.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from extractors.backbones.network import PackedNetwork
from extractors.checkpoints import find_checkpoint
from extractors.encoders.networks import open_network, sees_back_only
from extractors.encoders.pooling import pool
from extractors.encoders.sentence import WEIGHTED, Normalise, UnknownModulesError, read_sentence
from extractors.encoders.sentence_transformers import SentenceTransformersEncoder
from extractors.encoders.tokens import Frame, TokenEncoder
from extractors.tokenizers.subwords import Subwords, open_tokenizer
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from extractors.backbones.packing import Packing
    from extractors.backbones.stock import StockNetwork
    from extractors.checkpoints import Checkpoint
    from extractors.encoders.sentence import Sentence
    from extractors.model import Encoder, ModelRecord, Settings


class TextEncoder(TokenEncoder):
    """A sentence encoder. The prompt counts as part of a text: a later window has none."""

    def __init__(
        self,
        network: PackedNetwork | StockNetwork,
        tokenizer: Subwords,
        frame: Frame,
        checkpoint: Checkpoint,
        settings: Settings,
        *,
        sentence: Sentence,
    ) -> None:
        chosen = settings.pooling or sentence.pooling
        super().__init__(network, tokenizer, frame, checkpoint, replace(settings, pooling=chosen))
        self._after = [(name, module.to(network.device)) for name, module in sentence.after]
        self._prompt = tokenizer.prompt
        if self.per_token:
            self._after = []
        wide = [name for name, _ in self._after if name != "normalize"]
        if wide and self.layers != (network.n_layers,):
            message = f"what follows the pooling here ({', '.join(wide)}) reads the last layer only"
            raise InputError(message + "; leave out --layers")
        example = torch.zeros((1, self.dim), device=network.device)
        self.dim = self.finish(example).shape[1]

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> Encoder[Any]:
        """Load the checkpoint; no code of it is run, weights are safetensors or plain tensors.

        One of modules that this pipeline does not run goes through sentence-transformers.
        """
        checkpoint = find_checkpoint(record, settings)
        try:
            sentence = read_sentence(checkpoint)
        except UnknownModulesError as why:
            return SentenceTransformersEncoder.open(record, settings, checkpoint, why)
        network = open_network(sentence.backbone, record, settings)
        inner = open_tokenizer(sentence.backbone.folder)
        if sentence.lower:
            _lower(inner)
        prompt = sentence.prompt if record.prompt is None else record.prompt
        tokenizer = Subwords(inner, prompt=prompt)
        prefix, suffix = tokenizer.frame()
        config = sentence.backbone.json("config.json")
        if record.ends_with_eos:
            suffix = _with_end(suffix, config)
        limit = sentence.max_tokens or tokenizer.limit(config)
        if record.max_tokens is not None:
            limit = min(limit or record.max_tokens, record.max_tokens)
        pooling = record.pooling or sentence.pooling
        after = sentence.after
        if record.normalise and "normalize" not in dict(after):
            after = (*after, ("normalize", Normalise()))
        sentence = replace(sentence, pooling=pooling, after=after)
        has_cls = pooling == "cls" or (bool(prefix) and not sees_back_only(network))
        frame = Frame(prefix, suffix, settings.max_tokens or limit, has_cls=has_cls)
        return cls(network, tokenizer, frame, checkpoint, settings, sentence=sentence)

    def describe(self) -> dict[str, Any]:
        """Return revision, weights, pooling and what follows it, prompt, dtype and limits."""
        return {
            **super().describe(),
            "then": [name for name, _ in self._after],
            "prompt": self._prompt,
            "packed": isinstance(self._network, PackedNetwork),
        }

    def pool(self, hidden: torch.Tensor, packing: Packing) -> torch.Tensor:
        """Pool token vectors (tokens, width) to (rows, width), float32."""
        if self._pooling not in WEIGHTED:
            return super().pool(hidden, packing)
        lengths = torch.tensor(packing.lengths, device=hidden.device)
        lengths = lengths.repeat_interleave(lengths).float()
        weights = WEIGHTED[self._pooling](packing.places, lengths)
        return pool(hidden.float() * weights[:, None], packing, "mean-special", self._frame)

    def finish(self, vectors: torch.Tensor) -> torch.Tensor:
        """Run the modules that follow the pooling."""
        for _, module in self._after:
            vectors = module(vectors)
        return vectors


def _with_end(suffix: tuple[int, ...], config: dict[str, Any]) -> tuple[int, ...]:
    """Return the special tokens after an input, the end token of the configuration last."""
    end = config.get("eos_token_id")
    if not isinstance(end, int):
        message = f"config.json has eos_token_id {end!r}; this model pools at its end token"
        raise InputError(message)
    return suffix if suffix[-1:] == (end,) else (*suffix, end)


def _lower(tokenizer: Any) -> None:  # noqa: ANN401  transformers has many
    """Make a tokenizer lower-case its input first."""
    from tokenizers.normalizers import Lowercase, Sequence

    backend = tokenizer.backend_tokenizer
    backend.normalizer = Sequence([Lowercase(), *filter(None, [backend.normalizer])])
