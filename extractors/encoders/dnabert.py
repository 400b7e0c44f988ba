"""Plain BERTs over nucleotides: DNABERT with its overlapping k-mers, SpliceBERT with single bases.

Sources: Ji et al. 2021, 10.1093/bioinformatics/btab083; Chen et al. 2024, 10.1093/bib/bbae163.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractors.backbones.network import PackedNetwork
from extractors.checkpoints import find_checkpoint, read_config
from extractors.encoders.bert import UNUSED, BertNames, bert_shape
from extractors.encoders.tokens import Frame, TokenEncoder
from extractors.tokenizers.nucleotides import OverlappingKmers, SingleBases, token_id
from extractors.weights import Weights
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractors.encoders.tokens import Tokenizer
    from extractors.model import ModelRecord, Settings


class NucleotideBert(TokenEncoder):
    """DNA or RNA through a plain BERT, between `[CLS]` and `[SEP]`."""

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> NucleotideBert:
        """Load a checkpoint in transformers' layout; its vocabulary says what a token is."""
        checkpoint = find_checkpoint(record, settings)
        shape = bert_shape(read_config(checkpoint, "bert"))
        weights = Weights(checkpoint.files)
        network = PackedNetwork.load(shape, BertNames(weights), settings)
        weights.require_all_used(UNUSED)
        ids = checkpoint.vocabulary("vocab.txt")
        rows = shape.vocabulary
        before, after = (token_id(ids, token, rows) for token in ("[CLS]", "[SEP]"))
        limit = settings.max_tokens or record.max_tokens
        frame = Frame((before,), (after,), limit, has_cls=True)
        return cls(network, cls.tokenizer(ids, rows), frame, checkpoint, settings)

    @staticmethod
    def tokenizer(ids: Mapping[str, int], rows: int) -> Tokenizer:
        """Return the tokenizer of a vocabulary."""
        return SingleBases(ids, rows)


class DnaBert(NucleotideBert):
    """DNA through DNABERT: a k-mer for every base, k as the vocabulary has it."""

    @staticmethod
    def tokenizer(ids: Mapping[str, int], rows: int) -> Tokenizer:
        """Return the tokenizer of a vocabulary, whose words are all k-mers of one k."""
        lengths = {len(word) for word in ids if not word.startswith("[")}
        if len(lengths) != 1 or 1 in lengths:
            found = ", ".join(map(str, sorted(lengths))) or "no"
            message = (
                f"vocab.txt holds words of {found} letters, not k-mers of one length; "
                "give a checkpoint of DNABERT"
            )
            raise InputError(message)
        return OverlappingKmers(lengths.pop(), ids, rows)
