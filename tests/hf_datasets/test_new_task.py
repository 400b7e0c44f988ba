"""`publish push` of one task from a table: reading, typing, checking, and the card it joins."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hub_client import Client
from hub_push import (
    NAME,
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
from hub_server import Hub

from hf_datasets.errors import InputError
from hf_datasets.publishing.card import data_paths, parse_card, with_config, with_rows
from hf_datasets.publishing.labels import ordered, read_labels
from hf_datasets.sample.builder import read_rows
from hf_datasets.task import TaskType

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = "contributed/{}/train-00000-of-00001.parquet"
SYMBOLS = [row["symbol"] for row in read_rows("genes.tsv")]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, sample_folder: Path) -> Iterator[Client]:
    """Of a Hub that has the published sample; tests add to it under names of their own."""
    with Hub() as hub:
        client = Client(hub, tmp_path_factory.mktemp("client"))
        assert push_one(client, sample_folder, "--to", NAME).status == 0
        yield client
        assert not hub.asked("unknown"), "clients ask for what the test Hub does not have"


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def essential(folder: Path, count: int = 60) -> Path:
    labels = [f"{symbol},{'yes' if n % 3 else 'no'}" for n, symbol in enumerate(SYMBOLS[:count])]
    return write(folder / "essential.csv", "symbol,essential", *labels)


# Reading and typing.


@pytest.mark.parametrize(
    ("cells", "kind", "classes", "values"),
    [
        ("1 0 1 0", "binary", ("0", "1"), [1, 0, 1, 0]),
        ("yes no - yes", "multi-class", ("-", "no", "yes"), [2, 1, 0, 2]),
        ("b a c a b c", "multi-class", ("a", "b", "c"), [1, 0, 2, 0, 1, 2]),
        ("a|b b - a", "multi-label", ("a", "b"), [[0, 1], [1], [], [0]]),
        ("1.5 2 -3e2 0", "regression", (), [1.5, 2.0, -300.0, 0.0]),
    ],
)
@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet", "csv.gz"])
def test_types_are_inferred(  # noqa: PLR0917  a case in each of its parts
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cells: str, kind: str,
    classes: tuple[str, ...], values: list[Any], form: str,
) -> None:  # fmt: skip
    """In every format; the last row has no label, and no symbol becomes anything else."""
    labels = [*cells.split(), ""]
    symbols = ["NA", "MARCH1", "1-Mar", "SEPT9", "TP53", "EGFR", "MYC"][: len(labels)]
    path = tmp_path / f"task.{form}"
    separator = "\t" if form == "tsv" else ","
    lines = [
        separator.join(row) for row in [("symbol", "label"), *zip(symbols, labels, strict=True)]
    ]
    if form == "parquet":
        pq.write_table(pa.table({"symbol": symbols, "label": [x or None for x in labels]}), path)
    elif form == "jsonl":
        rows = zip(symbols, labels, strict=True)
        write(path, *(json.dumps({"symbol": s, "label": x or None}) for s, x in rows))
    elif form == "csv.gz":
        path.write_bytes(gzip.compress("\n".join(lines).encode()))
    else:
        write(path, *lines)
    explicit = TaskType.MULTI_CLASS if cells.startswith("yes") else None
    table = read_labels(path, None, explicit)
    assert (table.type.value, table.classes) == (kind, classes)
    assert table.columns == {"symbol": symbols, "label": [*values, None]}
    assert table.size == len(values)
    said = capsys.readouterr().err
    assert ("" if explicit else f"column 'label' is taken as {kind} (") in said
    loaded = table.dataset()
    assert loaded["label"][-1] is None
    assert loaded["label"][:-1] == values


def test_pairs_sequences_and_other_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = write(tmp_path / "p.csv", "symbol_a,symbol_b,note,bind", "A,B,x,yes", "B,A,y,no")
    table = read_labels(pairs, "bind", None)
    assert table.key == ("symbol_a", "symbol_b")
    assert table.entities == ["A", "B"]
    assert "columns left out: note" in capsys.readouterr().err
    ids = write(
        tmp_path / "s.tsv", "id\tsequence\tstable", "p1\tMKV\t0.5", "p2\tMAA\t1.5", "p3\tML\t2"
    )
    table = read_labels(ids, None, None)
    assert list(table.columns) == ["id", "sequence", "stable"]
    assert table.dataset().features["stable"].dtype == "float32"


def test_the_class_that_says_no_comes_first() -> None:
    assert ordered({"yes", "no"}) == ("no", "yes")
    assert ordered({"TF", "not TF"}) == ("not TF", "TF")
    assert ordered({"membrane", "non-membrane"}) == ("non-membrane", "membrane")
    assert ordered({"10", "9", "-1"}) == ("-1", "9", "10")
    assert ordered({"Nucleus", "Cytosol", "nodule"}) == ("Cytosol", "Nucleus", "nodule")


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        (["symbol,label"], {}, "has no rows"),
        (["gene,label", "A,1"], {}, "has no key column"),
        (["symbol", "A"], {}, "has no label column beside its key"),
        (["symbol,x,y", "A,1,2"], {}, r"several columns \(x, y\) .* name the labels with --col"),
        (["symbol,x", "A,1"], {"column": "z"}, "no column 'z'"),
        (["symbol,a b", "A,1", "B,2"], {}, "'a b' cannot name a task"),
        (["symbol,fold", "A,1", "B,2"], {"column": "fold"}, "'fold' cannot name a task"),
        (["symbol,x", "A,1", "B,1"], {}, r"one class only \(1\)"),
        (["symbol,x", "A,", "B,"], {}, "has no labels"),
        (["symbol,x", "A,1", "A,0"], {}, "1 of its symbol more than once: A; keep one"),
        (["symbol_a,symbol_b,x", "A,B,1", "A,B,0"], {}, r"more than once: A \+ B"),
        (["symbol,x", "A,1", ",0"], {}, r"has 1 rows without symbol \(row 2\)"),
        (["symbol,x", "A,1", "B,NaN", "C,0"], {}, "has 1 labels 'NaN'; leave a cell empty"),
        (["id,x", "A,1", "B,0"], {}, "has ids and no sequences"),
        (["symbol,x", "A,u", "B,v", "C,w"], {}, "3 different texts in 3 labels: no task type fits"),
        (["symbol,x", "A,u", "B,v", "C,w"], {"kind": TaskType.BINARY}, "3 classes .* binary needs"),
        (["symbol,x", "A,u", "B,2"], {"kind": TaskType.REGRESSION}, "that are no numbers: u"),
        (["symbol,x", "A,inf", "B,2"], {"kind": TaskType.REGRESSION}, "no numbers: inf"),
        (["symbol,x", "A,2", "B,2"], {"kind": TaskType.REGRESSION}, "has one value only"),
        (["symbol,x", "A,u||v", "B,v"], {}, r"has an empty label in 'u\|\|v'"),
        (["symbol,x", "A,1,2"], {}, "line 2 has 3 fields"),
    ],
)  # fmt: skip
def test_tables_that_do_not_do(
    tmp_path: Path, lines: list[str], options: dict[str, Any], said: str
) -> None:
    path = write(tmp_path / "task.csv", *lines)
    with pytest.raises(InputError, match=said):
        read_labels(path, options.get("column"), options.get("kind"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{csv}", "--to", NAME], "name it with --config, e.g. --config my-task"),
        (["{csv}", "--to", NAME, "--config", "data"], "config name 'data' does not work"),
        (["{csv}", "--to", NAME, "--config", "a/b"], "config name 'a/b' does not work"),
        (["{csv}", "--to", NAME, "--config", "x", "--licence", "CC BY"], "licence 'CC BY' is no"),
        (["{csv}", "--to", NAME, "--config", "x", "--type", "odd"], "invalid choice: 'odd'"),
        (["{csv}", "--to", NAME, "--config", "x", "--version", "1"], "'1' is not of the form"),
        (["{csv}s", "--to", NAME, "--config", "x"], "did you mean essential.csv?"),
    ],
)
def test_words_that_do_not_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    csv = essential(tmp_path)
    words = [word.format(csv=csv) for word in words]
    if "--type" in words:
        with pytest.raises(SystemExit, match="2"):
            refusal(capsys, *words)
        assert said in capsys.readouterr().err
        return
    assert said in refusal(capsys, *words)


# On the Hub.


def test_from_a_table_to_a_score(client: Client, tmp_path: Path) -> None:
    csv, config = essential(tmp_path, 120), "essentiality"
    before = text(client)
    dry, done, again = push(
        client,
        [csv, "--to", NAME, "--config", config, "--dry-run"],
        [csv, "--to", NAME, "--config", config, "--description", "Needed by cells?"],
        [csv, "--to", NAME, "--config", config],
    )
    assert f"added    {DATA.format(config)}" in dry.out
    assert done.status == 0, done.err
    assert "column 'essential' is taken as binary (2 values); --type overrides" in done.err
    assert f"{NAME} has all of this; nothing was sent" in again.err
    assert list(repository(client).tags) == ["v1.0.0"]
    row = "| `essentiality/essential` | binary | 120 | no, yes | 66.7% yes | cc0-1.0 |\n"
    last = "| `gene2gene/interacts` | binary | 238 | no, yes | 50.0% yes | cc0-1.0 |\n"
    entry = (
        f"- config_name: {config}\n  version: 1.0.0\n  data_files:\n"
        f"  - split: train\n    path: {DATA.format(config)}\n"
    )
    assert text(client).replace(row, "").replace(entry, "") == before
    assert last + row in text(client)
    sha = repository(client).branches["main"]
    assert load(client, (NAME, config, sha))[0][:2] == [120, {"symbol": SYMBOLS[0], "essential": 0}]
    made = client.extract("--model", "random", "--input", f"{NAME}/genes", "--out", "r.parquet")
    assert made.returncode == 0, made.stderr
    task = f"{NAME}@{sha}/{config}/essential"
    assert f"next: probe emb.parquet --tasks {task} --out results.parquet" in done.err
    scores = client.probe("r.parquet", "--tasks", task)
    assert set(scores["task"].to_pylist()) == {f"{NAME}/{config}/essential"}
    assert set(scores["coverage"].to_pylist()) == {1.0}


def test_a_release_keeps_what_others_contributed(
    client: Client, sample_folder: Path, tmp_path: Path
) -> None:
    name, csv = "org/kept", essential(tmp_path)
    newer = next_version(sample_folder, tmp_path / "newer")
    done = push(
        client,
        [sample_folder, "--to", name],
        [csv, "--to", name, "--config", "mine", "--version", "1.0.1"],
        [newer, "--to", name],
        [newer, "--to", name],
        [csv, "--to", name, "--config", "mine"],
    )
    assert [one.status for one in done] == [0] * 5, done
    assert "has all of this as v1.1.0; nothing was sent" in done[3].err
    assert "has all of this; nothing was sent" in done[4].err
    assert list(repository(client, name).tags) == ["v1.0.0", "v1.0.1", "v1.1.0"]
    card = text(client, name=name)
    assert list(parse_card(card.encode(), "").configs)[-1] == "mine"
    assert card.count("| `mine/essential` | binary | 60 | no, yes |") == 1
    assert "Since 1.0.1:\n\n- config `gene2gene` removed" in card
    assert load(client, (name, "mine", "v1.1.0"))[0][0] == 60


def test_a_config_that_is_there(client: Client, sample_folder: Path, tmp_path: Path) -> None:
    name, csv = "org/replaced", essential(tmp_path)
    words = ["--to", name, "--config", "gene2gene"]
    before, refused, done, clash, over = push(
        client,
        [sample_folder, "--to", name],
        [csv, *words],
        [csv, *words, "--replace"],
        [sample_folder, "--to", name, "--replace"],
        [csv, *words, "--replace", "--version", "1.0.0"],
    )
    assert before.status == done.status == 0
    assert f"{name} has a config gene2gene already, with other content" in refused.line
    assert "has all of this as v1.0.0" in clash.err
    assert "has v1.0.0 already, with other content" in over.line
    assert "gene2gene/train-00000-of-00001.parquet" not in files(client, name=name)
    card = text(client, name=name)
    assert "| `gene2gene/essential` | binary | 60 | no, yes |" in card
    assert "gene2gene/interacts" not in card
    assert load(client, (name, "gene2gene", "main"))[0][0] == 60


def test_a_new_repository_and_an_empty_one(client: Client, tmp_path: Path) -> None:
    pairs = write(
        tmp_path / "pairs.tsv",
        "symbol_a\tsymbol_b\tstrength",
        *(f"{a}\t{b}\t{n / 7}" for n, (a, b) in enumerate(pairwise(SYMBOLS[:9]))),
    )
    empty = tmp_path / "empty"
    empty.mkdir()
    client.hub.add_dataset("org/empty", empty)
    words = ["--config", "pairs", "--licence", "cc-by-4.0", "--description", "How strongly?"]
    words += ["--version", "0.1.0"]
    names = ("org/new-task", "org/empty")
    pushed = push(
        client,
        *(
            [pairs, "--to", name, *options]
            for name in names
            for options in (["--config", "pairs"], words, words)
        ),
    )
    for name, (refused, done, again) in zip(names, (pushed[:3], pushed[3:]), strict=True):
        assert f"{name} has no card yet: give the data's --licence" in refused.line
        assert done.status == 0, done.err
        assert "has all of this as v0.1.0; nothing was sent" in again.err
        card = parse_card(text(client, name=name).encode(), name)
        assert card.licence == "cc-by-4.0"
        assert "How strongly?" in card.body
        assert "| `pairs/strength` | regression | 8 |  |" in card.body
    loaded = load(client, *((name, "pairs", "v0.1.0") for name in names))
    assert [(rows, version) for rows, _, version in loaded] == [(8, "0.1.0")] * 2


def test_a_task_as_a_pull_request(client: Client, tmp_path: Path) -> None:
    csv, before = essential(tmp_path, 90), repository(client).branches["main"]
    words = [csv, "--to", NAME, "--config", "by-request", "--pr"]
    done, again = push(client, words, words)
    assert done.out == again.out
    assert repository(client).branches["main"] == before
    assert load(client, (NAME, "by-request", "refs/pr/1"))[0][0] == 90


def test_symbols_are_held_against_the_genes(client: Client, tmp_path: Path) -> None:
    few = essential(tmp_path)
    few.write_text(few.read_text(encoding="utf-8") + "NOGENE1,yes\n1-Mar,no\n", encoding="utf-8")
    many = write(tmp_path / "many.csv", "symbol,x", *(f"G{n},{n % 2}" for n in range(9)), "TP53,1")
    client.hub.requests.clear()
    some, refused = push(
        client,
        [few, "--to", NAME, "--config", "few", "--dry-run"],
        [many, "--to", NAME, "--config", "many"],
    )
    assert f"2 of 62 symbols are not in {NAME}/genes: 1-Mar, NOGENE1" in some.err
    assert "a spreadsheet made dates of some" in some.err
    assert some.status == 0
    assert f"9 of 10 symbols are not in {NAME}/genes: G0, G1" in refused.line
    assert sent(client.hub) == []


def test_a_licence_that_does_not_fit(client: Client, tmp_path: Path) -> None:
    words = [essential(tmp_path), "--to", NAME, "--config", "odd", "--licence", "cc-by-nc-4.0"]
    line = push_one(client, *words).line
    assert "is published under cc0-1.0, the task under cc-by-nc-4.0" in line


# The card, in whatever way it is written.

HAND_WRITTEN = """---
# by hand
license:   other   # see below
configs:  
  # the first one
  - config_name: a
    data_files: [{split: train, path: "a/*.parquet"}]

  - {config_name: b, data_files: b.parquet}
# the end
language: [en]
---
Text with --- and a table
---
| task |
"""  # noqa: W291
ENTRY = {"config_name": "new", "version": "1.0.0", "data_files": "new.parquet"}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_lines_are_added_to_a_card(newline: str) -> None:
    card = parse_card(HAND_WRITTEN.replace("\n", newline).encode(), "card")
    edited = with_config(card, ENTRY)
    added = "  - config_name: new\n    version: 1.0.0\n    data_files: new.parquet\n"
    assert edited.text.replace(added.replace("\n", newline), "") == card.text
    assert list(edited.configs) == ["a", "b", "new"]
    assert edited.values | {"configs": None} == card.values | {"configs": None}
    assert with_config(edited, ENTRY) == edited
    replaced = with_config(edited, {"config_name": "b", "data_files": "c.parquet"})
    assert replaced.configs["b"]["data_files"] == "c.parquet"
    assert "# the end" in replaced.head
    assert list(replaced.configs) == ["a", "b", "new"]
    assert with_rows(card, "new", ["| x |"]) == card, "no table of ours is in it"


@pytest.mark.parametrize(
    "head", ["configs: [{config_name: a, data_files: a}]\n", "license: mit\n", "", "configs:\n"]
)
def test_every_card_can_take_a_config(head: str) -> None:
    card = parse_card(f"---\n{head}---\nbody".encode(), "card")
    edited = with_config(card, ENTRY)
    assert edited.configs["new"] == ENTRY
    assert set(edited.configs) == {*card.configs, "new"}
    assert edited.body == "body"
    assert {**yaml.safe_load(edited.head), "configs": 0} == {**card.values, "configs": 0}


def test_data_files_in_all_their_forms() -> None:
    paths = ["a/x.parquet", "a/b/y.parquet", "z.parquet"]
    for stated, found in [
        ("z.parquet", ["z.parquet"]),
        (["./z.parquet", "a/*.parquet"], ["a/x.parquet", "z.parquet"]),
        ("a/**/*.parquet", ["a/b/y.parquet", "a/x.parquet"]),
        ({"train": "z.parquet", "test": ["a/b/?.parquet"]}, ["a/b/y.parquet", "z.parquet"]),
        ([{"split": "train", "path": ["a/x.parquet"]}], ["a/x.parquet"]),
        (None, []),
    ]:
        assert data_paths({"data_files": stated}, paths) == found
