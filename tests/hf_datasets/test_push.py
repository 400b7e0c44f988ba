"""`publish push` of a whole dataset: the real clients, and a Hub on loopback that can fail."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hub_client import Client, error_line
from hub_push import (
    LOCALIZATION,
    NAME,
    PAIRS,
    edit,
    files,
    load,
    next_version,
    push,
    push_one,
    refusal,
    repository,
    sent,
    text,
)
from hub_server import RESET, Hub
from hub_store import Blob

from hf_datasets.publishing.card import parse_card

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


LOAD_OFFLINE = """
import json, sys
from hf_datasets import load_dataset

name, config, *revisions = sys.argv[1:]
print(json.dumps([len(load_dataset(name, config, version=v, split="train")) for v in revisions]))
"""


@pytest.fixture(scope="module")
def newer(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return next_version(sample_folder, tmp_path_factory.mktemp("newer") / "sample")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Of an empty Hub, which the test may break."""
    with Hub() as hub:
        yield Client(hub, tmp_path)
        assert not hub.asked("unknown"), "clients ask for what the test Hub does not have"


# What goes well.


def test_push_tag_load_stream_and_offline(client: Client, sample_folder: Path, newer: Path) -> None:
    first = client.run("-m", "hf_datasets", "push", str(sample_folder), "--to", NAME)
    assert first.returncode == 0, first.stderr
    assert f"wrote {NAME}@v1.0.0" in first.stderr
    assert f"next: probe emb.parquet --tasks {NAME}@v1.0.0/genomic-properties" in first.stderr
    assert sent(client.hub).count("commit") == sent(client.hub).count("ref") == 1
    for path in sample_folder.rglob("*.parquet"):
        assert files(client)[path.relative_to(sample_folder).as_posix()].data == path.read_bytes()
    assert repository(client).tags == {"v1.0.0": repository(client).branches["main"]}

    assert push_one(client, newer, "--to", NAME, "--version", "v1.1.0").status == 0
    config = (NAME, "localization")
    old, new = load(client, (*config, "v1.0.0"), (*config, "v1.1.0"))
    row = pq.read_table(sample_folder / LOCALIZATION).slice(0, 1).to_pylist()[0]
    assert old == [517, row, "1.0.0"]
    assert (new[0], new[2]) == (500, "1.1.0")
    client.hub.stop()
    words = (NAME, "localization", "v1.0.0", "v1.1.0")
    assert client.json(LOAD_OFFLINE, *words, HF_HUB_OFFLINE="1") == [517, 500]


def test_the_card_and_the_evaluation(client: Client, sample_folder: Path) -> None:
    push_one(client, sample_folder, "--to", NAME)
    card = parse_card(text(client).encode(), "card")
    assert card.licence == "cc0-1.0"
    assert f'load_dataset("{NAME}", "localization")' in card.body
    assert "## Changes\n\n### 1.0.0\n\nFirst published version: 7 configs, 11 tasks." in card.body
    evaluation = yaml.safe_load(text(client, "eval.yaml"))
    assert set(evaluation) == {"name", "description", "evaluation_framework", "tasks"}
    assert evaluation["tasks"][2] == {
        "id": "localization",
        "config": "localization",
        "split": "train",
    }
    assert "genes" not in {task["config"] for task in evaluation["tasks"]}


def test_the_next_version_and_what_it_leaves_alone(
    client: Client, sample_folder: Path, newer: Path
) -> None:
    push_one(client, sample_folder, "--to", NAME)
    theirs = {".gitattributes": b"*.parquet lfs", "docs/how.md": b"by hand", "a.parquet": b"PAR1"}
    main = repository(client)
    content = {
        **main.files("main"),
        **{name: Blob(data, lfs=False) for name, data in theirs.items()},
    }
    main.branches["main"] = main.add_commit(content, main.branches["main"], "docs")
    dry, done = push(client, [newer, "--to", NAME, "--dry-run"], [newer, "--to", NAME])
    for line in (f"removed  {PAIRS}", f"changed  {LOCALIZATION}", "changed  README.md"):
        assert line in dry.out
    assert "localization                   500 rows    2 tasks" in dry.out
    assert "genes/" not in dry.out
    assert done.status == 0, done.err
    assert PAIRS not in files(client)
    assert all(files(client)[name].data == data for name, data in theirs.items())
    assert PAIRS in files(client, "v1.0.0")
    changes = text(client).partition("## Changes\n\n")[2]
    assert changes.startswith(
        "### 1.1.0\n\nSince 1.0.0:\n\n"
        "- config `gene2gene` removed\n- `localization`: 517 → 500 rows\n"
    )
    assert "### 1.0.0\n\nFirst published version" in changes


def test_a_second_push_sends_nothing(client: Client, sample_folder: Path) -> None:
    push_one(client, sample_folder, "--to", NAME)
    client.hub.requests.clear()
    again, dry, pull = push(
        client,
        [sample_folder, "--to", NAME],
        [sample_folder, "--to", NAME, "--dry-run"],
        [sample_folder, "--to", NAME, "--pr"],
    )
    for done in (again, dry, pull):
        assert done.status == 0
        assert f"{NAME} has all of this as v1.0.0; nothing was sent" in done.err
    assert sent(client.hub) == []


def test_a_dry_run_sends_nothing(client: Client, sample_folder: Path) -> None:
    done = push_one(client, sample_folder, "--to", NAME, "--dry-run")
    assert done.status == 0
    assert f"added    {LOCALIZATION}  " in done.out
    assert "gene2gene                      238 rows    1 tasks" in done.out
    assert f"nothing was sent; {NAME} would be created" in done.err
    assert sent(client.hub) == []
    assert not client.hub.repositories


def test_a_pull_request(client: Client, sample_folder: Path, newer: Path) -> None:
    none, first, pull, again, merged = push(
        client,
        [newer, "--to", NAME, "--pr"],
        [sample_folder, "--to", NAME],
        [newer, "--to", NAME, "--pr"],
        [newer, "--to", NAME, "--pr"],
        [sample_folder, "--to", NAME, "--pr"],
    )
    assert f"no dataset {NAME} on the Hub to open a pull request on" in none.line
    assert [done.status for done in (first, pull, again, merged)] == [0] * 4
    assert pull.out == again.out == f"{client.hub.url}/datasets/{NAME}/discussions/1\n"
    assert f"{NAME}@refs/pr/1" in pull.err
    assert "in an open pull request; nothing was sent" in again.err
    assert list(repository(client).pulls) == [1]
    assert list(repository(client).tags) == ["v1.0.0"]
    assert PAIRS in files(client)
    assert load(client, (NAME, "localization", "refs/pr/1"))[0][0] == 500


def test_the_same_push_gives_the_same_bytes(
    client: Client, sample_folder: Path, newer: Path
) -> None:
    for name in "org/one", "org/two":
        push(client, [sample_folder, "--to", name], [newer, "--to", name])
    one, two = (dict(files(client, "main", name)) for name in ("org/one", "org/two"))
    readme = two.pop("README.md").data.replace(b"org/two", b"org/one")
    assert readme == one.pop("README.md").data
    assert one == two


def test_a_partial_build_only_when_told_so(client: Client, built: Path) -> None:
    record = {"partial": True, "missing": {"gene-disease/cancer": "no file"}}
    (built / "build.json").write_text(json.dumps(record), encoding="utf-8")
    refused, done = push(
        client, [built, "--to", NAME], [built, "--to", NAME, "--allow-partial", "--private"]
    )
    assert "lacks 1: gene-disease/cancer" in refused.line
    assert "--allow-partial" in refused.line
    assert done.status == 0, done.err
    assert json.loads(text(client, "build.json")) == record
    (built / "build.json").write_text("{}", encoding="utf-8")
    again, after = push(client, [built, "--to", NAME], [built, "--to", NAME])
    assert [done.status for done in (again, after)] == [0, 0]
    assert "has all of this as v1.0.0" in again.err, "the same tables, however they came about"


# What goes wrong on the Hub: it stays as it was.


def state(client: Client) -> tuple[Any, ...]:
    found = repository(client)
    return found.branches["main"], dict(found.tags), dict(found.pulls)


def test_a_version_never_changes(client: Client, sample_folder: Path, newer: Path) -> None:
    push_one(client, sample_folder, "--to", NAME)
    before = state(client)
    same = client.folder / "same-version"
    shutil.copytree(newer, same)
    edit(same / "README.md", ("1.1.0", "1.0.0"))
    for done in push(client, [same, "--to", NAME], [same, "--to", NAME, "--pr"]):
        assert "has v1.0.0 already, with other content (README.md, localization/train" in done.line
        assert "raise it" in done.line
    assert state(client) == before


def test_somebody_else_was_quicker(client: Client, sample_folder: Path, newer: Path) -> None:
    push_one(client, sample_folder, "--to", NAME)
    main = repository(client)

    def another_commit() -> None:
        content = {**main.files("main"), "theirs.md": Blob(b"theirs", lfs=False)}
        main.branches["main"] = main.add_commit(content, main.branches["main"], "theirs")

    client.hub.before("commit", another_commit)
    stale, again = push(client, [newer, "--to", NAME], [newer, "--to", NAME])
    assert "somebody else changed it just now; nothing was changed there" in stale.line
    assert again.status == 0
    assert text(client, "theirs.md") == "theirs"
    assert sent(client.hub).count("commit") == 3
    assert set(main.tags) == {"v1.0.0", "v1.1.0"}


@pytest.mark.parametrize(
    "failures",
    [
        {"lfs_batch": 403, "lfs_upload": 400, "commit": 403},
        {"commit": 500},
        {"commit": RESET},
    ],
)
def test_a_push_that_breaks_off_changes_nothing(
    client: Client, sample_folder: Path, newer: Path, failures: dict[str, int]
) -> None:
    """Each of the failures ends one push; the one after them has it all to do."""
    client.hub.add_dataset(NAME, sample_folder, ["v1.0.0"])
    commits = len(repository(client).history("main"))
    for kind, status in failures.items():
        client.hub.fail(kind, status)
    *broken, done = push(client, *([newer, "--to", NAME] for _ in range(len(failures) + 1)))
    for one in broken:
        assert f"cannot push to {NAME}: " in one.line
        assert "nothing was changed there" in one.line
    assert done.status == 0
    assert len(repository(client).history("main")) == commits + 1
    assert set(repository(client).tags) == {"v1.0.0", "v1.1.0"}


def test_a_new_repository_that_stays_empty_is_said(client: Client, sample_folder: Path) -> None:
    client.hub.fail("commit", 403)
    broken, done = push(client, [sample_folder, "--to", NAME], [sample_folder, "--to", NAME])
    assert f"{NAME} was created and is empty" in broken.line
    assert done.status == 0
    assert list(repository(client).tags) == ["v1.0.0"]


def test_a_commit_without_its_tag_gets_it_later(client: Client, sample_folder: Path) -> None:
    client.hub.fail("ref", 403)
    broken, done = push(client, [sample_folder, "--to", NAME], [sample_folder, "--to", NAME])
    assert "cannot tag" in broken.line
    assert "the same command again adds it" in broken.line
    assert done.status == 0
    assert sent(client.hub).count("commit") == 1
    assert list(repository(client).tags) == ["v1.0.0"]


def test_an_answer_that_was_lost(client: Client, sample_folder: Path) -> None:
    """The commit is there, the client does not know it: it looks, and goes on with the tag."""
    push_one(client, sample_folder, "--to", "org/other")
    content = {
        path: Blob(blob.data.replace(b"org/other", NAME.encode()), lfs=blob.lfs)
        for path, blob in files(client, "main", "org/other").items()
    }
    other = Blob(text(client, "eval.yaml", name="org/other").encode(), lfs=False)
    content["eval.yaml"] = other

    def arrives() -> None:
        main = repository(client)
        main.branches["main"] = main.add_commit(content, main.branches["main"], "ours")

    client.hub.before("commit", arrives)
    client.hub.fail("commit", RESET)
    assert push_one(client, sample_folder, "--to", NAME).status == 0
    assert repository(client).tags == {"v1.0.0": repository(client).branches["main"]}


def test_a_card_of_others_is_not_replaced(client: Client, sample_folder: Path) -> None:
    theirs = client.folder / "theirs"
    theirs.mkdir()
    (theirs / "README.md").write_text("---\nlicense: cc0-1.0\n---\n# By hand\n", encoding="utf-8")
    (theirs / "rows.parquet").write_bytes(b"PAR1")
    client.hub.add_dataset(NAME, theirs)
    task = client.folder / "task.csv"
    task.write_text("symbol,x\nTP53,1\nEGFR,0\n", encoding="utf-8")
    new, words = [task, "--to", NAME, "--config", "mine"], [sample_folder, "--to", NAME]
    joined, refused, done, again = push(client, new, words, [*words, "--replace"], words)
    assert joined.status == again.status == 0
    assert "has all of this as v1.0.0" in again.err
    assert "has a card that publish did not write" in refused.line
    assert done.status == 0
    assert "rows.parquet" in files(client)
    assert "mine" in parse_card(text(client).encode(), "card").configs
    assert "First published version: 7 configs" in text(client)


def test_no_rights_no_token_no_hub(client: Client, sample_folder: Path) -> None:
    words = [sample_folder, "--to", NAME]
    nothing = push_one(client, *words, HF_TOKEN="")
    assert "no token for the Hub; run `hf auth login`" in nothing.line
    odd = "hf_geheim\N{LATIN SMALL LETTER A WITH DIAERESIS}"
    unusual = push_one(client, *words, HF_TOKEN=odd)
    assert "cannot read" in unusual.line
    assert odd not in unusual.err
    client.hub.fail("create", 403)
    done = client.run("-m", "hf_datasets", "push", *map(str, words))
    assert f"cannot create {NAME} on the Hub: " in error_line(done)
    assert not client.hub.repositories
    client.hub.stop()
    assert "cannot read" in push_one(client, *words, HF_HUB_OFFLINE="1").line
    assert "cannot read" in push_one(client, *words).line


# What is wrong with a folder: nothing is asked of the Hub.


@pytest.fixture
def built(sample_folder: Path, tmp_path: Path) -> Path:
    """A copy of the sample to spoil."""
    return shutil.copytree(sample_folder, tmp_path / "gene-benchmark-sample")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("---\npretty_name", "pretty_name", "has no YAML head"),
        ("pretty_name: ", "pretty_name: [", "YAML head of .* cannot be read"),
        ("license: cc0-1.0\n", "", "states no licence; add e.g. `license: cc-by-4.0`"),
        ("configs:\n", "tables:\n", "names no configs; list each under `configs:`"),
        ("config_name: genes", "config_name: data", "config name 'data' does not work"),
        ("config_name: genes", "config_name: 'bad:one'", "config name 'bad:one' does not work"),
        ("config_name: genes", "config_name: localization", "'localization' more than once"),
        ("genes\n  version: 1.0.0", "genes", "genes has version none, not 1.0.0; give every"),
        ("genes\n  version: 1.0.0", "genes\n  version: 2.0.0", "1.0.0, not 2.0.0; give every"),
        ("  version: 1.0.0\n", "", "states no version; add e.g. `version: 1.0.0` to each"),
        ("version: 1.0.0", "version: '1.0'", "version '1.0' is not of the form 1.2.3"),
        ("path: genes/train", "path: gone/train", "names no data files"),
        ("path: genes/train-00000-of-00001.parquet", "path: README.md", "which is not Parquet"),
    ],
)  # fmt: skip
def test_a_card_that_does_not_do(
    built: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    edit(built / "README.md", (old, new))
    assert re.search(said, refusal(capsys, built, "--to", NAME))


def replace_column(folder: Path, config: str, column: str, values: pa.Array) -> None:
    path = folder / config / "train-00000-of-00001.parquet"
    table = pq.read_table(path)
    place = table.column_names.index(column)
    changed = table.set_column(place, column, values)
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)


def test_tables_that_do_not_do(
    sample_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = {
        name: shutil.copytree(sample_folder, tmp_path / name)
        for name in ("nan", "label", "key", "broken", "plain", "keyless")
    }
    replace_column(
        folders["nan"],
        "protein-properties",
        "protein_length",
        pa.array([float("nan")] * 517, pa.float32()),
    )
    replace_column(folders["label"], "localization", "secreted", pa.array([7] * 517))
    replace_column(folders["key"], "localization", "symbol", pa.array([None] * 517, pa.string()))
    (folders["broken"] / LOCALIZATION).write_bytes(b"PAR1 not at all")
    labels = pa.table({"symbol": ["A", "B"], "label": [0, 1]})
    pq.write_table(labels, folders["plain"] / LOCALIZATION)
    pq.write_table(labels.rename_columns(["gene", "label"]), folders["keyless"] / LOCALIZATION)
    said = {
        "nan": "protein-properties/protein_length has 517 values that are no numbers",
        "label": "cannot read dataset|localization/secreted has label 7, outside its 2 classes",
        "key": "localization has rows without symbol",
        "broken": "cannot read dataset",
        "plain": "column 'label' of .*localization is int64; a task is ClassLabel",
        "keyless": "localization has no key column",
    }
    for name, folder in folders.items():
        assert re.search(said[name], refusal(capsys, folder, "--to", NAME)), name


def test_files_that_do_not_belong(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret.txt").write_text("mine", encoding="utf-8")
    (built / "notes.txt").symlink_to(tmp_path / "secret.txt")
    assert "leads out of the folder" in refusal(capsys, built, "--to", NAME)
    (built / "notes.txt").unlink()
    for name in "gene-benchmark-sample.py", "table.pkl":
        (built / name).write_text("", encoding="utf-8")
        assert "can run code, which no dataset may" in refusal(capsys, built, "--to", NAME)
        (built / name).unlink()
    (built / "build.json").write_text("{", encoding="utf-8")
    assert "build.json is not JSON" in refusal(capsys, built, "--to", NAME)


def test_hidden_files_stay_at_home(client: Client, built: Path) -> None:
    (built / ".env").write_text("HF_TOKEN=x", encoding="utf-8")
    (built / ".git").mkdir()
    (built / ".git/config").write_text("", encoding="utf-8")
    (built / "LICENSE").write_text("CC0", encoding="utf-8")
    done = push_one(client, built, "--to", NAME)
    assert "hidden files are not sent: .env, .git, .git/config" in done.err
    assert not [path for path in files(client) if path.startswith(".")]
    assert text(client, "LICENSE") == "CC0"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{built}", "--to", "gene-benchmark"], "--to 'gene-benchmark' is no dataset on the Hub"),
        (["{built}", "--to", NAME, "--version", "2.0.0"], "has version 1.0.0, not 2.0.0; set"),
        (["{built}", "--to", NAME, "--version", "two"], "'two' is not of the form 1.2.3"),
        (["{built}", "--to", NAME, "--config", "x"], "--config is for a new task from a table"),
        (["{built}/genes", "--to", NAME], "has no README.md; `publish build"),
        (["{built}/nothing", "--to", NAME], "build it first: publish build nothing --out"),
    ],
)
def test_words_that_do_not_do(
    built: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert said in refusal(capsys, *(word.format(built=built) for word in words))
