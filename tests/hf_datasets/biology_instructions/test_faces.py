"""Two faces of a task: the same rows, the same ids, the same labels, in text and in columns."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from extractors.__main__ import command as extract
from hf_datasets.__main__ import command as publish
from hf_datasets.biology_instructions import answers, phrasings
from hf_datasets.biology_instructions.builder import ALL_CONFIGS
from hf_datasets.biology_instructions.tasks import CONFIGS, INPUTS, TASKS, Answer, task_path
from hf_datasets.build import BuildOptions, build_dataset, read_record
from hf_datasets.errors import InputError
from hf_datasets.load import load_dataset
from hf_datasets.registry import dataset_record
from probes.__main__ import command as probe
from probes.language.scoring import score
from probes.splits import TEST, assign_folds
from probes.task_set import load_tasks

if TYPE_CHECKING:
    from pathlib import Path

    from hf_datasets.biology_instructions.tasks import InstructionTask

BUILT = {name: None for name in TASKS if name not in {"pd300", "cpd", "tb-human", "mrl"}}
PAIRS = [name for name, task in TASKS.items() if task.is_pair]


@pytest.fixture(scope="module")
def folder(origins: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "biology-instructions"
    options = BuildOptions(folder=origins, download=False)
    build_dataset(dataset_record("biology-instructions"), out, options)
    return out


def texts(folder: Path, task: InstructionTask) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return id → (split, row) of a task's instructions."""
    tables = load_dataset(str(folder), task.config)
    return {
        row["id"]: (split, row)
        for split, table in tables.items()
        for row in table
        if row["task"] == task.name
    }


def said(task: InstructionTask, row: dict[str, Any], features: Any) -> str:
    """Return the canonical label that the columns of a sequence row say."""
    columns = {name: row[name] for name in task.label_columns if row.get(name) is not None}
    match task.answer:
        case Answer.YES_NO:
            return (answers.NO, answers.YES)[columns[row.get("subtask") or "label"]]
        case Answer.CLASS:
            return str(features["label"].int2str(columns["label"]))
        case Answer.LABELS | Answer.EC:
            names = features["label"].feature.names
            return ",".join(names[one] for one in columns["label"]) or answers.NONE
        case Answer.NUMBER:
            return str(columns["label"])
        case Answer.NUMBERS:
            return json.dumps(columns)


@pytest.mark.parametrize("name", BUILT)
def test_both_faces_have_the_same_rows_ids_sequences_and_labels(folder: Path, name: str) -> None:
    task = TASKS[name]
    asked = texts(folder, task)
    table = load_dataset(str(folder), name, split="train")
    assert len(set(table["id"])) == len(table)
    assert set(table["id"]) == asked.keys()
    for row in table:
        split, text = asked[row["id"]]
        assert row["split"] == split
        assert row.get("subtask", "") == text["subtask"]
        keys = ("sequence_a", "sequence_b") if task.is_pair else ("sequence",)
        for molecule, key in zip(task.molecules, keys, strict=True):
            assert f"<{molecule}>{row[key]}</{molecule}>" in text["instruction"]
        if task.answer in {Answer.NUMBER, Answer.NUMBERS}:
            one, two = (
                [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", label)]
                for label in (said(task, row, table.features), text["label"])
            )
            assert one == pytest.approx(two, rel=1e-6)
        elif task.answer is Answer.EC:
            assert set(said(task, row, table.features).split(",")) == set(text["label"].split(","))
        else:
            assert said(task, row, table.features) == text["label"]


@pytest.mark.parametrize("path", ["emp/H3", "ncrna", "solubility", "aan"])
def test_probe_tests_exactly_the_rows_of_the_instruction_test_split(
    folder: Path, path: str
) -> None:
    data = load_tasks([f"{folder}/{path}"]).tasks[0]
    folds = assign_folds(data.task, data.keys, data.labels, split="auto", placement=data.placement)
    tested = {data.keys[row] for row in folds.rows[folds.test_fold[0] == TEST]}
    name = path.partition("/")[0]
    table = load_dataset(str(folder), name, split="train")
    key = ("id_a", "id_b") if TASKS[name].is_pair else ("id",)
    ids = {tuple(row[one] for one in key): row["id"] for row in table}
    asked = {key for key, (split, _) in texts(folder, TASKS[name]).items() if split == "test"}
    assert {ids[one] for one in tested} == asked
    assert data.task.path == task_path(TASKS[name], data.task.column)


@pytest.mark.parametrize("name", PAIRS)
def test_the_sequences_of_pairs_are_there_once_each_under_the_names_in_the_pairs(
    folder: Path, name: str
) -> None:
    inputs = load_dataset(str(folder), INPUTS.format(name), split="train")
    by_name = {row["id"]: (row["molecule"], row["sequence"]) for row in inputs}
    assert len(by_name) == len(inputs)
    pairs = load_dataset(str(folder), name, split="train")
    for row in pairs:
        for key, molecule in zip("ab", TASKS[name].molecules, strict=True):
            assert by_name[row[f"id_{key}"]] == (molecule, row[f"sequence_{key}"])
    named = {row[key] for row in pairs for key in ("id_a", "id_b")}
    assert named == by_name.keys()
    keys = [(row["id_a"], row["id_b"]) for row in pairs]
    assert len(set(keys)) == len(keys)
    again = [one for one in named if one.endswith(".2")]
    assert len(again) == (name == "sirna")  # the one pair that was measured twice


@pytest.mark.parametrize("name", ["aan", "ncrna"])
def test_extract_and_probe_take_the_tables(folder: Path, tmp_path: Path, name: str) -> None:
    pair = TASKS[name].is_pair
    source = f"{folder}/{INPUTS.format(name) if pair else name}"
    emb, out = tmp_path / "emb.parquet", tmp_path / "out.parquet"
    given = ["--model", "random", "--dim", "8", "--input", source, "--out", str(emb)]
    assert extract(given) == 0
    assert probe([str(emb), "--tasks", f"{folder}/{name}", "--out", str(out), "--jobs", "1"]) == 0
    results = pq.read_table(out).to_pylist()
    assert {row["task"] for row in results} == {task_path(TASKS[name])}
    assert {row["split"] for row in results} == {"fixed"}
    asked = [split for split, _ in texts(folder, TASKS[name]).values()]
    assert {row["n_test"] for row in results} == {asked.count("test")}
    assert {row["coverage"] for row in results} == {1.0}


def test_a_build_gives_the_same_bytes_again(folder: Path, origins: Path, tmp_path: Path) -> None:
    options = BuildOptions(folder=origins, download=False)
    build_dataset(dataset_record("biology-instructions"), tmp_path / "out", options)
    assert read_record(tmp_path / "out")["outputs"] == read_record(folder)["outputs"]
    again = build_dataset(dataset_record("biology-instructions"), tmp_path / "out", options)
    assert again.unchanged


def test_what_is_not_at_hand_is_named_and_the_rest_is_built(folder: Path) -> None:
    missing = read_record(folder)["missing"]
    assert missing["biology-instructions/prs"].startswith("the files of beacon at hand")
    assert "no train and no validation part" in missing["biology-instructions/prs"]
    assert "give --source optimus.utrs=FILE" in missing["biology-instructions/mrl"]
    assert "no train and no validation and no test" in missing["biology-instructions/tb-mouse/1"]
    assert missing["biology-instructions/tb-human"].endswith("--source gue=DIR")
    assert "biology-instructions/ncrna" not in missing
    assert "biology-instructions/emp/H3" not in missing


def test_beacon_goes_before_the_older_origins(folder: Path) -> None:
    tasks = read_record(folder)["tasks"]
    assert tasks["biology-instructions/apa"]["source"] == "beacon"
    assert tasks["biology-instructions/crispr-on-target"]["source"] == "deepcrispr"


def test_wrong_letters_and_empty_sequences_are_counted(folder: Path) -> None:
    left_out = read_record(folder)["left_out"]
    assert left_out["gue"]["letters that dna does not have"]["rows"] == 1
    assert left_out["gue"]["no sequence"]["rows"] == 1
    assert left_out["nrc"]["label that the task does not have"]["rows"] == 1


def test_a_complete_build_and_one_of_nothing_are_refused(origins: Path, tmp_path: Path) -> None:
    record = dataset_record("biology-instructions")
    options = BuildOptions(folder=origins, download=False, complete=True)
    with pytest.raises(InputError, match="cannot be built in full"):
        build_dataset(record, tmp_path / "a", options)
    with pytest.raises(InputError, match="no source of biology-instructions is at hand"):
        build_dataset(record, tmp_path / "b", BuildOptions(download=False))


def test_publish_lists_and_builds_it(
    origins: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(["list"]) == 0
    assert "biology-instructions 1.0.0" in capsys.readouterr().out
    assert publish(["list", "--tasks"]) == 0
    assert "biology-instructions/emp/H3K4me3" in capsys.readouterr().out
    out = str(tmp_path / "out")
    given = ["--source", f"deepsol={origins / 'deepsol'}", "--no-download"]
    assert publish(["build", "biology-instructions", "--out", out, *given]) == 1
    shown = capsys.readouterr()
    assert "solubility" in shown.out
    assert "missing: source nrc" in shown.err


def test_the_registry_names_every_table() -> None:
    assert dataset_record("biology-instructions").configs == ALL_CONFIGS
    assert set(ALL_CONFIGS) == {*CONFIGS, *TASKS, *(INPUTS.format(name) for name in PAIRS)}


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
LABELS = {
    Answer.YES_NO: ("positive", "negative"),
    Answer.LABELS: ("Am,m6A", "none"),
    Answer.EC: ("3.4.21.4,2.7.7.-",),
    Answer.NUMBER: ("-0.00012345", "43.5", "0.0", "1e-12"),
}


@pytest.mark.parametrize("name", TASKS)
def test_every_phrasing_shows_its_sequences_and_every_answer_only_what_it_answers(
    name: str,
) -> None:
    task = TASKS[name]
    marks = ["ACGUX", "MKVLX"][: len(task.molecules)]
    count = len(phrasings.WORDINGS[name].questions)
    prompts = {phrasings.instruction(task, one, marks, "H3") for one in range(count)}
    assert len(prompts) == count >= 4
    for prompt in prompts:
        assert "{" not in prompt
        for molecule, mark in zip(task.molecules, marks, strict=True):
            assert prompt.count(f"<{molecule}>{mark}</{molecule}>") == 1
    if name == "emp":
        assert all("H3" in prompt for prompt in prompts)
    numbers = {key: -1.5 + at for at, key in enumerate(task.keys)}
    for label in LABELS.get(task.answer, task.classes or (json.dumps(numbers),)):
        output = phrasings.output(task, label)
        match task.answer:
            case Answer.YES_NO:
                assert output.startswith("Yes" if label == "positive" else "No")
                assert (" not " in output or " no " in output) == (label == "negative")
            case Answer.NUMBER:
                found = [float(one) for one in NUMBER.findall(output)]
                assert found == [pytest.approx(float(label), rel=1e-3, abs=1e-10)]
            case Answer.NUMBERS:
                assert [float(one) for one in NUMBER.findall(output)] == [*numbers.values()]
            case _:
                assert all(one in output for one in label.split(","))


def test_phrasings_are_drawn_evenly_and_by_the_id_alone() -> None:
    task = TASKS["ncrna"]
    drawn = [phrasings.phrasing_of(f"ncrna-test-{number}", task) for number in range(4000)]
    assert drawn == [phrasings.phrasing_of(f"ncrna-test-{n}", task) for n in range(4000)]
    assert all(drawn.count(one) == pytest.approx(1000, abs=120) for one in range(4))
    assert phrasings.WORDINGS.keys() == TASKS.keys()


@pytest.mark.parametrize("name", BUILT)
@pytest.mark.parametrize("rule", ["paper", "strict"])
def test_the_output_of_a_row_is_a_perfect_answer_to_both_scorers(
    folder: Path, name: str, rule: Any
) -> None:
    task = TASKS[name]
    rows = [row for _, row in texts(folder, task).values()]
    table = load_dataset(str(folder), name, split="train")
    classes = table.features["label"].feature.names if task.answer is Answer.EC else ()
    outputs, labels = ([row[key] for row in rows] for key in ("output", "label"))
    found = score(task, outputs, labels, rule, classes=classes)
    assert found.coverage == 1.0
    value = found.values[task.metrics[0]]
    assert value is None or value == pytest.approx(1.0, abs=1e-3)
