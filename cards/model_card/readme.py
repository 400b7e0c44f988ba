"""The section of a model's README: a table, the plot, how to read it, how to make it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from cards.model_card.commands import commands
from cards.model_card.homes import COMMIT
from cards.names import DASH, metric_name, number, percent
from cards.notes import notes
from cards.page import family_title
from cards.sentences import cautions, summary
from hf_datasets.publishing.markdown import code, fenced, plain

if TYPE_CHECKING:
    from cards.model_card.entries import Origin
    from cards.model_card.results import FamilyResult, ModelResults

TEMPLATES = Path(__file__).parent.parent / "templates"
PLOT = "genezoo-results.png"
ABOUT_BOARDS = frozenset({"No overall mean", "Listed beside"})
"""Notes on the overall mean, which a card does not show."""
SENTENCE = 2000
"""Characters of a sentence that names several things."""


def section(results: ModelResults, origin: Origin) -> str:
    r"""Return our section as Markdown, lines ended by `\n`; the same results give the same text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=False,  # noqa: S701  Markdown: names go through `plain` or `code`
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("model.md").render(
        name=code(results.name),
        summary=plain(summary(results.board), SENTENCE),
        rows=[_row(results, one) for one in results.families],
        alt=plain(f"Mean score of {results.name} in each family of tasks"),
        plot=PLOT,
        metrics=results.board.metrics,
        reading=_reading(results, origin),
        code=fenced("\n".join(commands(results)), "bash"),
    )


def _row(results: ModelResults, one: FamilyResult) -> list[str]:
    low, high = one.mean.interval or (None, None)
    revisions = [rev[:12] if COMMIT.fullmatch(rev) else rev for rev in one.revisions]
    return [
        plain(family_title(results.board, one.family)),
        metric_name(one.family.metric),
        number(one.mean.mean),
        f"{number(low)} to {number(high)}" if one.mean.interval else DASH,
        str(len(one.trials)),
        percent(one.mean.coverage),
        f"{plain(one.family.dataset)} {', '.join(map(code, revisions or ['unknown']))}",
        plain(one.protocol),
    ]


def _reading(results: ModelResults, origin: Origin) -> list[str]:
    """Return what a reader has to know of these results, each as a line of Markdown."""
    lines = [
        f"{plain(dataset)} is for trying out, not for reporting."
        for dataset in cautions(results.board)
    ]
    lines += [
        f"**{plain(note.subject)}**: {plain(note.text, SENTENCE)}"
        for note in notes(results.board) if note.subject not in ABOUT_BOARDS
    ]  # fmt: skip
    if origin.url:
        lines.append(f"More about these results: <{origin.url}>")
    return lines
