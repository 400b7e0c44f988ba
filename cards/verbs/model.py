"""`cards model`: results on the model's own page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from cards.names import DASH, counted, metric_name, number, percent, plain, text_table
from hf_datasets.command import EXIT_OK, say, show
from hf_datasets.errors import InputError
from hf_datasets.files import atomic_path, check_writable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from cards.model_card.entries import Origin
    from cards.model_card.results import ModelResults
    from hf_datasets.command import CommandParser
    from hf_datasets.publishing.remote import Plan, Remote

URL = re.compile(r"https?://[^\s<>\"'`|]+", re.ASCII)


def add_model(verbs: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the verb to the parser of `cards`."""
    model = verbs.add_parser(
        "model",
        help="a model's results for its page on the Hub",
        description="Write a model's results into its card: a section of the README, a plot, "
        ".eval_results and model-index. What others wrote stays as it is.",
    )
    model.add_argument(
        "results", nargs="+", type=Path, metavar="RESULT", help="result table that `probe` wrote"
    )
    model.add_argument("--model", required=True, metavar="NAME", help="its name in the results")
    model.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="folder of the card, new or not"
    )
    model.add_argument(
        "--dataset-id",
        action="append",
        default=[],
        metavar="[LOCAL=]ORG/NAME[@REVISION]",
        help="the Hub's dataset that a local folder of the results is a copy of; its tasks are "
        "compared",
    )
    model.add_argument("--source-url", metavar="URL", help="where more about the results stands")
    model.add_argument("--source-name", metavar="NAME", help="what that is called")
    model.add_argument(
        "--date", metavar="YYYY-MM-DD", help="when it was scored (default: the commit's date)"
    )
    model.add_argument(
        "--replace", action="store_true", help="write over hand edits inside our own section"
    )
    hub = model.add_argument_group("on the Hub")
    hub.add_argument("--push", metavar="ORG/MODEL", help="also into this model's repository")
    hub.add_argument("--pr", action="store_true", help="as a pull request")
    hub.add_argument("--private", action="store_true", help="if the model has to be created")
    model.add_argument("--dry-run", action="store_true", help="only show what would change")
    model.set_defaults(run=run_model)


def run_model(arguments: argparse.Namespace) -> int:
    """Write the card, push it, and say what was written and what to do next."""
    origin = _checked(arguments)

    from cards.merge import read_sources
    from cards.model_card.card import make_card, plan_push, read_folder, read_repository
    from cards.model_card.entries import publishable
    from cards.model_card.homes import find_homes, undeclared
    from cards.model_card.results import model_results
    from hf_datasets.publishing.remote import read_remote

    results = model_results(read_sources(arguments.results), arguments.model)
    published = publishable(results, find_homes(results, arguments.dataset_id), origin)
    card = make_card(results, published, origin)
    out: Path = arguments.out.expanduser()
    here = read_folder(out)
    remote = read_remote(arguments.push, "model") if arguments.push else None
    plan = plan_push(card, remote, replace=arguments.replace) if remote else None
    # A folder without a card of its own gets the one that is pushed.
    base = read_repository(remote) if remote and "README.md" not in here else here
    wanted = card.merged(base, str(out), replace=arguments.replace)
    show(family_table(results))
    for line in published.left_out:
        say(f"note: no entry in .eval_results for {line}")
    for path in card.kept([*here, *(remote.files if remote else ())]):
        say(f"note: {path} of an earlier run, about another dataset, stays as it is")
    if arguments.dry_run:
        return _show_changes(out, here, wanted, remote, plan)
    changed = {path: content for path, content in wanted.items() if here.get(path) != content}
    for path, content in changed.items():
        check_writable(out / path)
        with atomic_path(out / path) as temporary:
            temporary.write_bytes(content)
    show(f"card: {out / 'README.md'}")
    if changed:
        entries = counted(sum(map(len, published.entries.values())), "entry")
        say(f"wrote {', '.join(changed)} in {out} ({entries} in .eval_results)")
    else:
        say(f"{out} has all of this; nothing was written")
    if remote is not None and plan is not None:
        for line in undeclared(one for each in published.entries.values() for one in each):
            say(f"note: {line}")
        return _push(remote, plan, arguments)
    say(
        f"next: look at {out / 'README.md'}, then the same command with --push org/model, "
        "for somebody else's model with --pr"
    )
    return EXIT_OK


def _checked(arguments: argparse.Namespace) -> Origin:
    """Return where the results are from; InputError for options that do not do."""
    import datetime as dt

    from cards.model_card.entries import Origin
    from hf_datasets.reference import HUB_ID

    if arguments.push is None:
        for name in ("pr", "private"):
            if getattr(arguments, name):
                message = f"--{name} is about the Hub; give --push org/model with it"
                raise InputError(message)
    elif not HUB_ID.fullmatch(arguments.push):
        message = f"--push {arguments.push!r} is no model on the Hub; give it as org/model"
        raise InputError(message)
    if arguments.source_url is not None and not URL.fullmatch(arguments.source_url):
        message = f"--source-url {arguments.source_url!r} is no address; give it as https://…"
        raise InputError(message)
    if arguments.source_name is not None and arguments.source_url is None:
        message = f"--source-name {plain(arguments.source_name)} needs --source-url URL"
        raise InputError(message)
    if arguments.date is not None:
        try:
            dt.datetime.fromisoformat(arguments.date)
        except ValueError as error:
            message = f"--date {arguments.date!r} is no date; give it as 2026-01-31"
            raise InputError(message) from error
    if not arguments.dry_run:
        check_writable(arguments.out.expanduser() / "README.md")
    name = arguments.source_name and plain(arguments.source_name)
    return Origin(arguments.source_url, name, arguments.date)


def family_table(results: ModelResults) -> str:
    """Return the model's families as aligned text."""
    from cards.page import family_title

    header = ["", "family", "metric", "mean", "95% interval", "tasks", "coverage"]
    rows = []
    for one in results.families:
        variant = f" ({one.family.variant})" if one.family.variant else ""
        low, high = one.mean.interval or (None, None)
        rows.append([
            "", plain(family_title(results.board, one.family)) + variant,
            metric_name(one.family.metric), number(one.mean.mean),
            f"{number(low)} to {number(high)}" if one.mean.interval else DASH,
            str(len(one.trials)), percent(one.mean.coverage),
        ])  # fmt: skip
    return text_table(header, rows)


def _show_changes(
    out: Path,
    here: Mapping[str, bytes],
    wanted: Mapping[str, bytes],
    remote: Remote | None,
    plan: Plan | None,
) -> int:
    """Print what would change, file by file; of text, the lines."""
    for path, content in wanted.items():
        if here.get(path) != content:
            show(f"{'changed' if path in here else 'added':8} {out / path}  {len(content):,} bytes")
            for line in _difference(here.get(path, b""), content):
                show(line)
    if remote is not None and plan is not None:
        for path, file in plan.files.items():
            what = "changed" if path in remote.files else "added"
            show(f"{what:8} {remote.url}: {path}  {file.size:,} bytes")
        create = f"; {remote.name} would be created" if remote.head is None else ""
        say(f"dry run: nothing was written or sent{create}")
    else:
        say("dry run: nothing was written")
    return EXIT_OK


def _difference(old: bytes, new: bytes) -> list[str]:
    """Return the lines that differ, as `diff -u` shows them; none of what is no text."""
    import difflib

    try:
        before, after = (content.decode().splitlines() for content in (old, new))
    except UnicodeDecodeError:
        return []
    lines = list(difflib.unified_diff(before, after, lineterm="", n=1))[2:]
    return [f"  {plain(line, 120)}" for line in lines]


def _push(remote: Remote, plan: Plan, arguments: argparse.Namespace) -> int:
    """Send what there is to send; what is there already is left alone."""
    from hf_datasets.publishing.remote import commit, open_pull_request

    if not plan:
        say(f"{remote.name} has all of this; nothing was sent")
        return EXIT_OK
    if arguments.pr:
        revision, url, new = open_pull_request(remote, plan)
        show(url)
        if not new:
            say(f"{remote.name} has all of this in an open pull request; nothing was sent")
            return EXIT_OK
        say(f"opened a pull request on {remote.name} ({revision}): {', '.join(plan.files)}")
        say("next: look at it there; its owners merge it")
        return EXIT_OK
    sha = commit(remote, plan, private=arguments.private)
    show(f"{remote.url}/tree/{sha}")
    say(f"wrote {', '.join(plan.files)} to {remote.name}, commit {sha[:12]}")
    say(f"next: look at {remote.url}; after new results, the same command brings them there")
    return EXIT_OK
