"""How alike models' embeddings are: matrices of CKA, RSA and shared neighbours."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import ListedColormap

from cards.colours import LIGHT_STOPS, STEPS, ink, ramp
from cards.names import DASH
from cards.plots import canvas
from cards.plots.canvas import FORMATS, CannotDrawError
from hf_datasets.errors import InputError
from probes.similarity import Similarity, compare_embeddings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from extractors.store import Embeddings

MEASURES = {
    "cka_debiased": "CKA, debiased",
    "rsa": "RSA",
    "neighbours": "shared neighbours",
}
"""Fields of `probes.similarity.Pair` → titles of their matrices."""
SCALE = ramp(LIGHT_STOPS)
# Inches.
MARGIN, WIDEST_CELL, NARROWEST_CELL, NUMBERED_CELL, SQUARE = canvas.MARGIN, 0.42, 0.11, 0.26, 3.2


def draw_similarity(
    embeddings: Sequence[Embeddings], out: Path, *, formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Draw a matrix of model by model for each measure of `probes.similarity`.

    Models that are alike stand together: the order is that of average linkage on the mean of
    the measures. The CSV has a row for each pair, as `probe similarity` writes it.

    Raises
    ------
    InputError
        Fewer than two embeddings, one twice, too few common entities.

    """
    try:
        found = compare_embeddings(embeddings)
    except InputError as error:
        raise CannotDrawError(str(error)) from None
    names = _in_order(found)
    matrices = {field: _matrix(found, names, field) for field in MEASURES}
    cell = min(WIDEST_CELL, max(NARROWEST_CELL, SQUARE / len(names)))
    points = min(canvas.TEXT, cell * 72 * 0.7)
    shown = [canvas.fit(name, 1.6, points) for name in names]
    label = max(canvas.inches(name, points) for name in shown) + 0.1
    square = len(names) * cell
    with canvas.style():
        width = 2 * MARGIN + label + len(MEASURES) * (square + 0.25)
        figure = canvas.new_figure(max(width, 4.2), 2 * MARGIN + 0.3 + square + label + 0.45)
        left, top = MARGIN + label, MARGIN + 0.3
        for at, name in enumerate(shown):
            canvas.write(
                figure, left - 0.08, top + (at + 0.5) * cell, name, fontsize=points, ha="right"
            )
        for field, title in MEASURES.items():
            fitting = canvas.fit(title, square + 0.2, weight="bold")
            canvas.write(figure, left, MARGIN + 0.12, fitting, weight="bold")
            axes = canvas.place(figure, left, top, square, square)
            _draw_matrix(axes, matrices[field], cell)
            for at, name in enumerate(shown):
                canvas.write(
                    figure, left + (at + 0.5) * cell, top + square + 0.06, name, fontsize=points,
                    rotation=90, ha="center", va="top",
                )  # fmt: skip
            left += square + 0.25
        _draw_foot(figure, found)
        return canvas.save(figure, [asdict(pair) for pair in found.pairs], out, formats)


def _in_order(found: Similarity) -> list[str]:
    """Return the models so that neighbours are alike."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    names = list(dict.fromkeys(name for pair in found.pairs for name in (pair.first, pair.second)))
    if len(names) < 3:  # noqa: PLR2004
        return names
    alike = np.nanmean([_matrix(found, names, field, undefined=0.0) for field in MEASURES], axis=0)
    distances = squareform(np.clip(1 - alike, 0, 2), checks=False)
    order = leaves_list(linkage(distances, "average", optimal_ordering=True))
    return [names[at] for at in order]


def _matrix(
    found: Similarity, names: list[str], field: str, undefined: float = np.nan
) -> NDArray[np.float64]:
    place = {name: at for at, name in enumerate(names)}
    matrix = np.eye(len(names))
    for pair in found.pairs:
        value = getattr(pair, field)
        one, other = place[pair.first], place[pair.second]
        matrix[one, other] = matrix[other, one] = undefined if value is None else value
    return matrix


def _draw_matrix(axes: Axes, matrix: NDArray[np.float64], cell: float) -> None:
    axes.set_axis_off()
    steps = np.rint(np.clip(matrix, 0, 1) * STEPS)
    axes.pcolormesh(
        np.ma.masked_invalid(steps), cmap=ListedColormap(SCALE), vmin=-0.5, vmax=STEPS + 0.5,
        edgecolors="white", linewidth=0.8,
    )  # fmt: skip
    axes.set_xlim(0, len(matrix))
    axes.set_ylim(len(matrix), 0)
    if cell < NUMBERED_CELL:
        return
    for (at, column), value in np.ndenumerate(matrix):
        if at != column:
            text = f"{value:.2f}".replace("-0.00", "0.00")
            undefined = np.isnan(value)
            colour = canvas.MUTED if undefined else ink(SCALE[int(steps[at, column])])
            axes.text(
                column + 0.5, at + 0.52, DASH if undefined else text,
                fontsize=min(canvas.SMALL, cell * 72 * 0.34), ha="center", va="center",
                color=colour,
            )  # fmt: skip


def _draw_foot(figure: Figure, found: Similarity) -> None:
    height = figure.get_size_inches()[1]
    said = f"{found.entities:,} common entities"
    if found.sampled < found.entities:
        said += f", RSA on {found.sampled:,}"
    said += f"; neighbours agree by chance on {found.pairs[0].chance:.3f}; 0 light, 1 dark"
    canvas.write(figure, MARGIN, height - MARGIN, said, fontsize=canvas.SMALL, color=canvas.MUTED)
