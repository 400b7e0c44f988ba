"""The card of published embeddings, made from their provenance, and what a push of them does."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError, shorten
from hf_datasets.publishing.card import WRITTEN, Card, data_paths
from hf_datasets.publishing.changes import take_changes, with_changes
from hf_datasets.publishing.citations import bibtex
from hf_datasets.publishing.embeddings import MANY_REASONS, EmbeddingTable
from hf_datasets.publishing.folder import VERSION
from hf_datasets.publishing.markdown import code, fenced, number_of, plain, size, table
from hf_datasets.publishing.new_task import LICENCE
from hf_datasets.publishing.release import (
    CARD,
    baseline,
    merge_cards,
    state_at,
    with_text_of_people,
)
from hf_datasets.publishing.remote import Content, Plan, Remote, download
from hf_datasets.publishing.sections import ConflictError, put_together, write
from hf_datasets.readme import size_category, yaml_head
from hf_datasets.reference import HUB_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hf_datasets.publishing.release import State

CONFIG = "embeddings"
PROVENANCE = "provenance.json"
UNKNOWN = "unknown"
"""The Hub's name for a licence that nobody states."""
WEIGHTS = re.compile(r"sha256:[0-9a-f]{64}")
READER = "extractors.store"
"""The module that reads an embedding table: text for people, since imports run the other way."""


@dataclasses.dataclass(frozen=True)
class Publication:
    """A table with what is said of it."""

    table: EmbeddingTable
    files: Mapping[str, Path]
    """The files to publish, by path."""
    version: str
    licence: str | None
    description: str
    replace: bool


def plan_embeddings(published: Publication, remote: Remote, tag: str | None = None) -> Plan:
    """Return what publishing does to `main`, or how a tag differs: nothing if it has it all."""
    state = state_at(remote, tag)
    _require_embeddings(state, remote.name, replace=published.replace)
    card = embedding_card(published, remote.name)
    if tag and state.card:
        with contextlib.suppress(ConflictError):
            card = merge_cards(card, take_changes(state.card)[0], list)
    elif state.card and state.card.ours and not published.replace:
        card = with_text_of_people(card, state.card, remote, "the new one")
    known = take_changes(state.card)[1] if state.card else {}
    plan = _difference(published, state, with_changes(card, known) if known else card)
    if not plan or tag:
        return plan
    earlier = {name: text for name, text in known.items() if name != published.version}
    entries = {published.version: _changes(published, remote, state), **earlier}
    return _difference(published, state, with_changes(card, entries))


def _difference(published: Publication, state: State, card: Card) -> Plan:
    text = json.dumps(dict(published.table.provenance), indent=1, sort_keys=True) + "\n"
    wanted = {path: Content(file) for path, file in published.files.items()}
    wanted |= {CARD: Content(card.text.encode()), PROVENANCE: Content(text.encode())}
    files = {path: c for path, c in wanted.items() if not c.same(state.files.get(path))}
    entry = state.card.configs.get(CONFIG, {}) if state.card and state.card.ours else {}
    removed = sorted(set(data_paths(entry, state.files)) - set(wanted))
    title = f"{card.values['pretty_name']} {published.version}"
    return Plan(title, f"{published.table.rows:,} rows", files, tuple(removed))


def _require_embeddings(state: State, name: str, *, replace: bool) -> None:
    """InputError for a repository that holds something else."""
    others = [config for config in (state.card.configs if state.card else {}) if config != CONFIG]
    if others:
        message = (
            f"{name} is a dataset of other tables ({shorten(others)}); embeddings go into a "
            "repository of their own, e.g. --to ORG/embeddings-NAME"
        )
        raise InputError(message)
    if state.card and not state.card.ours and state.card.body.strip() and not replace:
        message = (
            f"{name} has a card that publish did not write; "
            "push elsewhere, or give --replace to put this one in its place"
        )
        raise InputError(message)


def default_version(remote: Remote) -> str:
    """Return the highest version that a repository has, 1.0.0 if it has none."""
    versions = [tag[1:] for tag in remote.tags if tag[:1] == "v" and VERSION.fullmatch(tag[1:])]
    return max(versions, key=lambda text: tuple(map(int, text.split("."))), default="1.0.0")


def stated_licence(published: Publication) -> str:
    """Return the licence as the head of a card has it: that of the weights, if none is given."""
    stated = published.licence or str(published.table.of("licence") or UNKNOWN).lower()
    return stated if LICENCE.fullmatch(stated) else "other"


def embedding_card(published: Publication, name: str) -> Card:
    """Return the card, in sections, without its changes."""
    made, title = published.table, name.partition("/")[2]
    head: dict[str, Any] = {
        "pretty_name": title,
        "license": stated_licence(published),
        "tags": ["embeddings", "biology", "genezoo", *_tags(made)],
        "size_categories": [size_category(made.rows)],
        "configs": [
            {
                "config_name": CONFIG,
                "version": published.version,
                "data_files": [{"split": "train", "path": "data/train-*.parquet"}],
            }
        ],
    }
    written = {
        "summary": _summary(published, title),
        "numbers": _numbers(published),
        "load": _load(published, name),
        "findings": _failures(made),
        "licences": _licence(published),
        "provenance": _provenance(made),
        "uses": _uses(made),
        "citation": _citation(made, name, published.version),
    }
    marked = {part: write(part, text) for part, text in written.items() if text}
    marked["content"] = f"<!-- content sha256:{made.sha256[:16]} -->\n"
    return Card("---\n", yaml_head(head), "---\n", put_together(marked, {}))


def _tags(made: EmbeddingTable) -> list[str]:
    found = (made.of("modality"), made.of("model"))
    return [str(one) for one in found if isinstance(one, str) and LICENCE.fullmatch(one)]


def _model(made: EmbeddingTable) -> str:
    hub = made.of("hub_id")
    name = code(made.of("model") or made.model)
    if isinstance(hub, str) and HUB_ID.fullmatch(hub):
        return f"{name}, [{plain(hub)}](https://huggingface.co/{hub})"
    return name


def _summary(published: Publication, title: str) -> str:
    made = published.table
    what = "a vector for each token" if made.per_token else "a vector"
    text = (
        f"What the model {_model(made)} says of {number_of(made.rows, 'entity')}: {what} of "
        f"{made.dimension:,} numbers each."
    )
    about = f"\n\n{plain(published.description, 1000)}" if published.description else ""
    return f"{WRITTEN} push -->\n# {plain(title)} {published.version}\n\n{text}{about}"


def _numbers(published: Publication) -> str:
    made = published.table
    failed = sum(made.failures.values())
    weights = made.of("encoder", "weights")
    listed = weights if isinstance(weights, list) else []
    shown = [f"`{one}`" for one in listed if WEIGHTS.fullmatch(str(one))]
    rows = [
        ("model", _model(made)),
        ("revision of the model", _value(made.of("encoder", "revision"))),
        ("digest of its weights", "<br>".join(shown) or "not recorded"),
        ("modality", _value(made.of("modality"))),
        ("layer", _value(made.of("encoder", "layer"))),
        ("pooling", _value(made.of("encoder", "pooling"))),
        ("computed in", _value(made.of("encoder", "dtype"))),
        ("stored as", f"{made.numbers}, {made.dimension:,} a vector"),
        ("longest input", _value(made.of("encoder", "max_tokens"))),
        ("longer inputs", _value(made.of("encoder", "long"))),
        ("input", _input(made)),
        ("rows", f"{made.rows:,}"),
        ("rows without a vector", f"{failed:,}"),
        ("rows cut short", f"{made.truncated:,}"),
        ("data", f"{number_of(len(published.files), 'file')}, {size(made.bytes)}"),
        ("digest of the table", f"`sha256:{made.sha256}`"),
        ("licence", plain(stated_licence(published))),
        ("version", published.version),
    ]
    return table(("at a glance", ""), rows)


def _value(value: object) -> str:
    return "not recorded" if value is None or value in ("", []) else plain(value)


def _input(made: EmbeddingTable) -> str:
    """Say what was embedded: a table of a dataset at a revision, or a file with its digest."""
    about = made.of("input")
    if not isinstance(about, dict) or not about:
        return "not recorded"
    column = f", column {code(about['column'])}" if about.get("column") else ""
    if about.get("dataset"):
        where = "/".join(str(about[part]) for part in ("dataset", "config") if about.get(part))
        return f"{code(where)} at {code(about.get('revision') or 'no revision')}{column}"
    file = code(about.get("file") or "a file")
    return f"{file}, sha256 {code(about.get('sha256') or 'not recorded')}{column}"


def _load(published: Publication, name: str) -> str:
    made, tag = published.table, f"v{published.version}"
    python = [
        "from datasets import load_dataset",
        "",
        f'rows = load_dataset("{name}", revision="{tag}", split="train").with_format("numpy")',
        f'rows[0]["id"], rows[0]["embedding"]  # a text, {_shape(made)}',
    ]
    text = f"## How to load it\n\n{fenced(chr(10).join(python), 'python')}"
    if made.per_token:
        return f"{text}\n\nProbes need one vector a row: extract with `--pooling mean` for them."
    shell = f"probe {name}@{tag} --tasks {tasks_for(made)} --out results.parquet"
    more = f'from {READER} import load_embeddings\n\nload_embeddings("{name}@{tag}").vectors'
    return (
        f"{text}\n\nTo score it, with genezoo:\n\n{fenced(shell, 'sh')}\n\n"
        f"Or in memory, without the rows that failed:\n\n{fenced(more, 'python')}"
    )


def _shape(made: EmbeddingTable) -> str:
    return f"(tokens, {made.dimension})" if made.per_token else f"({made.dimension},)"


def tasks_for(made: EmbeddingTable) -> str:
    """Return a dataset whose tasks have the entities that were embedded."""
    dataset = made.of("input", "dataset")
    if isinstance(dataset, str) and re.fullmatch(r"[A-Za-z0-9][\w./-]*", dataset, re.ASCII):
        return dataset
    return "gene-benchmark"


def _failures(made: EmbeddingTable) -> str:
    if not made.failures and not made.truncated:
        return "## What went wrong\n\nNothing: every row has its vector, and none was cut short."
    lines = []
    if made.truncated:
        lines.append(f"- {number_of(made.truncated, 'row')} cut short: see the column `truncated`.")
    reasons = sorted(made.failures.items(), key=lambda item: (-item[1], item[0]))
    lines += [
        f"- {number_of(count, 'row')} without a vector: {plain(reason)}"
        for reason, count in reasons[:MANY_REASONS]
    ]
    if rest := reasons[MANY_REASONS:]:
        total = number_of(sum(count for _, count in rest), "row")
        lines.append(f"- {total} more, for {number_of(len(rest), 'other reason')}.")
    return "## What went wrong\n\n" + "\n".join([*lines, "", "The column `error` says it by row."])


def _licence(published: Publication) -> str:
    weights = published.table.of("licence")
    known = f"The model's weights: {plain(weights)}." if weights else (
        "The licence of the model's weights is not recorded; ask those who made the model."
    )  # fmt: skip
    own = f" These vectors: {plain(stated_licence(published))}."
    return f"## Licences\n\n{known}{own} What was embedded has the licence of its own source."


def _provenance(made: EmbeddingTable) -> str:
    text = json.dumps(dict(made.provenance), indent=1, sort_keys=True)
    versions = made.of("versions")
    rows = [
        (plain(library), plain(version))
        for library, version in sorted(versions.items() if isinstance(versions, dict) else ())
    ]
    return (
        "## Where it comes from\n\n"
        f"Everything that decided the numbers is in `{PROVENANCE}` and in the metadata of the "
        f"Parquet files, under `genezoo`.\n\n{table(('made with', 'version'), rows)}\n\n"
        "<details>\n<summary>All of it</summary>\n\n"
        f"{fenced(text[:20_000], 'json')}\n\n</details>"
    )


def _uses(made: EmbeddingTable) -> str:
    lines = [
        "- Made for: probes, and other work on what the model knows, without running it again.",
        "- Compare models on the same entities only: `probe` counts those that a table lacks.",
    ]
    if made.per_token:
        lines.append("- Rows have as many vectors as tokens of their own, in their order.")
    return "## Uses and limits\n\n" + "\n".join(lines)


def _citation(made: EmbeddingTable, name: str, version: str) -> str:
    title = name.partition("/")[2]
    entries = [
        bibtex(
            title,
            title=f"{title} {version}",
            howpublished="Hugging Face dataset",
            url=f"https://huggingface.co/datasets/{name}",
        )
    ]
    if cited := made.of("citation"):
        entries.append(bibtex(f"{made.model}-model", title=made.model, note=str(cited)))
    return f"## Citation\n\n{fenced(chr(10).join(entries), 'bibtex')}"


def _changes(published: Publication, remote: Remote, head: State) -> str:
    """Return what differs from the version before, as a list in Markdown."""
    base, since = baseline(published.version, remote, head)
    if base is None or PROVENANCE not in base.files:
        return f"First published version: {number_of(published.table.rows, 'row')}.\n"
    old = json.loads(download(remote.name, base.revision, PROVENANCE).read_text(encoding="utf-8"))
    lines = list(_differences(old, dict(published.table.provenance)))
    if not lines:
        lines = ["the same model and input; other vectors"]
    return f"Since {since}:\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], at: str = "") -> Iterator[str]:
    for name in sorted({*old, *new}):
        was, now, where = old.get(name), new.get(name), f"{at}{name}"
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _differences(was, now, f"{where}.")
        elif was != now:
            yield f"{code(where)}: {_value(was)} → {_value(now)}"
