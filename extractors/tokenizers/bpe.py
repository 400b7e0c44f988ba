"""Nucleotides to the byte-pair tokens of a `tokenizer.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tokenizers

from extractors.tokenizers.nucleotides import read_bases, token_id, write_bases
from hf_datasets.errors import InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from extractors.checkpoints import Checkpoint

FILE = "tokenizer.json"


class BytePairs:
    """Words that the checkpoint's own merges make; what the file says of cutting is ignored.

    The sequence reaches the tokenizer as upper-case ACGTN; how N is read is the file's.
    """

    def __init__(self, checkpoint: Checkpoint, rows: int) -> None:
        text = checkpoint.read(FILE)
        try:
            self._words = tokenizers.Tokenizer.from_str(text)
        except (
            Exception
        ) as error:  # what the library raises for a damaged file is no class of its own
            message = f"{checkpoint.folder / FILE} is no tokenizer file ({one_line(error)[:120]})"
            raise InputError(message) from error
        self._words.no_truncation()
        self._words.no_padding()
        vocabulary = self._words.get_vocab()
        if vocabulary and max(vocabulary.values()) >= rows:
            message = (
                f"{checkpoint.folder / FILE} has token ids up to {max(vocabulary.values())}, "
                f"the model {rows} tokens; give the tokenizer of this model"
            )
            raise InputError(message)
        self.start = token_id(vocabulary, "[CLS]", rows)
        self.end = token_id(vocabulary, "[SEP]", rows)

    def tokenize(self, values: Sequence[str]) -> list[NDArray[np.int64] | str]:
        """Return the ids of each value, int64, or why it has none."""
        rows = [read_bases(value) for value in values]
        texts = [write_bases(row) for row in rows if not isinstance(row, str)]
        encoded = iter(self._words.encode_batch(texts, add_special_tokens=False))
        return [
            row if isinstance(row, str) else np.array(next(encoded).ids, dtype=np.int64)
            for row in rows
        ]
