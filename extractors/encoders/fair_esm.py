"""Checkpoints of the fair-esm package: one `.pt` file each of ESM-1, ESM-1b, ESM-1v or ESM-2.

A file holds tensors and the settings of its training, and no code is run to read it. The later
models become our transformer; ESM-1 runs in the package's own class. Source of the layout:
https://github.com/facebookresearch/esm (`esm/pretrained.py`), MIT.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from extractors.backbones.network import PackedNetwork
from extractors.backbones.transformer import Shape
from extractors.checkpoints import Checkpoint, checkpoint_file, require_keys
from extractors.encoders.tokens import Frame, Network, TokenEncoder
from extractors.tokenizers.residues import residues
from extractors.weights import Weights, load_torch
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractors.model import ModelRecord, Settings
    from extractors.tokenizers.letters import Letters

DOWNLOADS = "https://dl.fbaipublicfiles.com/fair-esm/models"
KEPT_BY_TOKEN_DROPOUT = 1 - 0.15 * 0.8
"""Share of the embeddings left in training: 15 % of tokens are chosen, 80 % of them masked."""
SYMBOLS = ".-"
"""Read beside letters: the gaps of alignments."""
IDS = {letter: number for number, letter in enumerate("LAGVSERTIDPKQNFYMHWCXBUZO.-", 4)}
CLS, EOS = 0, 2
CLS_OF_ESM1 = 32
"""ESM-1 has its special tokens at the end of the vocabulary, and none after a protein."""
PREFIX = re.compile(r"^(encoder\.(sentence_encoder\.)?|decoder\.)")
UNUSED = r"^lm_head\.|^contact_head\.|inv_freq$|version$"
ARCHITECTURES = ("roberta_large", "protein_bert_base")


@dataclass(frozen=True)
class FairEsm:
    """What a file holds, ready to run."""

    network: Network
    letters: Letters
    frame: Frame
    checkpoint: Checkpoint


class FairEsmEncoder(TokenEncoder):
    """Proteins through a model that exists as a `.pt` file only: ESM-1."""

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> FairEsmEncoder:
        """Load the file that `--checkpoint` names."""
        path = Path(settings.checkpoint or "").expanduser()
        if not path.is_file():
            given = f"{path} is no file" if settings.checkpoint else "give --checkpoint FILE"
            message = f"model {record.name} is one .pt file: {given}; download it from {DOWNLOADS}/"
            raise InputError(message)
        file = read_fair_esm(path, settings.max_tokens or record.max_tokens, settings)
        return cls(file.network, file.letters, file.frame, file.checkpoint, settings)


def read_fair_esm(path: Path, limit: int | None, settings: Settings) -> FairEsm:
    """Load a file of fair-esm; `limit` is the longest row in tokens.

    InputError for a file of another kind, or with anything in it that is no plain data.
    """
    content = load_torch(path)
    options = _options(content, path)
    tensors = content.get("model")
    if not isinstance(tensors, dict):
        message = f"{path} has no tensors under 'model'; give a checkpoint of fair-esm"
        raise InputError(message)
    weights = Weights.of(tensors).renamed(lambda name: PREFIX.sub("", name))
    letters = residues(IDS, symbols=SYMBOLS)
    network: Network
    if options["arch"] == "protein_bert_base":
        from extractors.backbones.esm1 import load_esm1

        network = load_esm1(options, weights, settings)
        frame = Frame((CLS_OF_ESM1,), (), limit, has_cls=True)
    else:
        shape = _shape(options, weights)
        network = PackedNetwork.load(shape, FairEsmNames(weights, shape), settings)
        weights.require_all_used(UNUSED)
        frame = Frame((CLS,), (EOS,), limit, has_cls=True)
    return FairEsm(network, letters, frame, checkpoint_file(path))


def _options(content: Any, path: Path) -> dict[str, Any]:  # noqa: ANN401  whatever the file holds
    """Return the settings of the training without the part of the model they are for."""
    if isinstance(content, dict) and isinstance(content.get("cfg"), dict):
        found, arch = _plain(content["cfg"].get("model")), "esm2"
    elif isinstance(content, dict) and "args" in content:
        found = _plain(content["args"])
        arch = found.get("arch", "unknown")
        if arch not in ARCHITECTURES:
            message = f"{path} is of architecture {arch!r}; choices: {', '.join(ARCHITECTURES)}"
            raise InputError(message)
    else:
        message = (
            f"{path} has neither 'cfg' nor 'args': no checkpoint of fair-esm; "
            "give its file, or a folder in transformers' layout"
        )
        raise InputError(message)
    shortened = {re.sub(r"^(en|de)coder_", "", name): value for name, value in found.items()}
    return shortened | {"arch": arch}


def _plain(options: Any) -> dict[str, Any]:  # noqa: ANN401  a namespace or a dictionary
    if isinstance(options, argparse.Namespace):
        return vars(options)
    return options if isinstance(options, dict) else {}


def _shape(options: Mapping[str, Any], weights: Weights) -> Shape:
    require_keys(options, "layers", "attention_heads", where="the file")
    vocabulary, width = weights.take("embed_tokens.weight").shape
    learned = options["arch"] == "roberta_large"
    # Two rows are for padding, see EsmNames.
    positions = len(weights.take("embed_positions.weight")) - 2 if learned else 0
    return Shape(
        layers=options["layers"],
        width=width,
        heads=options["attention_heads"],
        inner=len(weights.take("layers.0.fc1.weight")),
        vocabulary=vocabulary,
        embedding_norm="emb_layer_norm_before.weight" in weights,
        position="absolute" if learned else "rotary",
        positions=positions,
        embedding_scale=KEPT_BY_TOKEN_DROPOUT if options.get("token_dropout") else 1.0,
    )


PARTS = {
    "attention_norm": "self_attn_layer_norm",
    "out": "self_attn.out_proj",
    "feed_norm": "final_layer_norm",
    "up": "fc1",
    "down": "fc2",
}


class FairEsmNames:
    """Finds our parameters among fair-esm's tensors."""

    def __init__(self, weights: Weights, shape: Shape) -> None:
        self._weights, self._shape = weights, shape

    def __call__(self, name: str) -> torch.Tensor:
        """Return the tensor for one parameter of `Transformer`."""
        take = self._weights.take
        match name.split("."):
            case ["tokens"]:
                return take("embed_tokens.weight")
            case ["places"]:
                table = take("embed_positions.weight")
                return table[len(table) - self._shape.positions :]
            case ["embedding_norm", leaf]:
                return take(f"emb_layer_norm_before.{leaf}")
            case ["final_norm", leaf]:
                return take(f"emb_layer_norm_after.{leaf}")
            case ["blocks", number, "qkv", leaf]:
                here = f"layers.{number}.self_attn"
                return torch.cat([take(f"{here}.{part}_proj.{leaf}") for part in "qkv"])
            case ["blocks", number, part, leaf]:
                return take(f"layers.{number}.{PARTS[part]}.{leaf}")
        message = f"no tensor is known for {name}"
        raise ValueError(message)
