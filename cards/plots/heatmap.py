"""Models by tasks, family by family, as colours from chance to perfect, with the family means."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import ListedColormap

from cards.colours import LIGHT_STOPS, STEPS, domain, ink, ramp, step
from cards.names import DASH, metric_name, number
from cards.page import family_title
from cards.plots import canvas
from cards.plots.canvas import FORMATS
from cards.published import marked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from cards.leaderboard import Family, Leaderboard

SCALE = ramp(LIGHT_STOPS)
SLANT = 38
"""Degrees."""
MEAN_ROW = "mean of the shared tasks"
MOST_VECTORS = 4000
"""Cells that are drawn one by one; more become a bitmap, in the SVG too."""
# Inches.
MARGIN, ROW, TALLEST, MEAN, GAP = canvas.MARGIN, 0.2, 14.0, 0.42, 0.09
BROADEST, WIDEST_CELL, NARROWEST_CELL, NAMED_CELL, NUMBERED_CELL = 9.0, 0.38, 0.03, 0.125, 0.32


@dataclass(frozen=True)
class Layout:
    """How large things are, in inches."""

    row: float
    cell: float
    names: float
    """Width of the models' names."""
    head: float
    """Height of the families' names."""
    foot: float
    """Height of the tasks' names."""
    points: float
    """Size of print of names and numbers in a row."""
    slanted: bool
    """Whether a family's name is too long to stand above its block."""
    bitmap: bool


def draw_heatmap(board: Leaderboard, out: Path, *, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Draw every model's score on every task as a colour, and its family means as numbers.

    Models are rows, best first; tasks are columns, family by family, each led by the family's
    mean. Every metric has its own ends of the one colour scale. Task names and numbers are left
    out where a column has no room for them; the CSV holds all, a row for each score and mean
    (model, rank, family, metric, task, mean, low, high, whether it is in the means).
    """
    layout = _layout(board)
    widths = [MEAN + len(family.rows) * layout.cell for family in board.families]
    width = layout.names + sum(widths) + GAP * len(widths)
    height = layout.head + len(board.entries) * layout.row + layout.foot
    with canvas.style():
        last = canvas.inches(_title(board, board.families[-1]), weight="bold")
        over = last * math.cos(math.radians(SLANT)) + MEAN / 2 - widths[-1] if layout.slanted else 0
        slant = max(0.0, over)
        figure = canvas.new_figure(max(2 * MARGIN + width + slant, 5.0), 2 * MARGIN + height + 0.5)
        top = MARGIN + layout.head
        for at, entry in enumerate(board.entries):
            middle = top + (at + 0.5) * layout.row
            name = canvas.fit(marked(entry), 2.0, layout.points)
            canvas.write(figure, MARGIN, middle, name, fontsize=layout.points)
        left = MARGIN + layout.names
        for family, wide in zip(board.families, widths, strict=True):
            _draw_family(figure, board, family, layout, left)
            left += wide + GAP
        _draw_scale(figure, board, MARGIN + layout.names, top + height - layout.head + 0.12)
        return canvas.save(figure, _rows(board), out, formats)


def _layout(board: Leaderboard) -> Layout:
    tasks = sum(len(family.rows) for family in board.families)
    row = min(ROW, max(0.1, TALLEST / len(board.entries)))
    cell = min(WIDEST_CELL, max(NARROWEST_CELL, BROADEST / tasks))
    points = min(canvas.TEXT, row * 72 * 0.62)
    names = max(canvas.inches(canvas.fit(marked(e), 2.0, points), points) for e in board.entries)
    titles = [canvas.inches(_title(board, family), weight="bold") for family in board.families]
    slanted = any(
        title > MEAN + len(family.rows) * cell
        for title, family in zip(titles, board.families, strict=True)
    )
    head = max(titles) * math.sin(math.radians(SLANT)) + 0.3 if slanted else 0.36
    foot = 0.0
    if cell >= NAMED_CELL:
        lengths = (canvas.inches(_task(row.trial.name), canvas.SMALL) for row in board.rows)
        foot = max(lengths) + 0.08
    bitmap = tasks * len(board.entries) > MOST_VECTORS
    return Layout(row, cell, names + 0.12, head, foot, points, slanted, bitmap)


def _title(board: Leaderboard, family: Family) -> str:
    beside = [] if family.metric == board.metric else [metric_name(family.metric)]
    beside += [canvas.fit(family.variant, 1.2, weight="bold")] if family.variant else []
    return ", ".join([canvas.fit(family_title(board, family), 1.7, weight="bold"), *beside])


def _task(name: str) -> str:
    return canvas.fit(name, 1.5, canvas.SMALL)


def _draw_family(
    figure: Figure, board: Leaderboard, family: Family, layout: Layout, left: float
) -> None:
    """Draw one family's block: its name, its mean, its tasks."""
    models = [entry.name for entry in board.entries]
    means = np.full((len(models), 1), -1)
    cells = np.full((len(models), len(family.rows)), -1)
    for at, model in enumerate(models):
        if mean := family.means.get(model):
            means[at, 0] = step(mean.mean, family.metric)
        for column, row in enumerate(family.rows):
            score = row.scores.get(model)
            if score is not None and score.mean is not None:
                cells[at, column] = step(score.mean, family.metric)
    top, tall = MARGIN + layout.head, len(models) * layout.row
    axes = canvas.place(figure, left, top, MEAN, tall)
    _draw_cells(axes, means, gap=1.0, bitmap=False)
    values = [[number(mean.mean) if (mean := family.means.get(m)) else DASH] for m in models]
    _write_cells(axes, means, values, min(layout.points, canvas.SMALL))
    axes.text(0.5, -0.15, "mean", fontsize=canvas.SMALL - 1, color=canvas.MUTED, ha="center")
    turned: dict[str, Any] = {"rotation": SLANT, "rotation_mode": "anchor"}
    axes.text(
        0.5 if layout.slanted else 0.0, -0.15 - 0.13 / layout.row, _title(board, family), ha="left",
        weight="bold", **(turned if layout.slanted else {}),
    )  # fmt: skip
    left += MEAN + 0.02
    axes = canvas.place(figure, left, top, len(family.rows) * layout.cell, tall)
    gap = 0.8 if layout.cell >= NAMED_CELL else 0.0
    _draw_cells(axes, cells, gap=gap, bitmap=layout.bitmap)
    if layout.cell >= NUMBERED_CELL:
        shown = [
            [number(row.scores[m].mean) if m in row.scores else DASH for row in family.rows]
            for m in models
        ]
        _write_cells(axes, cells, shown, min(layout.points, canvas.SMALL) - 0.5)
    if layout.cell >= NAMED_CELL:
        for column, row in enumerate(family.rows):
            axes.text(
                column + 0.5, len(models) + 0.05 / layout.row, _task(row.trial.name), rotation=90,
                fontsize=canvas.SMALL, ha="center", va="top", color=canvas.INK,
            )  # fmt: skip


def _draw_cells(axes: Axes, steps: NDArray[np.int_], *, gap: float, bitmap: bool) -> None:
    axes.set_axis_off()
    axes.pcolormesh(
        np.ma.masked_less(steps, 0), cmap=ListedColormap(SCALE), vmin=-0.5, vmax=STEPS + 0.5,
        edgecolors="white" if gap else "none", linewidth=gap, rasterized=bitmap,
    )  # fmt: skip
    axes.set_xlim(0, steps.shape[1])
    axes.set_ylim(len(steps), 0)


def _write_cells(
    axes: Axes, steps: NDArray[np.int_], texts: list[list[str]], points: float
) -> None:
    for at, line in enumerate(texts):
        for column, text in enumerate(line):
            place = steps[at, column]
            colour = ink(SCALE[place]) if place >= 0 else canvas.MUTED
            axes.text(
                column + 0.5, at + 0.52, text, fontsize=points, ha="center", va="center",
                color=colour,
            )  # fmt: skip


def _draw_scale(figure: Figure, board: Leaderboard, left: float, top: float) -> None:
    """Draw the colour scale with the ends that it has for each metric."""
    axes = canvas.place(figure, left, top, 1.6, 0.1)
    _draw_cells(axes, np.arange(STEPS + 1)[None, :], gap=0.0, bitmap=False)
    spans = [(metric, *domain(metric)) for metric in board.metrics]
    said = ", ".join(f"{metric_name(metric)} {low:g} to {high:g}" for metric, low, high in spans)
    canvas.write(figure, left, top + 0.19, said, fontsize=canvas.SMALL, color=canvas.MUTED)


def _rows(board: Leaderboard) -> list[dict[str, Any]]:
    rows = []
    for entry in board.entries:
        for family in board.families:
            shared = {
                "model": entry.name, "rank": entry.rank, "dataset": family.dataset,
                "family": family.config, "variant": family.variant, "metric": family.metric,
            }  # fmt: skip
            mean = family.means.get(entry.name)
            interval = mean.interval if mean else None
            found = [(MEAN_ROW, mean.mean if mean else None, interval, True)]
            for row in family.rows:
                score = row.scores.get(entry.name)
                span = row.intervals.get(entry.name)
                found.append((row.trial.task, score.mean if score else None, span, row.shared))
            for task, value, span, counts in found:
                low, high = span or (None, None)
                scored = {"task": task, "score": value, "low": low, "high": high}
                rows.append(shared | scored | {"in_mean": counts})
    return rows
