"""Near-duplicate sequences, found without comparing all with all.

Two sequences are near-duplicates when the smaller one's k-mers lie in the other for a share c,
and c ** (1 / k), which is about the identity of the two where they align without gaps, is at
least THRESHOLD. So a fragment is a near-duplicate of the whole. k is 8 for proteins and 16 for
nucleotides, on the given strand.

Candidates come from an index of sampled k-mers (those whose hash is divisible by a number that
keeps the index below MAX_KMERS entries), the rarest first, until MAX_PAIRS pairs were met; each
is then compared exactly. Time and memory are bounded; what the bounds cost is told in `complete`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

THRESHOLD = 0.9
MAX_KMERS = 4_000_000
MAX_PAIRS = 8_000_000
MAX_COMPARED = 200_000
CHUNK = 4_000_000
"""Residues that are hashed at once."""
PROTEIN_K, NUCLEOTIDE_K = 8, 16
"""Powers of two: the hash of 2m letters is made from two hashes of m."""
NUCLEOTIDES = frozenset("ACGTUN")
_ODD = 0x9E3779B97F4A7C15


@dataclass(frozen=True, eq=False)
class SimilarSequences:
    """Who resembles whom among n rows."""

    distinct: NDArray[np.intp]
    """Shape (n,): number of the row's distinct sequence, -1 without one."""
    pairs: NDArray[np.intp]
    """Shape (m, 2): distinct, but similar sequences, the smaller number first, sorted."""
    complete: bool
    """Whether every k-mer was looked at; if not, a few pairs may be missing."""


def similar_sequences(sequences: Sequence[str | None]) -> SimilarSequences:
    """Find equal and nearly equal sequences; case does not matter, None and "" are left out."""
    numbers: dict[str, int] = {}
    distinct = np.array(
        [numbers.setdefault(one.upper(), len(numbers)) if one else -1 for one in sequences],
        dtype=np.intp,
    )
    texts = list(numbers)
    k = NUCLEOTIDE_K if set().union(*texts) <= NUCLEOTIDES else PROTEIN_K
    hashes, owners, scale = _sampled(texts, k)
    candidates, capped = _candidates(hashes, owners, len(texts), k)
    compared = candidates[:MAX_COMPARED]
    near = [pair for pair, alike in zip(compared, _similarity(texts, k, compared), strict=True)
            if alike >= THRESHOLD]  # fmt: skip
    pairs = np.array(sorted(map(tuple, near)), dtype=np.intp).reshape(-1, 2)
    whole = scale == 1 and not capped and len(candidates) <= MAX_COMPARED
    return SimilarSequences(distinct, pairs, whole)


def kmer_hashes(letters: NDArray[np.uint8], k: int) -> NDArray[np.uint64]:
    """Return a 64-bit hash of every k-mer, shape (letters - k + 1,), k a power of two."""
    hashes = letters.astype(np.uint64) + np.uint64(1)
    factor, length = _ODD, 1
    while length < k:
        hashes = hashes[:-length] * np.uint64(factor) + hashes[length:]
        hashes ^= hashes >> np.uint64(29)
        factor = factor * _ODD % (1 << 64)
        length *= 2
    return hashes


def _letters(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("latin-1", "replace"), dtype=np.uint8)


def _sampled(texts: list[str], k: int) -> tuple[NDArray[np.uint64], NDArray[np.int32], int]:
    """Return sampled k-mers, the number of the text of each, and one in how many was taken."""
    total = sum(max(len(text) - k + 1, 0) for text in texts)
    scale = max(1, -(-total // MAX_KMERS))
    hashes, owners = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.int32)]
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    chunk_of = np.cumsum(lengths) // CHUNK
    for chunk in np.unique(chunk_of):
        here = np.flatnonzero(chunk_of == chunk)
        found = kmer_hashes(_letters("".join(texts[number] for number in here)), k)
        owner = np.repeat(here, lengths[here])[: len(found)]
        ends = np.repeat(np.cumsum(lengths[here]), lengths[here])[: len(found)]
        inside = np.arange(len(found)) + k <= ends
        taken = inside & ((found * np.uint64(_ODD) >> np.uint64(32)) % np.uint64(scale) == 0)
        hashes.append(found[taken])
        owners.append(owner[taken].astype(np.int32))
    return np.concatenate(hashes), np.concatenate(owners), scale


def _candidates(
    hashes: NDArray[np.uint64], owners: NDArray[np.int32], n_texts: int, k: int
) -> tuple[NDArray[np.int64], bool]:
    """Return pairs, shape (m, 2), that share enough k-mers, the likeliest first.

    Enough is half of what a near-duplicate shares on average. Also returned: whether k-mers of
    many texts were left out to keep within MAX_PAIRS.
    """
    order = np.lexsort((owners, hashes))
    hashes, owners = hashes[order], owners[order]
    fresh = np.ones(len(hashes), dtype=np.bool_)
    fresh[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    hashes, owners = hashes[fresh], owners[fresh]
    _, starts, sizes = np.unique(hashes, return_index=True, return_counts=True)
    used = np.bincount(owners[starts[sizes == 1]], minlength=n_texts)
    codes, met, capped = [np.empty(0, dtype=np.int64)], 0, False
    for size in np.unique(sizes[sizes > 1]):
        of_size = starts[sizes == size]
        met += len(of_size) * size * (size - 1) // 2
        if met > MAX_PAIRS:
            capped = True
            break
        groups = owners[of_size[:, None] + np.arange(size)].astype(np.int64)
        used += np.bincount(groups.ravel(), minlength=n_texts)
        first, second = np.triu_indices(size, 1)
        codes.append((groups[:, first] * n_texts + groups[:, second]).ravel())
    pairs, shared = np.unique(np.concatenate(codes), return_counts=True)
    both = np.stack(np.divmod(pairs, max(n_texts, 1)), axis=1)
    share = shared / np.maximum(used[both].min(axis=1), 1)
    likely = share >= THRESHOLD**k / 2
    best_first = np.argsort(-share[likely], kind="stable")
    return both[likely][best_first], capped


def _similarity(texts: list[str], k: int, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return c ** (1 / k) for every pair, with c as the module says, from all k-mers."""
    kmers = {
        int(number): np.unique(kmer_hashes(_letters(texts[number]), k))
        for number in np.unique(pairs)
    }
    alike = np.empty(len(pairs))
    for at, (first, second) in enumerate(pairs):
        one, other = kmers[int(first)], kmers[int(second)]
        common = len(np.intersect1d(one, other, assume_unique=True))
        alike[at] = (common / min(len(one), len(other))) ** (1 / k)
    return alike


@dataclass(frozen=True)
class Across:
    """How many pairs of entities lie in different folds."""

    identical: int
    near: int
    entities: int
    """Entities in any such pair."""
    examples: tuple[tuple[int, int], ...]
    """Rows of a few of these pairs."""


def pairs_across(similar: SimilarSequences, fold_of: NDArray[np.int64], most: int = 3) -> Across:
    """Count pairs of similar rows that a split tears apart.

    `fold_of`, shape (n,): fold of each row, -1 for rows that do not take part. With every row
    in a fold of its own, all similar pairs are counted.
    """
    there = similar.distinct >= 0
    highest = int(similar.pairs.max(initial=0))
    alike = np.bincount(similar.distinct[there], minlength=highest + 1) > 1
    alike[similar.pairs.ravel()] = True
    rows_of: dict[int, list[int]] = {}
    for row in np.flatnonzero((fold_of >= 0) & there & alike[similar.distinct]):
        rows_of.setdefault(int(similar.distinct[row]), []).append(int(row))
    # Counted by fold, not pair by pair: thousands of rows may have one sequence.
    folds_of = {number: Counter(fold_of[rows].tolist()) for number, rows in rows_of.items()}
    touched: set[int] = set()
    examples: list[tuple[int, int]] = []

    def torn(first: int, second: int) -> int:
        ours, theirs = folds_of.get(first), folds_of.get(second)
        if not ours or not theirs or (len(ours) == 1 and ours.keys() == theirs.keys()):
            return 0
        for rows, others in ((rows_of[first], theirs), (rows_of[second], ours)):
            touched.update(row for row in rows if len(others) > (fold_of[row] in others))
        if len(examples) < most:
            row, fold = rows_of[first][0], fold_of[rows_of[first][0]]
            other = [one for one in rows_of[second] if fold_of[one] != fold]
            examples.extend((row, one) for one in other[:1])
        return ours.total() * theirs.total() - sum(n * theirs[fold] for fold, n in ours.items())

    identical = sum(torn(number, number) // 2 for number in rows_of)
    near = sum(torn(int(first), int(second)) for first, second in similar.pairs)
    return Across(identical, near, len(touched), tuple(examples))
