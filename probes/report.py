"""What a run has to say beside its numbers: who was left out, what has no value, what to doubt."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_datasets.errors import shorten
from probes.design import scaling
from probes.summary import share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from extractors.store import Embeddings
    from probes.matching import Match, Plan
    from probes.settings import Settings
    from probes.splits import Folds

Unconverged = dict[tuple[str, str], int]
"""(embedding, task path) → fits that stopped before their optimum."""


def run_notes(
    matches: Sequence[Match],
    settings: Settings,
    rows: Sequence[Mapping[str, Any]],
    unconverged: Unconverged,
) -> Iterator[str]:
    """Yield the notes of a run, a line each; none when there is nothing to remark."""
    embeddings = {match.embedding.source: match.embedding for match in matches}
    plans = {id(match.plan): match.plan for match in matches}
    yield from _same_model(embeddings.values())
    for plan in plans.values():
        yield from _left_out(plan, settings)
        yield from _mirrored(plan, settings)
    for embedding in embeddings.values():
        if settings.probe == "linear" and settings.protocol != "paper":
            yield from _constant(embedding)
        yield from _missing([match for match in matches if match.embedding is embedding])
    if settings.common:
        yield from _not_common({id(match.plan): match for match in matches}.values())
    yield from _undefined(rows)
    yield from _unconverged(unconverged)


def _same_model(embeddings: Iterable[Embeddings]) -> Iterator[str]:
    counts = Counter(one.model for one in embeddings)
    for model, count in counts.items():
        if count > 1:
            yield (
                f"{count} embeddings are of model {model!r}; "
                "tell them apart by the column 'embedding'"
            )


def _left_out(plan: Plan, settings: Settings) -> Iterator[str]:
    left_out = plan.folds.left_out
    if left_out:
        named = shorten((f"{name} ({count})" for name, count in left_out.items()), 8)
        yield (
            f"{plan.data.task.path}: left out {sum(left_out.values())} entities of classes with "
            f"fewer than {settings.folds} members: {named}"
        )
    path, folds = plan.data.task.path, plan.folds
    if folds.unplaced:
        given = len(folds.rows) + folds.unplaced
        what = "pairs" if plan.data.task.is_pair else "entities"
        apart = ", as to pairs whose genes lie in two folds" if plan.data.task.is_pair else ""
        yield (
            f"{path}: {folds.unplaced:,} of {given:,} {what} neither train nor are tested, because "
            f"the column of --split {settings.split} gives them no {_place(folds)}{apart}; "
            f"coverage is of the other {len(folds.rows):,}"
        )
    if folds.other_fold is not None:
        between = int((folds.test_fold[0] != folds.other_fold[0]).sum())
        yield (
            f"{path}: {between} of {len(folds.rows)} pairs have their genes in two folds; they "
            "train where neither gene is tested, and are never tested (first repeat)"
        )


def _place(folds: Folds) -> str:
    return "part" if folds.split == "fixed" else "fold"


def _mirrored(plan: Plan, settings: Settings) -> Iterator[str]:
    """Remark on pairs that occur both ways round: as features they may be the same twice."""
    if not plan.data.task.is_pair or settings.pair == "concat":
        return
    keys = set(plan.keys)
    twice = sum(key[::-1] in keys for key in keys if key[0] < key[1])
    if twice:
        yield (
            f"{plan.data.task.path}: {twice} pairs are there both ways round and have the same "
            f"features with --pair {settings.pair}, so training and test parts share them"
        )


def _constant(embedding: Embeddings) -> Iterator[str]:
    """Count the features that linear probes drop."""
    vectors = embedding.vectors
    kept = scaling(vectors, np.arange(len(vectors)), standardise=False).kept
    dropped = vectors.shape[1] - len(kept)
    if dropped:
        yield (
            f"{embedding.source}: left out {dropped:,} of {vectors.shape[1]:,} features that are "
            "the same for all its entities"
        )


def _missing(matches: Sequence[Match]) -> Iterator[str]:
    """Name the entities that one embedding lacks, over all its tasks."""
    embedding = matches[0].embedding
    names = sorted({name for match in matches for name in match.lacking})
    if names:
        failed = sum(name in embedding.failed for name in names)
        why = f" ({failed} because their extraction failed)" if failed else ""
        worst = min(matches, key=lambda match: float(match.has_vector.mean()))
        yield (
            f"{embedding.source}: left out {len(names)} entities without a vector{why}: "
            f"{shorten(names)}; lowest coverage {share(float(worst.has_vector.mean()))} "
            f"on {worst.plan.data.task.path}"
        )


def _not_common(matches: Iterable[Match]) -> Iterator[str]:
    """Say where `--common` costs entities; a match for each task."""
    dropped = [(int((~one.used).sum()), one) for one in matches if not one.used.all()]
    if dropped:
        dropped.sort(key=lambda pair: pair[1].coverage)
        named = (f"{one.plan.data.task.path} ({n:,} of {len(one.used):,})" for n, one in dropped)
        yield (
            f"--common left out entities that not all embeddings have, on {len(dropped)} tasks, "
            f"the largest shares first: {shorten(named, 3)}"
        )


def _undefined(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    empty = Counter(row["task"] for row in rows if row["value"] is None)
    if empty:
        named = shorten((f"{task} ({count})" for task, count in empty.items()), 3)
        yield (
            f"{empty.total()} of {len(rows)} values are undefined and stay null (a class or label "
            f"is missing from the training or test part of a fold): {named}"
        )


def _unconverged(unconverged: Unconverged) -> Iterator[str]:
    for (source, task), count in unconverged.items():
        yield (
            f"{source} on {task}: {count} fits stopped before their optimum; "
            "read these scores with care"
        )
