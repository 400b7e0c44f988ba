"""The letters of proteins, one token each, and what stands for those a model does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractors.tokenizers.letters import Letters
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY = "X"
"""Any residue."""
LETTERS = "ABCDEFGHIKLMNOPQRSTUVWXYZ"
"""The alphabet but J, leucine or isoleucine, which no model here was trained on."""
RARE = "UZOB"
"""Selenocysteine, pyrrolysine and two pairs: the ProtTrans models were trained with X instead."""


def residues(ids: Mapping[str, int], *, symbols: str = "", as_any: str = "") -> Letters:
    """Return the tokenizer of a protein model.

    Parameters
    ----------
    ids
        Token of each letter, as far as the model's vocabulary has it.
    symbols
        What else it reads beside letters, such as the gap.
    as_any
        Letters that are read as X. So are J and others that the vocabulary lacks.

    """
    if ANY not in ids:
        message = f"the vocabulary of this checkpoint has no {ANY}; is it a protein model?"
        raise InputError(message)
    known = {letter: ids[letter] for letter in [*LETTERS, *symbols] if letter in ids}
    unknown = {*LETTERS, "J", *as_any} - {letter for letter in known if letter not in as_any}
    return Letters(known, dict.fromkeys(unknown, ANY), what="amino acid")
