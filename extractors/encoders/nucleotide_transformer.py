"""The Nucleotide Transformer, versions 1 and 2: ESM over 6-mers of DNA.

Version 1 is transformers' own ESM with learned positions; version 2 has rotary ones and gated
feed-forwards without biases. `<cls>` stands before a row and nothing after it. The authors
average all tokens, `<cls>` included: `--pooling mean-special`. Source: Dalla-Torre et al. 2025,
10.1038/s41592-024-02523-z.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from extractors.backbones.network import PackedNetwork
from extractors.checkpoints import find_checkpoint, read_config
from extractors.encoders.esm import UNUSED, EsmNames, esm_shape
from extractors.encoders.tokens import Frame, TokenEncoder
from extractors.tokenizers.nucleotides import SideBySideKmers, token_id
from extractors.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractors.backbones.transformer import Shape
    from extractors.model import ModelRecord, Settings

K = 6
VERSION_2 = "add_bias_fnn"
"""The key of its configuration that only version 2 has."""


class NucleotideTransformer(TokenEncoder):
    """DNA through the Nucleotide Transformer, after `<cls>`."""

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> NucleotideTransformer:
        """Load a checkpoint of version 1 or 2; its configuration says which."""
        checkpoint = find_checkpoint(record, settings)
        shape = nucleotide_shape(read_config(checkpoint, "esm"))
        weights = Weights(checkpoint.files)
        network = PackedNetwork.load(shape, EsmNames(weights, shape), settings)
        weights.require_all_used(UNUSED)
        # Version 1 lists two more words than its token table has rows; no input gives them.
        ids = checkpoint.vocabulary("vocab.txt")
        words = SideBySideKmers(K, ids, shape.vocabulary)
        limit = settings.max_tokens or record.max_tokens
        frame = Frame((token_id(ids, "<cls>", shape.vocabulary),), (), limit, has_cls=True)
        return cls(network, words, frame, checkpoint, settings)


def nucleotide_shape(config: Mapping[str, Any]) -> Shape:
    """Return the shape that a configuration of version 1 or 2 describes."""
    shape = esm_shape(config)
    if VERSION_2 not in config:
        return shape
    return replace(shape, activation="silu", gated=True, feed_bias=bool(config[VERSION_2]))
