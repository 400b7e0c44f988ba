"""`cards model --push`: the real client, and a Hub on loopback that can fail."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from hub_client import Client
from hub_push import edit, sent
from hub_server import RESET, Hub
from hub_store import Blob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from hub_store import Repository

    Rows = list[dict[str, Any]]
    MakeRows = Callable[..., Rows]
    Write = Callable[..., Path]

MODEL = "org/minilm"
DATASET = "org/gene-benchmark-sample"
COMMIT = "0123456789" * 4
EVALUATION = ".eval_results/genezoo-org--gene-benchmark.yaml"
PLOT = "genezoo-results.png"
THEIRS = """---
license: apache-2.0   # since 2024
# the model this one is made from
base_model: org/base
---
# MiniLM

Their text, with <b>tags</b> and \ttabs.
"""
RUN = """
import contextlib, io, json, sys
from cards.__main__ import command

found = []
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = command(["model", *arguments])
    found.append([status, out.getvalue(), err.getvalue()])
print(json.dumps(found))
"""
READ_BACK = """
import json, sys
from huggingface_hub import HfApi, ModelCard, hf_hub_download, parse_eval_result_entries
import yaml

name, path = sys.argv[1:]
card = ModelCard.load(name)
entries = parse_eval_result_entries(yaml.safe_load(open(hf_hub_download(name, path))))
results = {f"{r.dataset_config} {r.metric_type}": r.metric_value for r in card.data.eval_results}
print(json.dumps([
    card.data.license, results, {entry.task_id: entry.value for entry in entries},
    {entry.dataset_revision for entry in entries}.pop(), HfApi().model_info(name).sha,
]))
"""
EDIT = """
import sys
from huggingface_hub import HfApi, hf_hub_download

name, *pairs = sys.argv[1:]
text = open(hf_hub_download(name, "README.md"), encoding="utf-8", newline="").read()
for old, new in zip(pairs[::2], pairs[1::2], strict=True):
    assert old in text
    text = text.replace(old, new, 1)
HfApi().upload_file(
    path_or_fileobj=text.encode(), path_in_repo="README.md", repo_id=name, commit_message="by hand"
)
print("null")
"""

Done = tuple[int, str, str]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Of an empty Hub, which the test may break."""
    with Hub() as hub:
        yield Client(hub, tmp_path)
        assert not hub.asked("unknown"), "clients ask for what the test Hub does not have"


@pytest.fixture
def model(client: Client) -> Repository:
    """A model on the Hub, with a card that people wrote."""
    folder = client.folder / "theirs"
    folder.mkdir()
    (folder / "README.md").write_bytes(THEIRS.encode())
    (folder / "model.safetensors").write_bytes(b"weights")
    client.hub.add_model(MODEL, folder)
    return client.hub.repositories["model", MODEL]


@pytest.fixture
def results(make_rows: MakeRows, write: Write) -> tuple[Path, Path]:
    """Results of one model, and better ones."""
    hub: dict[str, Any] = {"dataset": "org/gene-benchmark", "revision": COMMIT}
    return (
        write("old.parquet", make_rows("minilm", **hub)),
        write("new.parquet", make_rows("minilm", value=0.9, **hub)),
    )


def run(client: Client, *commands: list[object], **variables: str) -> list[Done]:
    """Run several commands in one process, which is quicker than one each."""
    words = [[str(word) for word in arguments] for arguments in commands]
    return [(*one,) for one in client.json(RUN, json.dumps(words), **variables)]


def words(result: Path, *more: object, out: str = "card") -> list[object]:
    return [result, "--model", "minilm", "--out", out, "--push", MODEL, *more]


def line_of(done: Done) -> str:
    """Return the line that a command ended with; what it did before may stand above."""
    assert done[0] == 2, done[2]
    (line,) = [line for line in done[2].splitlines() if "error:" in line]
    assert line.startswith("cards: error: ")
    assert done[2].strip().endswith(line)
    return line


def head(model: Repository) -> Mapping[str, bytes]:
    return {path: blob.data for path, blob in model.files("main").items()}


def test_push_edit_by_hand_push_again(
    client: Client, model: Repository, results: tuple[Path, Path]
) -> None:
    before = model.branches["main"]
    ((status, out, err),) = run(client, words(results[0]))
    assert status == 0, err
    assert f"wrote README.md, {PLOT}, {EVALUATION} to {MODEL}, commit " in err
    assert f"next: look at {client.hub.url}/{MODEL}" in err
    assert sent(client.hub).count("commit") == 1
    assert client.hub.asked("validate")
    assert model.commits[model.branches["main"]].parent == before
    assert f"{client.hub.url}/{MODEL}/tree/{model.branches['main']}" in out
    first = head(model)
    assert first["model.safetensors"] == b"weights"
    text = first["README.md"].decode()
    # Theirs, line by line and as a whole, with ours after it.
    theirs_head, theirs_body = THEIRS.split("---\n")[1:]
    assert text.startswith(f"---\n{theirs_head}model-index:\n")
    assert f"\n---\n{theirs_body}\n<!-- genezoo:results" in text
    assert first == {**first, **{path: (client.folder / "card" / path).read_bytes()
                                 for path in ("README.md", PLOT, EVALUATION)}}  # fmt: skip

    licence, index, entries, revision, sha = client.json(READ_BACK, MODEL, EVALUATION)
    assert (licence, revision, sha) == ("apache-2.0", COMMIT, model.branches["main"])
    assert set(entries) == {"genomics", "localization", "pairs"}
    assert {f"{family} roc_auc": value for family, value in entries.items()}.items() < index.items()
    assert "genomics spearmanr" in index

    hand = [
        ("since 2024", "since 2023, said by hand"),
        ("base_model:", "tags: [by-hand]\nbase_model:"),
        ("Their text,", "Their text, changed,"),
        ("<!-- /genezoo:results -->\n", "<!-- /genezoo:results -->\n\nA word below, by hand\n"),
    ]
    client.json(EDIT, MODEL, *(word for pair in hand for word in pair))
    edited = head(model)["README.md"].decode()
    assert edited != text
    ((status, _, err),) = run(client, words(results[1]))
    assert status == 0, err
    *_, entries, _, sha = client.json(READ_BACK, MODEL, EVALUATION)
    assert sha == model.branches["main"]
    assert set(entries.values()) == {0.9}
    again = head(model)["README.md"].decode()
    for _, new in hand:
        assert new.removeprefix("<!-- /genezoo:results -->\n") in again
    ours = "<!-- genezoo:results"
    assert (
        again.partition(ours)[0].partition("\n---\n")[2]
        == edited.partition(ours)[0].partition("\n---\n")[2]
    )
    end = "<!-- /genezoo:results -->"
    assert again.partition(end)[2] == edited.partition(end)[2] == "\n\nA word below, by hand\n"
    assert again.partition("model-index:")[0] == edited.partition("model-index:")[0]
    assert "| 0.900 |" in again

    # The same once more, from another folder: nothing is sent.
    client.hub.requests.clear()
    now, dry, pull = run(
        client,
        words(results[1]),
        words(results[1], "--dry-run", out="elsewhere"),
        words(results[1], "--pr", out="elsewhere"),
    )
    assert (now[0], dry[0], pull[0]) == (0, 0, 0)
    assert f"{MODEL} has all of this; nothing was sent" in now[2]
    assert f"{MODEL} has all of this; nothing was sent" in pull[2]
    assert sent(client.hub) == []
    local = (client.folder / "elsewhere" / "README.md").read_bytes().decode()
    assert local == again, "a folder without a card gets that of the Hub"
    assert "by hand" not in (client.folder / "card" / "README.md").read_text(encoding="utf-8")


def test_a_pull_request_on_the_model_of_others(
    client: Client, model: Repository, results: tuple[Path, Path]
) -> None:
    before = head(model)
    missing = [results[0], "--model", "minilm", "--out", "card", "--push", "org/x", "--pr"]
    none, first, again, other = run(
        client,
        missing,
        words(results[0], "--pr"),
        words(results[0], "--pr"),
        words(results[1], "--pr"),
    )
    assert "no model org/x on the Hub to open a pull request on; leave out --pr" in none[2]
    assert first[0] == again[0] == other[0] == 0, first[2]
    assert f"{client.hub.url}/{MODEL}/discussions/1\n" in first[1]
    assert "next: look at it there; its owners merge it" in first[2]
    assert "in an open pull request; nothing was sent" in again[2]
    assert head(model) == before, "main is theirs to change"
    assert list(model.pulls) == [1, 2]
    assert model.pulls[1].title == "Probing results of minilm"
    proposed = model.files("refs/pr/1")
    assert set(proposed) == {*before, PLOT, EVALUATION}
    model.branches["main"] = model.pulls[1].sha
    assert client.json(READ_BACK, MODEL, EVALUATION)[0] == "apache-2.0"


def test_a_dry_run_sends_and_writes_nothing(
    client: Client, model: Repository, results: tuple[Path, Path]
) -> None:
    new = [results[0], "--model", "minilm", "--out", "card", "--push", "org/new", "--dry-run"]
    dry, created = run(client, words(results[0], "--dry-run"), new)
    assert dry[0] == created[0] == 0
    assert f"changed  {client.hub.url}/{MODEL}: README.md" in dry[1]
    assert f"added    {client.hub.url}/{MODEL}: {EVALUATION}" in dry[1]
    assert "dry run: nothing was written or sent" in dry[2]
    assert created[2].endswith("; org/new would be created\n")
    assert sent(client.hub) == []
    assert not (client.folder / "card").exists()
    assert list(client.hub.repositories) == [("model", MODEL)]


def test_a_new_model(client: Client, results: tuple[Path, Path]) -> None:
    ((status, _, err),) = run(client, words(results[0], "--private"))
    assert status == 0, err
    assert f"created {MODEL}" in err
    text = head(client.hub.repositories["model", MODEL])["README.md"].decode()
    assert text.startswith("---\nmodel-index:\n")
    assert "\n---\n# minilm\n\n<!-- genezoo:results" in text


def test_what_goes_wrong_changes_nothing(
    client: Client, model: Repository, results: tuple[Path, Path]
) -> None:
    before = model.branches["main"]

    def another_commit() -> None:
        content = {**model.files("main"), "theirs.md": Blob(b"theirs", lfs=False)}
        model.branches["main"] = model.add_commit(content, model.branches["main"], "theirs")

    client.hub.fail("commit", 403)
    client.hub.fail("validate", 400)
    invalid, forbidden = run(client, words(results[0]), words(results[0]))
    assert "Invalid metadata in README.md" in line_of(invalid)
    assert f"cannot push to {MODEL}: " in line_of(forbidden)
    client.hub.fail("commit", RESET)
    (lost,) = run(client, words(results[0]))
    assert f"cannot push to {MODEL}: " in lost[2]
    assert {forbidden[0], lost[0], invalid[0]} == {2}
    assert model.branches["main"] == before
    client.hub.before("commit", another_commit)
    stale, again = run(client, words(results[0]), words(results[0]))
    assert "somebody else changed it just now; nothing was changed there" in stale[2]
    assert again[0] == 0
    assert head(model)["theirs.md"] == b"theirs"
    assert EVALUATION in head(model)


def test_edits_in_our_section_on_the_hub(
    client: Client, model: Repository, results: tuple[Path, Path]
) -> None:
    run(client, words(results[0]))
    client.json(EDIT, MODEL, "## Probing results", "## Probing results, as I see them")
    edited = head(model)
    shutil.rmtree(client.folder / "card")
    client.hub.requests.clear()
    refused, replaced = run(client, words(results[1]), words(results[1], "--replace"))
    line = line_of(refused)
    assert f"in {MODEL}/README.md was edited by hand" in line
    assert "--replace" in line
    assert replaced[0] == 0, replaced[2]
    assert sent(client.hub).count("commit") == 1
    assert b"as I see them" in edited["README.md"]
    assert b"as I see them" not in head(model)["README.md"]


def test_a_card_without_a_head(client: Client, make_rows: MakeRows, write: Write) -> None:
    """And nothing to add to it: the Hub warns, which is passed on, and takes it."""
    plain = client.folder / "plain"
    plain.mkdir()
    (plain / "README.md").write_bytes(b"# No head\n")
    client.hub.add_model(MODEL, plain)
    local = write("local.parquet", make_rows("minilm", revision="sha256:0123"))
    ((status, _, err),) = run(client, words(local))
    assert status == 0, err
    assert "note: Warnings while validating metadata in README.md: - empty or missing yaml" in err
    readme = head(client.hub.repositories["model", MODEL])["README.md"]
    assert readme.startswith(b"# No head\n\n<!-- genezoo:results")


def test_no_token(client: Client, model: Repository, results: tuple[Path, Path]) -> None:
    (done,) = run(client, words(results[0]), HF_TOKEN="")
    assert "no token for the Hub; run `hf auth login`" in done[2]
    assert done[0] == 2


# A local folder that is on the Hub as well.


@pytest.fixture(scope="module")
def probed(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real results of a control on the local sample."""
    from extractors.__main__ import command as extract
    from probes.__main__ import command as probe

    folder = tmp_path_factory.mktemp("probed")
    emb = folder / "random.parquet"
    source = str(sample_folder)
    assert extract(["--model", "random", "--dim", "8", "--input", source, "--out", str(emb)]) == 0
    tasks = [f"{source}/localization", f"{source}/gene2gene"]
    out = folder / "results.parquet"
    assert probe([str(emb), "--tasks", *tasks, "--folds", "3", "--out", str(out)]) == 0
    return out


def stated(probed: Path, *more: object) -> list[object]:
    return [probed, "--model", "random", "--out", "card", *more]


def test_a_local_copy_of_a_dataset(client: Client, sample_folder: Path, probed: Path) -> None:
    same = client.hub.add_dataset(DATASET, sample_folder, ["v1.0.0"])
    released = shutil.copytree(sample_folder, client.folder / "released")
    edit(released / "README.md", ("pretty_name: ", "# as published\npretty_name: "))
    commit = client.hub.add_dataset(DATASET, released)
    other = shutil.copytree(released, client.folder / "other")
    for path in (other / "localization").iterdir():
        pq.write_table(pq.read_table(path).slice(0, 400), path)
    client.hub.add_dataset("org/other", other)
    path = client.folder / "card/.eval_results/genezoo-org--gene-benchmark-sample.yaml"

    wrong, unknown, several, exact = run(
        client,
        stated(probed, "--dataset-id", "org/other"),
        stated(probed, "--dataset-id", f"{DATASET}@v9"),
        stated(probed, "--dataset-id", f"else={DATASET}"),
        stated(probed, "--dataset-id", f"{DATASET}@v1.0.0"),
    )
    assert "is not the task that org/other@" in line_of(wrong)
    assert "(entities: 5" in line_of(wrong)
    assert f"cannot get dataset {DATASET}@v9 from the Hub" in unknown[2]
    assert "unknown local dataset of the results 'else'" in line_of(several)
    assert exact[0] == 0, exact[2]
    text = path.read_text(encoding="utf-8")
    assert f"revision: {same}" in text
    assert "genezoo; the same files (sha256:" in text
    benchmark = shutil.copytree(released, client.folder / "benchmark")
    (benchmark / "eval.yaml").write_text("tasks:\n- id: localization\n", encoding="utf-8")
    pushed = [*stated(probed, "--dataset-id", DATASET), "--push", MODEL]
    (published,) = run(client, pushed)
    assert published[0] == 0, published[2]
    assert f"cannot see whether {DATASET}@{commit[:12]} is a benchmark" in published[2]
    text = path.read_text(encoding="utf-8")
    assert f"revision: {commit}" in text
    assert "folds equal those of a local copy (sha256:" in text
    assert text.count("task_id") == 2
    at = client.hub.add_dataset(DATASET, benchmark)
    (declared,) = run(client, pushed)
    assert f"eval.yaml of {DATASET}@{at[:12]} has no task gene2gene: the Hub may" in declared[2]


def test_the_commands_in_the_card_make_it_again(
    client: Client, sample_folder: Path, probed: Path
) -> None:
    (done,) = run(client, stated(probed))
    assert done[0] == 0, done[2]
    first = client.folder / "card"
    readme = (first / "README.md").read_text(encoding="utf-8")
    lines = readme.partition("```bash\n")[2].partition("```")[0]
    assert "--folds 3" in lines
    place = client.folder / "again"
    place.mkdir()
    script = f"""set -e
    run() {{ module=$1; shift; {json.dumps(sys.executable)} -m $module "$@"; }}
    publish() {{ run hf_datasets "$@"; }}; extract() {{ run extractors "$@"; }}
    probe() {{ run probes "$@"; }}; cards() {{ run cards "$@"; }}
    cd {json.dumps(str(place))}
    {lines}"""
    client.json(
        "import subprocess, sys; subprocess.run(['bash', '-c', sys.argv[1]], check=True, "
        "stdout=subprocess.DEVNULL); print('null')",
        script,
    )
    again = (place / "card" / "README.md").read_text(encoding="utf-8")
    tables = [
        [line for line in text.splitlines() if line.startswith("|")] for text in (readme, again)
    ]
    assert tables[0] == tables[1]
    assert len(tables[0]) == 4
    digests = [line for line in lines.splitlines() if line.startswith("# random.parquet: sha256")]
    assert digests
    assert set(digests) <= set(again.splitlines()), "the very bytes of the embeddings"
