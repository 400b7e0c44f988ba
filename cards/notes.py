"""What a reader must know before comparing: whatever is not on equal footing, said in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cards.names import counted, listed, metric_name, percent, plain
from cards.origins import changed
from cards.published import left_out_note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cards.leaderboard import Family, Leaderboard, TaskRow


MOST_MODELS = 5
"""Models whose gaps are named one by one."""


@dataclass(frozen=True)
class Note:
    """One remark: its subject in a word or two, and the sentence."""

    subject: str
    text: str


def notes(board: Leaderboard) -> list[Note]:
    """Return all remarks, the gravest first; empty when all models stand on equal footing."""
    return [
        *_nothing_shared(board), *_published(board), *_apart(board), *_divided(board),
        *_missing(board), *_changed(board), *_undefined(board), *_coverage(board), *_parts(board),
        *_mixed(board), *_left_out(board),
    ]  # fmt: skip


def _nothing_shared(board: Leaderboard) -> Iterator[Note]:
    if board.ranked_families:
        return
    yield Note(
        "No overall mean",
        "No task was scored for all models under the same condition, so there is no overall mean "
        "and no rank. Score the missing tasks, or leave a model out.",
    )


def _published(board: Leaderboard) -> Iterator[Note]:
    models = [entry.name for entry in board.entries if entry.info.published]
    files = [source for source in board.sources if source.published]
    if models:
        yield Note(
            "Published scores",
            f"{listed(models, 9)} were not probed here: their scores are those of "
            f"{listed(source.name for source in files)}, and stand beside runs under the protocol "
            "paper only. They were taken on other folds, so no difference from them is tested.",
        )
    for source in files:
        if said := left_out_note(source):
            yield Note("Published, but left out", f"{said}.")


def _apart(board: Leaderboard) -> Iterator[Note]:
    tables: dict[tuple[str, str, str], list[Family]] = {}
    for family in board.families:
        tables.setdefault((family.dataset, family.config, family.metric), []).append(family)
    # One note for all tables that are divided in the same way.
    alike: dict[tuple[str, str], list[str]] = {}
    for (_, config, _), families in tables.items():
        if len(families) > 1:
            differing = [
                {"seeds": "seed", "rounds": "folds"}.get(name, name) for name in families[0].parting
            ]
            sides = "; ".join(f"{f.variant}: {listed(_members(f))}" for f in families)
            alike.setdefault((listed(differing) or "folds", sides), []).append(config)
    for (differing_in, sides), configs in alike.items():
        yield Note(
            "Kept apart",
            f"The tasks of {listed(dict.fromkeys(configs), 8)} were scored under differing "
            f"{differing_in} ({sides}). They stand in separate columns and are not averaged "
            "together.",
        )


def _members(family: Family) -> list[str]:
    return sorted({model for row in family.rows for model in row.scores})


def _divided(board: Leaderboard) -> Iterator[Note]:
    if board.divided:
        yield Note(
            "One name, several embeddings",
            f"Embeddings named {listed(board.divided)} give unequal scores for the same task; "
            "each is listed as a model of its own, with its embedding in brackets.",
        )


def _missing(board: Leaderboard) -> Iterator[Note]:
    tasks = {row.trial.task: row.trial.name for row in board.rows}
    scored: dict[str, set[str]] = {entry.name: set() for entry in board.entries}
    for row in board.rows:
        for model in row.scores:
            scored[model].add(row.trial.task)
    gaps = []
    for model, found in sorted(scored.items()):
        if lacking := [name for task, name in sorted(tasks.items()) if task not in found]:
            gaps.append(f"{plain(model)} has no score on {len(lacking)} ({listed(lacking)})")
    if gaps:
        beyond = len(gaps) - MOST_MODELS
        more = f"; and {counted(beyond, 'more model')}" if beyond > 0 else ""
        yield Note(
            "Missing scores",
            f"Of {counted(len(tasks), 'task')}, {'; '.join(gaps[:MOST_MODELS])}{more}. A task that "
            "not all models of a family have is left out of the family's mean; a family that not "
            "all models have is left out of the overall mean.",
        )


def _changed(board: Leaderboard) -> Iterator[Note]:
    if files := changed(board.sources):
        yield Note(
            "Changed embeddings",
            f"{listed(files)} had another content for one result file than for another: scores "
            "under one name come from different vectors. Run probe again on all tasks.",
        )


def _undefined(board: Leaderboard) -> Iterator[Note]:
    found = [
        f"{row.trial.name} ({plain(model)}: {score.rounds - score.defined} of {score.rounds})"
        for row in board.rows
        for model, score in row.scores.items()
        if score.defined < score.rounds
    ]
    if found:
        yield Note(
            "Undefined folds",
            f"The headline metric is undefined in some folds of {listed(found)}; those means are "
            "over the remaining folds.",
        )


def _coverage(board: Leaderboard) -> Iterator[Note]:
    uneven = [row for row in board.rows if len(_coverages(row)) > 1]
    if uneven:
        worst = min(uneven, key=_least)
        shares = sorted((share, model) for model, share in _known(worst))
        (low, lowest), (high, highest) = shares[0], shares[-1]
        yield Note(
            "Unequal coverage",
            f"On {counted(len(uneven), 'task')} the models were scored on different entities, "
            f"because not all have a vector for each: on {plain(worst.trial.name)}, "
            f"{plain(lowest)} covers {percent(low)} and {plain(highest)} {percent(high)}. "
            "These scores are averaged as they are; probe --common scores all models on the "
            "entities that all have.",
        )
    others = [row for row in board.rows if len(_coverages(row)) < 2]  # noqa: PLR2004
    sizes = [row for row in others if _unequal_sizes(row)]
    if sizes:
        yield Note(
            "Unequal sizes",
            f"Models were scored on different numbers of entities on "
            f"{listed(row.trial.name for row in sizes)}.",
        )


def _known(row: TaskRow) -> list[tuple[str, float]]:
    """Return the models whose coverage is known, with it; published scores say nothing of it."""
    shares = ((model, score.coverage) for model, score in row.scores.items())
    return [(model, share) for model, share in shares if share is not None]


def _coverages(row: TaskRow) -> set[float]:
    return {share for _, share in _known(row)}


def _least(row: TaskRow) -> tuple[float, str]:
    return min(_coverages(row)), row.trial.task


def _unequal_sizes(row: TaskRow) -> bool:
    known = [one for one in row.scores.values() if one.defined == one.rounds and one.n_test]
    return len({(one.n_train, one.n_test) for one in known}) > 1


def _parts(board: Leaderboard) -> Iterator[Note]:
    wholes = {row.part_of.rpartition("/")[2] for row in board.rows if row.part_of}
    if wholes:
        count = sum(row.part_of is not None for row in board.rows)
        yield Note(
            "Labels as tasks",
            f"{counted(count, 'task')} {'is a single label' if count == 1 else 'are single labels'}"
            f" of {listed(sorted(wholes))}, scored as a whole as well; they are shown, but not "
            "averaged a second time.",
        )


def _mixed(board: Leaderboard) -> Iterator[Note]:
    beside = [metric for metric in board.metrics if metric != board.metric]
    if beside:
        yield Note(
            "Listed beside",
            f"{listed(metric_name(metric) for metric in beside)} "
            f"{'has another scale' if len(beside) == 1 else 'have other scales'} than "
            f"{metric_name(board.metric)}: those families have their own columns and are not in "
            "the overall mean.",
        )
    joined = [e for e in board.entries if len(e.info.embeddings) > 1]
    for entry in joined:
        yield Note(
            "Several files",
            f"The scores of {plain(entry.name)} come from {len(entry.info.embeddings)} embeddings "
            f"({listed(entry.info.embeddings)}).",
        )


def _left_out(board: Leaderboard) -> Iterator[Note]:
    if board.left_out:
        yield Note(
            "Controls and learning curves",
            f"{counted(board.left_out, 'row')} of shuffled labels, noisy labels or parts of the "
            "training data are no scores and are left out; probe controls reads them.",
        )
