"""Receiver operating characteristics of binary tasks, from predictions: a panel a task."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from cards.names import counted, number
from cards.plots import canvas
from cards.plots.canvas import FORMATS, CannotDrawError
from hf_datasets.errors import shorten
from hf_datasets.task import TaskType
from probes.contenders import name_models, read_rows
from probes.intervals import auroc_influence
from probes.predictions import PredictionFiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from probes.predictions import Predictions

    Floats = NDArray[np.float64]

GRID = np.linspace(0.0, 1.0, 201)
"""False positive rates at which the curves of the rounds are averaged."""
MOST_PANELS, COLUMNS = 12, 3
# Inches.
MARGIN, SIDE, LEFT, HEAD, FOOT, LEGEND = canvas.MARGIN, 1.75, 0.42, 0.27, 0.5, 0.15


@dataclass(frozen=True, eq=False)
class Curve:
    """One model on one task: the mean over the rounds."""

    model: str
    auroc: float
    found: Floats
    """Shape (len(GRID),): true positive rates at GRID."""


def draw_roc(
    results: Sequence[Path],
    predictions: Sequence[Path],
    out: Path,
    *,
    task: str | None = None,
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """Draw the ROC curves of all models on one binary task, or on the first twelve.

    A curve is the mean of the rounds' true positive rates at each false positive rate, the
    AUROC beside it the mean of the rounds' (`probes.metrics`). Of more than eight models the
    eight best of a panel are drawn. The CSV has a row for each point (task, model, AUROC,
    false and true positive rate), of all tasks and models that are drawn.

    Raises
    ------
    InputError
        No binary task, an unknown one, or no predictions for it.

    """
    rows, _ = read_rows(results, None)
    names = name_models(rows)
    binary = list(dict.fromkeys(row["task"] for row in rows if row["task_type"] == TaskType.BINARY))
    wanted = [one for one in binary if task is None or f"/{task}".endswith(f"/{one}")]
    if not wanted:
        asked = f"--task {task} is no binary task of the results" if task else "no binary task"
        message = f"{asked}; there are {shorten(binary, 8) or 'none'}"
        raise CannotDrawError(message)
    files = PredictionFiles(predictions)
    found: dict[str, list[Curve]] = {}
    for path in wanted:
        read = ((name, files.read(path, key)) for name, key in names.items())
        curves = [curve for name, one in read if one and (curve := _curve(name, one))]
        if curves:
            found[path] = sorted(curves, key=lambda curve: (-curve.auroc, curve.model))
        if len(found) == MOST_PANELS:
            break
    if not found:
        message = f"the predictions hold none of {shorten(wanted, 4)}; give those of the same run"
        raise CannotDrawError(message)
    looks = dict(zip(_best(found), canvas.COLOURS, strict=False))
    with canvas.style():
        across, down = min(COLUMNS, len(found)), -(-len(found) // COLUMNS)
        tall = [_height(curves, looks) for curves in found.values()]
        block = max(tall)
        figure = canvas.new_figure(
            2 * MARGIN + across * (LEFT + SIDE + 0.15), 2 * MARGIN + down * block + 0.25
        )
        for at, (path, curves) in enumerate(found.items()):
            left = MARGIN + (at % COLUMNS) * (LEFT + SIDE + 0.15)
            top = MARGIN + (at // COLUMNS) * block
            _draw_panel(figure, (left, top), path, curves, looks)
        some = f"{len(found)} of " if len(found) < len(wanted) else ""
        said = f"{some}{counted(len(wanted), 'binary task')}; means over rounds"
        canvas.write(
            figure, MARGIN, MARGIN + down * block + 0.15, said, fontsize=canvas.SMALL,
            color=canvas.MUTED,
        )  # fmt: skip
        return canvas.save(figure, _rows(found), out, formats)


def _curve(name: str, one: Predictions) -> Curve | None:
    """Average the rounds in which there is a member and a non-member; None without one."""
    aurocs, rates = [], []
    for part in one.parts():
        truth, scores = one.truth[part] > 0, one.score[part]
        auroc, _ = auroc_influence(truth, scores)
        if np.isnan(auroc):
            continue
        order = np.argsort(-scores, kind="stable")
        # Of tied scores only the end is a point.
        last = np.append(np.diff(scores[order]) != 0, [True])
        hits = np.append(0.0, np.cumsum(truth[order])[last]) / truth.sum()
        misses = np.append(0.0, np.cumsum(~truth[order])[last]) / (~truth).sum()
        aurocs.append(auroc)
        rates.append(np.interp(GRID, misses, hits))
    if not aurocs:
        return None
    return Curve(name, fmean(aurocs), np.mean(rates, axis=0))


def _best(found: dict[str, list[Curve]]) -> list[str]:
    """Return the models, those of the highest mean AUROC first."""
    values: dict[str, list[float]] = {}
    for curves in found.values():
        for curve in curves:
            values.setdefault(curve.model, []).append(curve.auroc)
    return sorted(values, key=lambda model: (-fmean(values[model]), model))


def _height(curves: list[Curve], looks: dict[str, str]) -> float:
    drawn = sum(curve.model in looks for curve in curves)
    return HEAD + SIDE + FOOT + (drawn + (drawn < len(curves))) * LEGEND


def _draw_panel(
    figure: Figure,
    corner: tuple[float, float],
    path: str,
    curves: list[Curve],
    looks: dict[str, str],
) -> None:
    left, top = corner
    title = canvas.fit("/".join(path.split("/")[1:]), LEFT + SIDE, weight="bold")
    canvas.write(figure, left, top + 0.07, title, weight="bold")
    axes = canvas.place(figure, left + LEFT, top + HEAD, SIDE, SIDE)
    axes.plot([0, 1], [0, 1], color=canvas.LINE, linewidth=0.8)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.005)
    for name in ("x", "y"):
        axes.locator_params(axis=name, nbins=3)
    axes.set_xlabel("false positive rate", fontsize=canvas.SMALL, labelpad=2)
    axes.set_ylabel("true positive rate", fontsize=canvas.SMALL, labelpad=2)
    middle = top + HEAD + SIDE + 0.42
    drawn = [curve for curve in curves if curve.model in looks]
    for curve in reversed(drawn):
        axes.plot(
            np.append(0.0, GRID), np.append(0.0, curve.found), color=looks[curve.model],
            linewidth=1.2,
        )  # fmt: skip
    look: dict[str, Any] = {"fontsize": canvas.SMALL}
    for curve in drawn:
        mark = canvas.place(figure, left + LEFT, middle - 0.05, 0.16, 0.1)
        mark.set_axis_off()
        mark.plot([0, 1], [0.5, 0.5], color=looks[curve.model], linewidth=1.6)
        shown = canvas.fit(curve.model, SIDE - 0.6, canvas.SMALL)
        canvas.write(figure, left + LEFT + 0.22, middle, shown, **look)
        canvas.write(figure, left + LEFT + SIDE, middle, number(curve.auroc), ha="right", **look)
        middle += LEGEND
    if len(drawn) < len(curves):
        said = f"and {counted(len(curves) - len(drawn), 'other model')}, in the CSV"
        canvas.write(figure, left + LEFT, middle, said, color=canvas.MUTED, **look)


def _rows(found: dict[str, list[Curve]]) -> list[dict[str, Any]]:
    return [
        {"task": path, "model": curve.model, "auroc": curve.auroc}
        | {"false_positive_rate": float(x), "true_positive_rate": float(y)}
        for path, curves in found.items()
        for curve in curves
        for x, y in zip(GRID, curve.found, strict=True)
    ]
