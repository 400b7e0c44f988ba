"""Cards on the Hub: what people write there and in the folder survives every later push."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
import yaml
from hub_client import Client
from hub_push import NAME, edit, files, load, next_version, push, push_one, repository, sent, text
from hub_server import Hub
from hub_store import Blob

from hf_datasets.publishing.sections import (
    ConflictError,
    merged,
    places,
    put_together,
    sections,
    take_apart,
    with_sections,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINE = "\n## Contact\n\nme@example.org\n\n"
LAST = "<!-- end of uses -->\n"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Hub() as hub:
        yield Client(hub, tmp_path)
        assert not hub.asked("unknown")


@pytest.fixture
def first(sample_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sample_folder, tmp_path / "first")


@pytest.fixture
def second(sample_folder: Path, tmp_path: Path) -> Path:
    return next_version(sample_folder, tmp_path / "second")


def edit_on_the_hub(client: Client, *pairs: tuple[str, str]) -> None:
    """Change the card as somebody would in the browser."""
    card = text(client)
    for old, new in pairs:
        assert old in card
        card = card.replace(old, new)
    main = repository(client)
    content = {**main.files("main"), "README.md": Blob(card.encode(), lfs=False)}
    main.branches["main"] = main.add_commit(content, main.branches["main"], "Update README.md")


def without_sections(card: str) -> str:
    return "".join(piece for name, piece in take_apart(card) if not name)


def test_an_edit_on_the_hub_survives_the_next_versions(
    client: Client, first: Path, second: Path, tmp_path: Path
) -> None:
    third = shutil.copytree(second, tmp_path / "third")
    edit(third / "README.md", ("1.1.0", "1.2.0"))
    push_one(client, first, "--to", NAME)
    edit_on_the_hub(
        client,
        (LAST, LAST + MINE),
        ("license: cc0-1.0\n", "license: cc0-1.0\ndoi: 10.1/x\n"),
        ("- benchmark\n", "- benchmark\n- well-loved\n"),
    )
    again, *done = push(
        client,
        *([folder, "--to", NAME] for folder in (first, second, second, third, third)),
    )
    assert "has all of this as v1.0.0; nothing was sent" in again.err
    assert [one.status for one in done] == [0] * 4, [one.err for one in done]
    assert "has all of this as v1.1.0; nothing was sent" in done[1].err
    assert "has all of this as v1.2.0; nothing was sent" in done[3].err
    for tag in ("v1.1.0", "v1.2.0"):
        card = text(client, revision=tag)
        assert LAST + MINE in card
        assert card.count("me@example.org") == 1
        head = yaml.safe_load(card.split("---")[1])
        assert head["doi"] == "10.1/x"
        assert "well-loved" in head["tags"]
        assert "| `localization/secreted` | binary | 517 |" in text(client, revision="v1.0.0")
    assert "me@example.org" not in text(client, revision="v1.0.0")
    assert load(client, (NAME, "localization", "v1.2.0"))[0][0] == 500


def test_an_edit_in_the_folder_reaches_main_and_leaves_the_tag(
    client: Client, first: Path, second: Path
) -> None:
    push_one(client, first, "--to", NAME)
    tagged = repository(client).tags["v1.0.0"]
    edit(first / "README.md", (LAST, LAST + MINE))
    dry, done, again = push(
        client,
        [first, "--to", NAME, "--dry-run"],
        [first, "--to", NAME],
        [first, "--to", NAME],
    )
    changed = [line for line in dry.out.splitlines() if re.match("added|changed|removed", line)]
    assert [line.split()[:2] for line in changed] == [["changed", "README.md"]]
    assert "the tables are those of v1.0.0, which stays" in done.err
    assert "no tag" in done.err
    assert "has all of this; nothing was sent" in again.err
    assert repository(client).tags == {"v1.0.0": tagged}
    assert MINE in text(client)
    # The text in the folder is new a second time: it replaces what it was, without a conflict.
    edit(first / "README.md", ("me@example.org", "you@example.org"))
    assert push_one(client, first, "--to", NAME).status == 0
    assert without_sections(text(client)).count("@example.org") == 1
    assert "you@example.org" in text(client)
    assert push_one(client, second, "--to", NAME).status == 0
    assert "you@example.org" in text(client), "the new version's folder has no text of its own"


def test_two_edits_in_one_place_are_not_decided(client: Client, first: Path, second: Path) -> None:
    push_one(client, first, "--to", NAME)
    edit_on_the_hub(client, (LAST, LAST + MINE))
    edit(second / "README.md", (LAST, f"{LAST}\nAsk Ann.\n"))
    before = repository(client).branches["main"]
    refused, forced = push(client, [second, "--to", NAME], [second, "--to", NAME, "--replace"])
    assert "were both edited by hand after its section 'uses'" in refused.line
    assert "give --replace" in refused.line
    assert forced.status == 0
    assert repository(client).branches["main"] != before
    assert "Ask Ann." in text(client)
    assert "me@example.org" not in text(client)


def test_plots_and_croissant_travel_and_old_ones_go(
    client: Client, first: Path, second: Path
) -> None:
    for folder in (first, second):
        done = client.run("-m", "cards", "dataset", str(folder), "--no-check")
        assert done.returncode == 0, done.stderr
    push_one(client, first, "--to", NAME)
    assert "assets/labels/gene2gene.png" in files(client)
    assert files(client)["assets/labels/localization.png"].data.startswith(b"\x89PNG")
    about = json.loads(text(client, "croissant.json"))
    assert about["url"] == f"{client.hub.url}/datasets/{NAME}"
    assert f"datasets/{NAME}" in about["citeAs"]
    (genes,) = [one for one in about["distribution"] if one["@id"].startswith("genes/")]
    assert "/resolve/v1.0.0/" in genes["contentUrl"]
    with urlopen(genes["contentUrl"]) as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == genes["sha256"]
    card = text(client)
    assert "FOLDER" not in card
    assert f'load_dataset("{NAME}", "localization", revision="v1.0.0")' in card
    client.hub.requests.clear()
    (again,) = push(client, [first, "--to", NAME])
    assert "has all of this as v1.0.0; nothing was sent" in again.err
    assert sent(client.hub) == []

    assert push_one(client, second, "--to", NAME).status == 0
    assert "assets/labels/gene2gene.png" not in files(client)
    assert "assets/labels/gene2gene.png" in files(client, "v1.0.0")
    assert "/resolve/v1.1.0/" in text(client, "croissant.json")
    assert load(client, (NAME, "localization", "v1.1.0"))[0][0] == 500


def test_sections_that_are_not_written_any_more_are_said(
    client: Client, first: Path, second: Path
) -> None:
    client.run("-m", "cards", "dataset", str(first), "--no-check")
    push_one(client, first, "--to", NAME)
    edit_on_the_hub(client, ("license: cc0-1.0\n", "license: mit\n"))
    done = push_one(client, second, "--to", NAME)
    assert f"the card of {NAME} loses labels, which {second}/README.md lacks" in done.err
    assert f"license of the card of {NAME} was mit, it becomes cc0-1.0" in done.err
    assert "croissant.json" not in files(client)


def card(**around: str) -> str:
    written = {name: write(name, f"{name} text") for name in ("one", "two")}
    return put_together(written, {name.replace("start", ""): text for name, text in around.items()})


def test_sections_and_the_text_around_them() -> None:
    body = card(start="# Mine\n", one="\nafter one\n", two="\nlast\n")
    assert places(body, ["one", "two"]) == {
        "": "# Mine\n",
        "one": "\nafter one\n",
        "two": "\nlast\n",
    }
    assert put_together(sections(body), places(body, ["one", "two"])) == body
    windows = body.replace("\n", "\r\n")
    assert sections(windows).keys() == {"one", "two"}
    again = with_sections(body, {"two": write("two", "new")}, ("one", "two"))
    assert again == body.replace("two text", "new")
    more = with_sections(body, {"three": write("three", "3")}, ("three", "one", "two"))
    assert list(sections(more)) == ["three", "one", "two"]
    assert more.startswith("# Mine\n")
    assert more.index("after one") > more.index("one text")
    less = with_sections(body, {"two": write("two", "new")}, ("one", "two"), gone=["one"])
    assert list(sections(less)) == ["two"]
    assert "after one" in less, "text stays where its section goes"


@pytest.mark.parametrize(
    ("ours", "theirs", "earlier", "expected"),
    [
        ("", "", (), ""),
        ("", "hub", (), "hub"),
        ("here", "", (), "here"),
        ("old", "hub", ("old",), "hub"),
        ("here", "old", ("old",), "here"),
        ("old", "older", ("old", "older"), "older"),
        ("old", "", ("old",), ""),
        ("here", "hub", ("old",), None),
        ("here", "hub", (), None),
    ],
)
def test_whose_text_is_new(
    ours: str, theirs: str, earlier: tuple[str, ...], expected: str | None
) -> None:
    def body(text: str) -> str:
        return card(one=f"\n{text}\n") if text else card()

    if expected is None:
        with pytest.raises(ConflictError, match="one"):
            merged(body(ours), body(theirs), lambda: [body(text) for text in earlier])
    else:
        found = merged(body(ours), body(theirs), lambda: [body(text) for text in earlier])
        assert found == body(expected)
