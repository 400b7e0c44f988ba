"""Average ranks over tasks, and which of them a test can tell apart (Demšar, JMLR 2006, 7:1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cards.names import counted
from cards.plots import canvas
from cards.plots.canvas import FORMATS, CannotDrawError
from cards.standing import letters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cards.leaderboard import Leaderboard
    from cards.standing import Standing

MOST_ELBOWS = 24
"""Models that stand around the axis as Demšar draws them; more are drawn as rows."""
# Inches.
MARGIN, AXIS, ROW = canvas.MARGIN, 4.2, 0.18


def draw_critical_difference(
    board: Leaderboard, out: Path, *, formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Draw the average ranks of all models, over the tasks of the overall mean.

    Up to 24 models: Demšar's diagram, where thick bars join models whose ranks differ by less
    than Nemenyi's critical difference at 5 %. More: a row a model, with bars of half that
    difference to either side, so that models whose bars do not overlap are told apart. The CSV
    has a row for each model (average rank, its bootstrap interval over tasks, its groups as the
    leaderboard letters them, the critical difference).
    """
    standing = board.standing
    if standing is None or standing.critical_difference is None:
        tasks = standing.tasks if standing else 0
        message = (
            "average ranks need two models and two tasks that all of them were scored on; there "
            f"are {counted(len(board.entries), 'model')} and {counted(tasks, 'such task')}"
        )
        raise CannotDrawError(message)
    ranks = dict(sorted(standing.ranks.items(), key=lambda item: (item[1], item[0])))
    draw = _draw_elbows if len(ranks) <= MOST_ELBOWS else _draw_rows
    with canvas.style():
        figure = draw(ranks, standing, standing.critical_difference)
        rows = []
        for model, rank in ranks.items():
            low, high = standing.intervals[model]
            rows.append(
                {"model": model, "average_rank": rank, "low": low, "high": high}
                | {"groups": letters(standing.groups[model])}
                | {"critical_difference": standing.critical_difference}
                | {"friedman_p": standing.friedman_p, "tasks": standing.tasks}
            )
        return canvas.save(figure, rows, out, formats)


def _spans(ranks: dict[str, float], standing: Standing) -> list[tuple[float, float]]:
    """Return the lowest and highest rank of every group of two models or more."""
    spans = []
    for group in range(1 + max(last for _, last in standing.groups.values())):
        mine = [
            rank for model, rank in ranks.items()
            if standing.groups[model][0] <= group <= standing.groups[model][1]
        ]  # fmt: skip
        if len(mine) > 1:
            spans.append((min(mine), max(mine)))
    return spans


def _draw_elbows(ranks: dict[str, float], standing: Standing, difference: float) -> Figure:
    """Draw Demšar's diagram: the better half on the left, the others on the right."""
    models, spans = list(ranks), _spans(ranks, standing)
    names = [canvas.fit(model, 2.0) for model in models]
    side = max(map(canvas.inches, names)) + 0.55
    half = (len(models) + 1) // 2
    levels = _stack(spans)
    bars = 0.1 * (max(levels, default=-1) + 1)
    head = 0.75
    height = 2 * MARGIN + head + bars + 0.25 + half * ROW + 0.25
    figure = canvas.new_figure(2 * MARGIN + 2 * side + AXIS, height)
    left = MARGIN + side
    axes = canvas.place(figure, 0, 0, *figure.get_size_inches())
    axes.set_axis_off()
    axes.set_xlim(0, figure.get_size_inches()[0])
    axes.set_ylim(height, 0)

    def across(rank: float) -> float:
        return left + (rank - 1) / (len(models) - 1) * AXIS

    line: dict[str, Any] = {"color": canvas.INK, "linewidth": 0.8, "solid_capstyle": "projecting"}
    top = MARGIN + head
    axes.plot([left, left + AXIS], [top, top], **line)
    for mark in range(1, len(models) + 1):
        axes.plot([across(mark)] * 2, [top - 0.06, top], **line)
        axes.text(across(mark), top - 0.09, str(mark), ha="center", fontsize=canvas.SMALL)
    _write_difference(axes, difference, left, AXIS / (len(models) - 1))
    for (low, high), level in zip(spans, levels, strict=True):
        middle = top + 0.12 + 0.1 * level
        axes.plot(
            [across(low) - 0.04, across(high) + 0.04], [middle, middle],
            color=canvas.ACCENT, linewidth=3, solid_capstyle="round",
        )  # fmt: skip
    for place, (name, rank) in enumerate(zip(names, ranks.values(), strict=True)):
        is_left = place < half
        down = place if is_left else len(models) - 1 - place
        middle = top + bars + 0.25 + (down + 0.5) * ROW
        end = left - 0.15 if is_left else left + AXIS + 0.15
        axes.plot([across(rank), across(rank), end], [top, middle, middle], **line)
        sign = -1 if is_left else 1
        look: dict[str, Any] = {"va": "center", "ha": "right" if is_left else "left"}
        axes.text(end + sign * 0.36, middle, name, **look)
        axes.text(
            end + sign * 0.05, middle, f"{rank:.2f}", fontsize=canvas.SMALL, color=canvas.MUTED,
            **look,
        )  # fmt: skip
    _write_foot(figure, standing)
    return figure


def _draw_rows(ranks: dict[str, float], standing: Standing, difference: float) -> Figure:
    """Draw a row a model, with half the critical difference to either side."""
    models, values = list(ranks), np.array(list(ranks.values()))
    half = difference / 2
    row = min(ROW, max(0.11, 14 / len(models)))
    points = min(canvas.TEXT, row * 72 * 0.68)
    names = [canvas.fit(model, 2.0, points) for model in models]
    left = MARGIN + max(canvas.inches(name, points) for name in names) + 0.12
    tall, head = len(models) * row, 0.55
    figure = canvas.new_figure(left + AXIS + 0.6, 2 * MARGIN + head + tall + 0.3)
    axes = canvas.place(figure, left, MARGIN + head, AXIS, tall)
    axes.set_xlim(min(1.0, values[0] - half), max(len(models), values[-1] + half))
    axes.set_ylim(len(models), 0)
    axes.set_yticks([])
    axes.xaxis.tick_top()
    for name in ("left", "bottom"):
        axes.spines[name].set_visible(False)
    axes.spines["top"].set_visible(True)
    axes.axvspan(values[0] - half, values[0] + half, color=canvas.FAINT, linewidth=0)
    places = np.arange(len(models)) + 0.5
    axes.hlines(
        places, values - half, values + half, color=canvas.ACCENT, alpha=0.5,
        linewidth=1.3,
    )  # fmt: skip
    axes.plot(values, places, linestyle="", marker="o", markersize=3, color=canvas.ACCENT)
    for at, (name, rank) in enumerate(zip(names, values, strict=True)):
        middle = MARGIN + head + (at + 0.5) * row
        canvas.write(figure, MARGIN, middle, name, fontsize=points)
        canvas.write(
            figure, left + AXIS + 0.5, middle, f"{rank:.1f}", fontsize=points, ha="right",
            color=canvas.MUTED,
        )  # fmt: skip
    said = f"Average rank; bars that do not overlap are told apart (CD {difference:.2f})"
    canvas.write(figure, left, MARGIN + 0.1, said)
    _write_foot(figure, standing)
    return figure


def _stack(spans: list[tuple[float, float]]) -> list[int]:
    """Return the level of each group's bar: the first on which no other bar is in its way."""
    ends: list[float] = []
    levels = []
    for first, last in spans:
        level = next((at for at, end in enumerate(ends) if end < first), len(ends))
        ends[level : level + 1] = [last]
        levels.append(level)
    return levels


def _write_difference(axes: Axes, difference: float, left: float, unit: float) -> None:
    """Draw the critical difference as a bar of its length, `unit` inches a rank."""
    end, top = left + difference * unit, MARGIN + 0.3
    axes.plot([left, end], [top, top], color=canvas.INK, linewidth=1.2)
    for edge in (left, end):
        axes.plot([edge, edge], [top - 0.04, top + 0.04], color=canvas.INK, linewidth=1.2)
    axes.text((left + end) / 2, top - 0.1, f"CD {difference:.2f}", ha="center")


def _write_foot(figure: Figure, standing: Standing) -> None:
    said = f"Average ranks over {counted(standing.tasks, 'task')}; Nemenyi test at 5 %"
    if standing.friedman_p is not None:
        p = standing.friedman_p
        said += f"; Friedman p {'< 0.0001' if p < 0.0001 else f'{p:.4f}'}"  # noqa: PLR2004
    height = figure.get_size_inches()[1]
    canvas.write(figure, MARGIN, height - MARGIN, said, fontsize=canvas.SMALL, color=canvas.MUTED)
