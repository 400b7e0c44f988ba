"""Scores by the share of the training entities that was used: a panel a family, a line a model."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from cards.names import counted, metric_name
from cards.plots import canvas
from cards.plots.canvas import FORMATS, CannotDrawError
from cards.standing import interval_over, joint
from probes.contenders import name_models, read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from probes.intervals import Interval

SETTING = ("dataset", "config", "metric", "revision", "protocol", "split", "probe")
"""What the lines of a panel have in common; task types of one metric are drawn together."""
COLUMNS, MOST_BANDS = 3, 4
"""Panels in a line; models whose intervals are drawn: more would lie on each other."""
OTHERS = "#b4bab8"
SPAN_OF_LOG = 5.0
"""Training sets whose largest is so many times the smallest get a logarithmic axis."""
# Inches.
MARGIN, WIDE, TALL, LEFT, HEAD, FOOT = canvas.MARGIN, 1.8, 1.5, 0.45, 0.42, 0.5

Row = dict[str, Any]
Scored = dict[str, dict[float, list[Row]]]
"""Of one task: model → fraction → its rounds."""


@dataclass(frozen=True)
class Point:
    """One model's mean at one fraction, over the panel's tasks."""

    fraction: float
    n_train: float
    """Mean number of training entities."""
    mean: float
    interval: Interval | None
    """95 %, over rounds; None where the tasks do not share their rounds."""


@dataclass(frozen=True)
class Panel:
    """One family under one condition."""

    setting: tuple[str, ...]
    tasks: int
    """Tasks in the means: those that every model was scored on with every fraction."""
    total: int
    curves: dict[str, list[Point]]
    """Model → its points, from the smallest fraction."""


def draw_learning_curves(
    results: Sequence[Path], out: Path, *, formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Draw how family means grow with the training part, from runs of `probe --fractions`.

    A point is the mean over the tasks that all models of the panel were scored on with all
    fractions; bands, of up to four models, are 95 % intervals over rounds. Of more than
    eight models the eight that end highest have a colour. The CSV has a row for each point
    (family, condition, model, fraction, n_train, mean, low, high, tasks).

    Raises
    ------
    InputError
        No result table; one fraction only.

    """
    panels, problems = learning_panels(results)
    if not panels:
        raise CannotDrawError(problems)
    ends: dict[str, list[float]] = defaultdict(list)
    for panel in panels:
        for model, points in panel.curves.items():
            ends[model].append(points[-1].mean)
    models = sorted(ends, key=lambda model: (-fmean(ends[model]), model))
    looks = dict(zip(models, zip(canvas.COLOURS, canvas.MARKERS, strict=True), strict=False))
    lines = [panels[at : at + COLUMNS] for at in range(0, len(panels), COLUMNS)]
    legend = max(1.1, *(0.3 + canvas.inches(canvas.fit(model, 1.8)) for model in models))
    width = 2 * MARGIN + len(lines[0]) * (LEFT + WIDE + 0.15) + 0.2 + legend
    rows_tall = max(len(lines) * (HEAD + TALL + FOOT), HEAD + (len(looks) + 2) * 0.19)
    with canvas.style():
        figure = canvas.new_figure(width, 2 * MARGIN + rows_tall)
        names = {panel.setting[:3] for panel in panels}
        for place, panel in enumerate(panels):
            left = MARGIN + (place % COLUMNS) * (LEFT + WIDE + 0.15)
            top = MARGIN + (place // COLUMNS) * (HEAD + TALL + FOOT)
            _write_title(figure, panel, left, top, whole=len(names) < len(panels))
            axes = canvas.place(figure, left + LEFT, top + HEAD, WIDE, TALL)
            _draw_panel(axes, panel, looks)
        _draw_legend(figure, width - MARGIN - legend, looks, len(models))
        return canvas.save(figure, _rows(panels), out, formats)


def learning_panels(results: Sequence[Path]) -> tuple[list[Panel], str]:
    """Return what there is to draw, and if that is nothing, why."""
    rows, _ = read_rows(results, None)
    names = {key: name for name, key in name_models(rows).items()}
    found: dict[tuple[str, ...], dict[str, Scored]] = {}
    for row in rows:
        if "+" not in row["protocol"] and row["value"] is not None:
            setting = tuple(str(row[name]) for name in SETTING)
            model = names[row["model"], row["embedding"]]
            fraction = 1.0 if row["fraction"] is None else row["fraction"]
            task = found.setdefault(setting, {}).setdefault(row["task"], {})
            task.setdefault(model, {}).setdefault(fraction, []).append(row)
    panels = []
    for setting, tasks in sorted(found.items()):
        fractions = {one for by in tasks.values() for mine in by.values() for one in mine}
        if len(fractions) > 1 and (panel := _panel(setting, tasks, fractions)):
            panels.append(panel)
    seen = sorted({row["fraction"] or 1.0 for row in rows})
    if len(seen) == 1:
        return panels, (
            f"the results are of one fraction ({seen[0]:g}) of the training part; run `probe` "
            "with --fractions 0.1,0.3,1"
        )
    return panels, "no task was scored for every model with every fraction; run `probe` on all"


def _panel(
    setting: tuple[str, ...],
    tasks: dict[str, Scored],
    fractions: set[float],
) -> Panel | None:
    models = {model for by in tasks.values() for model in by}
    shared = [
        by for by in tasks.values()
        if by.keys() == models and all(mine.keys() == fractions for mine in by.values())
    ]  # fmt: skip
    if not shared:
        return None
    curves = {
        model: [
            _point(one, [by[model][one] for by in shared], setting[2]) for one in sorted(fractions)
        ]
        for model in sorted(models)
    }
    return Panel(setting, len(shared), len(tasks), curves)


def _point(fraction: float, tasks: list[list[Row]], metric: str) -> Point:
    """Average one model's rounds on some tasks."""
    rounds = [{(r["seed"], r["repeat"], r["fold"]): r["value"] for r in rows} for rows in tasks]
    alike = all(one.keys() == rounds[0].keys() for one in rounds)
    order = sorted(rounds[0], key=str)
    merged = joint(tuple(one[place] for place in order) for one in rounds) if alike else ()
    ratio = fmean(row["n_test"] / max(row["n_train"], 1) for rows in tasks for row in rows)
    return Point(
        fraction,
        fmean(row["n_train"] for rows in tasks for row in rows),
        fmean(fmean(one.values()) for one in rounds),
        interval_over(merged, ratio, metric),
    )


def _write_title(figure: Figure, panel: Panel, left: float, top: float, *, whole: bool) -> None:
    """Write the family above its panel; its whole condition where panels differ in nothing else."""
    _, config, metric, *condition = panel.setting
    over = counted(panel.tasks, "task")
    if panel.tasks < panel.total:
        over = f"{panel.tasks} of {panel.total} tasks"
    small = ", ".join([metric_name(metric), over, *(condition if whole else ())])
    title = canvas.fit(config, WIDE + LEFT, weight="bold")
    canvas.write(figure, left, top + 0.07, title, weight="bold")
    small = canvas.fit(small, WIDE + LEFT, canvas.SMALL)
    canvas.write(figure, left, top + 0.23, small, fontsize=canvas.SMALL, color=canvas.MUTED)


def _draw_panel(axes: Axes, panel: Panel, looks: dict[str, tuple[str, str]]) -> None:
    # Those with a colour last, so that no grey line lies on them.
    for model, points in sorted(panel.curves.items(), key=lambda item: item[0] in looks):
        colour, marker = looks.get(model, (OTHERS, ""))
        across = [point.n_train for point in points]
        spans = [point.interval for point in points]
        if len(panel.curves) <= MOST_BANDS and all(spans):
            lows, highs = zip(*(span for span in spans if span), strict=True)
            axes.fill_between(across, lows, highs, color=colour, alpha=0.13, linewidth=0)
        axes.plot(
            across, [point.mean for point in points], color=colour, marker=marker or None,
            markersize=3.5, linewidth=1.2,
        )  # fmt: skip
    sizes = sorted({point.n_train for points in panel.curves.values() for point in points})
    if sizes[-1] > SPAN_OF_LOG * sizes[0] > 0:
        axes.set_xscale("log")
        axes.minorticks_off()
        shown = {point.n_train for point in next(iter(panel.curves.values()))}
        axes.set_xticks(_apart(sorted(shown)))
    axes.xaxis.set_major_formatter(lambda value, _: canvas.tick(round(value)))
    axes.locator_params(axis="y", nbins=5)
    axes.set_xlabel("training entities", fontsize=canvas.SMALL, labelpad=2)
    axes.grid(axis="y", color=canvas.LINE, linewidth=0.5)


def _apart(sizes: list[float]) -> list[float]:
    """Leave out sizes whose marks would touch on a logarithmic axis; the ends stay."""
    kept = [sizes[0]]
    least = math.log(sizes[-1] / sizes[0]) / 6
    for size in sizes[1:-1]:
        if min(math.log(size / kept[-1]), math.log(sizes[-1] / size)) >= least:
            kept.append(size)
    return [*kept, sizes[-1]]


def _draw_legend(
    figure: Figure, left: float, looks: dict[str, tuple[str, str]], models: int
) -> None:
    wide, tall = figure.get_size_inches()
    axes = canvas.place(figure, left, 0, wide - left, tall)
    axes.set_axis_off()
    axes.set_xlim(0, wide - left)
    axes.set_ylim(tall, 0)
    top = MARGIN + HEAD
    for model, (colour, marker) in looks.items():
        axes.plot([0, 0.1, 0.2], [top] * 3, color=colour, marker=marker, markersize=4,
                  markevery=[1], linewidth=1.2)  # fmt: skip
        canvas.write(figure, left + 0.28, top, canvas.fit(model, 1.8))
        top += 0.19
    if models > len(looks):
        axes.plot([0, 0.2], [top] * 2, color=OTHERS, linewidth=1.2)
        said = counted(models - len(looks), "other model")
        canvas.write(figure, left + 0.28, top, said, color=canvas.MUTED)
    if models <= MOST_BANDS:
        said = "bands: 95 % intervals"
        canvas.write(figure, left, top + 0.06, said, fontsize=canvas.SMALL, color=canvas.MUTED)


def _rows(panels: Sequence[Panel]) -> list[Row]:
    rows = []
    for panel in panels:
        shared = dict(zip(SETTING, panel.setting, strict=True))
        for model, points in panel.curves.items():
            for point in points:
                low, high = point.interval or (None, None)
                rows.append(
                    shared
                    | {"model": model, "fraction": point.fraction, "n_train": point.n_train}
                    | {"mean": point.mean, "low": low, "high": high, "tasks": panel.tasks}
                )
    return rows
