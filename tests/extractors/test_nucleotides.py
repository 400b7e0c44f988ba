"""Nucleotide tokenizers against transformers' classes, plain loops and ids published upstream."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nucleotide_berts import save_pairs
from nucleotide_esms import NT_V1_WORDS, NT_V2_WORDS
from nucleotide_parts import kmers
from transformers import EsmTokenizer

from extractors.checkpoints import Checkpoint
from extractors.tokenizers.bpe import BytePairs
from extractors.tokenizers.nucleotides import (
    OverlappingKmers,
    SideBySideKmers,
    SingleBases,
    read_bases,
    write_bases,
)
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from extractors.encoders.tokens import Tokenizer

CLEAN = st.text("ACGTACGTACGTN", min_size=1, max_size=80)


def numbered(words: Sequence[str]) -> dict[str, int]:
    return {word: number for number, word in enumerate(words)}


def ids(tokenizer: Tokenizer, value: str) -> list[int]:
    (found,) = tokenizer.tokenize([value])
    assert not isinstance(found, str), found
    assert found.dtype == np.int64
    return [int(number) for number in found]


@pytest.fixture(scope="module")
def esm(tmp_path_factory: pytest.TempPathFactory) -> EsmTokenizer:
    """The tokenizer that version 1 and 2 name in their files, over version 2's vocabulary."""
    folder = tmp_path_factory.mktemp("esm")
    (folder / "vocab.txt").write_text("\n".join(NT_V2_WORDS))
    settings = {"eos_token": None, "tokenizer_class": "EsmTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer: EsmTokenizer = EsmTokenizer.from_pretrained(folder)
    return tokenizer


@given(sequence=CLEAN)
def test_side_by_side_as_transformers(esm: EsmTokenizer, sequence: str) -> None:
    words = SideBySideKmers(6, numbered(NT_V2_WORDS), len(NT_V2_WORDS))
    assert [3, *ids(words, sequence)] == esm(sequence)["input_ids"]


@given(sequence=CLEAN, k=st.integers(3, 6))
def test_overlapping_as_a_loop(sequence: str, k: int) -> None:
    words = numbered(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *kmers(k)])
    tokenizer = OverlappingKmers(k, words, len(words))
    if len(sequence) < k:
        assert tokenizer.tokenize([sequence]) == [f"{len(sequence)} bases, fewer than one {k}-mer"]
    else:
        places = range(len(sequence) - k + 1)
        expected = [words.get(sequence[place : place + k], 1) for place in places]
        assert ids(tokenizer, sequence) == expected


def test_published_ids() -> None:
    """The ids that the authors' tokenizers gave, as evo.cpp's evidence records them."""
    for vocabulary, word in ((NT_V2_WORDS, 369), (NT_V1_WORDS, 367)):
        words = SideBySideKmers(6, numbered(vocabulary), len(vocabulary))
        assert ids(words, "ATTCCG" * 3) == [word] * 3
    hyena = SingleBases({"A": 7, "C": 8, "G": 9, "T": 10, "N": 11}, 16)
    assert ids(hyena, "ACGTNACGT") == [7, 8, 9, 10, 11, 7, 8, 9, 10]


@given(value=st.text(st.sampled_from("ACGTUNRYKMSWBDHVacgtunrykmswbdhv \t\n"), max_size=60))
def test_reading_bases_as_a_loop(value: str) -> None:
    text = "".join(value.split()).upper().replace("U", "T")
    expected = "".join(base if base in "ACGT" else "N" for base in text)
    codes = read_bases(value)
    assert (codes if isinstance(codes, str) else write_bases(codes)) == (
        expected or "empty sequence"
    )


@given(value=st.text(min_size=1, max_size=40))
def test_any_text_is_read_or_named(value: str) -> None:
    found = read_bases(value)
    text = "".join(value.split())
    allowed = set("ACGTUNRYKMSWBDHVacgtunrykmswbdhv")
    bad = [place for place, letter in enumerate(text, 1) if letter not in allowed]
    if bad:
        assert found == f"{text[bad[0] - 1]!r} at position {bad[0]} is no nucleotide"
    else:
        assert isinstance(found, str) == (not text)


@given(sequence=CLEAN)
def test_byte_pairs_as_their_merges(
    tmp_path_factory: pytest.TempPathFactory, sequence: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "pairs"
    expected = save_pairs(folder, cut=12)
    pairs = BytePairs(Checkpoint(folder, None, ()), 16)
    assert [pairs.start, *ids(pairs, sequence), pairs.end] == expected(sequence)


def test_rows_stay_in_order_around_a_bad_one(tmp_path: Path) -> None:
    expected = save_pairs(tmp_path)
    pairs = BytePairs(Checkpoint(tmp_path, None, ()), 16)
    found = pairs.tokenize(["ACGT", "AC!T", "", "TGACA"])
    assert found[1] == "'!' at position 3 is no nucleotide"
    assert found[2] == "empty sequence"
    assert [np.asarray(found[row]).tolist() for row in (0, 3)] == [
        expected(sequence)[1:-1] for sequence in ("ACGT", "TGACA")
    ]


def test_vocabulary_without_a_kmer_is_refused() -> None:
    words = numbered(["[UNK]", *kmers(3)])
    del words["GCA"]
    with pytest.raises(InputError, match="'GCA' is not in the vocabulary"):
        OverlappingKmers(3, words, len(words))


def test_all_kmers_have_their_own_ids() -> None:
    words = numbered(["[UNK]", *kmers(4)])
    tokenizer = OverlappingKmers(4, words, len(words))
    for word in map("".join, product("ACGT", repeat=4)):
        assert ids(tokenizer, word) == [words[word]]
