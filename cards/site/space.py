"""The site as a static Space on the Hub: its README, and one commit that brings it up to date."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from cards.names import counted, plain
from cards.sentences import summary
from cards.site.folder import MANIFEST, listed_files
from hf_datasets.errors import InputError
from hf_datasets.publishing.remote import Content, Plan, Remote, commit, download, read_remote

if TYPE_CHECKING:
    from pathlib import Path

    from cards.leaderboard import Leaderboard

README = "README.md"
SPACE_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
TITLE_LENGTH = 80


def space_readme(board: Leaderboard, title: str) -> str:
    """Return the README of the Space; its head tells the Hub to serve the folder as it is."""
    shown = plain(title, TITLE_LENGTH)
    # JSON strings are YAML strings, whatever is in them.
    head = {
        "title": json.dumps(shown, ensure_ascii=True),
        "emoji": json.dumps("\N{DNA DOUBLE HELIX}", ensure_ascii=False),
        "colorFrom": "blue",
        "colorTo": "green",
        "sdk": "static",
        "app_file": "index.html",
        "pinned": "false",
        "short_description": json.dumps("Embeddings of genes on biology tasks"),
        "tags": '["leaderboard", "biology", "embeddings"]',
    }
    lines = [f"{name}: {value}" for name, value in head.items()]
    text = summary(board).replace("<", "&lt;").replace("`", "'")
    return (
        "\n".join(["---", *lines, "---", ""])
        + f"# {shown.replace('<', '&lt;')}\n\n{text}\n\n"
        + "Open `index.html` in a browser; nothing is loaded from elsewhere. All scores are in\n"
        + "`scores.parquet` and `scores.csv`.\n"
    )


def require_space(name: str) -> None:
    """InputError for what is no name of a Space."""
    if not SPACE_ID.fullmatch(name):
        message = f"--push {name}: a Space is named org/name"
        raise InputError(message)


def push_site(folder: Path, name: str, *, private: bool) -> tuple[str, str]:
    """Bring a Space up to date in one commit; return its address and what was sent, in words.

    Files of an earlier push that are no longer in the site are removed; whatever else is there,
    which somebody else put there, stays. Nothing is sent if the Space has it all.

    Raises
    ------
    InputError
        No token, no right to write, no connection, or a Space with an app that is not ours.

    """
    require_space(name)
    remote = read_remote(name, "space")
    plan = plan_push(folder, remote)
    if not plan:
        return remote.url, ""
    commit(remote, plan, private=private)
    removed = f", removed {counted(len(plan.removed), 'file')}" if plan.removed else ""
    return remote.url, counted(len(plan.files), "file") + removed


def plan_push(folder: Path, remote: Remote) -> Plan:
    """Return what a push changes; empty if nothing."""
    local = {
        path.relative_to(folder).as_posix(): Content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    earlier = set()
    if MANIFEST in remote.files:
        earlier = listed_files(download(remote.name, str(remote.head), MANIFEST, "space"))
    ours = MANIFEST in remote.files and bool(earlier)
    if not ours and "index.html" in remote.files and not _is_template(remote):
        message = (
            f"{remote.name} is a Space with an app that `cards leaderboard` did not write; "
            "push to another name"
        )
        raise InputError(message)
    files = {path: one for path, one in local.items() if not one.same(remote.files.get(path))}
    removed = sorted((earlier - local.keys()) & remote.files.keys())
    return Plan("Update the leaderboard", "Made with genezoo.", files, tuple(removed))


def _is_template(remote: Remote) -> bool:
    """Whether a Space holds what the Hub puts into a new static one, and nothing else."""
    return remote.files.keys() <= {".gitattributes", README, "index.html", "style.css"}
