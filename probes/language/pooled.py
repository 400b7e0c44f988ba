"""The published score of a task of several data sets: over all their questions at once.

Biology-Instructions pools the data sets of a task (the histone marks of `emp`, the factors of
`tb-human`) and gives one number for all, where ours has one a data set. `all`, which repeats what
is in the others, is left out, as there. Both rules have a pooled score, so that it can be held
against the paper's; its path ends in `pooled`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.language.results import RULES, score_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.language.asking import LanguageModel, Reply
    from probes.language.questions import Quiz
    from probes.language.results import Row

POOLED = "pooled"
REPEATED = "all"
"""A data set that is made of the others."""


def score_pooled(
    asked: Iterable[tuple[Quiz, Sequence[Reply]]], model: LanguageModel, *, seed: int
) -> tuple[list[Row], list[str]]:
    """Return result rows and summary lines of the tasks of which several data sets were asked."""
    groups: dict[tuple[str, str, str], list[tuple[Quiz, Sequence[Reply]]]] = {}
    for quiz, replies in asked:
        if quiz.task is None or quiz.scoring != "generate" or quiz.subtask in {"", REPEATED}:
            continue
        key = (quiz.dataset, quiz.config, quiz.task.name)
        groups.setdefault(key, []).append((quiz, replies))
    rows: list[Row] = []
    lines: list[str] = []
    for (dataset, _, name), members in groups.items():
        if len(members) == 1:
            continue
        questions = [question for quiz, _ in members for question in quiz.questions]
        replies = [reply for _, some in members for reply in some]
        for rule in RULES:
            made, line = score_texts(
                members[0][0], questions, replies, model, rule, seed=seed,
                path=f"{dataset}/{name}/{POOLED}", total=sum(quiz.total for quiz, _ in members),
            )  # fmt: skip
            rows.extend(made.rows)
            lines.append(line)
    return rows, lines
