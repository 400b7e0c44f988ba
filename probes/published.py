"""Metrics that Biology-Instructions reports on single tasks of its own: Fmax and mixed score.

With them an embedding stands beside a language model's answers to the same task
(arXiv 2412.19191).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.biology_instructions.tasks import DATASET, TASKS
from hf_datasets.task import TaskType
from probes.fmax import fmax
from probes.formulas import defined
from probes.language.statistics import MixedScore

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from hf_datasets.task import Task


def published_metrics(
    task: Task, truth: NDArray[Any], scores: NDArray[np.float64] | None
) -> dict[str, float | None]:
    """Return the metrics that only this task has; empty for nearly all.

    Parameters
    ----------
    task
        The task; a dataset is known by the last part of its name.
    truth, scores
        As in `probes.metrics.evaluate`.

    """
    of_benchmark = task.dataset.rstrip("/").rpartition("/")[2] == DATASET
    known = TASKS.get(task.config) if of_benchmark and task.label is None else None
    if known is None:
        return {}
    if "fmax" in known.metrics and task.type is TaskType.MULTI_LABEL:
        return {"fmax": None if scores is None else fmax(truth.astype(np.bool_), scores)}
    if "mixed_score" in known.metrics and task.type is TaskType.REGRESSION:
        if scores is None or not len(truth):
            return {"mixed_score": None}
        return {"mixed_score": defined(MixedScore(truth, scores).values()["mixed_score"])}
    return {}
