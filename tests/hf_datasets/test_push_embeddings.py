"""`publish push emb.parquet`: pushed by the real client, pulled back by `probe`, and its card."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hub_client import Client, error_line
from hub_push import files, push, push_one, refusal, repository, sent, text
from hub_server import Hub
from hub_store import Blob

from extractors.store import embedding_schema
from hf_datasets.publishing import embeddings as module
from hf_datasets.publishing.embeddings import is_embedding_table, read_embeddings, shards

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "org/embeddings-noise"
FILE = "data/train-00000-of-00001.parquet"
LOAD = """
import json, sys
from datasets import load_dataset

rows = load_dataset(sys.argv[1], revision=sys.argv[2], split="train").with_format("numpy")
print(json.dumps([len(rows), rows[0]["id"], rows[0]["embedding"].tolist(), str(rows.features)]))
"""
SMALL_SHARDS = """
import sys
from hf_datasets.publishing import embeddings
from hf_datasets.__main__ import command

embeddings.LARGEST, embeddings.SHARD_BYTES = 1, int(sys.argv[1])
sys.exit(command(["push", *sys.argv[2:]]))
"""


@pytest.fixture(scope="module")
def table(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors that `extract` wrote, in a process of its own."""
    folder = tmp_path_factory.mktemp("embeddings")
    with Hub() as hub:
        out = folder / "noise.parquet"
        words = ("--model", "random", "--dim", "16", "--input", f"{sample_folder}/genes")
        done = Client(hub, folder).extract(*words, "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Hub() as hub:
        yield Client(hub, tmp_path)
        assert not hub.asked("unknown")


def written(path: Path, rows: dict[str, list[Any]], provenance: dict[str, Any]) -> Path:
    """Write a table in the form of `extract`, two numbers a vector."""
    count = len(rows["id"])
    whole: dict[str, list[Any]] = {
        "n_tokens": [3] * count, "truncated": [False] * count, "error": [None] * count, **rows
    }  # fmt: skip
    schema = embedding_schema(2, "float32", provenance)
    pq.write_table(pa.table({name: whole[name] for name in schema.names}, schema=schema), path)
    return path


def numbers(results: pa.Table) -> list[tuple[Any, ...]]:
    names = ("task", "label", "metric", "repeat", "fold", "n_test", "value")
    return sorted(zip(*(results[name].to_pylist() for name in names), strict=True), key=repr)


@pytest.mark.parametrize("shard_bytes", [None, 15_000])
def test_pushed_and_pulled_back(
    client: Client, sample_folder: Path, table: Path, shard_bytes: int | None
) -> None:
    """In one file, and in shards: the same scores as from the local file, to the last digit."""
    if shard_bytes is None:
        done = client.run("-m", "hf_datasets", "push", str(table), "--to", NAME)
        assert files(client, name=NAME)[FILE].data == table.read_bytes()
    else:
        done = client.run("-c", SMALL_SHARDS, str(shard_bytes), str(table), "--to", NAME)
        there = sorted(path for path in files(client, name=NAME) if path.endswith(".parquet"))
        count = -(-table.stat().st_size // shard_bytes)
        assert there == [f"data/train-{n:05}-of-{count:05}.parquet" for n in range(count)]
        assert count > 1
    assert done.returncode == 0, done.stderr
    assert f"next: probe {NAME}@v1.0.0 --tasks gene-benchmark-sample" in done.stderr
    assert sent(client.hub).count("commit") == sent(client.hub).count("ref") == 1
    sha = repository(client, NAME).tags["v1.0.0"]
    assert sha == repository(client, NAME).branches["main"]
    assert not [path for path in table.parent.iterdir() if path.name.startswith(".shards")]

    tasks = ("--tasks", f"{sample_folder}/localization/secreted")
    pulled = client.probe(f"{NAME}@v1.0.0", *tasks)
    local = client.probe(str(table), *tasks)
    assert numbers(pulled) == numbers(local)
    assert set(pulled["embedding"].to_pylist()) == {f"{NAME}@v1.0.0"}
    provenance = pulled.schema.metadata[b"genezoo"].decode()
    assert f'"revision": "{sha}"' in provenance.replace('":"', '": "')

    vectors = pq.read_table(table)
    rows, first, vector, features = client.json(LOAD, NAME, "v1.0.0")
    assert (rows, first) == (len(vectors), vectors["id"][0].as_py())
    assert vector == vectors["embedding"][0].as_py()
    assert "length=16" in features


def test_a_repeat_sends_nothing_and_a_version_never_changes(
    client: Client, table: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.parquet"
    cut = pq.read_table(table).slice(0, 400)
    provenance = json.loads(cut.schema.metadata[b"genezoo"])
    provenance["encoder"]["seed"] = 7
    pq.write_table(cut.replace_schema_metadata({"genezoo": json.dumps(provenance)}), other)
    dry, first, again, pull, taken, newer, newest = push(
        client,
        [table, "--to", NAME, "--dry-run"],
        [table, "--to", NAME],
        [table, "--to", NAME],
        [table, "--to", NAME, "--version", "1.0.0", "--pr"],
        [other, "--to", NAME],
        [other, "--to", NAME, "--version", "1.1.0"],
        [other, "--to", NAME],
    )
    assert f"added    {FILE}" in dry.out
    assert f"{NAME} would be created" in dry.err
    assert first.status == 0, first.err
    for done, tag in ((again, "v1.0.0"), (pull, "v1.0.0"), (newest, "v1.1.0")):
        assert f"{NAME} has all of this as {tag}; nothing was sent" in done.err
    assert "a version never changes: give a higher one as --version" in taken.line
    assert newer.status == 0, newer.err
    assert sent(client.hub).count("commit") == 2
    assert set(repository(client, NAME).tags) == {"v1.0.0", "v1.1.0"}
    changes = text(client, name=NAME).partition("## Changes\n\n")[2]
    assert changes.startswith("### 1.1.0\n\nSince 1.0.0:\n\n- `encoder.seed`: 0 → 7\n")
    assert "### 1.0.0\n\nFirst published version: 517 rows." in changes


def test_what_people_wrote_stays(client: Client, table: Path, tmp_path: Path) -> None:
    push_one(client, table, "--to", NAME)
    main = repository(client, NAME)
    readme = text(client, name=NAME).replace(
        "<!-- end of summary -->\n", "<!-- end of summary -->\n\nAsk me: me@example.org\n"
    )
    content = {**main.files("main"), "README.md": Blob(readme.encode(), lfs=False)}
    main.branches["main"] = main.add_commit(content, main.branches["main"], "Update README.md")
    newer = tmp_path / "newer.parquet"
    whole = pq.read_table(table)
    pq.write_table(whole.slice(0, 500), newer)
    (done,) = push(client, [newer, "--to", NAME, "--version", "1.0.1"])
    assert done.status == 0, done.err
    assert "Ask me: me@example.org" in text(client, name=NAME)
    assert "| rows | 500 |" in text(client, name=NAME)


def test_a_pull_request(client: Client, table: Path) -> None:
    none, _, pull = push(
        client,
        [table, "--to", NAME, "--pr"],
        [table, "--to", NAME],
        [table, "--to", NAME, "--version", "2.0.0", "--pr"],
    )
    assert "leave out --pr" in none.line
    assert f"review it as {NAME}@refs/pr/1" in pull.err
    assert list(repository(client, NAME).tags) == ["v1.0.0"]


def test_the_card_answers(client: Client, tmp_path: Path) -> None:
    provenance = {
        "model": "minilm", "name": "mine", "modality": "text", "hub_id": "org/minilm",
        "licence": "Apache-2.0", "citation": "arXiv:1908.10084",
        "encoder": {"revision": "1110a243", "weights": ["sha256:" + "5" * 64], "layer": 6,
                    "pooling": "mean", "dtype": "bfloat16", "long": "window", "max_tokens": 256},
        "input": {"dataset": "org/genes", "revision": "abc123", "config": "genes",
                  "column": "text"},
        "versions": {"torch": "2.13.0"},
    }  # fmt: skip
    rows: dict[str, list[Any]] = {
        "id": ["a", "b", "c"],
        "embedding": [[1.0, 2.0], [0.5, 1.5], None],
        "truncated": [True, False, False],
        "error": [None, None, "no <b>text</b> | at all"],
    }
    path = written(tmp_path / "emb.parquet", rows, provenance)
    done = push_one(client, path, "--to", NAME, "--description", "`x` | <script>alert(1)</script>")
    assert done.status == 0, done.err
    card = text(client, name=NAME)
    head = yaml.safe_load(card.split("---")[1])
    assert head["license"] == "apache-2.0"
    assert head["configs"][0]["version"] == "1.0.0"
    for line in (
        "| model | `minilm`, [org/minilm](https://huggingface.co/org/minilm) |",
        "| revision of the model | 1110a243 |",
        f"| digest of its weights | `sha256:{'5' * 64}` |",
        "| layer | 6 |",
        "| pooling | mean |",
        "| computed in | bfloat16 |",
        "| stored as | float32, 2 a vector |",
        "| input | `org/genes/genes` at `abc123`, column `text` |",
        "| rows | 3 |",
        "| rows without a vector | 1 |",
        "| rows cut short | 1 |",
        f"probe {NAME}@v1.0.0 --tasks org/genes --out results.parquet",
        "The model's weights: Apache-2.0.",
    ):
        assert line in card
    assert "<script>" not in card
    assert "<b>" not in card
    assert json.loads(text(client, "provenance.json", name=NAME)) == provenance


def test_not_among_the_tables_of_a_benchmark(
    client: Client, sample_folder: Path, table: Path
) -> None:
    _, refused = push(client, [sample_folder, "--to", NAME], [table, "--to", NAME])
    assert "is a dataset of other tables (genes, genomic-properties" in refused.line
    assert "--to ORG/embeddings-NAME" in refused.line


def test_shards_hold_every_row_once_and_the_same_bytes(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 1)
    monkeypatch.setattr(module, "SHARD_BYTES", table.stat().st_size // 4)
    monkeypatch.setattr(module, "BATCH_ROWS", 37)
    checked, runs = read_embeddings(table), []
    for _ in range(2):
        with shards(checked) as found:
            parts = [pq.read_table(path) for path in found.values()]
            runs.append([path.read_bytes() for path in found.values()])
    assert 4 <= len(parts) <= 6
    whole = pq.read_table(table)
    assert pa.concat_tables(parts).equals(whole)
    assert all(
        part.schema.metadata[b"genezoo"] == whole.schema.metadata[b"genezoo"] for part in parts
    )
    assert runs[0] == runs[1]


def test_what_is_wrong_is_said_before_anything_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good: dict[str, list[Any]] = {"id": ["a", "b"], "embedding": [[1.0, 2.0], [3.0, 4.0]]}
    odd: dict[str, list[Any]] = {**good, "embedding": [[1.0, np.nan], [3.0, 4.0]]}
    none: dict[str, list[Any]] = {**good, "embedding": [None, None], "error": ["x", "y"]}
    model = {"model": "m"}
    cases: dict[str, tuple[dict[str, list[Any]], dict[str, Any], str]] = {
        "twice": ({**good, "id": ["a", "a"]}, model, "has 1 ids more than once: a"),
        "nan": (odd, model, "NaN or infinite numbers: a"),
        "none": (none, model, "every row failed"),
        "empty": ({"id": [], "embedding": []}, model, "it has no row"),
        "mute": (good, {}, "has no readable provenance"),
    }
    for name, (rows, provenance, said) in cases.items():
        path = written(tmp_path / f"{name}.parquet", rows, provenance)
        assert said in refusal(capsys, path, "--to", NAME), name
    path = written(tmp_path / "fine.parquet", good, model)
    assert is_embedding_table(path)
    assert "--config is for a new task" in refusal(capsys, path, "--to", NAME, "--config", "x")
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), foreign)
    assert "does not say which model they are of" in refusal(capsys, foreign, "--to", NAME)


def test_half_a_set_of_shards_is_no_table(client: Client, sample_folder: Path, table: Path) -> None:
    for path in ("data/train-00000-of-00003.parquet", "data/train-00002-of-00003.parquet"):
        (client.folder / "half" / path).parent.mkdir(parents=True, exist_ok=True)
        (client.folder / "half" / path).write_bytes(table.read_bytes())
    client.hub.add_dataset("org/half", client.folder / "half")
    tasks = ("--tasks", f"{sample_folder}/localization/secreted")
    done = client.run("-m", "probes", "org/half", *tasks, "--out", "r.parquet")
    assert "org/half holds 2 Parquet files" in error_line(done)
