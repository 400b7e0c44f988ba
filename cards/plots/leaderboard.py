"""The leaderboard as one PNG: family means with their spread, and every task as a heat map.

Drawn with matplotlib's own font and settings, so that the same board gives the same bytes with
the same version of matplotlib, whatever the user's style.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure

from cards.colours import LIGHT_STOPS, domain, ink, ramp, step
from cards.leaderboard import TaskRow
from cards.names import DASH, counted, metric_name, number, plain
from cards.page import family_title
from cards.plots.canvas import FONT, INK, LINE, MUTED, drawable
from cards.published import marked
from cards.sentences import cautions, summary
from hf_datasets.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes

    from cards.leaderboard import Family, Leaderboard, Mean

ACCENT, EMPTY = "#1b5f86", "#ffffff"
DPI = 144
# All lengths below are inches.
MARGIN, LABELS, PANEL = 0.35, 2.6, 1.62
ROW, TALLEST = 0.235, 60.0
CHARACTER, LEADING = 0.067, 0.17
MOST_PANELS = 7
NARROWEST_CELL, WIDEST_CELL = 0.46, 0.85
MOST_NUMBERS = 2000
"""Cells that are written out as numbers; a larger heat map is colour only, the page has all."""
SCALE = ramp(LIGHT_STOPS)


@dataclass(frozen=True)
class Panel:
    """One column of dots: a title and a mean for each model that has one."""

    title: str
    small: str
    metric: str
    means: dict[str, Mean]


@dataclass(frozen=True)
class Band:
    """A horizontal part of the picture: its height and how it is drawn below a given top."""

    height: float
    draw: Callable[[Figure, float], None]


def leaderboard_png(board: Leaderboard, title: str, out: Path) -> None:
    """Write the plot of a leaderboard atomically; equal boards give equal bytes."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"font.family": FONT, "text.parse_math": False})
        panels = _panels(board)
        per_line = math.ceil(len(panels) / math.ceil(len(panels) / MOST_PANELS))
        lines = [panels[at : at + per_line] for at in range(0, len(panels), per_line)]
        bands = [_dots(board, line) for line in lines]
        bands += [_heat(board, metric) for metric in board.metrics]
        widest = max(per_line * PANEL, len(board.entries) * _cell(board))
        width = max(7.0, 2 * MARGIN + LABELS + widest)
        bands = [_heading(title, board, width), *bands]
        height = 2 * MARGIN + sum(band.height for band in bands)
        figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
        FigureCanvasAgg(figure)
        top = MARGIN
        for band in bands:
            band.draw(figure, top)
            top += band.height
        with atomic_path(out) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})


def _panels(board: Leaderboard) -> list[Panel]:
    found = []
    overall = {entry.name: entry.overall for entry in board.entries if entry.overall}
    if overall:
        small = f"{metric_name(board.metric)}, {counted(len(board.ranked_families), 'family')}"
        found.append(Panel("Overall", small, board.metric, overall))
    for family in board.families:
        small = f"{metric_name(family.metric)}, {counted(family.shared, 'task')}"
        small += f"\n{drawable(family.variant, 24)}" if family.variant else ""
        found.append(Panel(family_title(board, family), small, family.metric, family.means))
    return found


def _cell(board: Leaderboard) -> float:
    fair = MOST_PANELS * PANEL / len(board.entries)
    return min(WIDEST_CELL, max(NARROWEST_CELL, fair))


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return axes without any decoration at a place given in inches from the upper left."""
    wide, tall = figure.get_size_inches()
    box = (left / wide, 1 - (top + height) / tall, width / wide, height / tall)
    axes = figure.add_axes(box)
    axes.set_axis_off()
    return axes


def _write(figure: Figure, left: float, top: float, text: str, **style: str | float) -> None:
    wide, tall = figure.get_size_inches()
    settings: dict[str, Any] = {"color": INK, "fontsize": 8.5, "va": "center"} | style
    figure.text(left / wide, 1 - top / tall, text, **settings)


def _heading(title: str, board: Leaderboard, width: float) -> Band:
    texts = [
        *(f"{plain(name)} is for trying out, not for reporting." for name in cautions(board)),
        summary(board),
        "Whiskers: standard deviation over tasks (overall: over families).",
    ]
    across = int((width - 2 * MARGIN) / CHARACTER)
    small = [line for text in texts for line in textwrap.wrap(drawable(text, 2000), across)]

    def draw(figure: Figure, top: float) -> None:
        _write(figure, MARGIN, top + 0.12, drawable(title, 48), fontsize=14, weight="bold")
        for index, line in enumerate(small):
            _write(figure, MARGIN, top + 0.42 + index * LEADING, line, fontsize=8, color=MUTED)

    return Band(0.5 + len(small) * LEADING, draw)


def _dots(board: Leaderboard, panels: list[Panel]) -> Band:
    names = [entry.name for entry in board.entries]
    height = len(names) * ROW
    head = 0.75

    def draw(figure: Figure, top: float) -> None:
        for index, entry in enumerate(board.entries):
            middle = top + head + (index + 0.5) * ROW
            _write(figure, MARGIN, middle, drawable(marked(entry), 36))
        for index, panel in enumerate(panels):
            left = MARGIN + LABELS + index * PANEL
            _write(
                figure,
                left,
                top + head - 0.36,
                drawable(panel.title, 20),
                weight="bold",
                va="bottom",
            )
            _write(
                figure, left, top + head - 0.3, panel.small, fontsize=7, color=MUTED, va="top",
                linespacing=1.1,
            )  # fmt: skip
            axes = _axes(figure, left, top + head, PANEL - 0.62, height)
            _draw_means(axes, panel, names)

    return Band(head + height + 0.45, draw)


def _draw_means(axes: Axes, panel: Panel, names: list[str]) -> None:
    low, high = domain(panel.metric)
    least = min((mean.mean - (mean.sd or 0) for mean in panel.means.values()), default=low)
    # Room for scores below chance, but not so much that one wild value flattens all others.
    low = max(min(low, least), low - (high - low) / 2)
    axes.set_xlim(low, high)
    axes.set_ylim(len(names), 0)
    style: dict[str, Any] = {"color": MUTED, "fontsize": 6.5, "va": "top", "clip_on": False}
    axes.text(low, len(names) + 0.12, f"{low:.2g}", ha="left", **style)
    axes.text(high, len(names) + 0.12, f"{high:.2g}", ha="right", **style)
    shown = {name: number(mean.mean) for name, mean in panel.means.items()}
    top = max(shown.values(), key=float, default="")
    for index, name in enumerate(names):
        y = index + 0.5
        axes.plot([low, high], [y, y], color=LINE, linewidth=0.7, zorder=1)
        if (mean := panel.means.get(name)) is None:
            axes.text(high + (high - low) * 0.09, y, DASH, color=MUTED, fontsize=7.5, va="center")
            continue
        spread = mean.sd or 0.0
        ends = [min(max(mean.mean + side * spread, low), high) for side in (-1, 1)]
        axes.plot(ends, [y, y], color=ACCENT, linewidth=1.6, alpha=0.55, zorder=2)
        inside = mean.mean >= low
        axes.plot(
            [max(mean.mean, low)], [y], marker="o" if inside else "<", markersize=4.6,
            color=ACCENT, clip_on=False, zorder=3,
        )  # fmt: skip
        best = shown[name] == top and len(shown) > 1
        axes.text(
            high + (high - low) * 0.09, y, shown[name], fontsize=7.5, va="center", color=INK,
            weight="bold" if best else "normal", clip_on=False,
        )  # fmt: skip


def _heat(board: Leaderboard, metric: str) -> Band:
    lines: list[Family | TaskRow] = []
    for family in board.families:
        if family.metric == metric:
            lines += [family, *family.rows]
    row_height = min(ROW, TALLEST / len(lines))
    names = [entry.name for entry in board.entries]
    shown = [drawable(marked(entry), 22) for entry in board.entries]
    head = 0.4 + 0.053 * max(len(name) for name in shown)
    height, width = row_height * len(lines), len(names) * _cell(board)
    numbers = len(names) * len(lines) <= MOST_NUMBERS

    def draw(figure: Figure, top: float) -> None:
        low, high = domain(metric)
        title = f"{metric_name(metric)} of every task, {low:g} (light) to {high:g} (dark)"
        _write(figure, MARGIN, top + 0.1, title, weight="bold")
        axes = _axes(figure, MARGIN + LABELS, top + head, width, height)
        axes.set_xlim(0, len(names))
        axes.set_ylim(len(lines), 0)
        for column, name in enumerate(shown):
            axes.text(
                column + 0.5, 0.75 - 0.08 * ROW / row_height, name, rotation=50, ha="left",
                rotation_mode="anchor", fontsize=7.5, color=INK, clip_on=False,
            )  # fmt: skip
        for index, line in enumerate(lines):
            if isinstance(line, TaskRow):
                _draw_row(axes, line, index, names, numbers=numbers)
            if row_height > ROW / 2:
                middle = top + head + (index + 0.5) * row_height
                _draw_label(figure, board, line, middle)

    return Band(head + height + 0.4, draw)


def _draw_label(figure: Figure, board: Leaderboard, line: Family | TaskRow, middle: float) -> None:
    if isinstance(line, TaskRow):
        _write(figure, MARGIN + 0.12, middle, drawable(line.trial.name, 36), fontsize=7.5)
    else:
        variant = f", {line.variant}" if line.variant else ""
        text = drawable(family_title(board, line) + variant, 40)
        _write(figure, MARGIN, middle + 0.02, text, fontsize=7.5, color=MUTED, weight="bold")


def _draw_row(axes: Axes, row: TaskRow, index: int, models: list[str], *, numbers: bool) -> None:
    means = [found.mean if (found := row.scores.get(model)) else None for model in models]
    colours = [EMPTY if mean is None else SCALE[step(mean, row.metric)] for mean in means]
    # A whole row at once: a patch for each of 40,000 cells takes half a minute.
    axes.pcolormesh(
        range(len(models) + 1), (index, index + 1), to_rgba_array(colours)[None],
        edgecolors="white", linewidth=1.2,
    )  # fmt: skip
    for column, (mean, colour) in enumerate(zip(means, colours, strict=True)):
        if numbers:
            text = DASH if mean is None else number(mean)
            axes.text(
                column + 0.5, index + 0.5, text, ha="center", va="center", fontsize=7,
                color=ink(colour),
            )  # fmt: skip
