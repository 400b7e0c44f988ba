"""One model's profile over the task families against all other models: for its model card."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from cards.colours import domain
from cards.names import counted, metric_name, number
from cards.page import family_title
from cards.plots import canvas
from cards.plots.canvas import FORMATS, CannotDrawError
from hf_datasets.errors import choose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from cards.leaderboard import Leaderboard, Mean

# Inches.
MARGIN, NAMES, BARS, NUMBERS, ROW, FOOT = canvas.MARGIN, 2.1, 3.0, 1.15, 0.3, 0.48


@dataclass(frozen=True)
class Line:
    """One family, or the overall mean, with every model that has a mean there."""

    title: str
    small: str
    metric: str
    mine: Mean
    field: dict[str, float]
    """Every model's mean, this one's too."""

    @property
    def rank(self) -> int:
        """The model's place, 1 for the best; equal means share it."""
        return 1 + sum(mean > self.mine.mean for mean in self.field.values())


def profile_figure(
    board: Leaderboard, model: str, out: Path, *, formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Draw one model's mean in every family as a bar, and all other models as dots below it.

    The overall mean comes first where there is one, then the families as the leaderboard orders
    them, each metric on an axis of its own. Whiskers are 95 % intervals over the rounds of the
    cross-validation (`cards.leaderboard`). The same board gives the same bytes.

    Parameters
    ----------
    board
        From `cards.leaderboard.build_leaderboard`: this model and those to set it beside.
    model
        Its name on the board (`Entry.name`).
    out
        Folder and name without a suffix: `card/profile` writes `profile.png`, `.svg` and `.csv`
        into `card`.
    formats
        `png`, `svg` or both.

    Returns
    -------
    The files that were written: one for each format, then the CSV, a row for each bar (family,
    metric, tasks, mean, low, high, rank, models, median and best of the field).

    Raises
    ------
    InputError
        A model that is not on the board; one without any family mean; a file that cannot be
        written.

    """
    choose(model, {entry.name: entry for entry in board.entries}, "model")
    lines = _lines(board, model)
    if not lines:
        message = (
            f"{model} has no family mean on this leaderboard, because no task was scored for all "
            "models of a family; leave the other models out"
        )
        raise CannotDrawError(message)
    blocks = [[one for one in lines if one.metric == metric] for metric in board.metrics]
    blocks = [block for block in blocks if block]
    with canvas.style():
        height = sum(len(block) * ROW + FOOT for block in blocks)
        figure = canvas.new_figure(2 * MARGIN + NAMES + BARS + NUMBERS, 2 * MARGIN + height + 0.1)
        top = MARGIN
        for block in blocks:
            axes = canvas.place(figure, MARGIN + NAMES, top, BARS, len(block) * ROW)
            _draw_block(axes, block, model)
            for at, line in enumerate(block):
                middle = top + (at + 0.5) * ROW
                heavy = "bold" if line.title == "Overall" else "normal"
                side = canvas.inches(line.small, canvas.SMALL)
                title = canvas.fit(line.title, NAMES - side - 0.25, canvas.TEXT, heavy)
                canvas.write(figure, MARGIN, middle, title, weight=heavy)
                canvas.write(
                    figure, MARGIN + NAMES - 0.1, middle, line.small, fontsize=canvas.SMALL,
                    color=canvas.MUTED, ha="right",
                )  # fmt: skip
                left = MARGIN + NAMES + BARS + 0.12
                canvas.write(figure, left, middle, number(line.mine.mean), weight="bold")
                if len(line.field) > 1:
                    place = f"{line.rank} of {len(line.field)}"
                    canvas.write(figure, left + 0.45, middle, place, color=canvas.MUTED)
            top += len(block) * ROW + FOOT
        said = "Bars: means"
        if any(line.mine.interval for line in lines):
            said += " with 95 % intervals"
        if any(len(line.field) > 1 for line in lines):
            said += "; dots: the other models"
        canvas.write(figure, MARGIN, top, said, fontsize=canvas.SMALL, color=canvas.MUTED)
        return canvas.save(figure, [_row(model, line) for line in lines], out, formats)


def _lines(board: Leaderboard, model: str) -> list[Line]:
    lines = []
    overall = {entry.name: entry.overall for entry in board.entries if entry.overall}
    if len(board.ranked_families) > 1 and model in overall:
        small = counted(len(board.ranked_families), "family")
        field = {name: mean.mean for name, mean in overall.items()}
        lines.append(Line("Overall", small, board.metric, overall[model], field))
    for family in board.families:
        if model in family.means:
            title = family_title(board, family) + (f" ({family.variant})" if family.variant else "")
            field = {name: mean.mean for name, mean in family.means.items()}
            small = counted(family.shared, "task")
            lines.append(Line(title, small, family.metric, family.means[model], field))
    return lines


def _draw_block(axes: Axes, block: list[Line], model: str) -> None:
    """Draw the lines of one metric, from above."""
    metric = block[0].metric
    low, high = domain(metric)
    low = min(low, *(value for line in block for value in line.field.values()))
    axes.set_xlim(low, high)
    axes.set_ylim(len(block), 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=canvas.LINE, linewidth=0.6)
    axes.set_xlabel(metric_name(metric), fontsize=canvas.SMALL, labelpad=2)
    start = max(low, 0.0)
    for at, line in enumerate(block):
        bar, dots = at + 0.38, at + 0.76
        axes.barh(bar, line.mine.mean - start, left=start, height=0.4, color=canvas.ACCENT)
        if span := line.mine.interval:
            left, right = (min(max(end, low), high) for end in span)
            axes.hlines(bar, left, right, color=canvas.INK, linewidth=1.0, clip_on=False)
        others = [mean for name, mean in line.field.items() if name != model]
        axes.plot(
            others, [dots] * len(others), linestyle="", marker="o", markersize=3.2,
            markeredgewidth=0, color=canvas.INK, alpha=0.45, clip_on=False,
        )  # fmt: skip


def _row(model: str, line: Line) -> dict[str, Any]:
    low, high = line.mine.interval or (None, None)
    best = max(line.field, key=lambda name: line.field[name])
    return {
        "model": model, "family": line.title, "metric": line.metric, "over": line.small,
        "mean": line.mine.mean, "low": low, "high": high, "rank": line.rank,
        "models": len(line.field), "field_median": median(line.field.values()),
        "field_best": line.field[best], "best_model": best,
    }  # fmt: skip
