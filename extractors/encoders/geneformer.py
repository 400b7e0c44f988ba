"""Geneformer: a BERT over genes, each cell's most outstanding first.

V1: Theodoris et al. 2023, 10.1038/s41586-023-06139-9; V2: Chen et al. 2024,
10.1101/2024.08.16.608180. Which of the two a checkpoint is shows in its record. As upstream's
`emb_layer=-1`, vectors of cells and contextual genes are taken after the second-to-last layer
unless `--layers` says otherwise; upstream pools V1 by mean and V2 by `<cls>`, and so do we.
Without cells, a gene's vector is its row of the token table, as gene-benchmark takes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractors.backbones.network import PackedNetwork, pick_device, pick_dtype
from extractors.backbones.transformer import load
from extractors.checkpoints import find_checkpoint, read_config, require_keys
from extractors.encoders.bert import UNUSED, BertNames, bert_shape
from extractors.encoders.expression import ExpressionEncoder
from extractors.expression.dictionaries import read_dictionaries
from extractors.expression.reader import RankReader
from extractors.weights import Weights
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from extractors.checkpoints import Checkpoint
    from extractors.model import ModelRecord, Settings

UPSTREAMS_LAYER = -2
POOLING = {1: "mean", 2: "cls"}


class GeneformerV1(ExpressionEncoder):
    """2,048 genes a cell, no special tokens."""

    version = 1

    @classmethod
    def open_reader(cls, record: ModelRecord, settings: Settings) -> RankReader:
        """Return the reader over the dictionaries that lie beside the checkpoint."""
        return cls._reader_of(find_checkpoint(record, settings), settings)

    @classmethod
    def _reader_of(cls, checkpoint: Checkpoint, settings: Settings) -> RankReader:
        config = read_config(checkpoint, "bert")
        require_keys(config, "vocab_size", "max_position_embeddings")
        folders = [checkpoint.folder, checkpoint.folder.parent]
        dictionaries = read_dictionaries(cls.version, folders)
        if dictionaries.size != config["vocab_size"]:
            message = (
                f"{checkpoint.folder} has {config['vocab_size']:,} tokens, the dictionaries of "
                f"Geneformer V{cls.version} have {dictionaries.size:,}: they do not belong together"
            )
            raise InputError(message)
        limit = settings.max_tokens or config["max_position_embeddings"]
        return RankReader(dictionaries, limit)

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> GeneformerV1:
        """Load a checkpoint in upstream's layout; weights are safetensors or plain tensors."""
        checkpoint = find_checkpoint(record, settings)
        reader = cls._reader_of(checkpoint, settings)
        device = pick_device(settings.device)
        dtype = pick_dtype(settings.dtype, device)
        weights = Weights(checkpoint.files)
        shape = bert_shape(read_config(checkpoint, "bert"))
        network = PackedNetwork(
            load(shape, BertNames(weights), device=device, dtype=dtype), device, dtype
        )
        weights.require_all_used(UNUSED)
        return cls(
            network,
            reader,
            checkpoint,
            settings,
            pooling=POOLING[cls.version],
            layer=UPSTREAMS_LAYER,
        )

    def table(self) -> tuple[str, NDArray[np.float32]]:
        """Return the token table."""
        assert isinstance(self._network, PackedNetwork)  # noqa: S101  load made it
        tokens: NDArray[np.float32] = self._network.model.tokens.float().cpu().numpy()
        return "genes, token table", tokens


class GeneformerV2(GeneformerV1):
    """4,094 genes a cell between `<cls>` and `<eos>`."""

    version = 2
