"""`cards leaderboard`: models beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cards.names import DASH, counted, metric_name, number, percent, plain, text_table
from hf_datasets.command import EXIT_OK, say, show
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    import argparse

    from cards.leaderboard import Leaderboard, Mean
    from hf_datasets.command import CommandParser

PAGE_SUFFIXES = {".html", ".htm"}


def add_leaderboard(verbs: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the verb to the parser of `cards`."""
    board = verbs.add_parser(
        "leaderboard",
        help="compare models: a static site, a plot and a table",
        description="Compare the models of result files: a static site to open, to put anywhere "
        "or to push to a Space of the Hub, with a plot; and a table on the terminal.",
    )
    board.add_argument(
        "results", nargs="+", type=Path, metavar="RESULT", help="result table that `probe` wrote"
    )
    board.add_argument(
        "--out", required=True, metavar="DIR", help="folder of the site; an earlier one is replaced"
    )
    board.add_argument(
        "--tasks-from",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="DATASET",
        help="folder of a built dataset, or what `publish check --json` printed: class sizes, "
        "sources, licences and leaks for the pages of its tasks",
    )
    board.add_argument(
        "--with-published",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE",
        help="published scores to set beside runs of `probe --protocol paper`: the per-fold table "
        "of gene-benchmark, or task, metric, model and value of language models",
    )
    board.add_argument("--push", metavar="ORG/SPACE", help="also publish it as a static Space")
    board.add_argument("--private", action="store_true", help="if the Space has to be created")
    board.add_argument(
        "--title", default="Leaderboard", help="heading of site and plot (default: %(default)s)"
    )
    board.set_defaults(run=run_leaderboard)


def run_leaderboard(arguments: argparse.Namespace) -> int:
    """Write the site, print the scores, and say what was written and what to do next."""
    out = site_folder(arguments.out)
    from cards.site.folder import require_ours

    require_ours(out)
    if arguments.push is not None:
        from cards.site.space import require_space

        require_space(arguments.push)

    from cards.leaderboard import build_leaderboard
    from cards.merge import read_sources
    from cards.notes import notes
    from cards.published import read_published
    from cards.sentences import cautions
    from cards.site.build import PLOT, build_site
    from cards.site.facts import read_dataset

    published = [read_published(path) for path in arguments.with_published]
    board = build_leaderboard([*read_sources(arguments.results), *published])
    datasets = [read_dataset(path) for path in arguments.tasks_from]
    build_site(board, arguments.title, out, datasets)
    show(score_table(board))
    show(f"site: {out / 'index.html'}")
    show(f"plot: {out / PLOT}")
    for dataset in cautions(board):
        say(f"note: {plain(dataset)} is for trying out, not for reporting")
    for note in notes(board):
        say(f"note: {note.subject.lower()}: {note.text}")
    models, tasks = counted(len(board.entries), "model"), counted(len(board.rows), "task")
    say(f"wrote {out} (a site of {models} and {tasks})")
    if arguments.push is not None:
        _push(out, arguments.push, private=arguments.private)
    else:
        say(f"next: open {out / 'index.html'} in a browser; publish it with --push ORG/SPACE")
    say("next: add a model with `probe` and run this again with both result files")
    return EXIT_OK


def site_folder(out: str) -> Path:
    """Return the folder to write; InputError for the name of a page, which it was once."""
    path = Path(out).expanduser()
    is_page = path.suffix.lower() in PAGE_SUFFIXES and not path.is_dir() and out[-1:] != "/"
    if is_page:
        message = (
            f"--out {out} names a page, but a leaderboard is a site of many; give a folder, "
            f"as --out {path.with_suffix('')}"
        )
        raise InputError(message)
    return path


def _push(out: Path, name: str, *, private: bool) -> None:
    from cards.site.space import push_site

    url, sent = push_site(out, name, private=private)
    say(f"pushed {sent} to {url}" if sent else f"nothing to push: {url} has this very site")
    say(f"next: look at {url}, which the Hub serves in a minute")


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
            plain(entry.name, 40) + (" (published)" if entry.info.published else ""),
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
