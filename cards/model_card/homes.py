"""Where the datasets of some results are on the Hub: what `.eval_results` has to name.

A result on `org/name` has the dataset's commit. A result on a local folder has a digest of the
folder's content only; a user may state which repository and revision that folder is, and then
the tasks there are read and compared with those that the results record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from cards.model_card.results import rows
from cards.names import plain
from hf_datasets.errors import InputError, choose, shorten
from hf_datasets.publishing.remote import download
from hf_datasets.reference import CONTENT, HUB_ID, OpenedDataset, Reference, open_dataset

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from huggingface_hub import EvalResultEntry

    from cards.model_card.results import ModelResults

EVALUATION = "eval.yaml"
COMMIT = re.compile(r"[0-9a-f]{40}")

Place = tuple[str, str]
"""A dataset and its revision, as results name them."""


@dataclass(frozen=True)
class Home:
    """A dataset at a commit of its repository on the Hub."""

    id: str
    """org/name."""
    commit: str
    proof: str = ""
    """What was compared, where the results themselves name a local folder; else empty."""


def find_homes(results: ModelResults, stated: Sequence[str]) -> dict[Place, Home]:
    """Return the repositories of the datasets in the results, of those that have one.

    Parameters
    ----------
    results
        The results of one model.
    stated
        `org/name[@revision]` for the only local dataset of the results, or
        `DATASET=org/name[@revision]` for one of several.

    Raises
    ------
    InputError
        A statement about no local dataset of the results; a repository or revision that is not
        there; tasks that differ from those that were scored.

    """
    places = {(one.family.dataset, one.revision): None for one in results.families}
    homes = {
        (name, revision): Home(name, revision)
        for name, revision in places
        if HUB_ID.fullmatch(name) and COMMIT.fullmatch(revision)
    }
    local = [place for place in places if place not in homes]
    for text in stated:
        place, where = _statement(text, local)
        homes[place] = _compared(results, place, where)
    return homes


def _statement(text: str, local: Sequence[Place]) -> tuple[Place, str]:
    """Return the local dataset that `--dataset-id` is about, and where that is on the Hub."""
    by_name = {name: (name, revision) for name, revision in local}
    if not by_name:
        message = f"--dataset-id {text}: the results name the Hub's own datasets; leave it out"
        raise InputError(message)
    named, _, where = text.rpartition("=")
    if named:
        return choose(named, by_name, "local dataset of the results"), where
    if len(by_name) > 1:
        known = shorten(plain(name) for name in by_name)
        message = (
            f"--dataset-id {text} could be any of {known}; write it as {plain(local[0][0])}={text}"
        )
        raise InputError(message)
    return local[0], where


def _compared(results: ModelResults, place: Place, where: str) -> Home:
    """Return a home after its content was compared with what the results record."""
    from hf_datasets.files import folder_digest

    name, _, revision = where.partition("@")
    if not HUB_ID.fullmatch(name):
        message = f"--dataset-id {where!r} is no dataset on the Hub; give it as org/name@revision"
        raise InputError(message)
    opened = open_dataset(Reference(name, "hub", revision or None, ()))
    if f"sha256:{folder_digest(opened.root, CONTENT)[:16]}" == place[1]:
        return Home(name, opened.revision, f"the same files ({place[1]})")
    tasks = {row.trial.task for one in results.families for row in one.family.rows}
    compared = 0
    for record in results.records:
        recorded = {
            str(one["task"]): one
            for one in rows(record, "tasks")
            if (one.get("dataset"), one.get("revision")) == place and one.get("task") in tasks
        }
        if recorded:
            _require_same(recorded, _recorded_there(record, recorded, place[0], opened), opened)
            compared += len(recorded)
    if not compared:
        message = (
            f"--dataset-id {where}: the results do not record the tasks of {plain(place[0])}, so "
            f"nothing can be compared; probe --tasks {name} instead"
        )
        raise InputError(message)
    return Home(
        name, opened.revision,
        f"tasks, classes, numbers of entities and folds equal those of a local copy ({place[1]})",
    )  # fmt: skip


def _recorded_there(
    record: dict[str, Any], tasks: Iterable[str], dataset: str, opened: OpenedDataset
) -> dict[str, dict[str, Any]]:
    """Return what a run of `probe` with the same settings would record of the Hub's tasks."""
    from probes.matching import make_plans
    from probes.provenance import describe_run
    from probes.settings import WHOLE, Settings
    from probes.task_set import load_tasks

    given = {one.name: record[one.name] for one in fields(Settings) if one.name in record}
    settings = Settings(**{**given, "device": None, "fractions": (WHOLE,)})
    start = f"{opened.name}@{opened.revision}"
    specs = [start + task.removeprefix(dataset) for task in tasks]
    plans, _ = make_plans(load_tasks(specs, split=settings.split), settings)
    there = describe_run((), plans, (), settings)["tasks"]
    return {dataset + one["task"].removeprefix(opened.name): one for one in there}


def _require_same(
    ours: dict[str, dict[str, Any]], theirs: dict[str, dict[str, Any]], opened: OpenedDataset
) -> None:
    for task, here in ours.items():
        there = theirs.get(task, {})
        differing = [
            name for name, value in here.items()
            if name not in {"task", "dataset", "revision"} and there.get(name) != value
        ]  # fmt: skip
        if differing:
            name = differing[0]
            values = f"{shorten([here[name]])[:80]} here, {shorten([there.get(name)])[:80]} there"
            message = (
                f"{plain(task)} is not the task that {opened.name}@{opened.revision[:12]} has "
                f"({name}: {values}); probe --tasks {opened.name} instead"
            )
            raise InputError(message)


def undeclared(entries: Iterable[EvalResultEntry]) -> Iterator[str]:
    """Say which entries the Hub may not show: a task has to stand in the dataset's eval.yaml."""
    tasks: dict[tuple[str, str], list[str]] = {}
    for one in entries:
        tasks.setdefault((one.dataset_id, str(one.dataset_revision)), []).append(one.task_id)
    for (name, commit), asked in tasks.items():
        at = f"{name}@{commit[:12]}"
        try:
            declared = _declared(download(name, commit, EVALUATION).read_bytes())
        except InputError:
            yield (
                f"cannot see whether {at} is a benchmark: it has no {EVALUATION} that can be read. "
                "The Hub shows entries of a dataset that has one; publish push writes it"
            )
            continue
        if missing := [task for task in asked if task not in declared]:
            names = shorten(plain(task) for task in missing)
            yield f"{EVALUATION} of {at} has no task {names}: the Hub may not show the entries"


def _declared(content: bytes) -> set[str]:
    """Return the ids of the tasks in an eval.yaml; none of one that is broken."""
    import yaml

    try:
        return {str(task["id"]) for task in yaml.safe_load(content)["tasks"]}
    except (yaml.YAMLError, KeyError, TypeError):
        return set()
