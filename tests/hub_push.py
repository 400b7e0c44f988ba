"""Pushing to the test Hub: what is done there, and what is to be seen of it afterwards."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from hf_datasets.__main__ import command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest
    from hub_client import Client
    from hub_server import Hub
    from hub_store import Blob, Repository

NAME = "org/gene-benchmark-sample"
LOCALIZATION = "localization/train-00000-of-00001.parquet"
PAIRS = "gene2gene/train-00000-of-00001.parquet"

PUSH = """
import contextlib, io, json, sys
from hf_datasets.__main__ import command

found = []
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = command(["push", *map(str, arguments)])
    found.append([status, out.getvalue(), err.getvalue()])
print(json.dumps(found))
"""
LOAD = """
import json, sys
import datasets, hf_datasets

found = []
for name, config, revision in json.loads(sys.argv[1]):
    plain = datasets.load_dataset(name, config, revision=revision, split="train")
    words = {"revision": revision, "split": "train", "streaming": True}
    stream = datasets.load_dataset(name, config, **words)
    ours = hf_datasets.load_dataset(name, config, version=revision, split="train")
    assert plain[:] == ours[:]
    assert plain[0] == next(iter(stream))
    found.append([len(plain), plain[0], str(plain.info.version)])
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Pushed:
    """What a push printed, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line of an error."""
        assert self.status == 2, self.err
        (line,) = [line for line in self.err.splitlines() if "error:" in line]
        assert line.startswith("publish: error: ")
        assert self.err.strip().endswith(line)
        return line


def push(client: Client, *pushes: list[Any], **variables: str) -> list[Pushed]:
    """Run several pushes in one process, which is quicker than one each."""
    words = [[str(word) for word in arguments] for arguments in pushes]
    found = client.json(PUSH, json.dumps(words), **variables)
    return [Pushed(*one) for one in found]


def load(client: Client, *wanted: tuple[str, str, str]) -> list[list[Any]]:
    """Return rows, first row and version of configs: by plain `datasets`, streamed, and by ours."""
    found: list[list[Any]] = client.json(LOAD, json.dumps(wanted))
    return found


def push_one(client: Client, *arguments: object, **variables: str) -> Pushed:
    (found,) = push(client, list(arguments), **variables)
    return found


def repository(client: Client, name: str = NAME) -> Repository:
    return client.hub.repositories["dataset", name]


def files(client: Client, revision: str = "main", name: str = NAME) -> Mapping[str, Blob]:
    return repository(client, name).files(revision)


def text(client: Client, path: str = "README.md", revision: str = "main", name: str = NAME) -> str:
    return files(client, revision, name)[path].data.decode()


def sent(hub: Hub) -> list[str]:
    """Return the kinds of requests that are more than questions."""
    return [request.kind for request in hub.requests if request.method not in {"GET", "HEAD"}]


def edit(path: Path, *pairs: tuple[str, str]) -> None:
    content = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in content
        content = content.replace(old, new)
    path.write_text(content, encoding="utf-8")


def next_version(built: Path, folder: Path) -> Path:
    """Copy a built sample as version 1.1.0: fewer rows in one config, and one config less."""
    shutil.copytree(built, folder)
    pq.write_table(pq.read_table(built / LOCALIZATION).slice(0, 500), folder / LOCALIZATION)
    shutil.rmtree(folder / "gene2gene")
    files = f"  data_files:\n  - split: train\n    path: {PAIRS}\n"
    entry = f"- config_name: gene2gene\n  version: 1.0.0\n{files}"
    edit(folder / "README.md", (entry, ""), ("1.0.0", "1.1.0"))
    return folder


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert command(["push", *map(str, words)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("publish: error: ")
    return line
