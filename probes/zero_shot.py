"""What vectors say without training: whether a class lies together, and pairs close.

==================================  ========================================================
task                                metrics
==================================  ========================================================
binary, multi-class                 `ndcg_at_k`, `map_at_k`, `precision_at_k`, `v_measure`
multi-label                         the same without `v_measure`
pairs of genes, binary              `auroc`, `average_precision` of the cosine
pairs of genes with a number        `spearman`, `pearson` of the cosine
==================================  ========================================================

Retrieval and clustering follow DGEB (bioRxiv 2024.07.10.602933) and MTEB (arXiv 2210.07316): every
entity is a query, all others are ranked by cosine, and those of its class are relevant (multi-
label: those that share a label); means are over queries that have a relevant entity. Clusters
are those of mini-batch k-means on vectors of length 1, as many as there are classes. What
chance gives depends on how common the classes are: compare with the embedding `random`.
There is one number a task and no fold: the difference of two models has no test here.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.errors import InputError, shorten
from hf_datasets.task import TaskType
from probes.ensemble import origin
from probes.features import ABSENT, locate
from probes.formulas import auroc, average_precision, pearson, spearman
from probes.layout import text_columns
from probes.nearest import BLOCK_CELLS, nearest, unit_rows
from probes.retrieval import retrieval, sharing
from probes.summary import share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from extractors.store import Embeddings
    from probes.task_set import TaskData, TaskSet

NAME = "zero-shot"
SPLIT = "none"
RETRIEVAL = ("ndcg", "map", "precision")

Values = dict[str, float | None]
Neighbours = dict[bytes, "NDArray[np.intp]"]
"""Rows of an embedding, as bytes → the nearest others of each: tasks on the same genes share it."""


@dataclass(frozen=True)
class ZeroShot:
    """What a run found, as `probes.run.Outcome`."""

    rows: list[dict[str, Any]]
    provenance: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def run_zero_shot(
    embeddings: Sequence[Embeddings],
    task_set: TaskSet,
    *,
    k: int = 10,
    seed: int = 0,
    common: bool = False,
) -> ZeroShot:
    """Score embeddings on tasks without training.

    Parameters
    ----------
    embeddings, task_set
        As for `probes.run.run_probes`.
    k
        How many neighbours are retrieved.
    seed
        Of the clustering.
    common
        Whether every model is scored only on the entities that all models have.

    Raises
    ------
    InputError
        A k below 1; one source twice; an embedding or a task set that gives no score at all.

    """
    if k < 1:
        message = f"--k {k} is not possible; give 1 or more"
        raise InputError(message)
    sources = [one.source for one in embeddings]
    if len(set(sources)) < len(sources):
        message = f"{shorten(sources)}: name each embedding once"
        raise InputError(message)
    from threadpoolctl import threadpool_limits

    places = _places(embeddings, task_set, common=common)
    rows: list[dict[str, Any]] = []
    notes, problems = list(task_set.notes), list(task_set.problems.values())
    # One thread, as for the probes: k-means adds up in an order that depends on their number.
    with threadpool_limits(1):
        for number, one in enumerate(embeddings):
            known: Neighbours = {}
            for data, found in zip(task_set.tasks, places, strict=True):
                place = found[number]
                used = (place != ABSENT).all(axis=1)
                labels = data.labels[_by_key(data)][used]
                values = _score(one, data, place[used], labels, k=k, seed=seed, known=known)
                if values is None:
                    notes.append(f"{data.task.path}: no zero-shot metric for its type")
                    continue
                if not used.any():
                    problems.append(f"{one.source} has a vector for no entity of {data.task.path}")
                    continue
                if not used.all():
                    left = int((~used).sum())
                    notes.append(f"{one.source} on {data.task.path}: left out {left} entities")
                rows.extend(_rows(one, data, values, used, seed))
    if not rows:
        message = f"no zero-shot score: {shorten(dict.fromkeys([*problems, *notes]), 2)}"
        raise InputError(message)
    return ZeroShot(
        rows,
        _provenance(embeddings, task_set, k, seed, common),
        list(dict.fromkeys(notes)),
        problems,
    )


def _places(
    embeddings: Sequence[Embeddings], task_set: TaskSet, *, common: bool
) -> list[list[NDArray[np.intp]]]:
    """Return the rows of every task's entities in every embedding, ABSENT where there is none."""
    indices = [{name: row for row, name in enumerate(one.ids)} for one in embeddings]
    places = []
    for data in task_set.tasks:
        keys = [data.keys[row] for row in _by_key(data)]
        found = [locate(keys, index) for index in indices]
        if common:
            gone = np.logical_or.reduce([(one == ABSENT).any(axis=1) for one in found])
            for one in found:
                one[gone] = ABSENT
        places.append(found)
    return places


def _by_key(data: TaskData) -> NDArray[np.intp]:
    """Return the order of a task's entities that does not depend on the order of its table."""
    return np.array(sorted(range(len(data.keys)), key=data.keys.__getitem__), dtype=np.intp)


def _score(
    embedding: Embeddings,
    data: TaskData,
    place: NDArray[np.intp],
    labels: NDArray[Any],
    *,
    k: int,
    seed: int,
    known: Neighbours,
) -> Values | None:
    """Return the metrics of a task; None if there is none for its type."""
    kind = data.task.type
    if data.task.is_pair:
        return _pairs(kind, embedding.vectors, place, labels)
    if kind is TaskType.REGRESSION:
        return None
    names = [f"{name}_at_{k}" for name in RETRIEVAL]
    if len(place) < 2:  # noqa: PLR2004
        return dict.fromkeys([*names, *([] if kind is TaskType.MULTI_LABEL else ["v_measure"])])
    vectors = unit_rows(embedding.vectors[place[:, 0]])
    content = place.tobytes()
    if content not in known:
        known.clear()  # those of one set of genes at a time are enough, and can be large
        known[content] = nearest(vectors, vectors, min(k, len(vectors) - 1), same=True)[0]
    neighbours = known[content]
    if kind is TaskType.MULTI_LABEL:
        relevant = np.column_stack(
            [(labels & labels[column]).any(axis=1) for column in neighbours.T]
        )
        values = retrieval(relevant, sharing(labels), k)
        return dict(zip(names, values, strict=True))
    counts = np.bincount(labels)
    values = retrieval(labels[neighbours] == labels[:, None], counts[labels] - 1, k)
    return dict(zip(names, values, strict=True)) | {"v_measure": _v_measure(vectors, labels, seed)}


def _v_measure(vectors: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> float | None:
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import v_measure_score

    classes = len(np.unique(labels))
    if classes < 2:  # noqa: PLR2004
        return None
    model = MiniBatchKMeans(classes, random_state=seed, n_init=3)
    with warnings.catch_warnings():
        # Fewer distinct vectors than classes: the clusters are fewer too, and score as they are.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return float(v_measure_score(labels, model.fit_predict(vectors)))


def _pairs(
    kind: TaskType, vectors: NDArray[np.float32], place: NDArray[np.intp], labels: NDArray[Any]
) -> Values | None:
    if kind not in {TaskType.BINARY, TaskType.REGRESSION}:
        return None
    names = ("auroc", "average_precision") if kind is TaskType.BINARY else ("spearman", "pearson")
    if not len(place):
        return dict.fromkeys(names)
    cosine = np.empty(len(place))
    step = max(1, BLOCK_CELLS // vectors.shape[1])
    for start in range(0, len(place), step):
        block = place[start : start + step]
        first, second = (unit_rows(vectors[block[:, side]]) for side in (0, 1))
        cosine[start : start + step] = np.einsum("ij,ij->i", first, second)
    if kind is TaskType.BINARY:
        truth = labels > 0
        return {
            "auroc": auroc(truth, cosine),
            "average_precision": average_precision(truth, cosine),
        }
    return {"spearman": spearman(labels, cosine), "pearson": pearson(labels, cosine)}


def _rows(
    embedding: Embeddings, data: TaskData, values: Values, used: NDArray[np.bool_], seed: int
) -> list[dict[str, Any]]:
    task = data.task
    base = {
        "embedding": embedding.source,
        "model": embedding.model,
        "modality": embedding.modality,
        "dataset": task.dataset,
        "revision": data.revision,
        "config": task.config,
        "task": task.path,
        "task_type": task.type.value,
        "protocol": NAME,
        "split": SPLIT,
        "probe": NAME,
        "fraction": 1.0,
        "seed": seed,
        "repeat": 0,
        "fold": 0,
        "n_train": 0,
        "n_test": int(used.sum()),
        "coverage": float(used.mean()),
    }
    return [base | {"metric": name, "value": value} for name, value in values.items()]


def _provenance(
    embeddings: Sequence[Embeddings],
    task_set: TaskSet,
    k: int,
    seed: int,
    common: bool,  # noqa: FBT001
) -> dict[str, Any]:
    return {
        "protocol": NAME,
        "k": k,
        "seed": seed,
        "common": common,
        "embeddings": [origin(one) for one in embeddings],
        "tasks": [
            {"task": data.task.path, "revision": data.revision, "entities": len(data.keys)}
            for data in task_set.tasks
        ],
    }


def zero_shot_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return a line per task and metric, a column per model."""
    sources = {row["embedding"]: row["model"] for row in rows}
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        value = "undefined" if row["value"] is None else f"{row['value']:.3f}"
        line = cells.setdefault((row["task"], row["metric"]), {})
        line[row["embedding"]] = f"{value}  {share(row['coverage'])}"
    lines = [["task", "metric", *sources.values()]]
    for (task, metric), by_source in cells.items():
        lines.append([task, metric, *(by_source.get(source, "-") for source in sources)])
    return text_columns(lines)
