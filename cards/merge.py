"""Result files merged into one table, in which every number stands once.

Rows that two files share are counted once; rows that contradict each other are refused, or, when
they come from two embeddings of one model, kept apart as two models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from cards.names import plain
from hf_datasets.errors import InputError
from probes.result import RESULT_SCHEMA, read_results

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MEASURED = ("value", "n_train", "n_test", "coverage")
IDENTITY = tuple(n for n in RESULT_SCHEMA.names if n != "embedding" and n not in MEASURED)
"""What makes a number one number: equal here, two rows speak of the same thing."""
REQUIRED = ("model", "dataset", "config", "task", "task_type", "metric")


@dataclass(frozen=True)
class Source:
    """One result file."""

    name: str
    """The file's name; its path as given when two files have the same name."""
    table: pa.Table
    provenance: object
    """Free-form JSON."""
    published: bool = False
    """Whether somebody else published these scores: they are shown, and marked as published."""


def read_sources(paths: Iterable[Path]) -> list[Source]:
    """Read result files, each once; InputError as `probes.result.read_results` raises it."""
    given = list(dict.fromkeys(paths))
    names = [path.name for path in given]
    sources = []
    for path in given:
        table, provenance = read_results([path])
        name = path.name if names.count(path.name) == 1 else str(path)
        sources.append(Source(name, table, provenance[0]))
    return sources


def merge(sources: Iterable[Source]) -> tuple[pa.Table, tuple[str, ...], int]:
    """Return the rows of all files, each number once; the models that were divided; a count.

    Control tasks (shuffled labels), noisy labels and parts of a learning curve are left out and
    their rows counted.
    The rows carry whether their source is published; a published model that has the name of one
    that was probed is named apart.
    A model is divided when two embeddings of it give unequal values for the same number: its
    rows then carry the embedding in the model's name.

    Raises
    ------
    InputError
        A row without model, task or metric; two rows of one embedding for the same number with
        unequal values.

    """
    tables = [_labelled(source) for source in _named_apart(list(sources))]
    given = _finite(pa.concat_tables(tables))
    table = _comparable(given)
    for name in REQUIRED:
        if table[name].null_count:
            bad = table.filter(pc.is_null(table[name]))["file"][0]
            message = f"{bad} has a row without {name}; run `probe` again"
            raise InputError(message)
    distinct = group(table, *IDENTITY, "embedding", "published", *MEASURED).aggregate(
        [("file", "min")]
    )
    _refuse_contradictions(distinct)
    divided = _contradicted_models(distinct)
    if divided:
        distinct = _divide(distinct, divided)
    return distinct, divided, len(given) - len(table)


def _named_apart(sources: list[Source]) -> list[Source]:
    """Say `(published)` after the name of a published model that was also probed."""
    probed = {
        name
        for source in sources
        if not source.published
        for name in source.table["model"].unique().to_pylist()
    }
    apart = []
    for source in sources:
        given = source.table["model"].to_pylist() if source.published else []
        if probed.isdisjoint(given):
            apart.append(source)
            continue
        names = [f"{name} (published)" if name in probed else name for name in given]
        place = source.table.column_names.index("model")
        table = source.table.set_column(place, "model", pa.array(names, pa.string()))
        apart.append(replace(source, table=table))
    return apart


def _labelled(source: Source) -> pa.Table:
    """Add to every row its file, and whether that is published."""
    count = len(source.table)
    files = pa.array([source.name] * count, pa.string())
    published = pa.array([source.published] * count, pa.bool_())
    return source.table.append_column("file", files).append_column("published", published)


def _comparable(table: pa.Table) -> pa.Table:
    """Leave out what is no score of a model: control tasks, noise, part of a learning curve.

    InputError if nothing else is there.
    """
    whole = pc.fill_null(pc.equal(table["fraction"], 1.0), True)  # noqa: FBT003  arrow's own
    altered = pc.fill_null(pc.match_substring(table["protocol"], "+"), False)  # noqa: FBT003
    kept = table.filter(pc.and_(whole, pc.invert(altered)))
    if not len(kept):
        message = (
            "there are only results of shuffled or noisy labels or of parts of the training data; "
            "a leaderboard needs a run of `probe` without --shuffle-labels, --label-noise and "
            "with --fractions 1"
        )
        raise InputError(message)
    return kept


def group(table: pa.Table, *keys: str) -> pa.TableGroupBy:
    """Group rows by columns, always in the same order."""
    # One thread: the same rows in the same order give the same last digit.
    return table.group_by(list(keys), use_threads=False)


def _finite(table: pa.Table) -> pa.Table:
    for name in ("value", "coverage"):
        column = table[name]
        known = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
        known = pc.add(known, 0.0)  # -0.0 becomes 0.0, which is the same number
        table = table.set_column(table.column_names.index(name), name, known)
    return table


def _repeated(table: pa.Table, *keys: str) -> list[dict[str, Any]]:
    counts = group(table, *keys).aggregate([([], "count_all")])
    found: list[dict[str, Any]] = counts.filter(pc.greater(counts["count_all"], 1)).to_pylist()
    return found


def _refuse_contradictions(distinct: pa.Table) -> None:
    keys = (*IDENTITY, "embedding")
    for twice in _repeated(distinct, *keys):
        rows = [
            row for row in distinct.to_pylist() if all(row[name] == twice[name] for name in keys)
        ]
        changed = next(n for n in MEASURED if len({row[n] for row in rows}) > 1)
        values = " and ".join(f"{row[changed]} ({row['file_min']})" for row in rows)
        label = f", label {plain(twice['label'])}" if twice["label"] is not None else ""
        message = (
            f"two results for {plain(twice['model'])} on {plain(twice['task'])}{label} "
            f"({twice['metric']}, seed {twice['seed']}, repeat {twice['repeat']}, "
            f"fold {twice['fold']}): {changed} {values}; leave one of them out"
        )
        raise InputError(message)


def _contradicted_models(distinct: pa.Table) -> tuple[str, ...]:
    merged = group(distinct, *IDENTITY, *MEASURED).aggregate([])
    return tuple(sorted({row["model"] for row in _repeated(merged, *IDENTITY)}))


def _divide(distinct: pa.Table, models: tuple[str, ...]) -> pa.Table:
    """Name the embedding in the name of every contradicted model, so that it is one model each."""
    named = [
        f"{model} ({embedding})" if model in models else model
        for model, embedding in zip(
            distinct["model"].to_pylist(), distinct["embedding"].to_pylist(), strict=True
        )
    ]
    return distinct.set_column(
        distinct.column_names.index("model"), "model", pa.array(named, pa.string())
    )
