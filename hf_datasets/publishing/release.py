"""A new version of a whole dataset: what it changes on the Hub, and what it leaves alone.

Only what a publish of ours wrote is ever deleted: the data files that a card of ours names, its
plots, build.json and croissant.json. Tasks that were contributed one by one stay, with their lines
in the card, and so does what people wrote into the card beside its sections.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from hf_datasets.command import say
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
from hf_datasets.publishing.citations import PLACE
from hf_datasets.publishing.folder import VERSION
from hf_datasets.publishing.remote import (
    Content,
    Plan,
    Remote,
    RemoteFile,
    commits,
    download,
    files_at,
)
from hf_datasets.publishing.sections import ConflictError, merged, sections, take_apart
from hf_datasets.readme import yaml_head

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hf_datasets.publishing.folder import Release

CARD = "README.md"
EVALUATION = "eval.yaml"
BUILD = "build.json"
CROISSANT = "croissant.json"
PLOTS = "assets/labels/"
"""Where the plots of a card lie."""
MANY_CARDS = 20
"""So many of the cards that were published before tell what is new in one."""
OURS_DECIDE = ("configs", "license", "size_categories")
"""Lists in the head that are not joined with those on the Hub."""


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
    card = _named(release.card, remote.name)
    if head.card and head.card.ours and not replace:
        folder = release.root
        remedy = f"; `cards dataset {folder}` writes them"
        card = with_text_of_people(card, head.card, remote, f"{folder}/{CARD}", remedy)
    already = _difference(
        release, remote, head, take_changes(head.card)[1] if head.card else {}, card
    )
    if not already:
        return already
    return _difference(release, remote, head, _changes(release, remote, head), card)


def is_published(release: Release, remote: Remote, tag: str) -> Plan:
    """Return how a tag differs from the folder: not at all, when it is published."""
    state = state_at(remote, tag)
    entries = take_changes(state.card)[1] if state.card else {}
    card = _named(release.card, remote.name)
    if state.card and state.card.ours:
        # What people had written on the Hub went into that version too.
        with contextlib.suppress(ConflictError):
            card = merge_cards(card, take_changes(state.card)[0], list)
    plan = _difference(release, remote, state, entries, card)
    if set(plan.files) == {BUILD} and not plan.removed:
        # How the same tables came about another time: no other version of them.
        return dataclasses.replace(plan, files={})
    return plan


def only_documents(difference: Plan) -> bool:
    """Whether a difference is in what is said about the tables, and not in the tables."""
    return not any(path.endswith(".parquet") for path in (*difference.files, *difference.removed))


def _named(card: Card, name: str) -> Card:
    """Return a card without its changes whose sections name the dataset on the Hub."""
    card, _ = take_changes(card)
    pieces = [
        re.sub(rf"\b{PLACE}\b", name, text) if section in {"load", "citation", "findings"} else text
        for section, text in take_apart(card.body)
    ]
    return dataclasses.replace(card, body="".join(pieces))


def merge_cards(ours: Card, theirs: Card, earlier: Callable[[], list[str]]) -> Card:
    """Return our card with what people wrote into theirs: text, and fields of the head.

    ConflictError as `sections.merged` raises it; `earlier` is as there.
    """
    body = merged(ours.body, theirs.body, earlier) if sections(ours.body) else ours.body
    own, other = ours.values, theirs.values
    joined = {
        name: [*other[name], *(item for item in value if item not in other[name])]
        for name, value in own.items()
        if isinstance(value, list) and isinstance(other.get(name), list)
        if name not in OURS_DECIDE
    }
    values = {**own, **joined, **{name: other[name] for name in other if name not in own}}
    head = ours.head if values == own else yaml_head(values)
    return dataclasses.replace(ours, head=head, body=body)


def with_text_of_people(
    card: Card, theirs: Card, remote: Remote, where: str, remedy: str = ""
) -> Card:
    """Return our card with what was written on the Hub; say what of that is replaced.

    InputError where text was written both there and in ours, which `where` names.
    """
    theirs, _ = take_changes(theirs)
    for name, value in card.values.items():
        was = theirs.values.get(name, value)
        if name != "configs" and was != value and not isinstance(value, list):
            say(f"{name} of the card of {remote.name} was {was}, it becomes {value}")
    if lost := [name for name in sections(theirs.body) if name not in sections(card.body)]:
        say(f"the card of {remote.name} loses {shorten(lost)}, which {where} lacks{remedy}")
    try:
        return merge_cards(card, theirs, lambda: _earlier_cards(remote))
    except ConflictError as error:
        place = f"after its section {error.place!r}" if error.place else "at its start"
        message = (
            f"the card of {remote.name} and {where} were both edited by hand {place}; bring the "
            "two texts together in the folder, or give --replace to publish its own"
        )
        raise InputError(message) from None


def _earlier_cards(remote: Remote) -> list[str]:
    """Return the bodies of cards that a push of ours wrote, by the titles of the commits."""
    short = re.escape(remote.name.partition("/")[2])
    ours = [sha for sha, title in commits(remote) if re.match(rf"{short} \d+\.\d+\.\d+", title)]
    found = [state_at(remote, sha).card for sha in ours[:MANY_CARDS]]
    return [take_changes(card)[0].body for card in found if card]


def _require_no_clash(release: Release, card: Card, name: str) -> None:
    own = {config for config in release.configs if config not in contributed(release.card)}
    if taken := sorted(own & set(contributed(card))):
        message = (
            f"config {taken[0]} of {name} was contributed as a task of its own; "
            "rename it in the folder, or give --replace to publish over it"
        )
        raise InputError(message)


def _difference(
    release: Release, remote: Remote, state: State, entries: dict[str, str], card: Card
) -> Plan:
    """Return what turns a state into the release, with this card and these changes in it."""
    kept = {n: e for n, e in contributed(state.card).items() if n not in release.configs}
    for config, entry in kept.items():
        card = with_config(card, entry)
        rows = task_rows(state.card.body if state.card else "")
        card = with_rows(card, config, rows.get(config, []))
    wanted = {path: Content(file) for path, file in release.files.items()}
    if CROISSANT in wanted:
        text = release.files[CROISSANT].read_text(encoding="utf-8")
        wanted[CROISSANT] = Content(published_croissant(text, remote, release.version).encode())
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
    plots = {path for path in state.files if path.startswith(PLOTS)}
    return (data - kept_data) | plots | ({BUILD, CROISSANT} & set(state.files))


def published_croissant(text: str, remote: Remote, version: str) -> str:
    """Return Croissant metadata with the addresses of a version on the Hub.

    Files that it names by their path in the folder get a URL; other metadata stays as it is.
    """
    try:
        found = json.loads(text)
        files = [one for one in found["distribution"] if one["@type"] == "cr:FileObject"]
        paths = [str(one["contentUrl"]) for one in files]
    except (ValueError, KeyError, TypeError):
        return text
    for file, path in zip(files, paths, strict=True):
        if "://" not in path:
            file["contentUrl"] = f"{remote.url}/resolve/v{version}/{quote(path)}"
    found["url"] = remote.url
    found["citeAs"] = str(found.get("citeAs", "")).replace(PLACE, remote.name)
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _changes(release: Release, remote: Remote, head: State) -> dict[str, str]:
    """Return the changes of every version, newest first: this one's are computed."""
    earlier = take_changes(head.card)[1] if head.card else {}
    earlier.pop(release.version, None)
    base, since = baseline(release.version, remote, head)
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


def baseline(version: str, remote: Remote, head: State) -> tuple[State | None, str]:
    """Return the last version before this one: the highest lower tag, or else `main`."""
    ordered = sorted(_numbers(tag) for tag in remote.tags if VERSION.fullmatch(tag[1:]))
    lower = [numbers for numbers in ordered if numbers < _numbers(f"v{version}")]
    if lower:
        tag = "v" + ".".join(map(str, lower[-1]))
        return state_at(remote, tag), tag.removeprefix("v")
    return (head, "the last push") if head.card and head.card.configs else (None, "")


def _numbers(tag: str) -> tuple[int, ...]:
    return tuple(map(int, tag[1:].split(".")))


def refuse_other_content(
    remote: Remote,
    tag: str,
    difference: Plan,
    remedy: str = "raise it in the folder and give it as --version",
) -> None:
    """InputError when a version is taken by other content."""
    if difference:
        paths = shorten([*difference.files, *difference.removed])
        message = (
            f"{remote.name} has {tag} already, with other content ({paths}); "
            f"a version never changes: {remedy}"
        )
        raise InputError(message)
