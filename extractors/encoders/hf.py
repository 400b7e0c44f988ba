"""`hf:ID`: any encoder or decoder that transformers knows, on any kind of sequence.

The checkpoint's own tokenizer reads the value. Proteins and nucleotides are upper-cased and
stripped of white space; where the tokenizer knows single letters only between spaces (ProtBERT,
ProtT5), they are spaced, and the provenance says so. Text is read as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.backbones.network import PackedNetwork
from extractors.checkpoints import find_checkpoint
from extractors.encoders.networks import open_network, sees_back_only
from extractors.encoders.tokens import Frame, TokenEncoder
from extractors.tokenizers.subwords import Subwords, open_tokenizer
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from extractors.model import ModelRecord, Settings

EXAMPLES = {
    "protein": "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ",
    "dna": "ACGTTGCAACGTAGCTAGCTAGGATCCA",
    "rna": "ACGUUGCAACGUAGCUAGCUAGGAUCCA",
}
"""Sequences from which it is learnt how a tokenizer wants its letters."""
MOST_UNKNOWN = 0.5
"""Share of unknown tokens from which a row has no vector."""


class Sequences:
    """A tokenizer that reads proteins or nucleotides: cleaned, and counted for unknowns."""

    def __init__(self, tokenizer: Any, modality: str) -> None:  # noqa: ANN401  transformers has many
        self._unknown: int | None = tokenizer.unk_token_id
        example = EXAMPLES[modality]
        forms = [Subwords(tokenizer, spaced=spaced) for spaced in (False, True)]
        shares = [self._share(form.ids([form.form(example)])[0]) for form in forms]
        # Unspaced unless that loses letters: most tokenizers of sequences read them as they are.
        self.spaced = shares[1] < shares[0]
        self._inner = forms[self.spaced]
        if min(shares) > MOST_UNKNOWN:
            message = (
                f"the tokenizer of this checkpoint does not know plain {modality} letters "
                f"({example[:8]}… becomes unknown tokens): it wants another form of input; "
                f"`extract --list --modality {modality}` shows the models that are written here"
            )
            raise InputError(message)

    def _share(self, ids: Sequence[int] | NDArray[np.int64]) -> float:
        if not len(ids):
            return 1.0
        return float(np.mean(np.asarray(ids) == (-1 if self._unknown is None else self._unknown)))

    def tokenize(self, values: Sequence[str]) -> list[NDArray[np.int64] | str]:
        """Return the ids of each sequence, int64, or why it has none."""
        found = self._inner.tokenize(["".join(value.split()).upper() for value in values])
        return [
            f"{share:.0%} of its tokens are unknown to the tokenizer"
            if not isinstance(tokens, str) and (share := self._share(tokens)) > MOST_UNKNOWN
            else tokens
            for tokens in found
        ]


class HfEncoder(TokenEncoder):
    """A checkpoint of transformers that is in no registry: mean of the last layer by default."""

    spaced = False
    packed = False

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> HfEncoder:
        """Load a checkpoint; no code of it is run. InputError for one that would run wrongly."""
        checkpoint = find_checkpoint(record, settings)
        network = open_network(checkpoint, record, settings)
        inner = open_tokenizer(checkpoint.folder)
        plain = Subwords(inner)
        tokenizer = Sequences(inner, record.modality) if record.modality in EXAMPLES else plain
        prefix, suffix = plain.frame()
        limit = settings.max_tokens or plain.limit(checkpoint.json("config.json"))
        has_cls = bool(prefix) and not sees_back_only(network)
        frame = Frame(prefix, suffix, limit, has_cls=has_cls)
        encoder = cls(network, tokenizer, frame, checkpoint, settings)
        encoder.spaced = isinstance(tokenizer, Sequences) and tokenizer.spaced
        encoder.packed = isinstance(network, PackedNetwork)
        return encoder

    def describe(self) -> dict[str, Any]:
        """Return what decides the numbers; `spaced`: whether letters were put apart."""
        return {**super().describe(), "spaced": self.spaced, "packed": self.packed}
