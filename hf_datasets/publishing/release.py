"""A new version of a whole dataset: what it changes on the Hub, and what it leaves alone.

Only what a publish of ours wrote is ever deleted: the data files that a card of ours names,
and build.json. Tasks that were contributed one by one stay, with their lines in the card.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hf_datasets.errors import InputError, shorten
from hf_datasets.publishing.card import (
    Card,
    contributed,
    data_paths,
    parse_card,
    task_rows,
    with_config,
    with_rows,
)
from hf_datasets.publishing.changes import Summary, describe, summarise, take_changes, with_changes
from hf_datasets.publishing.folder import VERSION
from hf_datasets.publishing.remote import Content, Plan, Remote, RemoteFile, download, files_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hf_datasets.publishing.folder import Release

CARD = "README.md"
EVALUATION = "eval.yaml"
BUILD = "build.json"


@dataclass(frozen=True)
class State:
    """A repository at a revision, as far as a release needs it."""

    revision: str
    files: Mapping[str, RemoteFile]
    card: Card | None


def state_at(remote: Remote, revision: str | None = None) -> State:
    """Return the state of a tag, or of the newest commit."""
    at = revision or remote.head or ""
    files = files_at(remote.name, revision) if revision else remote.files
    if CARD not in files:
        return State(at, files, None)
    content = download(remote.name, at, CARD).read_bytes()
    if not content.lstrip().startswith((b"---", b"\xef\xbb\xbf---")):
        return State(at, files, Card("---\n", "", "---\n", content.decode(errors="replace")))
    return State(at, files, parse_card(content, f"{remote.name}/{CARD}"))


def eval_yaml(release: Release, name: str) -> str:
    """Return the Hub's description of a benchmark: each config that has tasks is one of its."""
    import yaml

    title = str(release.card.values.get("pretty_name") or name.partition("/")[2])
    tasks = [
        {"id": config, "config": config, "split": release.splits[config][-1]}
        for config, summary in release.configs.items()
        if summary.tasks
    ]
    described = {
        "name": title,
        "description": f"{title} {release.version}: probing embeddings on biology tasks",
        "evaluation_framework": "genezoo",
        "tasks": tasks,
    }
    return yaml.safe_dump(described, sort_keys=False, allow_unicode=True)


def plan_release(release: Release, remote: Remote, *, replace: bool) -> Plan:
    """Return what publishing does to `main`; nothing if that has it all."""
    head = state_at(remote)
    if head.card and not head.card.ours and head.card.body.strip() and not replace:
        message = (
            f"{remote.name} has a card that publish did not write; "
            "push elsewhere, or give --replace to put this one in its place"
        )
        raise InputError(message)
    if head.card and not replace:
        _require_no_clash(release, head.card, remote.name)
    already = _difference(release, remote, head, take_changes(head.card)[1] if head.card else {})
    if not already:
        return already
    return _difference(release, remote, head, _changes(release, remote, head))


def is_published(release: Release, remote: Remote, tag: str) -> Plan:
    """Return how a tag differs from the folder: not at all, when it is published."""
    state = state_at(remote, tag)
    entries = take_changes(state.card)[1] if state.card else {}
    plan = _difference(release, remote, state, entries)
    if set(plan.files) == {BUILD} and not plan.removed:
        # How the same tables came about another time: no other version of them.
        return dataclasses.replace(plan, files={})
    return plan


def _require_no_clash(release: Release, card: Card, name: str) -> None:
    own = {config for config in release.configs if config not in contributed(release.card)}
    if taken := sorted(own & set(contributed(card))):
        message = (
            f"config {taken[0]} of {name} was contributed as a task of its own; "
            "rename it in the folder, or give --replace to publish over it"
        )
        raise InputError(message)


def _difference(release: Release, remote: Remote, state: State, entries: dict[str, str]) -> Plan:
    """Return what turns a state into the release, with these changes in its card."""
    kept = {n: e for n, e in contributed(state.card).items() if n not in release.configs}
    card, _ = take_changes(release.card)
    if card.ours:
        # What `publish build` writes into the example, for want of a name.
        body = card.body.replace('load_dataset("FOLDER"', f'load_dataset("{remote.name}"')
        card = dataclasses.replace(card, body=body)
    for config, entry in kept.items():
        card = with_config(card, entry)
        rows = task_rows(state.card.body if state.card else "")
        card = with_rows(card, config, rows.get(config, []))
    wanted = {path: Content(file) for path, file in release.files.items()}
    wanted[CARD] = Content(with_changes(card, entries).text.encode())
    wanted.setdefault(EVALUATION, Content(eval_yaml(release, remote.name).encode()))
    files = {path: c for path, c in wanted.items() if not c.same(state.files.get(path))}
    removed = sorted(_owned(state, kept) - set(wanted))
    title = f"{remote.name.partition('/')[2]} {release.version}"
    return Plan(title, entries.get(release.version, ""), files, tuple(removed))


def _owned(state: State, kept: Mapping[str, object]) -> set[str]:
    """Return the published files that are ours to delete."""
    if state.card is None or not state.card.ours:
        return set()
    entries = {name: e for name, e in state.card.configs.items() if name not in kept}
    data = {path for entry in entries.values() for path in data_paths(entry, state.files)}
    data = {path for path in data if path.endswith(".parquet")}
    kept_data = {p for n in kept for p in data_paths(state.card.configs[n], state.files)}
    return (data - kept_data) | ({BUILD} & set(state.files))


def _changes(release: Release, remote: Remote, head: State) -> dict[str, str]:
    """Return the changes of every version, newest first: this one's are computed."""
    earlier = take_changes(head.card)[1] if head.card else {}
    earlier.pop(release.version, None)
    base, since = _baseline(release.version, remote, head)
    old: dict[str, Summary] | None = None
    moved: set[str] = set()
    if base is not None and base.card is not None and base.card.ours:
        old = {}
        for config, entry in base.card.configs.items():
            if config in contributed(base.card):
                continue
            paths = data_paths(entry, base.files)
            here = release.data.get(config, ())
            if list(here) == paths and all(
                Content(release.files[path]).same(base.files[path]) for path in paths
            ):
                old[config] = release.configs[config]
                continue
            moved.add(config)
            local = {path: download(remote.name, base.revision, path) for path in paths}
            old[config] = summarise(config, local)
    own = {n: s for n, s in release.configs.items() if n not in contributed(release.card)}
    return {release.version: describe(old or None, own, moved, since), **earlier}


def _baseline(version: str, remote: Remote, head: State) -> tuple[State | None, str]:
    """Return the last version before this one: the highest lower tag, or else `main`."""
    ordered = sorted(_numbers(tag) for tag in remote.tags if VERSION.fullmatch(tag[1:]))
    lower = [numbers for numbers in ordered if numbers < _numbers(f"v{version}")]
    if lower:
        tag = "v" + ".".join(map(str, lower[-1]))
        return state_at(remote, tag), tag.removeprefix("v")
    return (head, "the last push") if head.card and head.card.configs else (None, "")


def _numbers(tag: str) -> tuple[int, ...]:
    return tuple(map(int, tag[1:].split(".")))


def refuse_other_content(remote: Remote, tag: str, difference: Plan) -> None:
    """InputError when a version is taken by other content."""
    if difference:
        paths = shorten([*difference.files, *difference.removed])
        message = (
            f"{remote.name} has {tag} already, with other content ({paths}); "
            "a version never changes: raise it in the folder and give it as --version"
        )
        raise InputError(message)
