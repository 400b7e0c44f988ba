"""The commands that a model's results can be made again with, from the provenance they carry."""

from __future__ import annotations

import shlex
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from cards.model_card.homes import COMMIT
from cards.model_card.results import part, rows, word
from extractors.registry import HF_PREFIX, model_record
from hf_datasets.errors import InputError
from hf_datasets.registry import registered_datasets
from probes.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cards.merge import Source
    from cards.model_card.results import ModelResults, Row

MOST_TASKS = 12
"""So many tasks are named one by one; of more, their tables are."""
SWITCHES = {"common": "--common", "exact": "--exact", "shuffle_labels": "--shuffle-labels"}
LEFT_OUT = frozenset({"device"})
OPTIONS = {"c": "--C", "label_noise": "--label-noise"}
RESULTS = "results.parquet"


def commands(results: ModelResults) -> list[str]:
    """Return lines of shell: what makes the embeddings, the results and this card.

    Files stand by their name, without folders, and with their sha256 in a comment; what the
    provenance does not record is said in one.
    """
    lines = [*_versions(results), *_datasets(results)]
    for embedding in results.embeddings:
        lines += _extract(embedding)
    for source in results.board.sources:
        lines += _probe(results, source)
    lines.append(f"cards model {RESULTS} --model {shell_word(results.name)} --out card")
    return lines


def shell_word(value: str) -> str:
    r"""Return `value` as one word of a shell command, in printable characters only.

    What must not stand on a page is in bash's own quotes: `$'\u202e'`.
    """
    if value.isprintable():
        return shlex.quote(value)
    return "$'" + "".join(map(_escaped, value)) + "'"


def _escaped(char: str) -> str:
    if char in "\\'":
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def _joined(words: Iterable[str]) -> str:
    return " ".join(map(shell_word, words))


def _comment(text: str) -> str:
    return f"# {' '.join(text.split())}" if text.isprintable() else f"# {text!r}"


def _versions(results: ModelResults) -> Iterator[str]:
    found: dict[str, set[str]] = {}
    for record in (*results.records, *(part(one, "provenance") for one in results.embeddings)):
        for name in (versions := part(record, "versions")):
            found.setdefault(name, set()).add(word(versions, name))
    if found:
        named = (f"{name} {' and '.join(sorted(each))}" for name, each in sorted(found.items()))
        yield _comment("with " + ", ".join(named))


def _datasets(results: ModelResults) -> Iterator[str]:
    places = {
        (one.family.dataset, rev) for one in results.families for rev in one.revisions or [""]
    }
    for name, revision in sorted(places):
        if COMMIT.fullmatch(revision):
            continue
        if record := registered_datasets().get(name):
            yield _joined(["publish", "build", name, "--out", name])
            yield _comment(f"{name}: version {record.version} now; the results are of {revision}")
        else:
            yield _comment(f"{name}: a folder with the content {revision or 'not recorded'}")


def _extract(embedding: Row) -> Iterator[str]:
    """Yield the command that made an embedding table, as far as that says."""
    out, digest = _name(word(embedding, "source")), word(embedding, "sha256")
    known = part(embedding, "provenance")
    if part(known, "pulled"):
        return
    model = word(known, "model")
    if not model:
        yield _comment(f"{out}: a table of vectors, sha256 {digest}; how it was made is not known")
        return
    words = ["extract", "--model", model]
    words += ["--modality", word(known, "modality")] * model.startswith(HF_PREFIX)
    words += [*_input(part(known, "input")), *_encoder(model, part(known, "encoder"))]
    words += ["--name", word(known, "name")] * bool(word(known, "name"))
    words += ["--store", word(known, "stored")] * (word(known, "stored") not in {"", "float32"})
    yield _joined([*words, "--out", out])
    for file in _files(part(known, "input")):
        yield _comment(f"{_name(word(file, 'file'))}: sha256 {word(file, 'sha256')}")
    yield _comment(f"{out}: sha256 {digest}")


def _files(known: Row) -> list[Row]:
    return [one for one in (known, *rows(known, "files")) if word(one, "file")]


def _input(known: Row) -> Iterator[str]:
    where = next((word(one, "file") for one in _files(known)), "")
    if word(known, "dataset"):
        where = f"{_at(word(known, 'dataset'), word(known, 'revision'))}/{word(known, 'config')}"
    if where:
        yield from ("--input", where)
    if genes := part(known, "genes"):
        yield from ("--genes", _at(word(genes, "dataset"), word(genes, "revision")))
    for option in ("column", "id"):
        if word(known, option):
            yield from (f"--{option}", word(known, option))


def _encoder(model: str, encoder: Row) -> Iterator[str]:
    """Yield the settings of a model; its usual ones too, which another release may change."""
    if set(encoder) == {"seed", "dim"}:
        yield from ("--seed", word(encoder, "seed"), "--dim", word(encoder, "dim"))
        return
    pinned, revision = _pinned(model), word(encoder, "revision")
    if revision and revision != pinned:
        yield from ("--revision", revision)
    elif encoder.get("weights") and not revision and pinned:
        yield from ("--checkpoint", "FOLDER-WITH-THESE-WEIGHTS")
    asked = {"dtype": "--dtype", "long": "--long", "max_tokens": "--max-tokens"}
    if "through" not in encoder:  # what sentence-transformers itself runs takes neither
        asked |= {"pooling": "--pooling", "layer": "--layers"}
    for field, option in asked.items():
        if word(encoder, field) not in {"", "window"}:
            yield from (option, word(encoder, field))


def _pinned(model: str) -> str | None:
    try:
        return None if model.startswith(HF_PREFIX) else model_record(model).revision
    except InputError:  # a record of another release, or of another package
        return None


def _probe(results: ModelResults, source: Source) -> Iterator[str]:
    record: Row = source.provenance if isinstance(source.provenance, dict) else {}
    scored = source.table.select(["dataset", "revision", "config", "task", "embedding"])
    found = scored.group_by(scored.column_names, use_threads=False).aggregate([]).to_pylist()
    embeddings = dict.fromkeys(row["embedding"] or "" for row in found)
    pulled = {
        word(one, "source"): part(part(one, "provenance"), "pulled") for one in results.embeddings
    }
    words = ["probe"]
    for one in embeddings:
        place = pulled.get(one)
        words.append(_at(word(place, "dataset"), word(place, "revision")) if place else _name(one))
    words.append("--tasks")
    tasks = dict.fromkeys(
        _at(row["dataset"], row["revision"]) + row["task"].removeprefix(row["dataset"])
        for row in found
    )
    configs = dict.fromkeys(f"{_at(r['dataset'], r['revision'])}/{r['config']}" for r in found)
    words += tasks if len(tasks) <= MOST_TASKS else configs
    yield _joined([*words, *_settings(record), "--out", RESULTS])
    sources = (word(one, "source") for one in rows(record, "embeddings"))
    others = [_name(one) for one in sources if one not in embeddings]
    if record.get("common") is True and others:
        yield _comment(f"--common: on the entities that these have as well: {', '.join(others)}")


def _settings(record: Row) -> Iterator[str]:
    """Yield the settings of a run that are not `probe`'s usual ones."""
    for field in fields(Settings):
        value, usual, name = record.get(field.name, field.default), field.default, field.name
        if isinstance(usual, tuple):
            value, usual = _shares(value), _shares(usual)
        if value == usual or name in LEFT_OUT:
            continue
        if name in SWITCHES:
            yield SWITCHES[name]
        elif isinstance(value, str | int | float):
            yield from (OPTIONS.get(name, f"--{name.replace('_', '-')}"), str(value))


def _shares(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else ""


def _at(dataset: str, revision: str | None) -> str:
    return f"{dataset}@{revision}" if COMMIT.fullmatch(revision or "") else dataset


def _name(source: str) -> str:
    """Return files without their folders: they are another machine's."""
    return "+".join(Path(part).name for part in source.split("+"))
