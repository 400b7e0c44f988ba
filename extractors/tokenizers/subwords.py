"""A checkpoint's own tokenizer: its tokens, and the special ones that it puts around them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.errors import InputError, one_line

os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

from transformers import AutoTokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

PROBES = ("gene", "the", "a", "1", "A C", "ACGTAC")
"""Inputs to learn from where the tokenizer puts its special tokens."""
NO_LIMIT = 1_000_000
"""Tokenizers say "no limit" with a huge number of tokens."""


class Subwords:
    """A Hugging Face tokenizer whose special tokens are left to the encoder.

    `prompt` is put before each text; with `spaced`, white space between all letters.
    """

    def __init__(self, tokenizer: Any, *, prompt: str = "", spaced: bool = False) -> None:  # noqa: ANN401  transformers has many
        self.inner = tokenizer
        self.prompt, self.spaced = prompt, spaced

    def tokenize(self, values: Sequence[str]) -> list[NDArray[np.int64] | str]:
        """Return the ids of each text, int64, or why it has none."""
        if not values:
            return []
        found = self.ids([self.form(value) for value in values])
        return [
            np.array(tokens, dtype=np.int64) if value.strip() else "empty text"
            for tokens, value in zip(found, values, strict=True)
        ]

    def form(self, value: str) -> str:
        """Return a value as the tokenizer gets it."""
        return self.prompt + (" ".join(value) if self.spaced else value)

    def ids(self, texts: list[str]) -> list[list[int]]:
        """Return the ids of texts as they are, without special tokens, however long."""
        found: list[list[int]] = self.inner(
            texts,
            add_special_tokens=False,
            truncation=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
        return found

    def frame(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the special tokens that stand before and after every input."""
        for probe in PROBES:
            plain = self.ids([probe])[0]
            full: list[int] = self.inner(probe)["input_ids"]
            for start in range(len(full) - len(plain) + 1):
                if plain and full[start : start + len(plain)] == plain:
                    return tuple(full[:start]), tuple(full[start + len(plain) :])
        message = (
            f"the tokenizer of this checkpoint knows none of {', '.join(PROBES)}, or changes a "
            "text's own tokens when it adds special ones; give a checkpoint with its own tokenizer"
        )
        raise InputError(message)

    def limit(self, config: Mapping[str, Any]) -> int | None:
        """Return the longest row, special tokens included, by its files and config.json."""
        stated = (self.inner.model_max_length, config.get("max_position_embeddings"))
        return min((int(n) for n in stated if n and 0 < n <= NO_LIMIT), default=None)


def open_tokenizer(folder: Path) -> Any:  # noqa: ANN401  transformers has many
    """Return the tokenizer in a folder; InputError when there is none, or none without code."""
    try:
        return AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        message = (
            f"cannot load the tokenizer of {folder}: {type(error).__name__}: "
            f"{one_line(error)[:200]}; give a checkpoint with its tokenizer files"
        )
        raise InputError(message) from error
