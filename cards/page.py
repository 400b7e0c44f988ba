"""The leaderboard as one HTML file that loads nothing and trusts no name."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup, escape

from cards.colours import STEPS, domain, position, scale_css, step
from cards.names import DASH, counted, metric_name, number, percent, plain
from cards.notes import notes
from cards.origins import entry_origins, origins
from cards.sentences import cautions, footing, lead, summary
from hf_datasets import __version__
from probes.metrics import METRICS

if TYPE_CHECKING:
    from cards.leaderboard import Family, Leaderboard, Mean, TaskRow
    from cards.scores import Score

TEMPLATES = Path(__file__).parent / "templates"
STRIP_WIDTH = 120
"""Width of the drawing of an overall mean, in its own units."""


def render_page(board: Leaderboard, title: str) -> str:
    """Return the page: style, script and data inside, the same bytes for the same board."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        number=typographic, percent=percent, metric=metric_name, plain=plain, step=step, soft=soft
    )
    environment.globals.update(
        counted=counted, strip=strip, best=best, family_title=family_title, coverage=coverage,
        all_metrics=all_metrics, entry_origins=entry_origins,
        origins=origins(board.sources), labels=labels, pretty=pretty, domain=domain,
    )  # fmt: skip
    style = f"{_text('leaderboard.css')}\n{scale_css()}\n"
    script = _text("leaderboard.js")
    return environment.get_template("leaderboard.html").render(
        board=board,
        title=title,
        version=__version__,
        summary=summary(board),
        footing=footing(board),
        lead=lead(board),
        cautions=cautions(board),
        notes=notes(board),
        variants={row.trial: one.variant for one in board.families for row in one.rows},
        steps=range(STEPS + 1),
        # Our own files, not a user's text: the only two things that are not escaped.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        style_hash=_source_hash(style),
        script_hash=_source_hash(script),
    )


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _source_hash(text: str) -> str:
    """Return the Content-Security-Policy source that allows exactly this inline text."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def typographic(value: float | None) -> str:
    """Write a score as `number` does, with a true minus sign."""
    return number(value).replace("-", "\N{MINUS SIGN}")


def soft(text: str) -> Markup:
    """Escape a name and let it break after underscores, as browsers do not by themselves."""
    return escape(text).replace("_", Markup("_<wbr>"))


def strip(mean: Mean, metric: str) -> dict[str, str]:
    """Return where a mean and its spread lie on a strip of STRIP_WIDTH, as SVG coordinates."""
    spread = mean.sd or 0.0
    places = {"low": mean.mean - spread, "mean": mean.mean, "high": mean.mean + spread}
    return {
        name: f"{4 + position(value, metric) * (STRIP_WIDTH - 8):.1f}"
        for name, value in places.items()
    }


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


def coverage(span: tuple[float, float] | None) -> str:
    """Write the span of coverages of a model: one share, or lowest to highest."""
    if span is None:
        return DASH
    low, high = percent(span[0]), percent(span[1])
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
