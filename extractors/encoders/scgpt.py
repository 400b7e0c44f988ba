"""scGPT: a transformer over a cell's genes and the bins of their counts.

Source: Cui et al. 2024, 10.1038/s41592-024-02201-0; https://github.com/bowang-lab/scGPT, MIT. A
checkpoint is a folder of `args.json`, `vocab.json` and `best_model.pt`. A cell's vector is that
of `<cls>` after the last layer, scaled to length 1, as upstream does; `--pooling mean` averages
the genes instead. Without cells, a gene's vector is its row of the gene encoder: the embedding
after its layer norm, as gene-benchmark takes it, or the embedding itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from extractors.backbones.network import PackedNetwork, pick_device, pick_dtype
from extractors.backbones.transformer import Shape, load
from extractors.cells.genes import Naming
from extractors.checkpoints import Checkpoint
from extractors.encoders.expression import ExpressionEncoder
from extractors.expression.reader import BinReader
from extractors.weights import Weights
from hf_datasets.errors import InputError, shorten
from hf_datasets.files import file_digest
from hf_datasets.hub import pull_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from extractors.backbones.packing import Packing
    from extractors.backbones.transformer import Transformer
    from extractors.model import ModelRecord, Settings

ARGS, VOCABULARY, WEIGHTS = FILES = ("args.json", "vocab.json", "best_model.pt")
SPECIAL = ("<pad>", "<cls>", "<eoc>")
"""Special tokens, in the order in which upstream appends those that a vocabulary lacks."""
LARGEST_VALUE = 512.0
UNUSED = r"^(decoder|mvc_decoder|cls_decoder|flag_encoder|batch_encoder|sim|grad_reverse\w*)\."
"""Heads, and parts that upstream does not run for an embedding."""
PARTS = {
    "qkv": "self_attn.in_proj_",
    "out": "self_attn.out_proj.",
    "attention_norm": "norm1.",
    "feed_norm": "norm2.",
    "up": "linear1.",
    "down": "linear2.",
}
"""Our names of a layer's parts to PyTorch's."""


@dataclass(frozen=True)
class Folder:
    """A checkpoint's settings and vocabulary."""

    checkpoint: Checkpoint
    args: dict[str, Any]
    vocabulary: dict[str, int]
    """Gene or special token to its row of the embedding."""

    def reader(self, settings: Settings) -> BinReader:
        """Return how the model reads cells."""
        genes = {name: row for name, row in self.vocabulary.items() if not _is_special(name)}
        return BinReader(
            Naming("symbols", genes),
            len(self.vocabulary),
            cls=self.vocabulary["<cls>"],
            n_bins=int(self.args["n_bins"]),
            max_tokens=settings.max_tokens or int(self.args["max_seq_len"]),
            seed=settings.seed,
        )

    def shape(self) -> Shape:
        """Return the transformer that the settings describe."""
        args = self.args
        return Shape(
            layers=args["nlayers"],
            width=args["embsize"],
            heads=args["nheads"],
            inner=args["d_hid"],
            vocabulary=len(self.vocabulary),
            epsilon=1e-5,
            norm_first=False,
            embedding_norm=True,
            final_norm=False,
            activation="relu",
        )


class ScGptNetwork(PackedNetwork):
    """Reads tokens that hold a gene and a bin, as `BinReader` makes them."""

    def __init__(
        self, model: Transformer, bins: torch.Tensor, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(model, device, dtype)
        self._bins = bins.to(device)

    def hidden(
        self, ids: torch.Tensor, packing: Packing, layers: Sequence[int]
    ) -> list[torch.Tensor]:
        """Return (tokens, width) after each of `layers`, float32."""
        span = len(self._bins)
        x = self.model.embed(ids // span, packing) + self._bins[ids % span]
        found: list[torch.Tensor] = self.model(x, packing, layers)
        return found


class ScGpt(ExpressionEncoder):
    """A scGPT checkpoint; gene vectors without cells are embeddings after their layer norm."""

    _network: ScGptNetwork

    @classmethod
    def open_reader(cls, record: ModelRecord, settings: Settings) -> BinReader:
        """Return the reader over the checkpoint's vocabulary."""
        return find_folder(record, settings).reader(settings)

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> ScGpt:
        """Load a checkpoint folder; `best_model.pt` is read as plain tensors."""
        folder = find_folder(record, settings)
        device = pick_device(settings.device)
        dtype = pick_dtype(settings.dtype, device)
        weights = Weights(folder.checkpoint.files).renamed(plain_name)
        table = value_table(weights, int(folder.args["n_bins"]), float(folder.args["pad_value"]))
        model = load(folder.shape(), ScGptNames(weights), device=device, dtype=dtype)
        weights.require_all_used(UNUSED)
        return cls(
            ScGptNetwork(model, table, device, dtype),
            folder.reader(settings),
            folder.checkpoint,
            settings,
            pooling="cls",
            layer=-1,
        )

    def finish(self, vectors: torch.Tensor) -> torch.Tensor:
        """Scale cells pooled from `<cls>` to length 1."""
        return functional.normalize(vectors, dim=-1) if self._pooling == "cls" else vectors

    def table(self) -> tuple[str, NDArray[np.float32]]:
        """Return the embedding after its layer norm."""
        model = self._network.model
        normed: NDArray[np.float32] = model.embedding_norm(model.tokens).cpu().numpy()
        return "genes, embedding and layer norm", normed


class RawScGpt(ScGpt):
    """The same; gene vectors without cells are the embeddings as they are."""

    def table(self) -> tuple[str, NDArray[np.float32]]:
        """Return the embedding."""
        raw: NDArray[np.float32] = self._network.model.tokens.float().cpu().numpy()
        return "genes, embedding", raw


def find_folder(record: ModelRecord, settings: Settings) -> Folder:
    """Return the model's folder: --checkpoint, or the Hub where the record names a repository.

    InputError when a file is missing, or the settings are of a model that we do not run.
    """
    if settings.checkpoint is not None:
        root, revision = Path(settings.checkpoint).expanduser(), None
    elif record.hub_id is None:
        message = (
            f"model {record.name} is not on the Hub; get its folder of {', '.join(FILES)} from "
            "https://github.com/bowang-lab/scGPT#pretrained-scgpt-model-zoo, give --checkpoint"
        )
        raise InputError(message)
    else:
        wanted = settings.revision or record.revision
        root = pull_snapshot(record.hub_id, wanted, kind="model", patterns=FILES)
        revision = root.name
    missing = [name for name in FILES if not (root / name).is_file()]
    if missing:
        message = f"{root} is no checkpoint of scGPT: it lacks {', '.join(missing)}"
        raise InputError(message)
    weights = root / WEIGHTS
    checkpoint = Checkpoint(root, revision, (file_digest(weights),), (weights,))
    vocabulary = {str(name): int(row) for name, row in checkpoint.json(VOCABULARY).items()}
    for token in SPECIAL:
        vocabulary.setdefault(token, len(vocabulary))
    if sorted(vocabulary.values()) != list(range(len(vocabulary))):
        message = f"{root / VOCABULARY} does not number its {len(vocabulary):,} names from 0"
        raise InputError(message)
    return Folder(checkpoint, _args(checkpoint), vocabulary)


def _args(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return args.json with one spelling; InputError for a model of another kind."""
    args = checkpoint.json(ARGS)
    args.setdefault("nheads", args.get("nhead"))
    args.setdefault("n_bins", 51)
    args.setdefault("max_seq_len", 1200)
    args.setdefault("pad_value", -2)
    needed = ("embsize", "nheads", "d_hid", "nlayers")
    if missing := [key for key in needed if args.get(key) is None]:
        message = f"{checkpoint.folder / ARGS} has no {shorten(missing)}; give a whole checkpoint"
        raise InputError(message)
    style = args.get("input_emb_style", "continuous")
    if style != "continuous" or args.get("pre_norm"):
        what = f"input_emb_style {style!r}" if style != "continuous" else "pre_norm"
        message = f"{checkpoint.folder / ARGS} has {what}: a variant of scGPT that we do not run"
        raise InputError(message)
    return args


def _is_special(name: str) -> bool:
    return name.startswith("<") and name.endswith(">")


def plain_name(name: str) -> str:
    """Return PyTorch's own name of a tensor that flash attention's classes name otherwise."""
    return name.replace(".self_attn._impl.", ".self_attn.").replace(".Wqkv.", ".in_proj_")


def value_table(weights: Weights, n_bins: int, special: float) -> torch.Tensor:
    """Return what the value encoder makes of each bin, (n_bins, width) float32.

    Row 0 is that of `special`, the value that `<cls>` carries.
    """
    values = torch.arange(n_bins, dtype=torch.float32)[:, None].clamp(max=LARGEST_VALUE)
    values[0] = special
    part = {
        name: weights.take(f"value_encoder.{name}").float()
        for layer in ("linear1", "linear2", "norm")
        for name in (f"{layer}.weight", f"{layer}.bias")
    }
    hidden = functional.linear(values, part["linear1.weight"], part["linear1.bias"]).relu()
    hidden = functional.linear(hidden, part["linear2.weight"], part["linear2.bias"])
    width = (hidden.shape[1],)
    return functional.layer_norm(hidden, width, part["norm.weight"], part["norm.bias"], 1e-5)


class ScGptNames:
    """Finds our parameters among scGPT's tensors."""

    def __init__(self, weights: Weights) -> None:
        self._take = weights.take

    def __call__(self, name: str) -> torch.Tensor:
        """Return the tensor for one parameter of `Transformer`."""
        match name.split("."):
            case ["tokens"]:
                return self._take("encoder.embedding.weight")
            case ["embedding_norm", leaf]:
                return self._take(f"encoder.enc_norm.{leaf}")
            case ["blocks", number, part, leaf]:
                return self._take(f"transformer_encoder.layers.{number}.{PARTS[part]}{leaf}")
        message = f"no tensor is known for {name}"
        raise ValueError(message)
