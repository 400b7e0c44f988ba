"""ProtBERT: a plain BERT over residues (Elnaggar et al. 2021, 10.1109/TPAMI.2021.3095381)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractors.backbones.network import PackedNetwork
from extractors.checkpoints import find_checkpoint, read_config, require_keys
from extractors.encoders.bert import UNUSED, BertNames, bert_shape
from extractors.encoders.tokens import Frame, TokenEncoder
from extractors.tokenizers.residues import RARE, residues
from extractors.weights import Weights

if TYPE_CHECKING:
    from extractors.model import ModelRecord, Settings


class ProtBertEncoder(TokenEncoder):
    """Proteins through a BERT: residues, one token each, between `[CLS]` and `[SEP]`.

    U, Z, O and B are read as X, as its authors prepared their sequences.
    """

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> ProtBertEncoder:
        """Load a checkpoint in transformers' layout; its config names no model type."""
        checkpoint = find_checkpoint(record, settings)
        shape = bert_shape(read_config(checkpoint, "bert"))
        weights = Weights(checkpoint.files)
        network = PackedNetwork.load(shape, BertNames(weights), settings)
        weights.require_all_used(UNUSED)
        ids = checkpoint.vocabulary("vocab.txt")
        require_keys(ids, "[CLS]", "[SEP]", where="vocab.txt")
        limit = settings.max_tokens or record.max_tokens
        frame = Frame((ids["[CLS]"],), (ids["[SEP]"],), limit, has_cls=True)
        return cls(network, residues(ids, as_any=RARE), frame, checkpoint, settings)
