"""Where a run's numbers come from: recorded in the result file, without times or machine names."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_datasets import __version__
from hf_datasets.files import file_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractors.store import Embeddings
    from probes.matching import Match, Plan
    from probes.settings import Settings

LIBRARIES = ("numpy", "scikit-learn", "scipy")
"""Libraries that can move a score."""
MOST_NAMES = 20
"""So many missing entities are named per model and task."""


def describe_run(
    embeddings: Sequence[Embeddings],
    plans: Sequence[Plan],
    matches: Sequence[Match],
    settings: Settings,
) -> dict[str, Any]:
    """Return what a run was made from, ready for JSON."""
    datasets = {(plan.data.task.dataset, plan.data.revision): None for plan in plans}
    return {
        **asdict(settings),
        "fractions": list(settings.fractions),
        "versions": versions(),
        "embeddings": [_embedding(one) for one in embeddings],
        "datasets": [{"dataset": name, "revision": revision} for name, revision in datasets],
        "tasks": [_task(plan) for plan in plans],
        "missing_entities": [_missing(match) for match in matches if match.lacking],
    }


def versions() -> dict[str, str]:
    """Return the versions of what can move a score."""
    return {"genezoo": __version__} | {name: version(name) for name in LIBRARIES}


def _embedding(embedding: Embeddings) -> dict[str, Any]:
    return {
        "source": embedding.source,
        "model": embedding.model,
        "modality": embedding.modality,
        "sha256": _digest(embedding.source),
        "entities": len(embedding.ids),
        "dimension": int(embedding.vectors.shape[1]),
        "failed": len(embedding.failed),
        "provenance": embedding.provenance,
    }


def _digest(source: str) -> str | None:
    """Return the sha256 of a local file; a Hub dataset has its commit in its provenance."""
    path = Path(source).expanduser()
    return file_digest(path) if path.is_file() else None


def _task(plan: Plan) -> dict[str, Any]:
    task = plan.data.task
    return {
        "task": task.path,
        "dataset": task.dataset,
        "revision": plan.data.revision,
        "family": task.config,
        "type": task.type.value,
        "classes": list(task.classes),
        "entities": len(plan.folds.rows),
        "left_out": plan.folds.left_out,
        "split": plan.folds.split,
        "folds": plan.folds.count,
        "without_fold": plan.folds.unplaced,
    }


def _missing(match: Match) -> dict[str, Any]:
    return {
        "embedding": match.embedding.source,
        "task": match.plan.data.task.path,
        "revision": match.plan.data.revision,
        "entities": int((~match.has_vector).sum()),
        "names": list(match.lacking[:MOST_NAMES]),
    }
