"""The short version of results: one mean and interval per task and model, as a table of text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from probes.intervals import bounded
from probes.metrics import headline_of
from probes.significance import corrected_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.intervals import Interval


@dataclass(frozen=True)
class Score:
    """The headline metric of one embedding on one task, over its folds and repeats.

    Of a learning curve only the largest fraction.
    """

    metric: str
    mean: float | None
    """None when it is undefined in every fold."""
    interval: Interval | None
    """Of the mean, 95 %, corrected for training parts that overlap
    (`probes.significance.corrected_mean`); None for fewer than two values."""
    coverage: float


def headline_scores(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str], Score]:
    """Return (task path, embedding) → score, from rows of RESULT_SCHEMA, in their order."""
    largest = max((row["fraction"] for row in rows), default=None)
    metrics: dict[str, set[str]] = {}
    for row in rows:
        metrics.setdefault(row["task"], set()).add(row["metric"])
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        usual = headline_of(row["task_type"], metrics[row["task"]])
        headline = row["metric"] == usual and row["label"] is None
        if headline and row["fraction"] == largest:
            found.setdefault((row["task"], row["embedding"]), []).append(row)
    return {place: _score(rounds) for place, rounds in found.items()}


def _score(rounds: Sequence[dict[str, Any]]) -> Score:
    metric, coverage = rounds[0]["metric"], rounds[0]["coverage"]
    known = [row for row in rounds if row["value"] is not None]
    if not known:
        return Score(metric, None, None, coverage)
    ratios = [row["n_test"] / max(row["n_train"], 1) for row in known]
    mean = corrected_mean([row["value"] for row in known], math.fsum(ratios) / len(ratios))
    return Score(metric, mean.value, bounded(metric, mean.interval), coverage)


def score_legend(rows: Sequence[dict[str, Any]]) -> str:
    """Say what stands in a cell of the table."""
    scores = headline_scores(rows).values()
    sure = any(one.interval for one in scores)
    inside = " [95% interval over the folds, corrected for their common training entities]"
    largest = max((row["fraction"] for row in rows), default=1.0)
    part = "" if largest == 1 else f"; trained on {100 * largest:g}% of the training parts"
    return f"scores: mean{inside if sure else ''} and share of the entities scored{part}"


def score_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return a table of tasks by models: the headline metric with its interval, and coverage."""
    scores = headline_scores(rows)
    names = {row["embedding"]: row["model"] for row in rows}
    models = list(names.values())
    heads = [
        model if models.count(model) == 1 else f"{model} ({source})"
        for source, model in names.items()
    ]
    lines = [["task", "metric", *heads]]
    for task in dict.fromkeys(task for task, _ in scores):
        cells = [_cell(scores.get((task, source))) for source in names]
        metric = next(score.metric for (path, _), score in scores.items() if path == task)
        lines.append([task, metric, *cells])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(score: Score | None) -> str:
    if score is None:
        return "-"
    mean = "undefined" if score.mean is None else f"{score.mean:.3f}"
    span = f" [{score.interval[0]:.3f}, {score.interval[1]:.3f}]" if score.interval else ""
    return f"{mean}{span}  {share(score.coverage)}"


def share(part: float) -> str:
    """Write a share as percent, rounded down to a tenth: only all is 100%."""
    return "100%" if part == 1 else f"{math.floor(part * 1000) / 10:.1f}%"
