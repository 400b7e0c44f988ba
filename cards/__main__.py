"""`cards`: what people read, made from result files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cards.verbs.dataset import add_dataset
from cards.verbs.leaderboard import add_leaderboard
from cards.verbs.model import add_model
from cards.verbs.plots import add_plots
from hf_datasets import __version__
from hf_datasets.command import CommandParser, run_command

if TYPE_CHECKING:
    from collections.abc import Sequence

ADD = {
    "dataset": add_dataset,
    "leaderboard": add_leaderboard,
    "model": add_model,
    "plots": add_plots,
}
"""Verb → what adds it to the parser; what it runs is imported when it runs."""


def build_parser() -> CommandParser:
    """Return the parser of `cards`."""
    parser = CommandParser(prog="cards", description="What people read, made from result files.")
    parser.add_argument("--version", action="version", version=f"genezoo {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="|".join(ADD))
    for add in ADD.values():
        add(verbs)
    return parser


def main(argv: Sequence[str]) -> int:
    """Run `cards` with these arguments; return the exit status."""
    arguments = build_parser().parse_args(argv)
    status: int = arguments.run(arguments)
    return status


def command(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return run_command("cards", main, argv)


if __name__ == "__main__":
    raise SystemExit(command())
