"""How the labels of a config's tasks are distributed: one figure of small panels for its card."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cards.names import counted
from cards.plots import canvas
from cards.plots.canvas import FORMATS, CannotDrawError
from hf_datasets.task import TaskType

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from hf_datasets.task import Task

COLUMNS, MOST_PANELS = 3, 60
MOST_BARS = 6
"""Classes of a task that have a bar; the rest share the last one."""
BINS = 20
# Inches.
MARGIN, TITLE, NARROWEST = canvas.MARGIN, 0.35, 3.2
PANEL, GAP, HEAD, BAR, NAMES, COUNTS = 2.25, 0.3, 0.42, 0.16, 1.0, 0.4
HUGE = 1e100
LOG_SPAN = 100.0
"""Positive numbers whose largest is so many times their median get a logarithmic axis."""


@dataclass(frozen=True)
class LabelDistribution:
    """How often each label of a task occurs, or how its numbers spread."""

    task: str
    """Its name within the config: the column."""
    type: TaskType
    entities: int
    """Entities that are in the task."""
    counts: dict[str, int]
    """Class or label → entities that have it, in the task's order; empty for a regression."""
    edges: tuple[float, ...] = ()
    """Of a regression: the ends of its bins, one more than there are bins."""
    bins: tuple[int, ...] = ()
    """Of a regression: entities per bin."""


def distribution(task: Task, column: pa.ChunkedArray) -> LabelDistribution:
    """Count the labels of one task.

    Parameters
    ----------
    task
        As `hf_datasets.task.tasks_of_table` lists them: a whole column.
    column
        Its column of the Arrow table (`dataset.data.table[task.column]`); nulls are not in the
        task.

    Raises
    ------
    InputError
        Labels outside the classes, NaN or infinite numbers.

    """
    from probes.labels import task_labels

    inside, labels = task_labels(task, task.classes, column)
    entities = int(inside.sum())
    if task.type is TaskType.REGRESSION:
        edges, bins = _histogram(labels)
        return LabelDistribution(task.column, task.type, entities, {}, edges, bins)
    if task.type is TaskType.MULTI_LABEL:
        counts = labels.sum(axis=0)
    else:
        counts = np.bincount(labels, minlength=len(task.classes))
    named = dict(zip(task.classes, map(int, counts), strict=True))
    return LabelDistribution(task.column, task.type, entities, named)


def label_figure(
    config: str,
    tasks: Sequence[LabelDistribution],
    out: Path,
    *,
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """Draw the label distributions of one config as small panels, a panel a task.

    Classes and labels are bars, the most frequent first; numbers are a histogram, on a
    logarithmic axis where they span orders of magnitude. The same input gives the same bytes.

    Parameters
    ----------
    config
        The config's name: the figure's title.
    tasks
        Its tasks, in the order in which they are drawn. Of more than 60 the first 60 are drawn,
        which the figure says; the CSV holds all.
    out
        Folder and name without a suffix: `card/labels-localization` writes
        `labels-localization.png`, `.svg` and `.csv` into `card`.
    formats
        `png`, `svg` or both.

    Returns
    -------
    The files that were written: one for each format, then the CSV, a row for each class or bin
    (task, type, entities, label, from, to, count, share of the task's entities).

    Raises
    ------
    InputError
        No task; a file that cannot be written.

    """
    if not tasks:
        message = f"config {config} has no task: no labels to draw"
        raise CannotDrawError(message)
    shown = tasks[:MOST_PANELS]
    lines = [shown[at : at + COLUMNS] for at in range(0, len(shown), COLUMNS)]
    heights = [HEAD + BAR * max(map(_bars, line)) + GAP for line in lines]
    across = min(COLUMNS, len(shown))
    width = max(2 * MARGIN + across * PANEL + (across - 1) * GAP, NARROWEST)
    with canvas.style():
        figure = canvas.new_figure(width, 2 * MARGIN + TITLE + sum(heights) - GAP)
        _draw_title(figure, config, len(shown), len(tasks))
        top = MARGIN + TITLE
        for line, height in zip(lines, heights, strict=True):
            for at, one in enumerate(line):
                _draw_panel(figure, MARGIN + at * (PANEL + GAP), top, one)
            top += height
        return canvas.save(figure, _rows(tasks), out, formats)


def _draw_title(figure: Figure, config: str, shown: int, total: int) -> None:
    width = figure.get_size_inches()[0] - 2 * MARGIN
    beside = f"{shown} of {total} tasks" if shown < total else counted(total, "task")
    title = canvas.fit(config, width - 1.2, canvas.TITLE, "bold")
    top = MARGIN + 0.08
    canvas.write(figure, MARGIN, top, title, fontsize=canvas.TITLE, weight="bold")
    canvas.write(figure, MARGIN + width, top, beside, color=canvas.MUTED, ha="right")


def _draw_panel(figure: Figure, left: float, top: float, one: LabelDistribution) -> None:
    title = canvas.fit(one.task, PANEL, canvas.TEXT, "bold")
    canvas.write(figure, left, top + 0.07, title, weight="bold")
    about = f"{one.type.value}, {counted(one.entities, 'row')}"
    canvas.write(figure, left, top + 0.22, about, fontsize=canvas.SMALL, color=canvas.MUTED)
    tall = BAR * _bars(one)
    if one.type is TaskType.REGRESSION:
        _draw_histogram(canvas.place(figure, left, top + HEAD, PANEL, tall - 0.2), one)
    else:
        _draw_bars(canvas.place(figure, left, top + HEAD - 0.06, PANEL, tall), one)


def _bars(one: LabelDistribution) -> int:
    return MOST_BARS if one.type is TaskType.REGRESSION else min(len(one.counts), MOST_BARS)


def _draw_bars(axes: Axes, one: LabelDistribution) -> None:
    """Draw the most frequent classes; what has no bar of its own is said on the last line."""
    order = sorted(one.counts, key=lambda name: -one.counts[name])
    if one.type is TaskType.BINARY:
        order = list(one.counts)
    most = MOST_BARS if len(order) <= MOST_BARS else MOST_BARS - 1
    axes.set_axis_off()
    axes.set_xlim(0, PANEL)
    axes.set_ylim(_bars(one), 0)
    scale = (PANEL - NAMES - COUNTS) / max(1, *one.counts.values())
    look: dict[str, Any] = {"fontsize": canvas.SMALL, "va": "center"}
    for at, name in enumerate(order[:most]):
        count = one.counts[name]
        shown = canvas.fit(name, NAMES - 0.06, canvas.SMALL)
        axes.text(NAMES - 0.06, at + 0.5, shown, ha="right", **look)
        axes.barh(at + 0.5, scale * count, left=NAMES, height=0.66, color=canvas.ACCENT)
        axes.text(NAMES + scale * count + 0.05, at + 0.5, f"{count:,}", **look)
    if rest := order[most:]:
        noun = "labels" if one.type is TaskType.MULTI_LABEL else "classes"
        low, high = one.counts[rest[-1]], one.counts[rest[0]]
        span = f"{low:,} to {high:,}" if high > low else f"{low:,}"
        said = f"and {len(rest):,} more {noun} of {span}"
        axes.text(PANEL, most + 0.5, said, color=canvas.MUTED, ha="right", **look)


def _draw_histogram(axes: Axes, one: LabelDistribution) -> None:
    edges = np.array(one.edges)
    # Ticks are found by adding up what stands on an axis, which must not overflow.
    largest = float(np.abs(edges).max())
    unit = largest if largest > HUGE else 1.0
    edges = edges / unit
    axes.bar(
        edges[:-1], one.bins, np.diff(edges), align="edge", color=canvas.ACCENT, edgecolor="white",
        linewidth=0.3,
    )  # fmt: skip
    if _is_log(edges):
        axes.set_xscale("log")
        axes.minorticks_off()
    else:
        axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(lambda value, _: canvas.tick(value * unit))
    axes.set_xlim(edges[0], edges[-1])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _histogram(values: NDArray[Any]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    if not len(values):
        return (0.0, 1.0), (0,)
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > LOG_SPAN * float(np.median(values)):
        edges = np.geomspace(low, high, BINS + 1)
    else:
        # One value alone has a bin as well, of a width that shows it.
        half = max(abs(low), 1.0) * 0.5
        edges = np.linspace(low, high, BINS + 1) if high > low else np.array(
            [low - half, high + half]
        )  # fmt: skip
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    bins, _ = np.histogram(values, edges)
    return tuple(map(float, edges)), tuple(map(int, bins))


def _is_log(edges: NDArray[np.float64]) -> bool:
    """Whether bins grow in width."""
    return len(edges) > 2 and not math.isclose(  # noqa: PLR2004
        edges[2] - edges[1], edges[1] - edges[0], rel_tol=1e-3, abs_tol=1e-12
    )


def _rows(tasks: Sequence[LabelDistribution]) -> list[dict[str, Any]]:
    rows = []
    for one in tasks:
        shared = {"task": one.task, "type": one.type.value, "entities": one.entities}
        spans: list[tuple[str | None, float | None, float | None, int]] = [
            (name, None, None, count) for name, count in one.counts.items()
        ]
        for low, high, count in zip(one.edges[:-1], one.edges[1:], one.bins, strict=True):
            spans.append((None, low, high, count))
        for name, start, end, count in spans:
            share = count / one.entities if one.entities else None
            span = {"label": name, "from": start, "to": end}
            rows.append(shared | span | {"count": count, "share": share})
    return rows
