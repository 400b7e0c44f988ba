"""The whole suite: our probe against scikit-learn as gene-benchmark calls it, in one run.

    python benchmarks/probe_suite.py [--dim 768] [--scale 0.5] [--protocol unscaled] [--sampled 1]
        [--threads 2] [--device cuda] [--pairs gene2gene | gene-disease] [--exact]

357 simulated tasks (10 binary of genes' own, 43 multi-class, 10 multi-label, their 293 labels as
tasks, one more binary) and 9 regressions of the sizes of gene-benchmark, over 19,784 genes.
Vectors have a power-law spectrum, noise, a mean and four large features; `--scale` is their root
mean square. Ours does and scores everything. scikit-learn fits, without scoring, `--sampled`
folds of every task; of a multi-label task three labels. `--pairs` takes one task on pairs instead:
290,032 pairs of genes in two classes, or 411,569 of a gene and one of 10,000 simulated diseases
with a number each. Its total is **extrapolated** from them
to five folds and all labels, and said so. Both run on one thread a fit; CPU seconds are compared.
Agreement is with our own float64 solution (`--exact`) on the same folds.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from machine import describe_machine
from threadpoolctl import threadpool_limits

from extractors.store import Embeddings
from hf_datasets.task import Task, TaskType
from probes.run import Outcome, run_probes
from probes.settings import Settings
from probes.task_set import TaskData, TaskSet

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_GENES = 19_784
MULTI_LABEL = {
    "Biological process": (10796, 44), "Disease involvement": (5837, 22),
    "Molecular function": (10991, 41), "Pathways": (10969, 25), "Protein class": (19784, 17),
    "RNA tissue enrichment": (13957, 70), "Subcellular location": (13039, 21),
    "UniProt domain": (13469, 16), "UniProt ligand": (6673, 22), "UniProt PTM": (13968, 15),
}  # fmt: skip
"""Name → genes, labels."""
MULTI_CLASS = (
    {f"Pathology {index}": (17500, 3) for index in range(17)}
    | {
        f"Specificity {index}": (n, 5)
        for index, n in enumerate(
            [19784] * 10 + [16655] * 2 + [16595] * 2 + [19761] * 2 + [19588] * 2
        )
    }
    | {
        "Chromosome": (19784, 25), "Blood cluster": (12697, 57), "Brain cluster": (17590, 53),
        "Cell line cluster": (19167, 60), "Single cell cluster": (19016, 60),
        "Tissue cluster": (18355, 60), "Secretome function": (2736, 20),
        "Secretome location": (2767, 9),
    }
)  # fmt: skip
"""Name → genes, classes."""
BINARY = (133, 487, 171, 174, 1103, 281, 1429, 1631, 44, 2765, 487)
REGRESSION = (11348, 438, 2238, 3351, 595, 2171, 4798, 4653, 2084)
PAIRS = {"gene2gene": 290_032, "gene-disease": 411_569}
N_DISEASES = 10_000
"""Rows beyond the genes, where a task needs them."""
IDS = [f"G{at:05}" for at in range(N_GENES)] + [f"D{at:05}" for at in range(N_DISEASES)]
FACTORS = 60
"""Directions of the vectors that labels depend on."""
RAREST = 30
"""Members of a label, and LEAST of a class, at least."""
LEAST = 10


def generator(*names: object) -> np.random.Generator:
    """Return a generator of its own for a name."""
    return np.random.default_rng(zlib.crc32(repr(names).encode()))


def simulate(dim: int, scale: float, n: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return vectors (n, dim) and the factors behind them."""
    rng, rank = generator("vectors", dim), dim // 2
    factors = rng.standard_normal((n, rank), dtype=np.float32)
    strength = (np.arange(1, rank + 1) ** -0.8).astype(np.float32)
    axes = np.linalg.qr(rng.standard_normal((dim, rank)))[0].T.astype(np.float32)
    vectors = (factors * strength) @ axes * np.float32(np.sqrt(dim / np.square(strength).sum()))
    vectors += 0.25 * rng.standard_normal((n, dim), dtype=np.float32)
    vectors += 0.7 * rng.standard_normal(dim, dtype=np.float32)
    vectors[:, :4] *= 4
    vectors *= np.float32(scale) / np.sqrt(np.square(vectors).mean())
    return vectors.astype(np.float32), factors[:, :FACTORS]


def wishes(
    name: str, n: int, columns: int, factors: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.float64], np.random.Generator]:
    """Draw genes of a task and, for each, how much speaks for every class."""
    rng = generator("task", name)
    rows = np.sort(rng.permutation(N_GENES)[:n])
    weights = rng.standard_normal((factors.shape[1], columns))
    weights *= (np.arange(1, factors.shape[1] + 1) ** -0.5)[:, None]
    scores = factors[rows].astype(np.float64) @ weights
    return rows, scores / scores.std(axis=0), rng


def keys(rows: NDArray[np.intp]) -> list[tuple[str, ...]]:
    """Return the keys of genes."""
    return [(IDS[row],) for row in rows]


def make_tasks(factors: NDArray[np.float32]) -> TaskSet:
    """Return the suite."""
    tasks = []
    for name, (n, count) in MULTI_LABEL.items():
        rows, scores, rng = wishes(name, n, count, factors)
        scores = scores * rng.uniform(0.5, 2, count) + rng.logistic(size=scores.shape)
        share = np.exp(rng.uniform(np.log(0.006), np.log(0.35), count))
        share = np.maximum(share, RAREST / n)
        cuts = [np.quantile(scores[:, at], 1 - share[at]) for at in range(count)]
        names = tuple(f"label {at}" for at in range(count))
        whole = Task("suite", "multi-label", name, TaskType.MULTI_LABEL, names, ("symbol",))
        has = scores > np.array(cuts)
        tasks.append(TaskData(whole, "1", keys(rows), has))
        for at, label in enumerate(names):
            one = Task("suite", "multi-label", name, TaskType.BINARY, (f"not {label}", label),
                       ("symbol",), label, TaskType.MULTI_LABEL)  # fmt: skip
            tasks.append(TaskData(one, "1", keys(rows), has[:, at].astype(np.int64)))
    for name, (n, count) in MULTI_CLASS.items():
        rows, scores, rng = wishes(name, n, count, factors)
        scores = scores + rng.normal(0, 0.8 if count > 5 else 1.2, count)
        classes = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
        kept = np.bincount(classes, minlength=count)[classes] >= LEAST
        names = tuple(f"class {at}" for at in np.unique(classes[kept]))
        labels = np.unique(classes[kept], return_inverse=True)[1]
        task = Task("suite", "multi-class", name, TaskType.MULTI_CLASS, names, ("symbol",))
        tasks.append(TaskData(task, "1", keys(rows[kept]), labels))
    for at, n in enumerate(BINARY):
        rows, scores, rng = wishes(f"binary {at}", n, 1, factors)
        scores = 1.5 * scores[:, 0] + rng.logistic(size=n)
        labels = (scores > np.quantile(scores, rng.uniform(0.5, 0.7))).astype(np.int64)
        task = Task("suite", "binary", f"{at}", TaskType.BINARY, ("no", "yes"), ("symbol",))
        tasks.append(TaskData(task, "1", keys(rows), labels))
    for at, n in enumerate(REGRESSION):
        rows, scores, rng = wishes(f"regression {at}", n, 1, factors)
        values = scores[:, 0] + rng.standard_normal(n)
        task = Task("suite", "regression", f"{at}", TaskType.REGRESSION, (), ("symbol",))
        tasks.append(TaskData(task, "1", keys(rows), values))
    return TaskSet(tasks)


def pair_task(kind: str, factors: NDArray[np.float32]) -> TaskSet:
    """Return one task over as many pairs as Gene2Gene or the association with diseases has."""
    rng, count = generator(kind), PAIRS[kind]
    of_genes = kind == "gene2gene"
    second = (0, N_GENES) if of_genes else (N_GENES, N_GENES + N_DISEASES)
    size = (count * 21 // 20, 1)
    drawn = np.hstack([rng.integers(0, N_GENES, size), rng.integers(*second, size)])
    places = rng.permutation(np.unique(drawn, axis=0))[:count]
    alike = (factors[places[:, 0]] + factors[places[:, 1]]) @ rng.standard_normal(factors.shape[1])
    speaks = alike / alike.std() + rng.logistic(size=count)
    task = Task("suite", "pairs", kind, TaskType.BINARY if of_genes else TaskType.REGRESSION,
                ("no", "yes") if of_genes else (), ("symbol_a", "symbol_b"))  # fmt: skip
    labels = (speaks > 0).astype(np.int64) if of_genes else speaks.astype(np.float64)
    return TaskSet([TaskData(task, "1", [(IDS[a], IDS[b]) for a, b in places], labels)])


@dataclass
class Peer:
    """What scikit-learn took, extrapolated."""

    seconds: float = 0.0
    fits: int = 0


def peer_fits(data: TaskData, vectors: NDArray[np.float32], sampled: int, peer: Peer) -> None:
    """Fit `sampled` of five folds of a task; add what all of it would have taken."""
    from sklearn.linear_model import LinearRegression, LogisticRegression

    place = {name: at for at, name in enumerate(IDS)}
    rows = np.array([[place[name] for name in key] for key in data.keys])
    features, several = vectors[rows].mean(axis=1), data.labels.ndim > 1
    columns = range(0, data.labels.shape[1], max(1, data.labels.shape[1] // 3)) if several else [0]
    fold = generator("peer", data.task.path).integers(0, 5, len(rows))
    for number in range(sampled):
        train, spent, count = fold != number, 0.0, 0
        for column in columns:
            labels = data.labels[train, column] if several else data.labels[train]
            regression = data.task.type is TaskType.REGRESSION
            model = LinearRegression() if regression else LogisticRegression(max_iter=5000)
            start = time.process_time()
            model.fit(features[train], labels)
            spent += time.process_time() - start
            count += 1
        share = (data.labels.shape[1] if several else 1) / count
        peer.seconds += spent * share * 5 / sampled
        peer.fits += count


def values(outcome: Outcome, metric: str) -> dict[Any, float]:
    """Return a metric by task, label and fold, where it is defined."""
    return {
        (row["task"], row["label"], row["fold"]): row["value"]
        for row in outcome.rows
        if row["metric"] == metric and row["value"] is not None
    }


def main() -> None:
    """Time both, compare with float64, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--scale", type=float, default=0.5)
    parser.add_argument("--protocol", default="unscaled", choices=("unscaled", "standard"))
    parser.add_argument("--C", type=float, dest="c")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sampled", type=int, default=1, help="folds for scikit-learn; 0: none")
    parser.add_argument("--exact", action="store_true", help="compare with float64 too")
    parser.add_argument("--pairs", choices=tuple(PAIRS), help="one task on pairs instead")
    parser.add_argument("--device")
    given = parser.parse_args()
    n = N_GENES + (N_DISEASES if given.pairs == "gene-disease" else 0)
    vectors, factors = simulate(given.dim, given.scale, n)
    task_set = pair_task(given.pairs, factors) if given.pairs else make_tasks(factors)
    kinds = [data.task.type.value for data in task_set.tasks]
    print(describe_machine())
    print({kind: kinds.count(kind) for kind in dict.fromkeys(kinds)})
    embedding = Embeddings("simulated", "simulated", "unknown", IDS[: len(vectors)], vectors)
    settings = Settings(protocol=given.protocol, c=given.c, device=given.device)
    wall, start = time.perf_counter(), time.process_time()
    ours = run_probes([embedding], task_set, settings, given.threads)
    cpu, wall = time.process_time() - start, time.perf_counter() - wall
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"ours: d={given.dim} scale={given.scale} {given.protocol} C={settings.fixed_c}: "
        f"{cpu:.1f} CPU s, {wall:.1f} s with {given.threads} threads, peak {memory:.2f} GiB, "
        f"{len(ours.rows):,} numbers, {len(ours.provenance['unconverged'])} tasks unconverged",
        flush=True,
    )
    if ours.problems:
        raise SystemExit("\n".join(ours.problems))
    peer = Peer()
    with threadpool_limits(1):
        for data in task_set.tasks if given.sampled else ():
            if data.task.label is None:
                peer_fits(data, vectors, given.sampled, peer)
                print(f"\r{data.task.path} {peer.seconds:.0f}", end="", file=sys.stderr)
    if given.sampled:
        print(
            f"scikit-learn: {peer.seconds:.0f} CPU s, extrapolated from {peer.fits} fits (labels "
            f"that are tasks counted once); ours takes {peer.seconds / cpu:.1f} times less",
            flush=True,
        )
    if given.exact:
        best = run_probes(
            [embedding], task_set, Settings(protocol=given.protocol, c=given.c, exact=True),
            given.threads,
        )  # fmt: skip
        for metric in ("auroc", "average_precision", "log_loss", "spearman"):
            mine, exact = values(ours, metric), values(best, metric)
            gap = max((abs(mine[place] - exact[place]) for place in exact), default=0.0)
            print(f"{metric}: at most {gap:.1e} from float64 over {len(exact):,} values")


if __name__ == "__main__":
    main()
