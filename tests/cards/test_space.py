"""A site as a static Space: pushed by the real client to a local Hub, and read back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hub_client import Client
from hub_server import Hub

from cards.site.slugs import model_page

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    MakeRows = Callable[..., list[dict[str, Any]]]
    Write = Callable[..., Path]

FAMILIES = {"f": {"t": "binary"}}
NAME = "org/board"
PULL = """
import json, sys
from huggingface_hub import snapshot_download
print(json.dumps(snapshot_download(sys.argv[1], repo_type="space")))
"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Hub() as hub:
        yield Client(hub, tmp_path)


def push(
    client: Client, results: Path, *words: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    out = ("--out", str(client.folder / "site"))
    return client.run(
        "-m", "cards", "leaderboard", str(results), *out, "--push", NAME, *words, **variables
    )


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_push_creates_a_static_space_and_the_next_brings_it_up_to_date(
    client: Client, make_rows: MakeRows, write: Write
) -> None:
    hub = client.hub
    first = write("1.parquet", *(make_rows(m, families=FAMILIES) for m in ("a", "old")))
    done = push(client, first)
    assert done.returncode == 0, done.stderr
    site = contents(client.folder / "site")
    space = hub.repositories["space", NAME]
    assert space.sdk == "static"
    assert hub.asked("commit") == [f"/api/spaces/{NAME}/commit/main"]
    assert f"pushed {len(site)} files to {hub.url}/spaces/{NAME}" in done.stderr
    pulled = client.json(PULL, NAME)
    assert contents(client.folder / pulled) == site
    head = site["README.md"].decode().split("---\n")[1]
    assert yaml.safe_load(head)["sdk"] == "static"

    again = push(client, first)
    assert again.returncode == 0
    assert "nothing to push" in again.stderr
    assert len(hub.asked("commit")) == 1

    # Somebody adds a file of theirs; the site changes.
    files = dict(space.files("main"))
    files["notes.md"] = files["README.md"]
    space.branches["main"] = space.add_commit(files, space.branches["main"], "by hand")
    second = write("2.parquet", *(make_rows(m, families=FAMILIES) for m in ("a", "new")))
    assert push(client, second).returncode == 0
    assert len(hub.asked("commit")) == 2
    after = space.files("main")
    assert set(after) == {*contents(client.folder / "site"), "notes.md"}
    assert model_page("old") not in after
    assert model_page("new") in after


def test_another_app_is_left_alone(
    client: Client, make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "index.html").write_text("mine")
    (app / "app.js").write_text("mine")
    client.hub._add("space", NAME, app, (), gated=False)
    done = push(client, write("r.parquet", make_rows("a", families=FAMILIES)))
    assert "is a Space with an app that `cards leaderboard` did not write" in error_line_of(done)
    assert client.hub.asked("commit") == []


@pytest.mark.parametrize(
    "case",
    [
        (None, {"HF_TOKEN": "", "HF_TOKEN_PATH": "/nowhere"}, "no token for the Hub"),
        (("commit", 412), {}, "somebody else changed it just now"),
    ],
)
def test_what_goes_wrong_is_one_line(
    client: Client,
    make_rows: MakeRows,
    write: Write,
    case: tuple[tuple[str, int] | None, dict[str, str], str],
) -> None:
    trouble, variables, said = case
    if trouble:
        client.hub.fail(*trouble)
    done = push(client, write("r.parquet", make_rows("a", families=FAMILIES)), **variables)
    assert said in error_line_of(done)
    assert json.loads((client.folder / "site/manifest.json").read_text())["files"]


def error_line_of(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one error of a command that had told of its site before."""
    assert done.returncode == 2, done.stderr
    *_, last = done.stderr.strip().splitlines()
    assert last.startswith("cards: error: ")
    assert done.stderr.count("error: ") == 1
    return last
