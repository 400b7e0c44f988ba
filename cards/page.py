"""How parts of a leaderboard are written in HTML and in print: names, numbers, columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from cards.colours import position
from cards.names import DASH, number, percent
from probes.metrics import METRICS

if TYPE_CHECKING:
    from cards.leaderboard import Family, Leaderboard, Mean, TaskRow
    from cards.scores import Score
    from probes.intervals import Interval

STRIP_WIDTH = 120
"""Width of the drawing of a score, in its own units."""
MARGIN = 4


def typographic(value: float | None) -> str:
    """Write a score as `number` does, with a true minus sign."""
    return number(value).replace("-", "\N{MINUS SIGN}")


def brief(value: float | None) -> str:
    """Write a number for sorting: six digits tell all that is shown; empty for none and NaN."""
    return "" if value is None or value != value else f"{value:.6g}"  # noqa: PLR0124  NaN


def signed(value: float | None) -> str:
    """Write a difference with its sign."""
    text = typographic(value)
    return (
        f"+{text}" if value is not None and not text.startswith(("\N{MINUS SIGN}", DASH)) else text
    )


def span(interval: Interval | None) -> str:
    """Write an interval, empty for none."""
    return f"{typographic(interval[0])}{DASH}{typographic(interval[1])}" if interval else ""


def soft(text: str) -> Markup:
    """Escape a name and let it break after underscores, as browsers do not by themselves."""
    return escape(text).replace("_", Markup("_<wbr>"))


def strip_at(value: float, metric: str) -> str:
    """Return where a value lies on a strip of STRIP_WIDTH, as an SVG coordinate."""
    return f"{MARGIN + position(value, metric) * (STRIP_WIDTH - 2 * MARGIN):.1f}"


def best(scores: dict[str, Mean] | dict[str, Score]) -> frozenset[str]:
    """Return the models with the highest mean as it is shown; none when there is only one."""
    shown = {model: number(one.mean) for model, one in scores.items() if one.mean is not None}
    if len(shown) < 2:  # noqa: PLR2004
        return frozenset()
    top = max(shown.values(), key=float)
    return frozenset(model for model, text in shown.items() if text == top)


def family_title(board: Leaderboard, family: Family) -> str:
    """Return a family's name, with its dataset where another dataset has a table of that name."""
    datasets = {other.dataset for other in board.families if other.config == family.config}
    return family.config if len(datasets) == 1 else f"{family.config} ({family.dataset})"


def coverage(shares: tuple[float, float] | None) -> str:
    """Write the span of coverages of a model: one share, or lowest to highest."""
    if shares is None:
        return DASH
    low, high = percent(shares[0]), percent(shares[1])
    return low if low == high else f"{low}{DASH}{high}"


def all_metrics(row: TaskRow) -> list[str]:
    """Return the metrics of a task as a whole: the headline, then as `probe` orders them."""
    found = {name for metrics in row.metrics.values() for label, name in metrics if label is None}
    usual = METRICS.get(row.trial.task_type, ())
    order = {name: place for place, name in enumerate((row.metric, *usual))}
    return sorted(found, key=lambda name: (order.get(name, len(order)), name))


def labels(row: TaskRow) -> list[str]:
    """Return the labels that a task has scores of their own for, sorted."""
    found = {label for metrics in row.metrics.values() for label, _ in metrics if label is not None}
    return sorted(found)


def pretty(provenance: object) -> str:
    """Return provenance as indented JSON, keys sorted."""
    return json.dumps(provenance, indent=2, sort_keys=True, ensure_ascii=False)
