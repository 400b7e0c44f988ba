"""How alike two embeddings are, whatever their dimensions: CKA, RSA and shared neighbours.

=================  ============================================================================
`cka`              linear centred kernel alignment (Kornblith et al., arXiv 1905.00414), 0 to 1
`cka_debiased`     the same with unbiased HSIC (Song et al., JMLR 2012): about 0 for unrelated
                   vectors, where `cka` rises with dimension / entities
`rsa`              Spearman correlation of the two sets of cosine distances (Kriegeskorte 2008),
                   on a seeded sample of entities when there are more
`neighbours`       share of an entity's k nearest others, by cosine, that both embeddings agree
                   on (Huh et al., arXiv 2405.07987); chance gives k / (entities - 1)
=================  ============================================================================

CKA is about where most of the variance is: a few dominant directions, as contextual models have
them, can make two models look alike. Read the three together.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from hf_datasets.errors import InputError, shorten
from probes.formulas import spearman
from probes.layout import text_columns, write_rows
from probes.nearest import nearest, unit_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from extractors.store import Embeddings

FEWEST = 4
"""Entities that the debiased CKA needs."""
BLOCK_ROWS = 4096
SCHEMA = pa.schema(
    [
        ("first", pa.string()),
        ("second", pa.string()),
        ("entities", pa.int64()),
        *((name, pa.float64()) for name in ("cka", "cka_debiased", "rsa", "neighbours", "chance")),
    ]
)


@dataclass(frozen=True)
class Pair:
    """Two embeddings compared."""

    first: str
    second: str
    entities: int
    cka: float | None
    """None when an embedding is constant; so for the others."""
    cka_debiased: float | None
    rsa: float | None
    neighbours: float
    chance: float
    """What `neighbours` would be for unrelated embeddings."""


@dataclass(frozen=True)
class Similarity:
    """All pairs of some embeddings."""

    pairs: list[Pair]
    entities: int
    sampled: int
    """Entities that RSA was computed on."""


def compare_embeddings(
    embeddings: Sequence[Embeddings],
    *,
    neighbours: int = 10,
    sample: int = 2000,
    seed: int = 0,
) -> Similarity:
    """Compare all pairs of embeddings on the entities that all of them have.

    Parameters
    ----------
    embeddings
        Two or more, each source once.
    neighbours
        k of the shared neighbours.
    sample, seed
        Of the entities for RSA.

    Raises
    ------
    InputError
        Fewer than two embeddings, one twice, too few common entities, a setting out of range.

    """
    sources = [one.source for one in embeddings]
    if len(set(sources)) < max(len(sources), 2):
        message = f"{shorten(sources)}: give two different embeddings or more, each once"
        raise InputError(message)
    common = sorted(set.intersection(*(set(one.ids) for one in embeddings)))
    fewest = max(FEWEST, neighbours + 2)
    if len(common) < fewest:
        examples = shorten(f"{one.source} has {shorten(one.ids, 2)}" for one in embeddings)
        message = (
            f"{len(common)} entities are in all embeddings, {fewest} are needed: {examples}; "
            "give all the same names"
        )
        raise InputError(message)
    if neighbours < 1 or sample < FEWEST:
        message = f"--neighbours {neighbours} and --sample {sample}: give 1 and {FEWEST} or more"
        raise InputError(message)
    drawn = np.random.default_rng(seed).permutation(len(common))[:sample]
    models = [one.model for one in embeddings]
    names = [
        one.model if models.count(one.model) == 1 else f"{one.model} ({one.source})"
        for one in embeddings
    ]
    seen = [_Seen(one, common, np.sort(drawn), neighbours) for one in embeddings]
    pairs = [
        _pair((names[a], names[b]), seen[a], seen[b], neighbours)
        for a, b in itertools.combinations(range(len(names)), 2)
    ]
    return Similarity(pairs, len(common), len(drawn))


class _Seen:
    """What is needed of one embedding, computed once for all its pairs."""

    def __init__(
        self, embedding: Embeddings, common: list[str], drawn: NDArray[np.intp], k: int
    ) -> None:
        rows = {name: row for row, name in enumerate(embedding.ids)}
        self.vectors = embedding.vectors[[rows[name] for name in common]]
        unit = unit_rows(self.vectors)
        self.near = nearest(unit, unit, k, same=True)[0]
        corner = unit[drawn].astype(np.float64)
        upper = np.triu_indices(len(drawn), 1)
        self.distances: NDArray[np.float64] = (1 - corner @ corner.T)[upper]


def _pair(names: tuple[str, str], one: _Seen, other: _Seen, k: int) -> Pair:
    plain, debiased = cka(one.vectors, other.vectors)
    shared = sum((one.near[:, [column]] == other.near).any(axis=1).sum() for column in range(k))
    entities = len(one.vectors)
    return Pair(
        *names,
        entities,
        plain,
        debiased,
        spearman(one.distances, other.distances),
        float(shared / (entities * k)),
        k / (entities - 1),
    )


def cka(
    first: NDArray[np.floating], second: NDArray[np.floating]
) -> tuple[float | None, float | None]:
    """Return linear CKA and debiased linear CKA of two sets of features of the same entities.

    Shapes (n, d) and (n, e) with n > 3. Computed from d x e products in O(n d e), never from
    n x n kernels. None where an embedding has no variance, or its debiased HSIC is not positive.
    """
    cross, one, other = (
        _hsic(left, right) for left, right in ((first, second), (first, first), (second, second))
    )
    return tuple(  # type: ignore[return-value]
        float(value / np.sqrt(left * right)) if left > 0 and right > 0 else None
        for value, left, right in zip(cross, one, other, strict=True)
    )


def _hsic(first: NDArray[np.floating], second: NDArray[np.floating]) -> tuple[float, float]:
    """Return the biased and the unbiased HSIC of linear kernels, but for a common factor each."""
    n = len(first)
    means = [side.mean(axis=0, dtype=np.float64) for side in (first, second)]
    product = np.zeros((first.shape[1], second.shape[1]))
    traces, together = [0.0, 0.0], 0.0
    for start in range(0, n, BLOCK_ROWS):
        left, right = (
            side[start : start + BLOCK_ROWS] - mean
            for side, mean in zip((first, second), means, strict=True)
        )
        product += left.T @ right
        squares = [np.einsum("ij,ij->i", side, side) for side in (left, right)]
        traces = [total + float(one.sum()) for total, one in zip(traces, squares, strict=True)]
        together += float(squares[0] @ squares[1])
    biased = float(np.einsum("ij,ij->", product, product))
    # With centred features the rows of a kernel add up to 0, and without its diagonal to minus
    # that: so both corrections of Song et al. come from the diagonals alone.
    unbiased = (
        biased - together + traces[0] * traces[1] / ((n - 1) * (n - 2)) - 2 / (n - 2) * together
    )
    return biased, unbiased


def similarity_table(found: Similarity) -> str:
    """Return a line per pair, and what it was computed on."""
    head = ["A", "B", "CKA", "CKA debiased", "RSA", "shared neighbours", "chance"]
    lines = [head]
    for one in found.pairs:
        numbers = (one.cka, one.cka_debiased, one.rsa, one.neighbours)
        cells = ["undefined" if value is None else f"{value:.3f}" for value in numbers]
        lines.append([one.first, one.second, *cells, f"{one.chance:.4f}"])
    sampled = "" if found.sampled == found.entities else f" (RSA on {found.sampled:,} of them)"
    return f"{text_columns(lines)}\non {found.entities:,} common entities{sampled}"


def write_similarity(found: Similarity, out: Path) -> None:
    """Write a row per pair as CSV or Parquet, by the name of `out`, atomically."""
    write_rows([asdict(one) for one in found.pairs], SCHEMA, out)
