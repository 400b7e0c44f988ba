"""`cards leaderboard`: models beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cards.names import DASH, counted, metric_name, number, percent, plain, text_table
from hf_datasets.command import EXIT_OK, say, show
from hf_datasets.errors import InputError
from hf_datasets.files import check_writable, write_text

if TYPE_CHECKING:
    import argparse

    from cards.leaderboard import Leaderboard, Mean
    from hf_datasets.command import CommandParser

PAGE_NAME = "leaderboard.html"
PAGE_SUFFIXES = {".html", ".htm"}


def add_leaderboard(verbs: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the verb to the parser of `cards`."""
    board = verbs.add_parser(
        "leaderboard",
        help="compare models: one HTML page, one plot and a table",
        description="Compare the models of result files: one HTML page, one plot and a table.",
    )
    board.add_argument(
        "results", nargs="+", type=Path, metavar="RESULT", help="result table that `probe` wrote"
    )
    board.add_argument(
        "--out", required=True, metavar="PAGE", help="page.html, or a folder for leaderboard.html"
    )
    board.add_argument(
        "--plot", type=Path, metavar="PNG", help="the plot (default: beside the page)"
    )
    board.add_argument(
        "--title", default="Leaderboard", help="heading of page and plot (default: %(default)s)"
    )
    board.set_defaults(run=run_leaderboard)


def run_leaderboard(arguments: argparse.Namespace) -> int:
    """Write page and plot, print the scores, and say what was written and what to do next."""
    page = page_path(arguments.out)
    plot = arguments.plot or page.with_suffix(".png")
    if plot.suffix.lower() != ".png":
        message = f"--plot {plot} is not a PNG name; end it with .png"
        raise InputError(message)
    check_writable(page)
    check_writable(plot)

    from cards.leaderboard import build_leaderboard
    from cards.merge import read_sources
    from cards.notes import notes
    from cards.page import render_page
    from cards.sentences import cautions

    board = build_leaderboard(read_sources(arguments.results))
    write_text(page, render_page(board, arguments.title))
    from cards.plots import leaderboard_png

    leaderboard_png(board, arguments.title, plot)
    show(score_table(board))
    show(f"page: {page}")
    show(f"plot: {plot}")
    for dataset in cautions(board):
        say(f"note: {plain(dataset)} is for trying out, not for reporting")
    for note in notes(board):
        say(f"note: {note.subject.lower()}: {note.text}")
    models = counted(len(board.entries), "model")
    say(f"wrote {page} and {plot} ({models}, {counted(len(board.rows), 'task')})")
    say(f"next: open {page} in a browser; add a model with `probe` and run this again with both")
    return EXIT_OK


def page_path(out: str) -> Path:
    """Return the page's path: `out` itself if it ends in .html, else a file in that folder."""
    path = Path(out).expanduser()
    is_page = path.suffix.lower() in PAGE_SUFFIXES and not path.is_dir() and out[-1:] != "/"
    return path if is_page else path / PAGE_NAME


def score_table(board: Leaderboard) -> str:
    """Return the overview as aligned text: rank, model, overall, families, coverage."""
    from cards.page import coverage, family_title

    header = ["", "model", f"overall {metric_name(board.metric)}"]
    for family in board.families:
        beside = "" if family.metric == board.metric else f" {metric_name(family.metric)}"
        variant = f" ({family.variant})" if family.variant else ""
        header.append(plain(family_title(board, family)) + beside + variant)
    rows = [
        [
            str(entry.rank or DASH),
            plain(entry.name, 40),
            _cell(entry.overall),
            *(_cell(family.means.get(entry.name)) for family in board.families),
            coverage(entry.coverage),
        ]
        for entry in board.entries
    ]
    return text_table([*header, "coverage"], rows)


def _cell(mean: Mean | None) -> str:
    if mean is None:
        return DASH
    spread = f" ± {number(mean.sd)}" if mean.sd is not None else ""
    partial = mean.coverage is not None and mean.coverage < 1
    return f"{number(mean.mean)}{spread}{f' [{percent(mean.coverage)}]' if partial else ''}"
