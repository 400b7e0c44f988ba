"""ProteinLMBench from the Hub's form and from the re-lettered copy: the same clean rows."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_datasets.__main__ import command as publish
from hf_datasets.build import BuildOptions, build_dataset, read_record
from hf_datasets.errors import InputError
from hf_datasets.load import load_dataset
from hf_datasets.registry import dataset_record

if TYPE_CHECKING:
    from pathlib import Path

INTRODUCTION = "Please choose one of the following options to answer this question"
TAIL = "The final option is to package with $\\boxed{}$"

# question, options, index of the right one
QUESTIONS = [
    ("What folds?", ["A chaperone.", "A prion.", "A wall.", "A map.", "Ice.", "Milk."], 0),
    ("Which is it?\nTwo lines.", ["Yes", "No"], 1),
    ("Which lines?", ["first\nB: not an option\nlast", "second: B:", "C:third", "4"], 2),
    ("How many?", [str(number) for number in range(10)], 9),
    ("Where is E: in this?", ["option 3: is a text", "E:", "nanobody"], 2),
]
EXPLANATION = "Because the document says so (options 2 and 3)."


def hub_record(question: str, options: list[str], answer: int) -> dict[str, Any]:
    return {
        "question": question,
        "options": [f"option {number}: {text}" for number, text in enumerate(options, 1)],
        "answer": f"option {answer + 1}",
        "explanation": EXPLANATION,
    }


def copy_record(question: str, options: list[str], answer: int, pad: int = 6) -> dict[str, Any]:
    padded = options + ["nan"] * (pad - len(options))
    listed = [f"{chr(ord('A') + number)}:{text}" for number, text in enumerate(padded)]
    text = "\n".join([question, INTRODUCTION, *listed, TAIL])
    return {"question": text, "label": chr(ord("A") + answer), "summary": EXPLANATION}


def write_json(path: Path, records: list[Any]) -> Path:
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def write_lines(path: Path, records: list[Any]) -> Path:
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def write_parquet(path: Path, records: list[Any]) -> Path:
    pq.write_table(pa.Table.from_pylist(records), path)
    return path


def build(file: Path, out: Path) -> list[dict[str, Any]]:
    options = BuildOptions(given={"protein-lm-bench": file}, download=False)
    build_dataset(dataset_record("protein-lm-bench"), out, options)
    return list(load_dataset(str(out), "evaluation", split="train"))


def left_out(out: Path) -> dict[str, int]:
    entries = read_record(out)["left_out"]["protein-lm-bench"]
    return {why: entry["rows"] for why, entry in entries.items()}


HUB = [hub_record(*one) for one in QUESTIONS]
COPY = [copy_record(*one) for one in QUESTIONS]


@pytest.mark.parametrize(
    ("name", "write", "records"),
    [
        ("hub.parquet", write_parquet, HUB),
        ("hub.json", write_json, HUB),
        ("hub.jsonl", write_lines, HUB),
        ("copy.jsonl.gz", write_lines, COPY),
        ("copy.json", write_json, COPY),
    ],
)
def test_every_form_gives_the_same_rows(
    tmp_path: Path, name: str, write: Any, records: list[Any]
) -> None:
    rows = build(write(tmp_path / name, records), tmp_path / "out")
    assert [(row["question"], row["options"], row["answer"]) for row in rows] == [
        (question, options, answer) for question, options, answer in QUESTIONS
    ]
    assert {row["explanation"] for row in rows} == {EXPLANATION}
    source = "tsynbio/ProteinLMBench" if records is HUB else "re-lettered copy"
    assert {row["source"] for row in rows} == {source}
    reference = build(write_json(tmp_path / "x.json", HUB), tmp_path / "x")
    assert [row["id"] for row in rows] == [row["id"] for row in reference]
    assert len({row["id"] for row in rows}) == len(rows)


def test_the_columns_are_those_that_runs_read(tmp_path: Path) -> None:
    build(write_json(tmp_path / "x.json", HUB), tmp_path / "out")
    plain = datasets.load_dataset(str(tmp_path / "out"), "evaluation", split="train")
    assert plain.features == datasets.Features(
        {
            "id": datasets.Value("string"),
            "question": datasets.Value("string"),
            "options": datasets.List(datasets.Value("string")),
            "answer": datasets.Value("int32"),
            "explanation": datasets.Value("string"),
            "source": datasets.Value("string"),
        }
    )


def test_padding_is_dropped_from_the_end_alone_and_reported(tmp_path: Path) -> None:
    records = [
        copy_record("Q1?", ["yes", "no", "perhaps"], 2),
        hub_record("Q2?", ["yes", "nan", "no", "nan", "NaN"], 2),
        hub_record("Q3?", ["yes", "no"], 0) | {"options": ["option 1: a", "option 2: b", None]},
    ]
    rows = build(write_lines(tmp_path / "x.jsonl", records), tmp_path / "out")
    assert [row["options"] for row in rows] == [
        ["yes", "no", "perhaps"],
        ["yes", "nan", "no"],
        ["a", "b"],
    ]
    assert left_out(tmp_path / "out") == {"padding dropped: options that say nan": 3}


def test_what_cannot_be_asked_is_counted_and_named(tmp_path: Path) -> None:
    twice = hub_record("Twice?", ["a", "b"], 0)
    records = [
        hub_record("Beyond?", ["a", "b"], 2),
        hub_record("Padded away?", ["a", "b", "nan"], 2),
        hub_record("Unnumbered?", ["a", "b"], 0) | {"answer": "the first"},
        hub_record("Numbers twice?", ["a", "b"], 0) | {"options": ["option 1: a", "option 1: b"]},
        hub_record("One?", ["a"], 0),
        copy_record("Lettered beyond?", ["a", "b"], 7),
        {"question": "No list?", "label": "A", "summary": ""},
        {"options": ["option 1: a"], "answer": "option 1"},
        [1],
        twice,
        twice,
    ]
    rows = build(write_json(tmp_path / "x.json", records), tmp_path / "out")
    assert [row["question"] for row in rows] == ["Twice?", "Twice?"]
    assert rows[1]["id"] == f"{rows[0]['id']}.2"
    assert left_out(tmp_path / "out") == {
        "answer points to no option": 4,
        "answer points to several options": 1,
        "fewer than two options": 1,
        "no list of options in the question": 1,
        "record without question or options": 1,
        "entry is no JSON object": 1,
        "question is there twice (kept)": 1,
        "padding dropped: options that say nan": 2,
    }
    places = read_record(tmp_path / "out")["left_out"]["protein-lm-bench"]
    assert places["answer points to several options"]["first"] == ["question 4"]
    assert "answer points to several options: 1" in (tmp_path / "out" / "README.md").read_text()


def test_options_that_could_be_cut_in_two_ways_are_left_out_not_cut_wrongly(
    tmp_path: Path,
) -> None:
    torn = copy_record("Which?", ["one\nB:either\nthis", "two", "three"], 0)
    later = copy_record("Which?", ["one", "two", "three\nA:again\nB:again"], 1)
    rows = build(write_lines(tmp_path / "x.jsonl", [torn, later]), tmp_path / "out")
    assert [row["options"] for row in rows] == [["one", "two", "three\nA:again\nB:again"]]
    why = "options cannot be told apart: a letter begins more than one line"
    assert left_out(tmp_path / "out")[why] == 1


def test_a_numbered_option_may_hold_lines_and_letters(tmp_path: Path) -> None:
    options = ["A: x\nB: y\noption 2: z", "B: q"]
    rows = build(write_json(tmp_path / "x.json", [hub_record("Q?", options, 1)]), tmp_path / "out")
    assert (rows[0]["options"], rows[0]["answer"]) == (options, 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[1", "is not JSON"),
        (b'{"a": 1}\nnonsense\n', "has no question of ProteinLMBench"),
        (b"PAR1 and nothing", "not a readable Parquet file"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(content)
    with pytest.raises(InputError, match=said):
        build(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_a_file_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENEZOO_CACHE", str(tmp_path / "cache"))
    out = str(tmp_path / "out")
    assert publish(["build", "protein-lm-bench", "--out", out, "--no-download"]) == 2
    shown = capsys.readouterr().err
    assert "give --source protein-lm-bench.questions=FILE" in shown
    assert "Traceback" not in shown


@pytest.mark.upstream
def test_the_real_copy(upstream: Path, tmp_path: Path) -> None:
    file = upstream / "proteinlmbench" / "protein.jsonl.gz"
    rows = build(file, tmp_path / "out")
    assert len(rows) == 942
    assert left_out(tmp_path / "out") == {"padding dropped: options that say nan": 67}
    counts = Counter(len(row["options"]) for row in rows)
    assert counts == {2: 3, 3: 21, 4: 42, 5: 1, 6: 875}
    assert all(0 <= row["answer"] < len(row["options"]) for row in rows)
    assert not any("\\boxed" in row["question"] or INTRODUCTION in row["question"] for row in rows)
    assert len({row["id"] for row in rows}) == 942
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    letters = [json.loads(line)["label"] for line in lines]
    assert [chr(ord("A") + row["answer"]) for row in rows] == letters
