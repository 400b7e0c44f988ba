"""`publish push`: a built folder as a new version on the Hub, one new task, or embeddings.

Everything is checked before anything is sent; what is sent is one commit on the state that
was looked at, and then a tag. A second push of the same thing does nothing.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hf_datasets.command import EXIT_OK, say, show
from hf_datasets.errors import InputError
from hf_datasets.task import TaskType

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

    from hf_datasets.command import CommandParser
    from hf_datasets.publishing.changes import Summary
    from hf_datasets.publishing.remote import Plan, Remote

PROBE = "probe emb.parquet --tasks {{}}/{} --out results.parquet"
TABLE_ONLY = ("config", "column", "type", "licence", "description")
TASK_ONLY = ("config", "column", "type")


def add_push_parser(verbs: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the verb `push` to the parser of `publish`."""
    push = verbs.add_parser("push", help="publish a folder, a new task or embeddings on the Hub")
    push.add_argument(
        "source", type=Path, help="folder of a dataset, table of a new task, or embeddings"
    )
    push.add_argument("--to", required=True, metavar="ORG/NAME", help="dataset on the Hub")
    push.add_argument("--version", help="version to publish and tag, as 1.2.3")
    push.add_argument("--pr", action="store_true", help="open a pull request, without a tag")
    push.add_argument("--dry-run", action="store_true", help="show what would change")
    push.add_argument("--private", action="store_true", help="if the dataset has to be created")
    push.add_argument("--replace", action="store_true", help="replace a config or a foreign card")
    push.add_argument("--allow-partial", action="store_true", help="also where tasks are missing")
    task = push.add_argument_group("a new task, from CSV, TSV, JSON lines or Parquet")
    task.add_argument("--config", help="name of the new config")
    task.add_argument("--column", help="the labels, if the table has other columns too")
    task.add_argument("--type", choices=[kind.value for kind in TaskType], help="kind of task")
    said = push.add_argument_group("a new task, or embeddings")
    said.add_argument(
        "--licence",
        help="of the data, e.g. cc-by-4.0; needed for a new dataset (embeddings: the weights')",
    )
    said.add_argument("--description", default="", help="one sentence: what is asked, what it is")


@dataclass(frozen=True)
class Job:
    """Something to publish, once it is checked."""

    remote: Remote
    tag: str | None
    plan: Callable[[], Plan]
    """What changes on `main`."""
    at_tag: Callable[[], Plan]
    """How the tag, which exists, differs from it."""
    tables: Mapping[str, tuple[int, int]]
    """Config → rows and tasks."""
    next: str
    """The command that comes next; `{}` stands for the name and revision of what is published."""
    documents: bool = True
    """Whether what is said of the tables of a tag may change on `main`."""
    remedy: str = "raise it in the folder and give it as --version"
    """What to do where the tag is another's."""


def push(arguments: argparse.Namespace) -> int:
    """Publish a folder or a table; say what was written and what to do next."""
    from hf_datasets.reference import HUB_ID

    if not HUB_ID.fullmatch(arguments.to):
        message = f"--to {arguments.to!r} is no dataset on the Hub; give it as org/name"
        raise InputError(message)
    source: Path = arguments.source
    if source.is_dir():
        return _publish(_folder_job(arguments), arguments)
    from hf_datasets.publishing.embeddings import is_embedding_table

    if is_embedding_table(source):
        with _embeddings_job(arguments) as job:
            return _publish(job, arguments)
    return _publish(_table_job(arguments), arguments)


def _folder_job(arguments: argparse.Namespace) -> Job:
    from hf_datasets.publishing.folder import read_release
    from hf_datasets.publishing.release import is_published, plan_release
    from hf_datasets.publishing.remote import read_remote

    for name in TABLE_ONLY:
        if getattr(arguments, name):
            message = f"--{name} is for a new task from a table, {arguments.source} is a folder"
            raise InputError(message)
    release = read_release(
        arguments.source, arguments.version, allow_partial=arguments.allow_partial
    )
    remote, tag = read_remote(arguments.to), f"v{release.version}"
    return Job(
        remote,
        tag,
        lambda: plan_release(release, remote, replace=arguments.replace),
        lambda: is_published(release, remote, tag),
        _numbers(release.configs),
        PROBE.format(next((n for n, summary in release.configs.items() if summary.tasks), "")),
    )


def _numbers(configs: Mapping[str, Summary]) -> dict[str, tuple[int, int]]:
    return {name: (summary.rows, len(summary.tasks)) for name, summary in configs.items()}


def _table_job(arguments: argparse.Namespace) -> Job:
    from hf_datasets.publishing.folder import check_config_name, check_version
    from hf_datasets.publishing.labels import read_labels
    from hf_datasets.publishing.new_task import NewTask, check_licence, check_symbols, plan_task
    from hf_datasets.publishing.remote import read_remote

    source: Path = arguments.source
    if not source.exists() and not source.suffix:
        message = f"no folder {source}; build it first: publish build {source.name} --out {source}"
        raise InputError(message)
    if arguments.config is None:
        message = f"{source} is a table of a new task; name it with --config, e.g. --config my-task"
        raise InputError(message)
    check_config_name(arguments.config)
    check_licence(arguments.licence)
    kind = TaskType(arguments.type) if arguments.type else None
    task = NewTask(
        arguments.config,
        read_labels(source, arguments.column, kind),
        check_version(arguments.version) if arguments.version else None,
        arguments.licence,
        arguments.description,
        arguments.replace,
    )
    remote = read_remote(arguments.to)
    check_symbols(task.table, remote)
    tag = f"v{task.version}" if task.version else None
    return Job(
        remote,
        tag,
        lambda: plan_task(task, remote),
        lambda: plan_task(task, remote, tag),
        {task.config: (len(task.table.columns[task.table.column]), 1)},
        PROBE.format(task.example),
        documents=False,
    )


@contextlib.contextmanager
def _embeddings_job(arguments: argparse.Namespace) -> Iterator[Job]:
    from hf_datasets.publishing.embedding_card import (
        CONFIG,
        Publication,
        default_version,
        plan_embeddings,
        tasks_for,
    )
    from hf_datasets.publishing.embeddings import read_embeddings, shards
    from hf_datasets.publishing.folder import check_version
    from hf_datasets.publishing.new_task import check_licence
    from hf_datasets.publishing.remote import read_remote

    for name in TASK_ONLY:
        if getattr(arguments, name):
            message = f"--{name} is for a new task, {arguments.source} holds embeddings"
            raise InputError(message)
    check_licence(arguments.licence)
    asked = check_version(arguments.version) if arguments.version else None
    table = read_embeddings(arguments.source)
    remote = read_remote(arguments.to)
    version = asked or default_version(remote)
    with shards(table) as files:
        published = Publication(
            table, files, version, arguments.licence, arguments.description, arguments.replace
        )
        tag = f"v{version}"
        probe = f"probe {{}} --tasks {tasks_for(table)} --out results.parquet"
        yield Job(
            remote,
            tag,
            lambda: plan_embeddings(published, remote),
            lambda: plan_embeddings(published, remote, tag),
            {CONFIG: (table.rows, 0)},
            "load_dataset({})" if table.per_token else probe,
            remedy="give a higher one as --version",
        )


def _publish(job: Job, arguments: argparse.Namespace) -> int:
    """Send what there is to send; what is there already is left alone."""
    from hf_datasets.publishing.release import only_documents, refuse_other_content
    from hf_datasets.publishing.remote import commit, create_tag, open_pull_request

    remote, tag = job.remote, job.tag
    if tag in remote.tags:
        difference = job.at_tag()
        if not difference:
            return _nothing_to_do(f"{remote.name} has all of this as {tag}")
        if not (job.documents and only_documents(difference)):
            refuse_other_content(remote, tag, difference, job.remedy)
        say(f"the tables are those of {tag}, which stays; only what is said of them is new")
        tag = None
    plan = job.plan()
    if not plan and (arguments.pr or tag is None):
        return _nothing_to_do(f"{remote.name} has all of this")
    if arguments.dry_run:
        return _show_plan(job, plan, "a pull request" if arguments.pr else tag)
    if arguments.pr:
        revision, url, new = open_pull_request(remote, plan)
        show(url)
        if not new:
            return _nothing_to_do(f"{remote.name} has all of this in an open pull request")
        say(f"opened a pull request on {remote.name}: review it as {remote.name}@{revision}")
        return _next(job, f"{remote.name}@{revision}")
    sha = commit(remote, plan, private=arguments.private) if plan else str(remote.head)
    if tag:
        create_tag(remote.name, tag, sha)
    show(f"{remote.url}/tree/{tag or sha}")
    say(f"wrote {remote.name}@{tag or sha[:12]}" + (f", commit {sha[:12]}" if tag else ", no tag"))
    return _next(job, f"{remote.name}@{tag or sha}")


def _nothing_to_do(why: str) -> int:
    say(f"{why}; nothing was sent")
    return EXIT_OK


def _next(job: Job, published: str) -> int:
    say(f"next: {job.next.format(published)}")
    return EXIT_OK


def _show_plan(job: Job, plan: Plan, where: str | None) -> int:
    """Print what would change: the tables, then file by file."""
    from hf_datasets.publishing.markdown import size

    for config, (rows, tasks) in job.tables.items():
        show(f"{config:24} {rows:9,} rows  {tasks:3} tasks")
    for path, content in sorted(plan.files.items()):
        old = job.remote.files.get(path)
        was = f" (was {size(old.size)})" if old else ""
        show(f"{'changed' if old else 'added':8} {path}  {size(content.size)}{was}")
    for path in plan.removed:
        old = job.remote.files.get(path)
        show(f"removed  {path}  {size(old.size) if old else ''}")
    what = f"the tag {where}" if where and where == job.tag else where or "one commit"
    create = f"; {job.remote.name} would be created" if job.remote.head is None else ""
    say(f"dry run: {what} would hold this, nothing was sent{create}")
    return EXIT_OK
