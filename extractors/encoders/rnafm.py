"""RNA-FM, from the file that its authors publish: tensors and the settings of its training.

An ESM-1b over single bases of RNA. Its file is a torch one, read without running any code.
Source: Chen et al. 2022, arXiv 2204.00300; layout: https://github.com/ml4bio/RNA-FM, MIT.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractors.backbones.network import PackedNetwork
from extractors.backbones.transformer import Shape
from extractors.checkpoints import checkpoint_file, find_checkpoint
from extractors.encoders.fair_esm import KEPT_BY_TOKEN_DROPOUT, UNUSED, FairEsmNames
from extractors.encoders.tokens import Frame, TokenEncoder
from extractors.tokenizers.letters import Letters
from extractors.weights import Weights, load_torch
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from extractors.model import ModelRecord, Settings

ALPHABET = "ACGURYKMSWBDHVN-"
FIRST = 4
"""Id of the first letter, after `<cls> <pad> <eos> <unk>`."""
CLS, EOS = 0, 2
HEADS = 20
"""Of the published model, where a file's settings do not say."""
PUBLISHED_WIDTH = 640
BEFORE_NAMES = re.compile(r"^.*encoder\.")
PADDING_ROWS = 2
"""Rows of the position table that no token takes."""


class RnaFm(TokenEncoder):
    """RNA through RNA-FM: bases and IUPAC codes, one token each, between `<cls>` and `<eos>`."""

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> RnaFm:
        """Load the authors' file, or a folder that holds it."""
        own = Path(settings.checkpoint or "").expanduser()
        checkpoint = checkpoint_file(own) if own.is_file() else find_checkpoint(record, settings)
        if len(checkpoint.files) != 1:
            message = f"{checkpoint.folder} holds no {', '.join(record.files)}; give that file"
            raise InputError(message)
        content = load_torch(checkpoint.files[0])
        tensors = content.get("model") if isinstance(content, dict) else None
        if not isinstance(tensors, dict):
            message = f"{checkpoint.files[0]} has no tensors under 'model'; is it RNA-FM's file?"
            raise InputError(message)
        weights = Weights.of(tensors).renamed(lambda name: BEFORE_NAMES.sub("", name))
        shape = _shape(weights, content.get("args"))
        network = PackedNetwork.load(shape, FairEsmNames(weights, shape), settings)
        weights.require_all_used(UNUSED)
        ids = {letter: number for number, letter in enumerate(ALPHABET, FIRST)}
        letters = Letters(ids, {"T": "U"}, what="nucleotide")
        frame = Frame((CLS,), (EOS,), settings.max_tokens or record.max_tokens, has_cls=True)
        return cls(network, letters, frame, checkpoint, settings)


def _shape(weights: Weights, options: Any) -> Shape:  # noqa: ANN401  whatever the file holds
    """Return the shape that the tensors show; only the number of heads is not in them."""
    vocabulary, width = weights.take("embed_tokens.weight").shape
    known = vars(options) if isinstance(options, argparse.Namespace) else options or {}
    heads = next(
        (known[key] for key in ("encoder_attention_heads", "attention_heads") if key in known),
        HEADS if width == PUBLISHED_WIDTH else None,
    )
    if heads is None or vocabulary < FIRST + len(ALPHABET):
        what = "does not say how many heads it has" if heads is None else f"has {vocabulary} tokens"
        message = (
            f"this file {what}: it is not RNA-FM's for single bases; give RNA-FM_pretrained.pth"
        )
        raise InputError(message)
    blocks = {name.split(".")[1] for name in weights.names() if name.startswith("layers.")}
    return Shape(
        layers=len(blocks),
        width=width,
        heads=int(heads),
        inner=len(weights.take("layers.0.fc1.weight")),
        vocabulary=vocabulary,
        embedding_norm="emb_layer_norm_before.weight" in weights,
        position="absolute",
        positions=len(weights.take("embed_positions.weight")) - PADDING_ROWS,
        embedding_scale=KEPT_BY_TOKEN_DROPOUT if known.get("token_dropout") else 1.0,
    )
