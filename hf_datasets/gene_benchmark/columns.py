"""From labels to typed columns: classes, symbols, and what could not be built and why."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hf_datasets.folds import FOLD_COLUMNS, family_folds, pair_folds, seeded_folds
from hf_datasets.gene_benchmark.names import SourceNames, resolve_names
from hf_datasets.gene_benchmark.tasks import PAIR_KEYS, TASKS, tasks_of
from hf_datasets.sources.source import SourceUnavailable
from hf_datasets.task import TaskType

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from datasets import Features

    from hf_datasets.gene_benchmark.record import Key, Labels, TaskRecord
    from hf_datasets.gene_benchmark.upstream import Upstream

FEWEST_CLASSES = {TaskType.BINARY: 2, TaskType.MULTI_CLASS: 3, TaskType.MULTI_LABEL: 2}
"""With two classes a multi-class column would be a binary one: the type says what a task is."""


@dataclass(frozen=True, eq=False)
class Column:
    """A task with its labels, under the symbols of our tables."""

    record: TaskRecord
    labels: Labels
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Columns:
    """All tasks that the sources at hand give."""

    built: dict[str, Column]
    """Path → column, in the order of TASKS."""
    missing: dict[str, str]
    """Path of a task that could not be built → why."""
    names: dict[str, SourceNames]
    """Source, or source.file, → what became of its names of genes."""

    def of(self, config: str) -> list[Column]:
        """Return the columns of a config."""
        return [self.built[record.path] for record in tasks_of(config) if record.path in self.built]

    def genes(self) -> set[str]:
        """Return every gene that a task is about."""
        return {
            name
            for column in self.built.values()
            for key in column.labels
            for name in _genes(column.record, key)
        }


def read_tasks(upstream: Upstream) -> Columns:
    """Read the labels of every task, source by source."""
    labels: dict[str, Labels] = {}
    missing: dict[str, str] = {}
    for record in TASKS:
        try:
            for source in (record.source, *record.needs):
                upstream.of(source)
            labels[record.path] = record.labels(upstream)
        except SourceUnavailable as error:
            missing[record.path] = str(error)
    names = _names_by_part(upstream, labels)
    built = {}
    for record in TASKS:
        if record.path not in labels:
            continue
        column = _column(record, labels.pop(record.path), names.get(upstream.part(record)))
        fewest = FEWEST_CLASSES.get(record.type, 0)
        if len(column.classes) < fewest or not column.labels:
            missing[record.path] = (
                f"the files at hand give {len(column.labels):,} entities in "
                f"{len(column.classes)} classes, too few for a {record.type.value} task"
            )
            continue
        built[record.path] = column
    return Columns(built, missing, names)


def _genes(record: TaskRecord, key: Key) -> Key:
    """Return the genes among the parts of a key."""
    return key[:1] if record.config == "gene-disease" else key


def _names_by_part(upstream: Upstream, labels: dict[str, Labels]) -> dict[str, SourceNames]:
    if "hgnc" in upstream.unavailable:
        return {}
    names: dict[str, set[str]] = defaultdict(set)
    for record in TASKS:
        for key in labels.get(record.path, ()):
            names[upstream.part(record)].update(_genes(record, key))
    return {
        part: resolve_names(
            upstream.symbols, found, upstream.ensembl_ids(part), mixed=part == "reactome"
        )
        for part, found in sorted(names.items())
    }


def _column(record: TaskRecord, labels: Labels, names: SourceNames | None) -> Column:
    if names is not None and names.renamed:
        renamed = names.renamed
        unordered = record.config == "gene2gene"
        labels = {_rename(key, renamed, unordered=unordered): v for key, v in labels.items()}
    if record.type is TaskType.REGRESSION:
        return Column(record, labels, ())
    if record.type is TaskType.MULTI_LABEL:
        found = {name for value in labels.values() for name in value}  # type: ignore[union-attr]
    else:
        found = {str(value) for value in labels.values()}
    extra = sorted(found - set(record.classes), key=_class_order)
    present = record.classes if found else ()
    return Column(record, labels, (*present, *extra))


def _rename(key: Key, renamed: dict[str, str], *, unordered: bool) -> Key:
    new = tuple(renamed.get(part, part) for part in key)
    return tuple(sorted(new)) if unordered else new


def _class_order(name: str) -> tuple[int, str]:
    """Order chromosomes by number, then all other names as text."""
    return (int(name) if name.isdigit() else 1000, name)


def config_features(config: str, columns: list[Column]) -> Features:
    """Return the features of a config: its key, then a typed column a task."""
    from datasets import ClassLabel, Features, List, Value

    features: dict[str, Any] = {name: Value("string") for name in _key_names(config)}
    for column in columns:
        feature: Any = Value("float32")
        if column.classes:
            feature = ClassLabel(names=list(column.classes))
        if column.record.type is TaskType.MULTI_LABEL:
            feature = List(feature)
        features[column.record.column] = feature
    features |= {name: Value("int32") for name in FOLD_COLUMNS}
    return Features(features)


def _key_names(config: str) -> tuple[str, ...]:
    return PAIR_KEYS.get(config, ("symbol",))


def config_table(
    config: str, columns: list[Column], features: Features, families: Mapping[str, str | None]
) -> pa.Table:
    """Return a config as one wide table, a row for every key of any column, sorted by key.

    `families` (symbol → gene family) decide the column `fold_family`.
    """
    import pyarrow as pa

    keys = sorted({key for column in columns for key in column.labels})
    parts: list[list[Any]] = [[key[place] for key in keys] for place in range(len(keys[0]))]
    parts += [_cells(column, keys) for column in columns]
    parts += _folds(config, keys, families)
    schema = features.arrow_schema
    arrays = [pa.array(part, field.type) for part, field in zip(parts, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _folds(
    config: str, keys: list[Key], families: Mapping[str, str | None]
) -> list[list[int | None]]:
    """Return the columns `fold` and `fold_family`.

    What is dealt out are genes: a pair lies in a fold when both its genes do, a gene with a
    disease where the gene does.
    """
    genes = sorted({part for key in keys for part in (key if config == "gene2gene" else key[:1])})
    found: list[list[int | None]] = []
    for dealt in (seeded_folds(genes), family_folds(genes, [families.get(one) for one in genes])):
        fold_of = dict(zip(genes, dealt.tolist(), strict=True))
        if config == "gene2gene":
            found.append(pair_folds([(key[0], key[1]) for key in keys], fold_of))
        else:
            found.append([fold_of[key[0]] for key in keys])
    return found


def _cells(column: Column, keys: list[Key]) -> list[Any]:
    """Return the cells of a column as Arrow stores them: class names become their numbers."""
    number = {name: index for index, name in enumerate(column.classes)}
    values = (column.labels.get(key) for key in keys)
    if column.record.type is TaskType.REGRESSION:
        return list(values)
    if column.record.type is TaskType.MULTI_LABEL:
        return [
            None if value is None else sorted(number[name] for name in value)  # type: ignore[union-attr]
            for value in values
        ]
    return [None if value is None else number[str(value)] for value in values]
