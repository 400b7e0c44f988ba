"""Embeddings x tasks -> result rows: plan the splits, match the entities, fit, score."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.command import progress
from hf_datasets.errors import InputError
from probes.batches import make_batches
from probes.engines import Engine, Threads
from probes.matching import Match, make_plans, match_all
from probes.provenance import describe_run
from probes.report import run_notes
from probes.work import Done, Row, Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extractors.store import Embeddings
    from probes.parts import Parts
    from probes.report import Unconverged
    from probes.settings import Settings
    from probes.task_set import TaskSet


@dataclass(frozen=True)
class Outcome:
    """What a run found."""

    rows: list[Row]
    """Rows of RESULT_SCHEMA, by embedding, task, repeat, fraction, fold, metric."""
    provenance: dict[str, Any]
    """What `probes.result.write_results` takes beside the rows."""
    notes: list[str]
    """What the user has to know to read the numbers, a line each."""
    problems: list[str]
    """What could not be done, a line each; none when all went well."""


@dataclass(frozen=True)
class Planned:
    """A run before anything is fitted."""

    embeddings: Sequence[Embeddings]
    task_set: TaskSet
    settings: Settings
    matches: list[Match]
    problems: list[str]
    provenance: dict[str, Any]
    """All that decides the numbers, ready for JSON."""


def run_probes(
    embeddings: Sequence[Embeddings],
    task_set: TaskSet,
    settings: Settings,
    jobs: int | None = None,
) -> Outcome:
    """Score every embedding on every task, on so many threads of this machine (None: its cores)."""
    engine = Threads(jobs)
    with engine.running(settings):
        return carry_out(plan_run(embeddings, task_set, settings), engine)


def plan_run(embeddings: Sequence[Embeddings], task_set: TaskSet, settings: Settings) -> Planned:
    """Decide who is tested when, and who has a vector.

    Parameters
    ----------
    embeddings
        As from `extractors.store.load_embeddings`, each source once.
    task_set
        As from `probes.task_set.load_tasks`, with the same `split` as in the settings.
    settings
        All that decides the numbers.

    Raises
    ------
    InputError
        One source twice; a task asked for by name that cannot be split; an embedding without
        a vector for any entity; with `missing="error"`, any entity without a vector.

    """
    seen = set()
    for one in embeddings:
        if one.source in seen:
            message = f"{one.source} is given twice; name each embedding once"
            raise InputError(message)
        seen.add(one.source)
    plans, task_problems = make_plans(task_set, settings)
    matches, hopeless = match_all(embeddings, plans, settings)
    problems = [*task_problems.values(), *hopeless.values()]
    provenance = describe_run(embeddings, plans, matches, settings)
    return Planned(embeddings, task_set, settings, matches, problems, provenance)


def carry_out(planned: Planned, engine: Engine, parts: Parts | None = None) -> Outcome:
    """Fit and score what was planned.

    Parameters
    ----------
    planned
        As from `plan_run`.
    engine
        Where that is done; it is running. It does not change the numbers.
    parts
        Where finished batches are kept and found again, on whatever engine; None: nowhere.

    """
    wanted = parts is not None and parts.predictions
    works = list(_all_work(planned, predictions=wanted))
    batches = {number: batch for work in works for number, batch in work.batches.items()}
    done: dict[int, Done] = {}
    for number in batches:
        if parts is not None and (kept := parts.read(number)) is not None:
            done[number] = Done(*kept, [], [])
    todo = [(work, [at for at in work.batches if at not in done]) for work in works]
    found_before = sum(len(batches[number].members) for number in done)
    with progress(len(planned.matches), "tasks", "probe", done=found_before) as bar:
        for number, one in engine.results([(work, left) for work, left in todo if left]):
            if parts is not None:
                parts.write_predictions(number, one.predictions)
                if not one.problems:  # what failed is tried again by the same command
                    parts.write(number, one.rows, one.unconverged)
            done[number] = replace(one, predictions=[])
            bar.set_postfix_str(engine.shown, refresh=False)
            bar.update(len(batches[number].members))
    return _outcome(planned, [done[number] for number in batches], engine.notes)


def _all_work(planned: Planned, *, predictions: bool) -> Iterator[Work]:
    """Yield the batches of one embedding after another, numbered throughout."""
    number = 0
    for embedding in planned.embeddings:
        mine = [match for match in planned.matches if match.embedding is embedding]
        batches = make_batches(mine, planned.settings)
        numbered = dict(enumerate(batches, start=number))
        number += len(batches)
        order = np.array(sorted(range(len(embedding.ids)), key=embedding.ids.__getitem__))
        yield Work(embedding, numbered, planned.settings, order, predictions)


def _outcome(planned: Planned, done: Sequence[Done], more_notes: Sequence[str]) -> Outcome:
    """Put what became of all batches together, in an order that does not depend on theirs."""
    places = [(match.embedding.source, match.plan.data.task.path) for match in planned.matches]
    by_place: dict[tuple[str, str], list[Row]] = {}
    for one in done:
        for row in one.rows:
            by_place.setdefault((row["embedding"], row["task"]), []).append(row)
    rows = [row for place in places for row in by_place.get(place, [])]
    late = {place: count for one in done for place, count in one.unconverged.items()}
    ordered: Unconverged = {place: late[place] for place in places if place in late}
    problems = [*planned.problems, *(text for one in done for text in one.problems)]
    provenance = planned.provenance | {
        "problems": problems,
        "unconverged": [
            {"embedding": source, "task": task, "fits": count}
            for (source, task), count in ordered.items()
        ],
    }
    own = run_notes(planned.matches, planned.settings, rows, ordered)
    return Outcome(rows, provenance, [*planned.task_set.notes, *own, *more_notes], problems)
