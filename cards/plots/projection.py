"""Embeddings brought to two dimensions and coloured by the labels of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cards.names import counted
from cards.plots import canvas
from cards.plots.canvas import FORMATS, CannotDrawError
from cards.plots.reduction import PROJECTIONS, SEED, TITLES
from hf_datasets.errors import InputError, choose, shorten
from hf_datasets.task import TaskType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from cards.plots.reduction import Floats
    from extractors.store import Embeddings
    from probes.task_set import TaskData

MOST_POINTS = 4000
"""Entities of a task that are drawn; of more a seeded sample, which the figure says.

Below 4,096 UMAP finds neighbours exactly.
"""
FEWEST_POINTS = 10
COLUMNS, MOST_CLASSES = 3, 7
OTHER, NONE, SEVERAL = "other", "none", "several"
GREY, PALER, PALEST = "#8f9796", "#bcc2c0", "#dfe3e1"
SHADES = "cividis"
"""For numbers: matplotlib's map that was made for colour-blind eyes."""
# Inches.
MARGIN, SIDE, GAP, HEAD, LEGEND = canvas.MARGIN, 2.3, 0.2, 0.45, 1.7


@dataclass(frozen=True, eq=False)
class Cloud:
    """One embedding of a task's entities."""

    model: str
    ids: list[str]
    places: Floats
    """Shape (n, 2)."""
    rows: NDArray[np.intp]
    """Shape (n,): which of the task's entities."""
    of: int
    """Entities of the task that have a vector, drawn or not."""


def draw_projection(
    embeddings: Sequence[Embeddings],
    task: str,
    out: Path,
    *,
    projection: str = "umap",
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """Draw the entities of a task in two dimensions, a panel an embedding, coloured by label.

    Of a multi-class task the seven most frequent classes have a colour; of a multi-label task
    entities with one label are coloured by it, those with several or none are grey. More than
    4,000 entities are sampled with a seed. Equal input gives equal bytes on one machine; other
    processors may round otherwise, and UMAP and t-SNE carry that far. The CSV has a row for
    each point (model, id, x, y, label).

    Raises
    ------
    InputError
        An unknown projection or task; several tasks; a task of pairs; an embedding with fewer
        than ten of its entities; umap-learn is not installed.

    """
    project = choose(projection, PROJECTIONS, "projection")
    data = _one_task(task)
    clouds = [_cloud(one, data, project) for one in embeddings]
    names, colours = _colours(data)
    with canvas.style():
        across = min(COLUMNS, len(clouds))
        down = -(-len(clouds) // COLUMNS)
        height = max(HEAD + down * (SIDE + 0.3 + GAP), HEAD + 0.3 + len(colours) * 0.18)
        width = 2 * MARGIN + across * (SIDE + GAP) + LEGEND
        figure = canvas.new_figure(width, 2 * MARGIN + height)
        title = canvas.fit(data.task.path, width - 2 * MARGIN - 0.9, weight="bold")
        canvas.write(figure, MARGIN, MARGIN + 0.08, title, weight="bold")
        canvas.write(
            figure, width - MARGIN, MARGIN + 0.08, TITLES[projection], color=canvas.MUTED,
            ha="right",
        )  # fmt: skip
        for at, cloud in enumerate(clouds):
            left = MARGIN + (at % COLUMNS) * (SIDE + GAP)
            top = MARGIN + HEAD + (at // COLUMNS) * (SIDE + 0.3 + GAP)
            model = canvas.fit(cloud.model, SIDE - 0.8)
            canvas.write(figure, left, top, model)
            drawn = f"{len(cloud.ids):,}" + (
                f" of {cloud.of:,}" if cloud.of > len(cloud.ids) else ""
            )
            canvas.write(
                figure, left + SIDE, top, drawn, fontsize=canvas.SMALL, color=canvas.MUTED,
                ha="right",
            )  # fmt: skip
            axes = canvas.place(figure, left, top + 0.15, SIDE, SIDE)
            _draw_cloud(axes, cloud, data, names, colours)
        corner = (MARGIN + across * (SIDE + GAP), MARGIN + HEAD + 0.2)
        _draw_legend(figure, corner, data, names, colours)
        rows = [
            {"model": cloud.model, "id": name, "x": float(x), "y": float(y)}
            | {"label": _said(data, row)}
            for cloud in clouds
            for name, (x, y), row in zip(cloud.ids, cloud.places, cloud.rows, strict=True)
        ]
        return canvas.save(figure, rows, out, formats)


def _one_task(path: str) -> TaskData:
    from probes.task_set import load_tasks

    found = load_tasks([path]).tasks
    if len(found) > 1:
        paths = shorten([one.task.path for one in found])
        message = f"--task {path} stands for {len(found)} tasks; name one of them: {paths}"
        raise InputError(message)
    if found[0].task.is_pair:
        message = f"{path} is about pairs, which are no points; name a task of single entities"
        raise InputError(message)
    return found[0]


def _cloud(one: Embeddings, data: TaskData, project: Callable[[Floats], Floats]) -> Cloud:
    index = {name: row for row, name in enumerate(one.ids)}
    found = sorted((name, row) for row, (name,) in enumerate(data.keys) if name in index)
    if len(found) < FEWEST_POINTS:
        message = (
            f"{one.source} has a vector for {counted(len(found), 'entity')} of {data.task.path}, "
            f"{FEWEST_POINTS} are needed: it has {shorten(one.ids, 2)}, the task asks for "
            f"{shorten([name for (name,) in data.keys], 2)}"
        )
        raise CannotDrawError(message)
    drawn = np.sort(np.random.default_rng(SEED).permutation(len(found))[:MOST_POINTS])
    names = [found[at][0] for at in drawn]
    vectors = one.vectors[[index[name] for name in names]]
    if vectors.shape[1] < 2 or not np.ptp(vectors, axis=0).any():  # noqa: PLR2004
        message = f"the vectors of {one.source} are all the same, or have one dimension only"
        raise CannotDrawError(message)
    rows = np.array([found[at][1] for at in drawn])
    return Cloud(one.model, names, project(vectors), rows, len(found))


def _said(data: TaskData, row: int) -> str | float:
    """Return the label of an entity in words, or its number."""
    label = data.labels[row]
    if data.task.type is TaskType.REGRESSION:
        return float(label)
    if data.task.type is TaskType.MULTI_LABEL:
        return "; ".join(data.task.classes[at] for at in np.flatnonzero(label))
    return data.task.classes[int(label)]


def _colours(data: TaskData) -> tuple[list[str], dict[str, str]]:
    """Return what each of the task's entities is coloured as, and the colours; none for numbers."""
    if data.task.type is TaskType.REGRESSION:
        return [], {}
    if data.task.type is TaskType.MULTI_LABEL:
        counts = data.labels.sum(axis=1)
        alone = data.labels.argmax(axis=1)
        names = [
            data.task.classes[one] if count == 1 else SEVERAL if count else NONE
            for one, count in zip(alone, counts, strict=True)
        ]
        sizes = data.labels[counts == 1].sum(axis=0)
    else:
        names = [data.task.classes[one] for one in data.labels]
        sizes = np.bincount(data.labels, minlength=len(data.task.classes))
    order = [data.task.classes[at] for at in np.argsort(-sizes, kind="stable") if sizes[at]]
    colours = dict(zip(order[:MOST_CLASSES], canvas.COLOURS, strict=False))
    names = [name if name in colours or name in {SEVERAL, NONE} else OTHER for name in names]
    if data.task.type is TaskType.BINARY:
        # Those without the property step back.
        colours = {data.task.classes[1]: canvas.ACCENT, data.task.classes[0]: GREY}
    grey = {OTHER: GREY, SEVERAL: PALER, NONE: PALEST}
    return names, colours | {name: grey[name] for name in grey if name in names}


def _draw_cloud(
    axes: Axes, cloud: Cloud, data: TaskData, names: list[str], colours: dict[str, str]
) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=canvas.LINE)
    size = max(1.5, min(14.0, 6000 / len(cloud.ids)))
    x, y = cloud.places.T
    look: dict[str, Any] = {"s": size, "linewidths": 0, "alpha": 0.85, "rasterized": len(x) > 2000}  # noqa: PLR2004
    if not colours:
        ranks = np.argsort(np.argsort(data.labels[cloud.rows], kind="stable"), kind="stable")
        axes.scatter(x, y, c=ranks, cmap=SHADES, **look)
        return
    mine = np.array([names[row] for row in cloud.rows])
    for name in reversed(colours):
        among = mine == name
        axes.scatter(x[among], y[among], color=colours[name], **look)


def _draw_legend(
    figure: Figure,
    corner: tuple[float, float],
    data: TaskData,
    names: list[str],
    colours: dict[str, str],
) -> None:
    left, top = corner
    if not colours:
        axes = canvas.place(figure, left, top + 0.1, 0.12, 1.2)
        axes.pcolormesh(np.arange(64)[:, None], cmap=SHADES, rasterized=True)
        axes.set_axis_off()
        for share, where in ((1.0, 0.0), (0.5, 0.5), (0.0, 1.0)):
            value = float(np.quantile(data.labels, share))
            canvas.write(figure, left + 0.2, top + 0.1 + 1.2 * where, canvas.tick(value))
        said = "coloured by rank"
        canvas.write(figure, left, top - 0.05, said, fontsize=canvas.SMALL, color=canvas.MUTED)
        return
    for at, (name, colour) in enumerate(colours.items()):
        middle = top + at * 0.18
        axes = canvas.place(figure, left, middle - 0.05, 0.1, 0.1)
        axes.set_axis_off()
        axes.plot([0.5], [0.5], marker="o", markersize=6, color=colour, linestyle="")
        shown = canvas.fit(name, LEGEND - 0.65)
        canvas.write(figure, left + 0.16, middle, shown)
        count = f"{names.count(name):,}"
        canvas.write(
            figure, left + LEGEND, middle, count, fontsize=canvas.SMALL, color=canvas.MUTED,
            ha="right",
        )  # fmt: skip
