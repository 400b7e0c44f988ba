"""The leaderboard in sentences: what was compared, what the mean is over, who leads by how much."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from cards.names import counted, listed, metric_name, number, plain
from cards.standing import letters

if TYPE_CHECKING:
    from cards.leaderboard import Entry, Leaderboard, TaskRow

SAMPLE_SUFFIX = "-sample"


def cautions(board: Leaderboard) -> list[str]:
    """Return the datasets on the board that are made for trying out, not for reporting."""
    names = {family.dataset for family in board.families}
    return sorted(name for name in names if name.rstrip("/").endswith(SAMPLE_SUFFIX))


def summary(board: Leaderboard) -> str:
    """Return one sentence: what was compared, on what, and how."""
    rows = board.rows
    families = {(family.dataset, family.config) for family in board.families}
    revisions: dict[str, set[str]] = {}
    for row in rows:
        revisions.setdefault(row.trial.dataset, set()).add(row.trial.revision or "unknown")
    datasets = listed(
        f"{plain(name)} (revision {listed(sorted(found), 3)})"
        for name, found in sorted(revisions.items())
    )
    tasks = {row.trial.task for row in rows}
    how = []
    for name in ("protocol", "split", "probe"):
        values = sorted({getattr(row.trial, name) or "unknown" for row in rows})
        how.append(f"{name} {listed(values, 3)}")
    shapes = listed(sorted({row.trial.shape for row in rows if row.trial.rounds}), 3)
    seeds = sorted({seed for row in rows for seed in row.trial.seeds if seed is not None})
    how += [shapes] if shapes else []
    how += [f"seed {listed(map(str, seeds), 6)}"] if seeds else []
    verb = "compared" if len(board.entries) > 1 else "scored"
    return (
        f"{counted(len(board.entries), 'model')} {verb} on {counted(len(tasks), 'task')} in "
        f"{counted(len(families), 'family')} of {datasets}; {', '.join(how)}."
    )


def footing(board: Leaderboard) -> str:
    """Return one sentence: what the overall mean is over."""
    families = board.ranked_families
    if not families:
        return "There is no overall mean."
    tasks = sum(family.shared for family in families)
    total = len(
        {row.trial.task for row in board.rows if row.metric == board.metric and not row.part_of}
    )
    return (
        f"The overall mean is the mean of {counted(len(families), 'family mean')} of "
        f"{metric_name(board.metric)}, over the {tasks} of {total} tasks that "
        f"{'all models share' if len(board.entries) > 1 else 'have a score'}."
    )


def lead(board: Leaderboard) -> str | None:
    """Return by how much the first model leads, None for fewer than two ranked models."""
    ranked = [entry for entry in board.entries if entry.overall]
    if len(ranked) < 2:  # noqa: PLR2004
        return None
    first, second = ranked[0], ranked[1]
    pairs = [
        (row.scores[first.name].mean or 0.0, row.scores[second.name].mean or 0.0)
        for family in board.ranked_families
        for row in family.rows
        if row.shared
    ]
    ahead = sum(one > other for one, other in pairs)
    by = (first.overall.mean if first.overall else 0) - (
        second.overall.mean if second.overall else 0
    )
    if first.rank == second.rank:
        return f"{plain(first.name)} and {plain(second.name)} share the first place."
    return (
        f"{plain(first.name)} is ahead of {plain(second.name)} by {number(by)} overall "
        f"and on {ahead} of the {counted(len(pairs), 'shared task')}."
    )


def grouping(board: Leaderboard) -> str:
    """Say which models the average ranks do not tell apart; empty where there is no test."""
    standing = board.standing
    if standing is None or standing.critical_difference is None:
        return ""
    top = [model for model, (first, _) in standing.groups.items() if first == 0]
    by = (
        f"over {counted(standing.tasks, 'task')} (critical difference "
        f"{standing.critical_difference:.2f})"
    )
    if len(top) == len(standing.ranks):
        return f"No two models differ significantly in average rank {by}."
    if len(top) == 1:
        return f"{plain(top[0])} has the best average rank, significantly {by}."
    return f"The best group, whose average ranks do not differ significantly {by}: {listed(top)}."


def model_verdict(board: Leaderboard, entry: Entry) -> str:
    """Return a model's place in a sentence or two."""
    if entry.overall is None or entry.rank is None:
        return f"Scored on {counted(entry.tasks, 'task')}; not ranked, see the remarks."
    interval = entry.overall.interval
    sure = f" (95% interval {number(interval[0])} to {number(interval[1])})" if interval else ""
    text = (
        f"Place {entry.rank} of {len(board.entries)}: an overall mean of "
        f"{number(entry.overall.mean)}{sure} {metric_name(board.metric)} over "
        f"{counted(entry.overall.n, 'family')}, scored on {counted(entry.tasks, 'task')}."
    )
    standing = board.standing
    if standing is None or entry.name not in standing.groups:
        return text
    first, last = standing.groups[entry.name]
    peers = [
        model
        for model, (low, high) in standing.groups.items()
        if model != entry.name and low <= last and high >= first
    ]
    apart = f"not significantly apart from {listed(peers)}" if peers else "apart from all others"
    return (
        f"{text} Average rank {standing.ranks[entry.name]:.1f}, group "
        f"{letters((first, last))}: {apart}."
    )


def spread(row: TaskRow) -> str:
    """Return how the scores of a task are distributed over the models."""
    means = [score.mean for score in row.scores.values() if score.mean is not None]
    if not means:
        return "No model has a score."
    if len(means) == 1:
        return f"One model has a score: {number(means[0])}."
    return (
        f"{counted(len(means), 'model')}: {number(min(means))} to {number(max(means))}, "
        f"median {number(statistics.median(means))}."
    )
