"""From many dimensions to two: UMAP, t-SNE and PCA, each with a fixed seed.

UMAP (McInnes et al., arXiv 1802.03426) needs the extra `genezoo[plots]`; t-SNE and PCA come with
scikit-learn and numpy. In UMAP and t-SNE distances between far points mean little: what they keep
is who is near whom.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from cards.plots.canvas import CannotDrawError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

SEED = 0
NEIGHBOURS = 15
PERPLEXITY = 30.0


def _umap(vectors: Floats) -> Floats:
    try:
        # Without tensorflow, which only its parametric form needs, its import warns.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)
            umap = import_module("umap")
    except ImportError:
        message = (
            "UMAP needs the package umap-learn; pip install 'genezoo[plots]', or give "
            "--projection tsne or pca"
        )
        raise CannotDrawError(message) from None
    found: Floats = umap.UMAP(
        n_neighbors=min(NEIGHBOURS, len(vectors) - 1), min_dist=0.1, metric="cosine",
        random_state=SEED, n_jobs=1, init="pca",
    ).fit_transform(vectors)  # fmt: skip
    return found


def _tsne(vectors: Floats) -> Floats:
    from sklearn.manifold import TSNE

    found: Floats = TSNE(
        perplexity=min(PERPLEXITY, (len(vectors) - 1) / 3), metric="cosine", init="random",
        random_state=SEED, n_jobs=1,
    ).fit_transform(vectors)  # fmt: skip
    return found


def _pca(vectors: Floats) -> Floats:
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    left, values, right = np.linalg.svd(centred, full_matrices=False)
    # The sign of an axis is arbitrary: its largest weight is positive.
    flip = np.sign(right[np.arange(2), np.abs(right[:2]).argmax(axis=1)])
    places: Floats = left[:, :2] * values[:2] * flip
    return places


PROJECTIONS: dict[str, Callable[[Floats], Floats]] = {"umap": _umap, "tsne": _tsne, "pca": _pca}
TITLES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}
