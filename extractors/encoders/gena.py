"""GENA-LM: a BERT with its norms before attention and feed-forward, over byte pairs of DNA.

Vectors are not normalised after the last layer, so their components grow past 10: standardise
them before a distance is taken. Source: Fishman et al. 2025, 10.1093/nar/gkae1310.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from extractors.backbones.network import PackedNetwork
from extractors.checkpoints import find_checkpoint, read_config
from extractors.encoders.bert import UNUSED, BertNames, bert_shape
from extractors.encoders.tokens import Frame, TokenEncoder
from extractors.tokenizers.bpe import BytePairs
from extractors.weights import Weights
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from extractors.backbones.transformer import Shape
    from extractors.model import ModelRecord, Settings


class Gena(TokenEncoder):
    """DNA through GENA-LM, between `[CLS]` and `[SEP]`."""

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> Gena:
        """Load a checkpoint in the layout of upstream's own code."""
        checkpoint = find_checkpoint(record, settings)
        shape = gena_shape(read_config(checkpoint, "bert"))
        weights = Weights(checkpoint.files)
        network = PackedNetwork.load(shape, GenaNames(weights), settings)
        weights.require_all_used(UNUSED)
        pairs = BytePairs(checkpoint, shape.vocabulary)
        limit = settings.max_tokens or record.max_tokens
        frame = Frame((pairs.start,), (pairs.end,), limit, has_cls=True)
        return cls(network, pairs, frame, checkpoint, settings)


def gena_shape(config: Mapping[str, Any]) -> Shape:
    """Return the shape that GENA-LM's configuration describes.

    Without `last_layer_norm` there is a last norm, as upstream's code takes it. InputError for a
    BERT without `pre_layer_norm`, which is a plain one.
    """
    if config.get("pre_layer_norm") is not True:
        message = (
            "config.json does not set pre_layer_norm, as GENA-LM's do: it describes a plain BERT; "
            "give a checkpoint of GENA-LM"
        )
        raise InputError(message)
    last = config.get("last_layer_norm", True)
    if not isinstance(last, bool):
        message = f"config.json has last_layer_norm {last!r}; choices: true, false"
        raise InputError(message)
    plain = bert_shape({**config, "pre_layer_norm": None})
    return replace(plain, norm_first=True, final_norm=last)


class GenaNames(BertNames):
    """Finds our parameters among GENA-LM's tensors: BERT's, but for the norms of the layers."""

    def __call__(self, name: str) -> torch.Tensor:
        """Return the tensor for one parameter of `Transformer`."""
        take, prefix = self._weights.take, self._prefix
        match name.split("."):
            case ["final_norm", leaf]:
                return take(f"{prefix}encoder.last_layer_ln.{leaf}")
            case ["blocks", number, "attention_norm", leaf]:
                return take(f"{prefix}encoder.layer.{number}.pre_attention_ln.{leaf}")
            case ["blocks", number, "feed_norm", leaf]:
                return take(f"{prefix}encoder.layer.{number}.post_attention_ln.{leaf}")
        return super().__call__(name)
