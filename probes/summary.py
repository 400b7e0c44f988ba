"""The short version of results: one mean and spread per task and model, as a table of text."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from probes.metrics import HEADLINE

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Score:
    """The headline metric of one embedding on one task, over its folds."""

    metric: str
    mean: float | None
    """None when it is undefined in every fold."""
    sd: float | None
    """Sample standard deviation over folds and repeats; None for fewer than two values."""
    coverage: float


def headline_scores(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str], Score]:
    """Return (task path, embedding) → score, from rows of RESULT_SCHEMA, in their order."""
    values: dict[tuple[str, str], list[float]] = {}
    about: dict[tuple[str, str], tuple[str, float]] = {}
    for row in rows:
        metric = HEADLINE[row["task_type"]]
        if row["metric"] != metric or row["label"] is not None:
            continue
        place = (row["task"], row["embedding"])
        about[place] = (metric, row["coverage"])
        found = values.setdefault(place, [])
        if row["value"] is not None:
            found.append(row["value"])
    return {
        place: Score(
            metric,
            statistics.fmean(values[place]) if values[place] else None,
            statistics.stdev(values[place]) if len(values[place]) > 1 else None,
            coverage,
        )
        for place, (metric, coverage) in about.items()
    }


def score_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return a table of tasks by models: mean ± SD of the headline metric, and the coverage."""
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
    sd = "" if score.sd is None else f" ± {score.sd:.3f}"
    return f"{mean}{sd}  {share(score.coverage)}"


def share(part: float) -> str:
    """Write a share as percent, rounded down to a tenth: only all is 100%."""
    return "100%" if part == 1 else f"{math.floor(part * 1000) / 10:.1f}%"
