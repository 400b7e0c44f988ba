"""`publish check`: the options, and what is printed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hf_datasets.command import EXIT_INCOMPLETE, EXIT_OK, say, show

if TYPE_CHECKING:
    import argparse

    from hf_datasets.command import CommandParser


def add_check(verbs: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the verb `check` to the parser of `publish`."""
    check = verbs.add_parser(
        "check", help="sizes, duplicates, conflicts, folds and label leakage of a dataset"
    )
    check.add_argument("dataset", metavar="DIR", help="a folder, a short name, or org/name")
    check.add_argument("--json", action="store_true", help="as JSON, for programs")
    check.add_argument("--strict", action="store_true", help="status 1 for warnings too")


def run_check(arguments: argparse.Namespace) -> int:
    """Check a dataset; status 1 if it must not be published."""
    from hf_datasets.check import check_dataset

    report = check_dataset(arguments.dataset)
    show(json.dumps(report.as_json(), indent=2) if arguments.json else report.as_text())
    if report.fails(strict=arguments.strict):
        say(f"{report.dataset} must not be published like this: mend what is listed above")
        return EXIT_INCOMPLETE
    say(f"next: publish push {arguments.dataset} --to ORG/NAME --dry-run")
    return EXIT_OK
