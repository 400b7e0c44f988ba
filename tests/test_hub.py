"""Datasets, embeddings and models from a Hub: the real clients against a Hub on loopback.

`huggingface_hub` reads its settings once, on import, so every client runs in a process of its
own. A run prints neither a traceback nor the token, whatever happens: `Client.run` sees to it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
import pytest
from hub_client import Client, error_line
from hub_routes import TOKEN
from hub_server import ALWAYS, RESET, Hub
from hub_store import PullRequest

from extractors.store import read_provenance
from hf_datasets.build import build_dataset
from hf_datasets.reference import parse_reference
from hf_datasets.registry import dataset_record
from hf_datasets.sample.builder import class_names

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = "org/gene-benchmark-sample"
LOCALIZATION = "localization/train-00000-of-00001.parquet"
UNSAFE = (".py", ".pkl", ".bin")

LOAD = """
import json, sys
from hf_datasets import load_dataset
from hf_datasets.errors import InputError

found = {}
for version in json.loads(sys.argv[2]):
    try:
        table = load_dataset(sys.argv[1], "localization", version=version, split="train")
    except InputError as error:
        found[str(version)] = str(error)
        continue
    found[str(version)] = {
        "secreted": table["secreted"][:],
        "locations": table.features["subcellular_location"].feature.names,
        "names": table.features["secreted"].names,
    }
print(json.dumps(found))
"""
PLAIN_LOAD = """
import json, sys
from datasets import load_dataset

table = load_dataset(sys.argv[1], "localization", revision="v1.0.0", split="train")
stream = load_dataset(sys.argv[1], "localization", revision="v1.0.0", split="train", streaming=True)
print(json.dumps([table["secreted"][:], table.features["secreted"].names, next(iter(stream))]))
"""
PUSH = """
import json, sys
from huggingface_hub import CommitOperationAdd, HfApi

api, (repo, path) = HfApi(), sys.argv[1:]
api.create_repo(repo, repo_type="dataset")
parent = api.repo_info(repo, repo_type="dataset").sha
done = api.create_commit(
    repo, [CommitOperationAdd("embeddings.parquet", path)], repo_type="dataset",
    commit_message="Add embeddings", parent_commit=parent,
)
api.create_tag(repo, tag="v1", repo_type="dataset")
print(json.dumps([api.whoami()["name"], done.oid]))
"""
PULL_REQUEST = """
import json, sys
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, HfFileSystem
from huggingface_hub.errors import HfHubHTTPError

api, repo, kind = HfApi(), "org/pushed", {"repo_type": "dataset"}
api.create_repo(repo, **kind)
api.create_repo(repo, exist_ok=True, **kind)
empty = api.repo_info(repo, **kind).sha

def commit(*operations, **options):
    return api.create_commit(repo, operations, commit_message="m", **kind, **options)

commit(CommitOperationAdd("a.parquet", b"0123456789"), CommitOperationAdd("b/c.txt", b"c"))
try:
    commit(CommitOperationAdd("late.txt", b"late"), parent_commit=empty)
except HfHubHTTPError as error:
    stale = error.response.status_code
pull = commit(
    CommitOperationDelete("b/c.txt"), CommitOperationAdd("d.txt", b"d"), create_pr=True
)
before = api.list_repo_files(repo, **kind)
there = api.list_repo_files(repo, revision=pull.pr_revision, **kind)
api.merge_pull_request(repo, pull.pr_num, **kind)
api.create_branch(repo, branch="old", revision=empty, **kind)
refs = api.list_repo_refs(repo, include_pull_requests=True, **kind)
print(json.dumps({
    "stale": stale,
    "before": before,
    "there": there,
    "after": api.list_repo_files(repo, **kind),
    "old": api.list_repo_files(repo, revision="old", **kind),
    "branches": [branch.name for branch in refs.branches],
    "pulls": [pull.ref for pull in refs.pull_requests],
    "commits": len(api.list_repo_commits(repo, **kind)),
    "part": HfFileSystem().read_block(f"datasets/{repo}/a.parquet", 3, 4).decode(),
    "sizes": [info.size for info in api.get_paths_info(repo, ["a.parquet", "b"], **kind)],
}))
"""
CHECKPOINT = """
import json, sys
from extractors.checkpoints import find_checkpoint
from extractors.model import Settings
from extractors.registry import model_record
from hf_datasets.command import run_command

def main(argv):
    name, revision = json.loads(argv[0])
    found = find_checkpoint(model_record(name), Settings(revision=revision))
    print(json.dumps([str(found.folder), found.revision, found.weights]))
    return 0

sys.exit(run_command("find", main, None))
"""
EMBEDDINGS = """
import sys
from extractors.store import load_embeddings
from hf_datasets.command import run_command

sys.exit(run_command("load", lambda argv: load_embeddings(argv[0]), None))
"""
EXTRACT_ALL = """
import json, sys
from extractors.__main__ import command

print(json.dumps([command(arguments) for arguments in json.loads(sys.argv[1])]))
"""


def edited(built: Path, folder: Path) -> Path:
    """Copy a built sample as its next version, in which `secreted` says the opposite."""
    shutil.copytree(built, folder)
    table = pq.read_table(built / LOCALIZATION)
    flipped = pa.array([None if v is None else 1 - v for v in table["secreted"].to_pylist()])
    place = table.column_names.index("secreted")
    changed = table.set_column(place, table.schema.field("secreted"), flipped.cast(pa.int64()))
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), folder / LOCALIZATION)
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(text.replace("version: 1.0.0", "version: 1.1.0"), encoding="utf-8")
    return folder


def secreted(folder: Path) -> list[int | None]:
    values: list[int | None] = pq.read_table(folder / LOCALIZATION)["secreted"].to_pylist()
    return values


@dataclass(frozen=True)
class Versions:
    """Two versions of the sample, as folders."""

    old: Path
    new: Path

    def serve(self, hub: Hub) -> tuple[str, str]:
        """Serve the old one with the tag v1.0.0 and the new one as main; return their commits."""
        return hub.add_dataset(SAMPLE, self.old, ["v1.0.0"]), hub.add_dataset(SAMPLE, self.new)


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    folder = tmp_path_factory.mktemp("sample")
    build_dataset(dataset_record("gene-benchmark-sample"), folder / "old")
    return Versions(folder / "old", edited(folder / "old", folder / "new"))


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory, versions: Versions) -> Iterator[Client]:
    """Of a Hub that has both versions of the sample; it may be added to."""
    with Hub() as hub:
        versions.serve(hub)
        hub.add_dataset("org/gated", versions.old, gated=True)
        yield Client(hub, tmp_path_factory.mktemp("client"))
        assert not hub.asked("unknown"), "clients ask for what the test Hub does not have"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Client]:
    """Of a Hub without anything, which the test may break or stop."""
    with Hub() as hub:
        yield Client(hub, tmp_path)


@pytest.fixture(scope="session")
def embeddings(client: Client) -> Path:
    """Random vectors for the genes of the served sample."""
    out = client.folder / "random.parquet"
    done = client.extract(
        "--model", "random", "--dim", "16", "--input", f"{SAMPLE}/genes", "--out", str(out)
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def scores(client: Client, embeddings: Path) -> pa.Table:
    """Results of the random vectors on the pinned tasks."""
    return client.probe(embeddings.name, "--tasks", f"{SAMPLE}@v1.0.0/localization")


def served(client: Client, name: str, revision: str = "main") -> str:
    return client.hub.repositories["dataset", name].resolve(revision)


def of_task(results: pa.Table, column: str) -> pa.Table:
    found = results.filter(pa.compute.ends_with(results["task"], f"/localization/{column}"))
    assert len(found)
    return found


def values(results: pa.Table) -> list[tuple[Any, ...]]:
    names = ("task", "label", "probe", "repeat", "fold", "metric", "n_test", "value")
    return sorted(zip(*(results[name].to_pylist() for name in names), strict=True), key=repr)


def plain_values(results: pa.Table) -> list[tuple[Any, ...]]:
    """Return the values without the tasks' paths, which differ from place to place."""
    return sorted((row[1:] for row in values(results)), key=repr)


def test_the_hub_itself(client: Client) -> None:
    """If it were too kind, the tests below would mean little."""
    found = client.json(PULL_REQUEST)
    assert found.pop("stale") == 412
    assert found == {
        "before": ["a.parquet", "b/c.txt"],
        "there": ["a.parquet", "d.txt"],
        "after": ["a.parquet", "d.txt"],
        "old": [],
        "branches": ["main", "old"],
        "pulls": ["refs/pr/1"],
        "commits": 3,
        "part": "3456",
        "sizes": [10],
    }
    assert 206 in {request.status for request in client.hub.requests}


# Datasets.


def test_dataset_by_tag_and_newest(client: Client, versions: Versions) -> None:
    found = client.json(LOAD, SAMPLE, json.dumps([None, "v1.0.0", "main"]))
    assert found["v1.0.0"]["secreted"] == secreted(versions.old)
    assert found["None"]["secreted"] == secreted(versions.new) != secreted(versions.old)
    assert found["main"] == found["None"]
    for table in found.values():
        assert table["names"] == ["no", "yes"]
        assert table["locations"] == class_names("subcellular_location", "labels")


def test_plain_datasets_reads_it_too(client: Client, versions: Versions) -> None:
    column, names, first = client.json(PLAIN_LOAD, SAMPLE)
    assert column == secreted(versions.old)
    assert names == ["no", "yes"]
    assert first["secreted"] == column[0]


def test_pinned_version_offline(fresh: Client, versions: Versions) -> None:
    old, new = versions.serve(fresh.hub)
    online = fresh.json(LOAD, SAMPLE, json.dumps(["v1.0.0", "main"]))
    fresh.hub.stop()
    # Told to stay offline, or simply without a connection; there, the client tries a commit that
    # it has not for 23 seconds.
    for offline, unknown in ("1", ["v9", "f" * 40]), ("0", ["v9"]):
        wanted = json.dumps(["v1.0.0", "main", old, new, *unknown])
        found = fresh.json(LOAD, SAMPLE, wanted, HF_HUB_OFFLINE=offline)
        assert found["v1.0.0"] == found[old] == online["v1.0.0"]
        assert found["main"] == found[new] == online["main"]
        assert found["v1.0.0"]["secreted"] == secreted(versions.old) != found["main"]["secreted"]
        for revision in unknown:
            assert f"cannot get dataset {SAMPLE}@{revision}" in found[revision]
            assert "\n" not in found[revision]


def test_half_a_download_is_no_dataset(fresh: Client, versions: Versions) -> None:
    fresh.hub.add_dataset(SAMPLE, versions.old)
    fresh.hub.fail("resolve", RESET)
    run = ("--model", "random", "--input", f"{SAMPLE}/genes", "--out", "e.parquet")
    assert "disconnected" in error_line(fresh.extract(*run))
    assert any("/genes/" in path for path in fresh.hub.asked("resolve"))
    assert "cannot get dataset" in error_line(fresh.extract(*run, HF_HUB_OFFLINE="1"))
    assert fresh.extract(*run).returncode == 0
    assert len(pq.read_table(fresh.folder / "e.parquet")) == 517


def test_input_names_dataset_and_commit(client: Client, embeddings: Path) -> None:
    described = read_provenance(pq.read_schema(embeddings))["input"]
    assert described["dataset"] == SAMPLE
    assert described["revision"] == served(client, SAMPLE)
    assert (described["config"], described["rows"]) == ("genes", 517)
    assert TOKEN.encode() not in embeddings.read_bytes()


def test_tasks_at_a_version(client: Client, scores: pa.Table, versions: Versions) -> None:
    assert set(scores["revision"].to_pylist()) == {served(client, SAMPLE, "v1.0.0")}
    assert set(scores["dataset"].to_pylist()) == {SAMPLE}
    both = {f"{SAMPLE}/localization/{task}" for task in ("secreted", "subcellular_location")}
    assert set(scores["task"].to_pylist()) == both
    local = client.probe("random.parquet", "--tasks", f"{versions.old}/localization/secreted")
    assert plain_values(of_task(scores, "secreted")) == plain_values(local)


@pytest.mark.parametrize("revision", ["v1.0.0", "f" * 40, "refs/pr/12"])
def test_path_goes_on_behind_a_revision(revision: str) -> None:
    found = parse_reference(f"org/name@{revision}/table/column/label/with/slashes")
    assert (found.name, found.kind, found.revision) == ("org/name", "hub", revision)
    assert found.parts == ("table", "column", "label/with/slashes")
    assert parse_reference(f"org/name@{revision}").parts == ()


def test_tasks_of_a_pull_request(client: Client, scores: pa.Table) -> None:
    """As a reviewer has it: nothing is merged, and the path goes on behind the revision."""
    sha = served(client, SAMPLE, "v1.0.0")
    client.hub.repositories["dataset", SAMPLE].pulls[1] = PullRequest(sha, "A new task")
    task = f"{SAMPLE}@refs/pr/1/localization/secreted"
    results = client.probe("random.parquet", "--tasks", task)
    assert set(results["revision"].to_pylist()) == {sha}
    assert values(results) == values(of_task(scores, "secreted"))


def test_a_strangers_dataset(client: Client, embeddings: Path) -> None:
    """No registration, class names in the card alone, and a script of the old kind beside it."""
    folder = client.folder / "odd-genes"
    (folder / "data").mkdir(parents=True)
    symbols = pq.read_table(embeddings)["id"].to_pylist()[:80]
    labels = [number % 3 % 2 for number in range(80)]
    table = pa.table({"symbol": symbols, "column": pa.array(labels, pa.int64())})
    pq.write_table(table, folder / "data" / "a.parquet")
    (folder / "odd-genes.py").write_text("open('ran', 'w')\n", encoding="utf-8")
    (folder / "README.md").write_text(
        """---
configs:
- config_name: table
  data_files: data/a.parquet
dataset_info:
- config_name: table
  features:
  - {name: symbol, dtype: string}
  - name: column
    dtype: {class_label: {names: {'0': plain, '1': odd}}}
---
""",
        encoding="utf-8",
    )
    sha = client.hub.add_dataset("stranger/odd-genes", folder)
    results = client.probe(str(embeddings), "--tasks", "stranger/odd-genes/table/column")
    assert set(results["task"].to_pylist()) == {"stranger/odd-genes/table/column"}
    assert set(results["task_type"].to_pylist()) == {"binary"}
    assert set(results["revision"].to_pylist()) == {sha}
    assert set(results["coverage"].to_pylist()) == {1.0}
    assert not list(client.folder.rglob("ran"))


@pytest.mark.parametrize("target", ["/genes.parquet", "../genes.parquet"])
def test_a_card_that_points_out_of_its_dataset(
    client: Client, versions: Versions, tmp_path: Path, target: str
) -> None:
    """What lies there is somebody's own file, and no revision says what is in it."""
    genes = versions.old / "genes" / "train-00000-of-00001.parquet"
    cache = client.folder / "home" / "hub" / "datasets--stranger--pointer" / "snapshots"
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copy(genes, cache / "genes.parquet")
    place = target if target.startswith("..") else str(cache / "genes.parquet")
    card = f"---\nconfigs:\n- {{config_name: genes, data_files: {place}}}\n---\n"
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    client.hub.add_dataset("stranger/pointer", tmp_path)
    done = client.extract("--model", "random", "--input", "stranger/pointer", "--out", "x")
    assert "outside the dataset" in error_line(done)


# Embeddings.


def test_embeddings_by_dataset_name(client: Client, embeddings: Path, scores: pa.Table) -> None:
    name, sha = client.json(PUSH, "org/embeddings-random", str(embeddings))
    assert name == "tester"
    assert sha == served(client, "org/embeddings-random")
    pulled = client.probe("org/embeddings-random", "--tasks", f"{SAMPLE}@v1.0.0/localization")
    assert values(pulled) == values(scores)
    assert set(pulled["embedding"].to_pylist()) == {"org/embeddings-random"}
    assert set(pulled["model"].to_pylist()) == {"random"}
    text = pulled.schema.metadata[b"genezoo"].decode()
    assert sha in text
    assert "org/embeddings-random" in text


def test_embeddings_at_a_tag(client: Client, embeddings: Path, scores: pa.Table) -> None:
    folder = client.folder / "tagged"
    folder.mkdir()
    shutil.copy(embeddings, folder)
    old = client.hub.add_dataset("org/tagged", folder, ["v1"])
    table = pq.read_table(embeddings)
    pq.write_table(table.slice(0, 100), folder / embeddings.name)
    new = client.hub.add_dataset("org/tagged", folder)
    tasks = ("--tasks", f"{SAMPLE}@v1.0.0/localization/secreted")
    results = client.probe("org/tagged@v1", "org/tagged", *tasks)
    first = pa.compute.equal(results["embedding"], "org/tagged@v1")
    assert values(results.filter(first)) == values(of_task(scores, "secreted"))
    newest = results.filter(pa.compute.invert(first))
    assert max(newest["coverage"].to_pylist()) < 0.5
    text = results.schema.metadata[b"genezoo"].decode()
    assert old in text
    assert new in text


# What goes wrong.


@pytest.mark.parametrize(
    ("name", "said", "token"),
    [
        ("org/missing", "Repository Not Found", TOKEN),
        ("org/missing", "Repository Not Found", ""),
        ("org/gated", "gated", TOKEN),
        ("org/gated", "gated", ""),
        (f"{SAMPLE}@v9", "Revision Not Found", TOKEN),
        (f"{SAMPLE}/no-such-table", "no-such-table", TOKEN),
    ],
)
def test_not_to_be_had(client: Client, tmp_path: Path, name: str, said: str, token: str) -> None:
    out = tmp_path / "out"
    done = client.extract("--model", "random", "--input", name, "--out", str(out), HF_TOKEN=token)
    line = error_line(done)
    assert said in line
    assert name.partition("/no-")[0] in line
    assert not out.exists()


@pytest.mark.parametrize(("status", "said"), [(503, "503"), (RESET, "disconnected"), (None, "")])
def test_hub_in_trouble(fresh: Client, versions: Versions, status: int | None, said: str) -> None:
    versions.serve(fresh.hub)
    if status is None:
        fresh.hub.stop()
    else:
        fresh.hub.fail("info", status, ALWAYS)
    done = fresh.extract("--model", "random", "--input", f"{SAMPLE}@v1.0.0", "--out", "x")
    line = error_line(done)
    assert f"cannot get dataset {SAMPLE}@v1.0.0" in line
    assert said in line


def test_hub_that_fails_once(fresh: Client, versions: Versions) -> None:
    versions.serve(fresh.hub)
    for kind in "tree", "resolve":
        fresh.hub.fail(kind, 503)
    found = fresh.json(LOAD, SAMPLE, json.dumps(["v1.0.0"]))
    assert found["v1.0.0"]["secreted"] == secreted(versions.old)
    failed = [request.kind for request in fresh.hub.requests if request.status == 503]
    assert failed == ["tree", "resolve"]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (CHECKPOINT, json.dumps(["text:org/missing", None])),
        (EMBEDDINGS, "org/missing"),
    ],
)
def test_no_such_model_or_embeddings(client: Client, code: str, name: str) -> None:
    line = error_line(client.run("-c", code, name))
    assert "cannot get" in line
    assert "org/missing" in line


# Models.


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random sentence-transformers model with things beside it that nobody should fetch."""
    from checkpoints import save_checkpoint

    folder = save_checkpoint(tmp_path_factory.mktemp("checkpoint"))
    (folder / "vocab.txt").write_text("gene\nkinase\n", encoding="utf-8")
    (folder / "code").mkdir()
    for name in "evil.py", "code/setup.py":
        (folder / name).write_text("open('ran', 'w')\n\nclass Evil: ...\n", encoding="utf-8")
    for name in "evil.pkl", "pytorch_model.bin", "1_Pooling/evil.pkl":
        (folder / name).write_bytes(b"cposix\nsystem\n(S'touch ran'\ntR.")
    return folder


def fetched(client: Client, name: str) -> set[str]:
    start = f"/{name}/resolve/"
    paths = [path for path in client.hub.asked("resolve") if path.startswith(start)]
    return {path.removeprefix(start).partition("/")[2] for path in paths}


def test_model_repository(client: Client, checkpoint: Path, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    shutil.copytree(checkpoint, evil)
    modules = json.loads((evil / "modules.json").read_text(encoding="utf-8"))
    modules[1]["type"] = "evil.Evil"
    (evil / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    sha = client.hub.add_model("org/tiny", checkpoint)
    client.hub.add_model("org/evil", evil)
    table = client.folder / "genes.csv"
    table.write_text("symbol,description\nA1,zinc finger\nB2,a nuclear kinase\n", encoding="utf-8")
    models = ("text:org/tiny", "text:org/evil", f"text:{evil}")
    done = client.run(
        "-c", EXTRACT_ALL,
        json.dumps([
            ["--model", model, "--input", str(table), "--out", f"text-{number}.parquet"]
            for number, model in enumerate(models)
        ]),
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1]) == [0, 2, 2], done.stderr
    assert done.stderr.count("names evil.Evil, which is not run") == 2
    assert not list(client.folder.rglob("ran"))
    out = pq.read_table(client.folder / "text-0.parquet")
    assert out["id"].to_pylist() == ["A1", "B2"]
    assert out["error"].null_count == 2
    provenance = read_provenance(out.schema)
    assert provenance["hub_id"] == "org/tiny"
    assert provenance["encoder"]["revision"] == sha
    digest = hashlib.sha256((checkpoint / "model.safetensors").read_bytes()).hexdigest()
    assert provenance["encoder"]["weights"] == [f"sha256:{digest}"]
    assert {"model.safetensors", "modules.json", "vocab.txt"} < fetched(client, "org/tiny")
    for name in "org/tiny", "org/evil":
        assert not [path for path in fetched(client, name) if path.endswith(UNSAFE)]


def test_model_of_old_weights_alone(client: Client, checkpoint: Path, tmp_path: Path) -> None:
    """Without safetensors the .bin is fetched, and still neither code nor other pickles."""
    old = tmp_path / "old"
    shutil.copytree(checkpoint, old, ignore=shutil.ignore_patterns("*.safetensors"))
    sha = client.hub.add_model("org/old", old, ["v1"])
    digest = hashlib.sha256((old / "pytorch_model.bin").read_bytes()).hexdigest()
    (old / "pytorch_model.bin").write_bytes(b"newer")
    client.hub.add_model("org/old", old)
    asked = json.dumps(["text:org/old", "v1"])
    folder, *found = client.json(CHECKPOINT, asked)
    assert found == [sha, [digest]]
    unsafe = {path for path in fetched(client, "org/old") if path.endswith(UNSAFE)}
    assert unsafe == {"pytorch_model.bin"}
    assert not list(Path(folder).rglob("evil*"))
    assert client.json(CHECKPOINT, asked, HF_HUB_OFFLINE="1") == [folder, *found]


def test_model_of_mixed_weights(client: Client, checkpoint: Path, tmp_path: Path) -> None:
    """The .bin of a module that has no safetensors is fetched and counted, no other one is."""
    mixed = tmp_path / "mixed"
    shutil.copytree(checkpoint, mixed)
    modules = json.loads((mixed / "modules.json").read_text(encoding="utf-8"))
    modules.append({"idx": 9, "name": "9", "path": "2_Dense", "type": modules[0]["type"]})
    (mixed / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (mixed / "2_Dense").mkdir()
    (mixed / "2_Dense/pytorch_model.bin").write_bytes(b"dense")
    client.hub.add_model("org/mixed", mixed)
    _, _, digests = client.json(CHECKPOINT, json.dumps(["text:org/mixed", None]))
    files = [mixed / "model.safetensors", mixed / "2_Dense/pytorch_model.bin"]
    assert sorted(digests) == sorted(hashlib.sha256(f.read_bytes()).hexdigest() for f in files)
    unsafe = {path for path in fetched(client, "org/mixed") if path.endswith(UNSAFE)}
    assert unsafe == {"2_Dense/pytorch_model.bin"}


def test_a_broken_connection_is_bridged_from_the_cache_and_said(
    fresh: Client, versions: Versions
) -> None:
    versions.serve(fresh.hub)
    words = ["--model", "random", "--input", f"{SAMPLE}@v1.0.0", "--out"]
    assert fresh.extract(*words, "before.parquet").returncode == 0
    fresh.hub.fail("info", RESET, ALWAYS)
    done = fresh.extract(*words, "after.parquet")
    assert done.returncode == 0, done.stderr
    assert "the Hub does not answer" in done.stderr
    before, after = ((fresh.folder / f"{name}.parquet") for name in ("before", "after"))
    assert before.read_bytes() == after.read_bytes()
