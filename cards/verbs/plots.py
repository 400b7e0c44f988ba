"""`cards plots`: figures fit for a paper, with the numbers behind each."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cards.names import counted
from hf_datasets.command import EXIT_OK, say, show
from hf_datasets.errors import InputError, choose
from hf_datasets.files import check_writable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from cards.leaderboard import Leaderboard
    from extractors.store import Embeddings
    from hf_datasets.command import CommandParser

    Draw = Callable[[Path], list[Path]]

NAMES = (
    "heatmap", "profile", "critical-difference", "learning-curves", "roc", "similarity",
    "projection",
)  # fmt: skip
"""The plots, in the order in which they are drawn; each is a file of that name."""
FORMATS = ("png", "svg")
PROJECTIONS = ("umap", "tsne", "pca")


def add_plots(verbs: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the verb to the parser of `cards`."""
    plots = verbs.add_parser(
        "plots",
        help="figures for a paper: PNG, SVG and the numbers as CSV",
        description="Draw figures for a paper as PNG and SVG, each with its numbers as CSV.",
        epilog="example: cards plots results.parquet --embeddings a.parquet b.parquet "
        "--task gene-benchmark/localization/secreted --out plots",
    )
    add = plots.add_argument
    add("results", nargs="*", type=Path, metavar="RESULT", help="result tables of `probe`")
    add("--out", required=True, type=Path, metavar="DIR", help="folder for the figures")
    add("--predictions", nargs="+", action="extend", default=[], type=Path, metavar="FILE",
        help="files of `probe --predictions` of the same runs, for roc")  # fmt: skip
    add("--embeddings", nargs="+", action="extend", default=[], metavar="EMB",
        help="embedding tables, for similarity and projection")  # fmt: skip
    add("--task", metavar="PATH", help="task that colours the projection, and that roc is about")
    add("--only", metavar="NAME,NAME", help=f"draw only these: {', '.join(NAMES)}")
    add("--format", default="png,svg", metavar="F,F", help="default: %(default)s")
    add("--projection", choices=PROJECTIONS, default="umap",
        help="how to bring embeddings to two dimensions (default: %(default)s, which needs "
        "genezoo[plots])")  # fmt: skip
    plots.set_defaults(run=run_plots)


def run_plots(arguments: argparse.Namespace) -> int:
    """Draw what the files allow; say what was written, what was left out, and why."""
    asked = _listed(arguments.only, dict.fromkeys(NAMES), "plot", "--only")
    formats = _listed(arguments.format, dict.fromkeys(FORMATS), "format", "--format")
    if not arguments.results and not arguments.embeddings:
        message = "nothing to draw; give result tables of `probe`, or --embeddings, or both"
        raise InputError(message)
    out = arguments.out.expanduser()
    check_writable(out / "heatmap.csv")

    from cards.plots.canvas import CannotDrawError

    skipped: dict[str, str] = {}
    written = []
    for name, draw in _plots(arguments, tuple(formats or FORMATS)):
        if asked and name not in asked:
            continue
        try:
            paths = draw(out / name)
        except CannotDrawError as error:
            if asked:
                message = f"cannot draw {name}: {error}"
                raise InputError(message) from None
            skipped[name] = str(error)
            continue
        written.append(name)
        show(f"{name}: {', '.join(map(str, paths))}")
    for name, reason in skipped.items():
        say(f"skipped {name}: {reason}")
    if not written:
        message = f"no plot could be drawn from {counted(len(arguments.results), 'result file')}"
        raise InputError(message)
    say(f"wrote {counted(len(written), 'plot')} to {out}: {', '.join(written)}")
    return EXIT_OK


def _listed(text: str | None, choices: dict[str, None], what: str, option: str) -> tuple[str, ...]:
    """Return the names in a comma-separated option; InputError for an unknown one."""
    if text is None:
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        message = f"{option} {text!r} names no {what}; choices: {', '.join(choices)}"
        raise InputError(message)
    for name in names:
        choose(name, choices, what)
    return names


def whole(table: pa.Table) -> bool:
    """Whether some of the result rows are scores on all of the labels, as they are."""
    pairs = zip(table["fraction"].to_pylist(), table["protocol"].to_pylist(), strict=True)
    return any(fraction in {None, 1.0} and "+" not in (how or "") for fraction, how in pairs)


class _Files:
    """What was given, read once and only if a plot asks for it."""

    def __init__(self, results: list[Path], embeddings: list[str]) -> None:
        self._results = results
        self._embeddings = embeddings

    @cached_property
    def board(self) -> Leaderboard:
        """The leaderboard of the results; CannotDrawError where there are no scores of models."""
        from cards.leaderboard import build_leaderboard
        from cards.merge import read_sources
        from cards.plots.canvas import CannotDrawError

        if not self._results:
            message = "it needs result tables"
            raise CannotDrawError(message)
        sources = read_sources(self._results)
        if not any(whole(source.table) for source in sources):
            message = "there are only controls, noisy labels or parts of learning curves"
            raise CannotDrawError(message)
        return build_leaderboard(sources)

    @cached_property
    def embeddings(self) -> list[Embeddings]:
        """The embeddings, in the order in which they were given."""
        from extractors.store import load_embeddings

        return [load_embeddings(one) for one in self._embeddings]


def _plots(arguments: argparse.Namespace, formats: tuple[str, ...]) -> Iterator[tuple[str, Draw]]:
    """Yield every plot with what draws it to a path without a suffix."""
    from cards.plots.canvas import CannotDrawError
    from cards.plots.critical_difference import draw_critical_difference
    from cards.plots.heatmap import draw_heatmap
    from cards.plots.learning import draw_learning_curves
    from cards.plots.profile import draw_profile
    from cards.plots.projection import draw_projection
    from cards.plots.roc import draw_roc
    from cards.plots.similarity import draw_similarity

    files = _Files(arguments.results, arguments.embeddings)

    def need(given: object, what: str) -> None:
        if not given:
            message = f"it needs {what}"
            raise CannotDrawError(message)

    def roc(out: Path) -> list[Path]:
        need(arguments.results, "result tables")
        need(arguments.predictions, "--predictions of the same runs")
        return draw_roc(
            arguments.results, arguments.predictions, out, task=arguments.task, formats=formats
        )

    def learning(out: Path) -> list[Path]:
        need(arguments.results, "result tables")
        return draw_learning_curves(arguments.results, out, formats=formats)

    def projection(out: Path) -> list[Path]:
        need(arguments.embeddings, "--embeddings")
        need(arguments.task, "--task, whose labels colour it")
        return draw_projection(
            files.embeddings, arguments.task, out, projection=arguments.projection, formats=formats
        )

    def similarity(out: Path) -> list[Path]:
        need(len(arguments.embeddings) > 1, "two --embeddings or more")
        return draw_similarity(files.embeddings, out, formats=formats)

    yield "heatmap", lambda out: draw_heatmap(files.board, out, formats=formats)
    yield "profile", lambda out: draw_profile(files.board, out, formats=formats)
    yield (
        "critical-difference",
        lambda out: draw_critical_difference(files.board, out, formats=formats),
    )
    yield "learning-curves", learning
    yield "roc", roc
    yield "similarity", similarity
    yield "projection", projection
