"""Controls that a model has to beat: seeded random vectors, and counts of plain words."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.model import Encoded, ModelRecord, PlainEncoder, Settings
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from sklearn.feature_extraction.text import CountVectorizer

    from extractors.inputs import Input

RANDOM_DIM = 256
WORDS = 1024
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_A = np.uint64(0xBF58476D1CE4E5B9)
MIX_B = np.uint64(0x94D049BB133111EB)


class RandomControl(PlainEncoder):
    """Gaussian vectors that depend on the seed and the id alone, not on order or batch.

    A counter-based generator: SplitMix64 (Steele, Lea, Flood 2014, doi 10.1145/2714064.2660195)
    over a hash of seed and id, then the Box-Muller transform.
    """

    def __init__(self, dim: int, seed: int) -> None:
        self.dim = dim
        self.seed = seed

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> RandomControl:
        """Take `dim` and `seed` from the settings."""
        dim = RANDOM_DIM if settings.dim is None else settings.dim
        if dim < 1:
            message = f"--dim {dim} of {record.name} is too small; give 1 or more"
            raise InputError(message)
        return cls(dim, settings.seed)

    def embed(self, ids: Sequence[str], values: Sequence[str | None]) -> Encoded:
        """Draw one vector per id; `values` are not looked at."""
        del values
        key = self.seed.to_bytes(8, "little", signed=True)
        digests = b"".join(
            hashlib.blake2b(entity.encode(), digest_size=8, key=key).digest() for entity in ids
        )
        n = len(ids)
        return Encoded(
            layers=[_gaussian(np.frombuffer(digests, dtype=np.uint64), self.dim)],
            n_tokens=np.zeros(n, dtype=np.int32),
            truncated=np.zeros(n, dtype=np.bool_),
            errors=[None] * n,
        )

    def describe(self) -> dict[str, Any]:
        """Return seed and dimension."""
        return {"seed": self.seed, "dim": self.dim}


def _gaussian(seeds: NDArray[np.uint64], dim: int) -> NDArray[np.float32]:
    """Return standard normal numbers, shape (len(seeds), dim), from 64-bit seeds."""
    pairs = (dim + 1) // 2
    steps = np.arange(1, 2 * pairs + 1, dtype=np.uint64) * GOLDEN  # wraps around, as it should
    bits = seeds[:, None] + steps[None, :]
    bits = (bits ^ (bits >> np.uint64(30))) * MIX_A
    bits = (bits ^ (bits >> np.uint64(27))) * MIX_B
    bits ^= bits >> np.uint64(31)
    # 53 bits to (0, 1]: never 0, whose logarithm is infinite.
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 1.0) * 2.0**-53
    radius = np.sqrt(-2.0 * np.log(uniform[:, :pairs]))
    angle = 2.0 * np.pi * uniform[:, pairs:]
    both = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return both[:, :dim].astype(np.float32)


class BagOfWords(PlainEncoder):
    """Counts of the most frequent words of the whole input (sklearn's CountVectorizer)."""

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import CountVectorizer

        self._words: CountVectorizer = CountVectorizer(max_features=WORDS, dtype=np.float32)
        self._tokens: Callable[[str], list[str]] = self._words.build_analyzer()
        self.dim = 0

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> BagOfWords:
        """Nothing to load: the vocabulary comes from the input."""
        del record, settings
        return cls()

    def prepare(self, source: Input, scratch: Path) -> None:
        """Learn the vocabulary: the 1,024 most frequent words, ties in alphabetical order."""
        del scratch
        try:
            self._words.fit(source.values())
        except ValueError as error:
            message = f"bag-of-words found no word in the input ({error}); name another --column"
            raise InputError(message) from error
        self.dim = len(self._words.vocabulary_)

    def embed(self, ids: Sequence[str], values: Sequence[str | None]) -> Encoded:
        """Count words; a row without text fails, one without a known word is all zeros."""
        texts = [value or "" for value in values]
        return Encoded(
            layers=[self._words.transform(texts).toarray()],
            n_tokens=np.array([len(self._tokens(text)) for text in texts], dtype=np.int32),
            truncated=np.zeros(len(ids), dtype=np.bool_),
            errors=[None if text.strip() else "empty text" for text in texts],
        )

    def describe(self) -> dict[str, Any]:
        """Return the dimension and a digest of the vocabulary."""
        words = "\n".join(sorted(self._words.vocabulary_))
        digest = hashlib.sha256(words.encode()).hexdigest()
        return {"dim": self.dim, "vocabulary": f"sha256:{digest}"}
