"""A folder that is to become a version of a dataset: checked in full before anything is sent."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hf_datasets.command import say
from hf_datasets.errors import InputError, nearest, shorten
from hf_datasets.publishing.card import Card, data_paths, is_contributed, parse_card
from hf_datasets.publishing.changes import Summary, summary
from hf_datasets.reference import Reference, open_dataset
from hf_datasets.task import INPUT_COLUMNS, TYPE_HELP, table_key, tasks_of_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import datasets

NAME = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
VERSION = re.compile(r"\d+\.\d+\.\d+", re.ASCII)
RUNS = (".py", ".pkl", ".pickle", ".pt", ".pth")
"""Files that run code when they are opened: no dataset of ours needs one."""
MISSING = ("missing", "missing_tasks", "missing_sources", "failed", "failed_tasks")
"""Keys of build.json under which a build lists what it could not make."""
UNTYPED = re.compile(r"u?int\d+|bool")


@dataclass(frozen=True)
class Release:
    """A checked folder."""

    root: Path
    version: str
    card: Card
    files: Mapping[str, Path]
    """All files to publish, by path."""
    configs: Mapping[str, Summary]
    data: Mapping[str, tuple[str, ...]]
    """Config → its data files."""
    splits: Mapping[str, tuple[str, ...]]
    """Config → its splits."""


def read_release(root: Path, version: str | None, *, allow_partial: bool) -> Release:
    """Check a folder and return it; InputError for the first thing that is wrong with it.

    Every config is loaded by `datasets`; names, versions, licence, feature types and label
    values are checked. Hidden files stay at home, and that is said.
    """
    readme = root / "README.md"
    if not readme.is_file():
        message = f"{root} has no README.md; `publish build NAME --out {root}` writes a dataset"
        raise InputError(message)
    files = _files(root)
    card = parse_card(readme.read_bytes(), str(readme))
    stated = _check_card(card, root, version)
    _check_complete(root, allow_partial=allow_partial)
    data = {name: tuple(data_paths(entry, files)) for name, entry in card.configs.items()}
    for name, paths in data.items():
        _check_data_files(f"{root}/{name}", paths)
    opened = open_dataset(Reference(str(root), "folder", None, ()))
    tables = {name: opened.splits(name) for name in data}
    configs = {name: _check_tables(f"{root}/{name}", name, tables[name]) for name in data}
    splits = {name: tuple(map(str, tables[name])) for name in data}
    return Release(root, stated, card, files, configs, data, splits)


def _files(root: Path) -> dict[str, Path]:
    """Return the folder's files by path; InputError for one that leads out of it or runs code."""
    found, hidden = {}, []
    home = root.resolve()
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if any(part.startswith(".") for part in path.relative_to(root).parts):
            hidden.append(name)
            continue
        if not path.resolve().is_relative_to(home):
            message = f"{path} leads out of the folder to {path.resolve()}; copy it or remove it"
            raise InputError(message)
        if path.is_dir():
            continue
        if not path.is_file():
            message = f"{path} is neither a file nor a folder; remove it"
            raise InputError(message)
        if path.suffix.lower() in RUNS:
            message = f"{path} can run code, which no dataset may; remove it"
            raise InputError(message)
        found[name] = path
    if hidden:
        say(f"hidden files are not sent: {shorten(hidden)}")
    return found


def check_config_name(name: str) -> None:
    """InputError for a config name that breaks loading from the Hub."""
    if not NAME.fullmatch(name) or name == "data" or set(name) == {"."}:
        message = (
            f"config name {name!r} does not work on the Hub; use letters, digits, '_', '.' "
            "and '-', and not 'data'"
        )
        raise InputError(message)


def check_version(version: str) -> str:
    """Return a version without its `v`; InputError unless it is of the form X.Y.Z."""
    plain = version.removeprefix("v")
    if not VERSION.fullmatch(plain):
        message = f"version {version!r} is not of the form 1.2.3; give three numbers"
        raise InputError(message)
    return plain


def _check_card(card: Card, root: Path, version: str | None) -> str:
    """Check what the card says; return the version."""
    where = root / "README.md"
    if not card.configs:
        message = f"{where} names no configs; list each under `configs:` with its data_files"
        raise InputError(message)
    for name in card.configs:
        check_config_name(name)
    if not card.licence:
        message = f"{where} states no licence; add e.g. `license: cc-by-4.0` to its head"
        raise InputError(message)
    own = {name: entry for name, entry in card.configs.items() if not is_contributed(entry)}
    versions = {name: str(entry.get("version", "none")) for name, entry in own.items()}
    stated = sorted({found for found in versions.values() if found != "none"})
    if not stated:
        message = f"{where} states no version; add e.g. `version: 1.0.0` to each of its configs"
        raise InputError(message)
    asked = check_version(version) if version else stated[-1]
    for name, found in versions.items():
        if found != asked:
            remedy = f"set `version: {asked}` in {where} or give --version {found}"
            if len(stated) > 1 or found == "none":
                remedy = f"give every config the same `version:` in {where}"
            message = f"config {name} has version {found}, not {asked}; {remedy}"
            raise InputError(message)
    return check_version(asked)


def _check_complete(root: Path, *, allow_partial: bool) -> None:
    path = root / "build.json"
    if not path.is_file():
        return
    try:
        build = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        message = f"{path} is not JSON: {error}; build the dataset again"
        raise InputError(message) from error
    if not isinstance(build, dict):
        return
    missing = [name for key in MISSING for name in _names(build.get(key))]
    if (missing or build.get("partial") is True) and not allow_partial:
        what = f"lacks {len(missing)}: {shorten(missing)}" if missing else "is partial"
        message = f"{root} {what}; build what is missing, or publish it so with --allow-partial"
        raise InputError(message)


def _names(value: Any) -> list[str]:  # noqa: ANN401  build.json may hold anything
    """Return what a value of build.json lists: of a list of records, their names."""
    if isinstance(value, list):
        keys = ("path", "task", "name", "source")
        return [
            str(next((i[k] for k in keys if k in i), i) if isinstance(i, dict) else i)
            for i in value
        ]
    return [str(name) for name in value] if isinstance(value, dict) else []


def _check_data_files(where: str, paths: tuple[str, ...]) -> None:
    if not paths:
        message = f"config {where} names no data files that are there; mend its data_files"
        raise InputError(message)
    other = [path for path in paths if not path.endswith(".parquet")]
    if other:
        message = f"config {where} has {other[0]}, which is not Parquet; write it as .parquet"
        raise InputError(message)


def _check_tables(where: str, config: str, splits: datasets.DatasetDict) -> Summary:
    """Check the tables of a config as any user has them; return it in numbers."""
    for table in splits.values():
        _check_features(where, table)
        for column, feature in table.features.items():
            _check_values(f"{where}/{column}", table.data.column(column), feature)
    return summary(config, next(iter(splits.values())).features, sum(map(len, splits.values())))


def _check_features(where: str, table: datasets.Dataset) -> None:
    """InputError for a table without a key, or whose labels have no task type."""
    features = table.features
    if not len(table):
        message = f"{where} has no rows; remove that config or build it again"
        raise InputError(message)
    key = table_key(features)
    if key is None:
        message = (
            f"{where} has no key column{nearest('symbol', features)} "
            "a table has symbol, symbol_a + symbol_b, or id"
        )
        raise InputError(message)
    tasks = {task.column: task for task in tasks_of_table("", where, features)}
    bare = [n for n, f in features.items() if UNTYPED.fullmatch(getattr(f, "dtype", None) or "")]
    labels = [name for name in bare if type(features[name]).__name__ == "Value"]
    labels = [name for name in labels if name not in {*key, *INPUT_COLUMNS}]
    texts = [n for n, f in features.items() if getattr(f, "dtype", None) == "string"]
    if labels and not tasks and set(texts) <= {*key, *INPUT_COLUMNS}:
        message = f"column {labels[0]!r} of {where} is {features[labels[0]].dtype}; {TYPE_HELP}"
        raise InputError(message)
    few = [task.column for task in tasks.values() if task.type != "regression" and not task.classes]
    if few:
        message = f"column {few[0]!r} of {where} has no class names; name its classes"
        raise InputError(message)
    for name in key:
        if table.data.column(name).null_count:
            message = f"{where} has rows without {name}; remove them"
            raise InputError(message)


def _check_values(where: str, values: Any, feature: Any) -> None:  # noqa: ANN401  arrow column and datasets feature
    """InputError for labels outside their classes and for numbers that are none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    inner = getattr(feature, "feature", None)
    if type(inner).__name__ == "ClassLabel":
        values, feature = pc.list_flatten(values), inner
    if type(feature).__name__ == "ClassLabel":
        ends = pc.min_max(values).as_py()
        if ends["min"] is not None and not 0 <= ends["min"] <= ends["max"] < len(feature.names):
            odd = ends["min"] if ends["min"] < 0 else ends["max"]
            message = f"{where} has label {odd}, outside its {len(feature.names)} classes; mend it"
            raise InputError(message)
    elif pa.types.is_floating(values.type):
        odd = pc.sum(pc.invert(pc.is_finite(values))).as_py()
        if odd:
            message = f"{where} has {odd} values that are no numbers (NaN, infinite); use null"
            raise InputError(message)
