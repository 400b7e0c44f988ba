"""A comparison as people read it: tables of text, and a CSV or Parquet file of all of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from probes.layout import text_columns, write_rows

if TYPE_CHECKING:
    from pathlib import Path

    from probes.compare import Compared, Comparison, Side
    from probes.intervals import Interval

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("dataset", "revision", "config", "task", "task_type")),
        *((name, pa.string()) for name in ("protocol", "split", "probe", "metric")),
        ("model_a", pa.string()),
        *((name, pa.float64()) for name in ("score_a", "low_a", "high_a")),
        ("model_b", pa.string()),
        *((name, pa.float64()) for name in ("score_b", "low_b", "high_b")),
        *((name, pa.float64()) for name in ("difference", "low", "high", "p", "q", "holm")),
        ("test", pa.string()),
        ("rounds", pa.int64()),
        ("n_test", pa.int64()),
        ("better", pa.string()),
    ]
)  # fmt: skip
"""One row per pair of models and task; low and high bound the interval of what stands before."""


def write_comparison(compared: Compared, out: Path, alpha: float) -> None:
    """Write all comparisons as CSV or Parquet, by the name of `out`, atomically."""
    rows = [_row(one, alpha) for one in compared.comparisons]
    write_rows(rows, SCHEMA, out)


def _row(one: Comparison, alpha: float) -> dict[str, Any]:
    rounds = one.trial.scores[one.first.model].values()
    row = {name: one.trial.condition[name] for name in SCHEMA.names[:8]}
    row["metric"] = one.trial.metric
    for side, letter in ((one.first, "a"), (one.second, "b")):
        row |= {f"model_{letter}": side.model, f"score_{letter}": side.score}
        row |= _ends(side.interval, f"low_{letter}", f"high_{letter}")
    row |= {"difference": one.difference} | _ends(one.interval, "low", "high")
    return row | {
        "p": one.p,
        "q": one.q,
        "holm": one.holm,
        "test": one.test,
        "rounds": one.rounds,
        "n_test": sum(score.n_test for score in rounds),
        "better": one.better(alpha),
    }


def _ends(interval: Interval | None, low: str, high: str) -> dict[str, float | None]:
    ends = (None, None) if interval is None else interval
    return {low: ends[0], high: ends[1]}


def task_table(compared: Compared, alpha: float, *, only_significant: bool = False) -> str:
    """Return a line per pair of models and task."""
    head = ["task", "metric", "A", "score", "B", "score", "A - B", "p", "q", "Holm", "better"]
    lines = [head]
    for one in compared.comparisons:
        better = one.better(alpha)
        if only_significant and better is None:
            continue
        tests = [_p(value) for value in (one.p, one.q, one.holm)]
        gap = f"{one.difference:+.3f}{_span(one.interval)}"
        sides = [*_side(one.first), *_side(one.second)]
        lines.append([one.trial.task, one.trial.metric, *sides, gap, *tests, better or "-"])
    return text_columns(lines) if len(lines) > 1 else f"no difference with q < {alpha:g}"


def family_table(compared: Compared, alpha: float) -> str:
    """Return who is better how often, per family and pair: tasks with q < alpha, and the rest."""
    tallies: dict[tuple[str, str, str], Counter[str | None]] = {}
    for one in compared.comparisons:
        place = (one.trial.family, one.first.model, one.second.model)
        tallies.setdefault(place, Counter())[one.better(alpha)] += 1
    lines = [["family", "A", "B", "A better", "B better", "neither"]]
    for (family, first, second), tally in sorted(tallies.items()):
        counts = [str(tally[who]) for who in (first, second, None)]
        lines.append([family, first, second, *counts])
    return text_columns(lines)


def rank_table(compared: Compared, alpha: float) -> str:
    """Return the average ranks, best first, and what they can tell apart."""
    ranking = compared.ranking
    if ranking is None:
        return "no average ranks: no task has a score for every model"
    lines = [["model", "average rank", f"{1 - alpha:.0%} interval"]]
    for place in ranking.ranks.argsort(kind="stable"):
        low, high = ranking.intervals[place]
        lines.append(
            [compared.models[place], f"{ranking.ranks[place]:.2f}", f"{low:.2f} to {high:.2f}"]
        )
    told = [f"over {ranking.tasks} tasks (drawn as {ranking.groups} label columns)"]
    if ranking.critical_difference is not None:
        told.append(f"critical difference {ranking.critical_difference:.2f}")
    if ranking.friedman_p is not None:
        told.append(f"all models equal: p {_p(ranking.friedman_p)}")
    return f"{text_columns(lines)}\n{', '.join(told)}"


def _side(side: Side) -> list[str]:
    return [side.model, f"{side.score:.3f}{_span(side.interval)}"]


def _span(interval: Interval | None) -> str:
    return "" if interval is None else f" [{interval[0]:.3f}, {interval[1]:.3f}]"


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"  # noqa: PLR2004
