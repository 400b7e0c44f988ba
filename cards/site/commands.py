"""The commands that make a model's scores again, read off the provenance of its results.

Paths are not recorded, only file names: a reader puts the files where the command looks.
"""

from __future__ import annotations

import shlex
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from extractors.model import DTYPES, LONG_POLICIES, POOLINGS
from probes.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cards.leaderboard import Entry
    from cards.merge import Source

MOST_PATHS = 8
"""More tasks than this are named by their tables."""
OPTIONS = {"c": "C"}
"""Setting → option, where the name differs."""


def reproduce(entry: Entry, sources: Iterable[Source]) -> list[str]:
    """Return the commands for a model: `extract` for each embedding, `probe` for each run.

    Empty where the provenance does not say enough, and for names that a shell command cannot
    show truly (control characters, marks of writing direction).
    """
    extracts: list[str] = []
    probes: list[str] = []
    for source in sources:
        record = source.provenance if isinstance(source.provenance, dict) else {}
        listed = record.get("embeddings")
        given = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        mine = [one for one in given if _is_mine(entry, one)]
        for one in mine:
            origin = one.get("provenance")
            if isinstance(origin, dict):
                extracts += _shown(_extract(origin, str(one.get("source"))))
        if mine:
            together = given if record.get("common") else mine
            probes += _shown(_probe(record, [str(one.get("source")) for one in together]))
    return list(dict.fromkeys([*extracts, *probes]))


def _is_mine(entry: Entry, record: Mapping[str, Any]) -> bool:
    model, embedding = record.get("model"), record.get("source")
    return embedding in entry.info.embeddings and entry.name in {model, f"{model} ({embedding})"}


def _shown(words: list[str]) -> list[str]:
    if not words or not all(word.isprintable() for word in words):
        return []
    lines = [[]]  # type: list[list[str]]
    for word in words:
        if word.startswith("--") and sum(map(len, lines[-1])) > 50:  # noqa: PLR2004  about a line
            lines.append([])
        lines[-1].append(shlex.quote(word))
    return [" \\\n    ".join(" ".join(line) for line in lines)]


def _extract(origin: Mapping[str, Any], out: str) -> list[str]:
    """Return the words of `extract`; none where model or input is not recorded."""
    model, given = origin.get("model"), origin.get("input")
    if not isinstance(model, str) or not isinstance(given, dict):
        return []
    encoder = origin.get("encoder")
    words = ["extract", "--model", model, *_input(given)]
    words += _settings(model, encoder if isinstance(encoder, dict) else {})
    if origin.get("stored") not in {None, "float32"}:
        words += ["--store", str(origin["stored"])]
    if origin.get("name"):
        words += ["--name", str(origin["name"])]
    return [*words, "--out", out]


def _input(given: Mapping[str, Any]) -> list[str]:
    words: list[str] = []
    if "dataset" in given:
        words += ["--input", _at(str(given["dataset"]), given.get("revision"))]
    elif "file" in given:
        words += ["--input", str(given["file"])]
    table = given.get("genes")
    if isinstance(table, dict) and "dataset" in table:
        words += ["--genes", _at(str(table["dataset"]), table.get("revision"))]
    for name in ("column", "id"):
        if given.get(name) and not isinstance(table, dict):
            words += [f"--{name}", str(given[name])]
    return words


def _at(dataset: str, revision: object) -> str:
    """Name a dataset with its revision, if that is one of the Hub's; a digest pins nothing."""
    pinned = isinstance(revision, str) and revision and not revision.startswith("sha256:")
    return f"{dataset}@{revision}" if pinned else dataset


def _settings(model: str, encoder: Mapping[str, Any]) -> list[str]:
    """Return the options of `extract` that decide numbers, where they were recorded."""
    words: list[str] = []
    revision = encoder.get("revision")
    if isinstance(revision, str) and revision != _pinned(model):
        words += ["--revision", revision]
    for name, choices in (("dtype", DTYPES), ("pooling", POOLINGS), ("long", LONG_POLICIES)):
        if encoder.get(name) in choices and encoder[name] != "window":
            words += [f"--{name}", str(encoder[name])]
    if isinstance(encoder.get("layer"), int):
        words += ["--layers", str(encoder["layer"])]
    if model == "random":
        words += [part for name in ("seed", "dim") for part in (f"--{name}", str(encoder[name]))
                  if name in encoder]  # fmt: skip
    return words


def _pinned(model: str) -> str | None:
    """Return the revision that a registered model is pinned to."""
    from extractors.registry import model_record
    from hf_datasets.errors import InputError

    try:
        return model_record(model).revision
    except InputError:
        return None


def _probe(record: Mapping[str, Any], embeddings: list[str]) -> list[str]:
    """Return the words of `probe`; none where no task is recorded."""
    listed = record.get("tasks")
    tasks = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    paths = [str(one["task"]) for one in tasks if "task" in one]
    if not paths:
        return []
    wholes = {path for path in paths if any(other.startswith(f"{path}/") for other in paths)}
    derived = [path for path in paths if path.rpartition("/")[0] in wholes]
    named = [one for one in tasks if one.get("task") in paths and one["task"] not in derived]
    if len(named) > MOST_PATHS:
        tables = [_table(one) for one in named]
    else:
        tables = [_path(one) for one in named]
    words = ["probe", *embeddings, "--tasks", *dict.fromkeys(tables)]
    words += ["--derived"] if derived else []
    usual = Settings()
    for field in fields(Settings):
        value = record.get(field.name, getattr(usual, field.name))
        default = getattr(usual, field.name)
        if isinstance(value, list):
            value = tuple(value)
        if value == default:
            continue
        option = f"--{OPTIONS.get(field.name, field.name.replace('_', '-'))}"
        words += [option] if value is True else [option, _text(value)]
    return [*words, "--out", "results.parquet"]


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _table(task: Mapping[str, Any]) -> str:
    dataset = str(task.get("dataset"))
    return f"{_at(dataset, task.get('revision'))}/{task.get('family')}"


def _path(task: Mapping[str, Any]) -> str:
    dataset = str(task.get("dataset"))
    below = str(task["task"]).removeprefix(f"{dataset}/")
    return f"{_at(dataset, task.get('revision'))}/{below}"
