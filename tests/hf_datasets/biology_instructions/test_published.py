"""The published records: both tag styles, prefixes, duplicates, and what is wrong with some."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hf_datasets.biology_instructions.published import sequences_of, task_of
from hf_datasets.biology_instructions.tasks import TASKS
from hf_datasets.build import BuildOptions, build_dataset, read_record
from hf_datasets.errors import InputError
from hf_datasets.load import load_dataset
from hf_datasets.registry import dataset_record

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "[Classification: DNA-epigenetic_marks_prediction] "


def record(task: str, label: Any, prompt: str, **more: Any) -> dict[str, Any]:
    return {"input": prompt, "output": "Some answer.", "label": label, "task": task, **more}


GOOD = [
    record("emp-H3K9ac", "positive", "<dna>ACGTAC</dna> Is there a mark?"),
    record("emp-H3K9ac", "negative", f"{PREFIX}<dna>ACGTTT<dna> Is there a mark?"),
    record("emp-H3K9ac", "positive", "<dna>ACGTAC</dna> Is there a mark?"),  # again
    record("tf_h-3", "negative", "Does a factor bind <dna>acgt<dna>?"),
    record("Isoform-Isoform", "0.25", "<rna>ACGU<rna> Isoform?"),
    record("NoncodingRNAFamily-NoncodingRNAFamily", "HACA-box", "<rna>ACGT</rna> Family?"),
    record("Modification-Modification", "m6A,Am", "<rna>ACGU</rna> Which?"),
    record("Modification-Modification", "none", "<rna>AAAA</rna> Which?"),
    record("enhancer_activity", {"hk": -0.5, "dev": 1}, "<dna>ACGT</dna> How active?"),
    record("FunctionEC-FunctionEC", "EC2.7.7.-, EC3.4.21.4", "<protein>MKV<protein> EC?"),
    record("antibody_antigen", "negative", "<protein>MKV</protein> and <protein>MLL</protein>?"),
    record(
        "rna_protein_interaction", "positive", "Do <protein>MKV<protein> and <rna>AC GU<rna> bind?"
    ),
    record("sirnaEfficiency", 43.5, "<rna>ACGU</rna><rna>GGCC</rna> How much is left?"),
]
BAD = [
    "{not json",
    "[1, 2]",
    json.dumps({"input": "x", "label": "positive", "task": "emp-H3"}),
    json.dumps(record("emp-H3", "positive", "no sequence here")),
    json.dumps(record("emp-H3", "perhaps", "<dna>ACGT<dna>")),
    json.dumps(record("emp", "positive", "<dna>ACGT<dna>")),
    json.dumps(record("emp-H3", "positive", "<dna>ACGT123<dna>")),
    json.dumps(record("emp-H3", "positive", "<dna>MKVL</dna>")),
    json.dumps(record("cooking", "positive", "<dna>ACGT<dna>")),
    json.dumps(record("Isoform-Isoform", "nan", "<rna>ACGU</rna>")),
    json.dumps(record("NoncodingRNAFamily", "bRNA", "<rna>ACGU</rna>")),
    json.dumps(record("antibody_antigen", "positive", "<protein>MKV</protein> alone")),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("published")
    file = root / "stage2_test.jsonl"
    lines = [*(json.dumps(one) for one in GOOD), *BAD, ""]
    file.write_text("\n".join(lines), encoding="utf-8")
    options = BuildOptions(given={"biology-instructions.test": file}, download=False)
    build_dataset(dataset_record("biology-instructions"), root / "out", options)
    return root / "out"


def test_every_good_record_becomes_a_row_with_its_label(built: Path) -> None:
    labels = {
        row["id"]: row["label"]
        for config in ("dna", "rna", "protein", "multi-molecule")
        for row in load_dataset(str(built), config, split="test")
    }
    assert labels == {
        "emp-H3K9ac-test-1": "positive",
        "emp-H3K9ac-test-2": "negative",
        "emp-H3K9ac-test-3": "positive",
        "tb-human-3-test-1": "negative",
        "apa-test-1": "0.25",
        "ncrna-test-1": "HACA-box",
        "modification-test-1": "Am,m6A",
        "modification-test-2": "none",
        "ea-test-1": '{"hk": -0.5, "dev": 1.0}',
        "ec-test-1": "2.7.7.-,3.4.21.4",
        "aan-test-1": "negative",
        "rpi-test-1": "positive",
        "sirna-test-1": "43.5",
    }


def test_sequences_are_those_between_the_tags_in_the_letters_of_the_molecule(built: Path) -> None:
    emp = load_dataset(str(built), "emp", split="train")
    assert emp["sequence"][:] == ["ACGTAC", "ACGTTT", "ACGTAC"]
    assert load_dataset(str(built), "ncrna", split="train")["sequence"][:] == ["ACGU"]
    rpi = load_dataset(str(built), "rpi", split="train")[0]
    assert (rpi["sequence_a"], rpi["sequence_b"]) == ("ACGU", "MKV")
    ec = load_dataset(str(built), "ec", split="train")
    assert ec.features["label"].feature.names == ["2.7.7.-", "3.4.21.4"]


def test_faults_and_duplicates_are_counted_and_named(built: Path) -> None:
    record = read_record(built)
    found = {
        why: entry["rows"] for why, entry in record["left_out"]["biology-instructions"].items()
    }
    assert found == {
        "line is not JSON": 1,
        "line is no JSON object": 1,
        "record without output": 1,
        "emp prompt without <dna>": 1,
        "emp label that the task does not have": 1,
        "emp without one of its data sets": 1,
        "letters that dna does not have": 2,
        "unknown task 'cooking'": 1,
        "apa label that the task does not have": 1,
        "ncrna label that the task does not have": 1,
        "aan prompt without <protein> and <protein>": 1,
        "prompt begins with [Classification: …] (kept, prefix dropped)": 1,
    }
    first = record["left_out"]["biology-instructions"]["line is not JSON"]["first"]
    assert first == [f"test line {len(GOOD) + 1}"]
    assert record["tasks"]["biology-instructions/emp"]["duplicates"] == {"test": 1}
    assert record["missing"]["biology-instructions/emp/H3K9ac"].count("no train and no validation")
    readme = (built / "README.md").read_text(encoding="utf-8")
    assert "unknown task 'cooking'" in readme
    assert "none stated: for local use" in readme


def test_published_prompts_are_not_passed_on(built: Path) -> None:
    rows = load_dataset(str(built), "dna", split="test")
    assert not any("Classification" in row["instruction"] for row in rows)
    assert all("<dna>" in row["instruction"] and "</dna>" in row["instruction"] for row in rows)


@pytest.mark.parametrize(
    ("published", "task", "subtask"),
    [
        ("emp-H3K4me1", "emp", "H3K4me1"),
        ("emp-H3", "emp", "H3"),
        ("tf-m-4", "tb-mouse", "4"),
        ("tf_h-0", "tb-human", "0"),
        ("pd-prom_300_notata", "pd300", "notata"),
        ("cpd-prom_core_tata", "cpd", "tata"),
        ("pd-prom_300_all", "pd300", "all"),
        ("CRISPROnTarget-CRISPROnTarget", "crispr-on-target", ""),
        ("promoter_enhancer_interaction-x", "epi", ""),
        ("empress", None, ""),
    ],
)
def test_published_task_names(published: str, task: str | None, subtask: str) -> None:
    found = task_of(published)
    assert (found and (found[0].name, found[1])) == (task and (task, subtask))


def test_a_tag_of_another_molecule_is_not_taken() -> None:
    assert sequences_of(TASKS["emp"], "<rna>ACGU</rna>") is None
    assert sequences_of(TASKS["emp"], "<dna>AC</dna> <dna>GT</dna>") is None
    assert sequences_of(TASKS["epi"], "<dna>AC<dna> <dna>GT<dna>") == ("AC", "GT")
    assert sequences_of(TASKS["rpi"], "<protein>MK</protein><rna>AC<rna>") == ("AC", "MK")


def test_a_json_list_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "test.json"
    file.write_text(json.dumps(GOOD, indent=1))
    options = BuildOptions(given={"biology-instructions.test": file}, download=False)
    with pytest.raises(InputError, match="JSON list; give JSON lines"):
        build_dataset(dataset_record("biology-instructions"), tmp_path / "out", options)
    assert not (tmp_path / "out").exists()
