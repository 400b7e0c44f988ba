"""Scores of answers as rows of the result table, beside those of embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hf_datasets.biology_instructions.tasks import Answer
from hf_datasets.task import TaskType

if TYPE_CHECKING:
    from probes.language.scoring import Scores

MODALITY = "text"
PROBE = "answers"
SPLIT = "fixed"
TASK_TYPES = {
    Answer.YES_NO: TaskType.BINARY,
    Answer.CLASS: TaskType.MULTI_CLASS,
    Answer.LABELS: TaskType.MULTI_LABEL,
    Answer.EC: TaskType.MULTI_LABEL,
    Answer.NUMBER: TaskType.REGRESSION,
    Answer.NUMBERS: TaskType.REGRESSION,
}


def result_rows(
    scores: Scores,
    *,
    path: str,
    model: str,
    source: str,
    dataset: str,
    revision: str | None,
    config: str,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Return a row of `probes.result.RESULT_SCHEMA` for every metric.

    Parameters
    ----------
    scores
        What `probes.language.scoring.score` found; its rule is the rows' protocol.
    path
        The path of the same task among the sequence tables, such as
        `biology-instructions/emp/H3`. Of named numbers, the path of their table: each number is
        a task of its own below it, `…/ea/hk`, and their mean is that of the table.
    model, source
        The model's name, and what the answers came from: a file, or the model with its revision.
    dataset, revision, config
        Of the questions.
    seed
        Of the model's draws.

    """
    base = {
        "embedding": source,
        "model": model,
        "modality": MODALITY,
        "dataset": dataset,
        "revision": revision,
        "config": config,
        "task_type": TASK_TYPES[scores.task.answer].value,
        "label": None,
        "protocol": scores.rule,
        "split": SPLIT,
        "probe": PROBE,
        "fraction": 1.0,
        "seed": seed,
        "repeat": 0,
        "fold": 0,
        "n_train": 0,
        "n_test": scores.n,
        "coverage": scores.coverage,
    }
    rows = []
    for name, value in scores.values.items():
        metric, _, key = name.partition("/")
        task = f"{path}/{key}" if key else path
        rows.append(base | {"task": task, "metric": metric, "value": value})
    return rows
