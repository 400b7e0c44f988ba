"""Which token stands for each letter, as the tokenizer files of upstream have it.

ProtT5 and Ankh read a protein as words of one letter. Their files are asked once what each
letter becomes; a protein is then looked up letter by letter.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError, one_line

if TYPE_CHECKING:
    from pathlib import Path

END = "</s>"


def sentencepiece_letters(path: Path) -> tuple[dict[str, int], int]:
    """Return each letter's token and that of `</s>`, from a sentencepiece model.

    A letter without a token of its own is left out. InputError for a file of another kind.
    """
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as error:
        message = f"{path.name} needs sentencepiece; pip install 'genezoo[protein]'"
        raise InputError(message) from error
    pieces = SentencePieceProcessor()
    try:
        pieces.Load(str(path))
    except (OSError, RuntimeError) as error:
        message = f"{path} is no sentencepiece model: {one_line(error)[:120]}"
        raise InputError(message) from error
    found = {letter: pieces.EncodeAsIds(letter) for letter in string.ascii_uppercase}
    end = pieces.PieceToId(END)
    if end == pieces.unk_id():
        message = f"{path} has no {END}; is it the file of a T5?"
        raise InputError(message)
    return _single(found, pieces.unk_id()), end


def tokenizer_json_vocabulary(path: Path) -> dict[str, int]:
    """Return all tokens of a `tokenizer.json`. InputError for a file of another kind."""
    found: dict[str, int] = _read_json(path).get_vocab()
    return found


def tokenizer_json_letters(path: Path) -> tuple[dict[str, int], int]:
    """Return each letter's token and that of `</s>`, from a `tokenizer.json`.

    A letter without a token of its own is left out. InputError for a file of another kind, or
    one that reads a word otherwise at the start than later on.
    """
    tokenizer = _read_json(path)

    def ids(words: list[str]) -> list[int]:
        found: list[int] = tokenizer.encode(
            words, is_pretokenized=True, add_special_tokens=False
        ).ids
        return found

    unknown = tokenizer.token_to_id("<unk>")
    letters = _single({letter: ids([letter]) for letter in string.ascii_uppercase}, unknown)
    end = tokenizer.token_to_id(END)
    if end is None or ids([*letters, *letters]) != [*letters.values()] * 2:
        message = f"{path} does not read a protein letter by letter; is it the model's own file?"
        raise InputError(message)
    return letters, end


def _read_json(path: Path) -> Any:  # noqa: ANN401  the package ships no types
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # it raises a bare Exception
        message = f"{path} is no readable tokenizer: {one_line(error)[:120]}"
        raise InputError(message) from error


def _single(found: dict[str, list[int]], unknown: int | None) -> dict[str, int]:
    """Return the letters that are one known token."""
    return {letter: ids[0] for letter, ids in found.items() if len(ids) == 1 and ids[0] != unknown}
