"""Every model's mean in every task family, each with its interval: a panel a family."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cards.colours import domain
from cards.names import DASH, counted, metric_name, number
from cards.page import family_title
from cards.plots import canvas
from cards.plots.canvas import FORMATS, CannotDrawError
from cards.published import marked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cards.leaderboard import Leaderboard, Mean

FEWEST_PANELS = 4
"""Panels that always stand beside each other; of many, as many as make a wide figure."""
# Inches.
MARGIN, PANEL, NUMBERS, GAP, ROW, HEAD, FOOT = canvas.MARGIN, 1.05, 0.4, 0.15, 0.2, 0.5, 0.4
TALLEST = 14.0


@dataclass(frozen=True)
class Panel:
    """One family, or the overall mean."""

    title: str
    small: str
    metric: str
    means: dict[str, Mean]


def draw_profile(board: Leaderboard, out: Path, *, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Draw the means of all models, a row each, best first, and a panel for each family.

    Whiskers are 95 % intervals over the rounds of the cross-validation (`cards.leaderboard`); the
    highest mean of a panel is bold. The CSV has a row for each mean (model, rank, family,
    metric, mean, low, high, tasks).
    """
    panels = _panels(board)
    if not panels:
        message = (
            "no task was scored for all models of its family, so there is no family mean; "
            "leave a model out"
        )
        raise CannotDrawError(message)
    models = [entry.name for entry in board.entries]
    row = min(ROW, max(0.12, TALLEST / len(models)))
    points = min(canvas.TEXT, row * 72 * 0.68)
    names = [canvas.fit(marked(entry), 2.0, points) for entry in board.entries]
    left = MARGIN + max(canvas.inches(name, points) for name in names) + 0.12
    tall = len(models) * row
    across = math.sqrt(1.4 * len(panels) * (HEAD + tall + FOOT) / (PANEL + NUMBERS + GAP))
    count = math.ceil(len(panels) / max(round(across), FEWEST_PANELS))
    across = math.ceil(len(panels) / count)
    lines = [panels[at : at + across] for at in range(0, len(panels), across)]
    width = left + len(lines[0]) * (PANEL + NUMBERS + GAP) + MARGIN
    with canvas.style():
        height = 2 * MARGIN + len(lines) * (HEAD + tall + FOOT) + 0.1
        figure = canvas.new_figure(max(width, 4.0), height)
        top = MARGIN
        for line in lines:
            for at, name in enumerate(names):
                middle = top + HEAD + (at + 0.5) * row
                canvas.write(figure, MARGIN, middle, name, fontsize=points)
            for at, panel in enumerate(line):
                start = left + at * (PANEL + NUMBERS + GAP)
                _draw_panel(figure, panel, models, (start, top), row)
            top += HEAD + tall + FOOT
        said = "Whiskers: 95 % intervals over rounds of cross-validation"
        canvas.write(figure, MARGIN, top, said, fontsize=canvas.SMALL, color=canvas.MUTED)
        return canvas.save(figure, _rows(board, panels), out, formats)


def _panels(board: Leaderboard) -> list[Panel]:
    panels = []
    if len(board.ranked_families) > 1:
        small = f"{metric_name(board.metric)}, {counted(len(board.ranked_families), 'family')}"
        means = {entry.name: entry.overall for entry in board.entries if entry.overall}
        panels.append(Panel("Overall", small, board.metric, means))
    for family in board.families:
        if family.means:
            small = f"{metric_name(family.metric)}, {counted(family.shared, 'task')}"
            title = family_title(board, family) + (f", {family.variant}" if family.variant else "")
            panels.append(Panel(title, small, family.metric, family.means))
    return panels


def _draw_panel(
    figure: Figure, panel: Panel, models: list[str], corner: tuple[float, float], row: float
) -> None:
    """Draw a panel below and right of a corner, with `row` inches for each model."""
    left, top = corner
    title = canvas.fit(panel.title, PANEL + NUMBERS, weight="bold")
    canvas.write(figure, left, top + 0.1, title, weight="bold")
    small = canvas.fit(panel.small, PANEL + NUMBERS, canvas.SMALL)
    canvas.write(figure, left, top + 0.27, small, fontsize=canvas.SMALL, color=canvas.MUTED)
    axes = canvas.place(figure, left, top + HEAD, PANEL, len(models) * row)
    low, high = domain(panel.metric)
    low = min([low, *(one.mean for one in panel.means.values())])
    axes.set_xlim(low, high)
    axes.set_ylim(len(models), 0)
    axes.set_yticks([])
    axes.set_xticks([low, (low + high) / 2, high])
    axes.xaxis.set_major_formatter(lambda value, _: canvas.tick(value))
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=canvas.LINE, linewidth=0.5)
    best = max(number(one.mean) for one in panel.means.values())
    for at, model in enumerate(models):
        one = panel.means.get(model)
        if one:
            _draw_mean(axes, one, at + 0.5)
        shown = number(one.mean) if one else DASH
        weight = "bold" if shown == best and len(panel.means) > 1 else "normal"
        canvas.write(
            figure, left + PANEL + NUMBERS - 0.02, top + HEAD + (at + 0.5) * row, shown,
            fontsize=min(canvas.SMALL, row * 72 * 0.6), ha="right", weight=weight,
        )  # fmt: skip


def _draw_mean(axes: Axes, one: Mean, middle: float) -> None:
    low, high = axes.get_xlim()
    if span := one.interval:
        start, end = (min(max(value, low), high) for value in span)
        axes.hlines(middle, start, end, color=canvas.ACCENT, linewidth=1.3, alpha=0.55)
    axes.plot([one.mean], [middle], marker="o", markersize=4, color=canvas.ACCENT, clip_on=False)


def _rows(board: Leaderboard, panels: Sequence[Panel]) -> list[dict[str, Any]]:
    rows = []
    for entry in board.entries:
        for panel in panels:
            one = panel.means.get(entry.name)
            low, high = (one.interval if one else None) or (None, None)
            rows.append(
                {"model": entry.name, "rank": entry.rank, "family": panel.title}
                | {"metric": panel.metric, "over": panel.small, "mean": one.mean if one else None}
                | {"low": low, "high": high}
            )
    return rows
