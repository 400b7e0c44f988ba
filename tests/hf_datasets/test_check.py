"""`publish check`: every defect, planted in a small dataset, is found by name; else none."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import datasets
import numpy as np
import pytest
import yaml
from datasets import ClassLabel, Features, List, Value

from hf_datasets.__main__ import command
from hf_datasets.check import check_dataset
from hf_datasets.checks.report import Severity
from hf_datasets.checks.similar import THRESHOLD, pairs_across, similar_sequences
from hf_datasets.errors import InputError
from hf_datasets.folds import family_folds, seeded_folds

if TYPE_CHECKING:
    from pathlib import Path

Tables = dict[str, tuple[dict[str, Any], dict[str, list[Any]]]]
Found = set[tuple[str, str, str]]

N = 60
GENES = [f"G{number:02}" for number in range(N)]
RNG = np.random.default_rng(0)
RESIDUES = list("ACDEFGHIKLMNPQRSTVWY")
FAMILIES = [f"family {number // 4}" if number < 24 else None for number in range(N)]
TEXT, NUMBER = Value("string"), Value("float32")
YES_NO = ClassLabel(names=["no", "yes"])


def protein(length: int = 120) -> str:
    return "".join(RNG.choice(RESIDUES, length))


def clean() -> Tables:
    """A dataset without a defect: 60 genes, tasks of every kind, folds, families, sequences."""
    folds = {
        "fold": seeded_folds(GENES).tolist(),
        "fold_family": family_folds(GENES, FAMILIES).tolist(),
    }
    fold_types = {"fold": Value("int32"), "fold_family": Value("int32")}
    genes = {
        "symbol": GENES,
        "description": [f"{gene}: protein number {at}" for at, gene in enumerate(GENES)],
        "protein_sequence": [protein() for _ in GENES],
        "gene_family": FAMILIES,
    }
    tasks = {
        "symbol": GENES,
        "kinase": RNG.integers(0, 2, N).tolist(),
        "colour": (np.arange(N) % 3).tolist(),
        "places": [[at % 2] if at % 5 else [] for at in range(N)],
        "length": RNG.normal(size=N).tolist(),
        **folds,
    }
    pairs = {
        "symbol_a": GENES[:30],
        "symbol_b": GENES[30:],
        "interacts": RNG.integers(0, 2, 30).tolist(),
    }
    return {
        "genes": (dict.fromkeys(genes, TEXT), genes),
        "one": (
            {
                "symbol": TEXT,
                "kinase": YES_NO,
                "colour": ClassLabel(names=["red", "green", "blue"]),
                "places": List(ClassLabel(names=["Nucleus", "Golgi apparatus"])),
                "length": NUMBER,
                **fold_types,
            },
            tasks,
        ),
        "pairs": ({"symbol_a": TEXT, "symbol_b": TEXT, "interacts": YES_NO}, pairs),
    }


CLEAN = clean()
MakeDataset = Callable[[Tables], str]


@pytest.fixture
def write(tmp_path: Path) -> MakeDataset:
    """Write tables as a dataset folder; return its path."""

    def make(tables: Tables) -> str:
        root = tmp_path / "bench"
        configs = []
        for config, (features, columns) in tables.items():
            path = root / config / "train-00000-of-00001.parquet"
            path.parent.mkdir(parents=True)
            datasets.Dataset.from_dict(columns, Features(features)).to_parquet(path)
            files = [{"split": "train", "path": f"{config}/*.parquet"}]
            configs.append({"config_name": config, "version": "1.0.0", "data_files": files})
        head = yaml.safe_dump({"configs": configs}, sort_keys=False)
        (root / "README.md").write_text(f"---\n{head}---\n", encoding="utf-8")
        return str(root)

    datasets.disable_progress_bars()
    return make


def found_in(root: str) -> Found:
    return {(one.severity, one.code, one.where) for one in check_dataset(root).findings}


def test_a_clean_dataset_has_no_findings(write: MakeDataset) -> None:
    report = check_dataset(write(CLEAN))
    assert report.findings == ()
    assert not report.fails(strict=True)
    assert report.rows == {"genes": N, "one": N, "pairs": 30}
    by_path = {task.path: task for task in report.tasks}
    assert by_path["bench/one/colour"].classes == {"red": 20, "green": 20, "blue": 20}
    assert by_path["bench/one/places"].empty == 12
    assert by_path["bench/one/places"].smallest == ("Nucleus", 24)
    assert by_path["bench/one/length"].range is not None
    assert {one.split for one in report.sequences} == {"fold", "fold_family"}


Spoil = Callable[[Tables], object]


def put(config: str, column: str, values: list[Any], feature: Any = None) -> Spoil:
    def spoil(tables: Tables) -> None:
        features, columns = tables[config]
        columns[column] = values
        if feature is not None:
            features[column] = feature

    return spoil


def change(config: str, column: str, edit: Callable[[list[Any]], list[Any]]) -> Spoil:
    return lambda tables: put(config, column, edit(tables[config][1][column]))(tables)


def swap(first: Spoil, *more: Spoil) -> Spoil:
    return lambda tables: [spoil(tables) for spoil in (first, *more)]


ONE, PAIRS = "bench/one", "bench/pairs"
ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
THREE = ClassLabel(names=["red", "green", "blue"])
COPY = CLEAN["one"][1]
SEQUENCES = CLEAN["genes"][1]["protein_sequence"]
ODD = [at for at in range(N) if at % 2]
OF_FOLD = [COPY["fold"].index(fold) for fold in range(5)]
IN_OTHER_FOLDS = [0, next(at for at in range(N) if COPY["fold"][at] != COPY["fold"][0]
                          and COPY["fold_family"][at] != COPY["fold_family"][0])]  # fmt: skip


def repeated(sequences: list[Any]) -> list[Any]:
    first, second = IN_OTHER_FOLDS
    return [sequences[first] if at == second else one for at, one in enumerate(sequences)]


def nearly(sequences: list[Any]) -> list[Any]:
    first, second = IN_OTHER_FOLDS
    changed = sequences[first][:60] + "AAA" + sequences[first][63:].lower()
    return [changed if at == second else one for at, one in enumerate(sequences)]


DEFECTS: dict[str, tuple[Spoil, Severity, str, str]] = {
    "null key": (change("one", "symbol", lambda v: [None, *v[1:]]), ERROR, "null-key", ONE),
    "padded key": (change("one", "symbol", lambda v: ["G00 ", *v[1:]]), ERROR, "padded-key", ONE),
    "key twice": (change("one", "symbol", lambda v: [v[1], *v[1:]]), ERROR, "duplicate-key", ONE),
    "stranger": (change("one", "symbol", lambda v: ["X1", *v[1:]]), WARNING, "not-in-inputs", ONE),
    "all null": (put("one", "kinase", [None] * N), ERROR, "empty-task", f"{ONE}/kinase"),
    "constant": (put("one", "kinase", [1] * N), ERROR, "constant-task", f"{ONE}/kinase"),
    "constant number": (put("one", "length", [1.0] * N), ERROR, "constant-task", f"{ONE}/length"),
    "few": (put("one", "kinase", [1] * 3 + [0] * (N - 3)), ERROR, "too-small", f"{ONE}/kinase"),
    "few values": (put("one", "length", [1.0, 2.0] + [None] * (N - 2)), ERROR, "too-small",
                   f"{ONE}/length"),
    "tiny": (put("one", "colour", [2] + [0, 1] * 29 + [0]), WARNING, "tiny-class", f"{ONE}/colour"),
    "unused": (put("one", "colour", [0, 1] * 30), WARNING, "unused-class", f"{ONE}/colour"),
    "NaN": (change("one", "length", lambda v: [float("nan"), *v[1:]]), ERROR, "not-a-number",
            f"{ONE}/length"),
    "outlier": (change("one", "length", lambda v: [1e6, *v[1:]]), NOTE, "outliers",
                f"{ONE}/length"),
    "null in a list": (change("one", "places", lambda v: [[None], *v[1:]]), ERROR, "broken-label",
                       f"{ONE}/places"),
    "label of all": (change("one", "places", lambda v: [[0, *one] for one in v]), WARNING,
                     "constant-label", f"{ONE}/places"),
    "mostly empty": (change("one", "places", lambda v: [[]] * 35 + v[35:]), NOTE, "mostly-empty",
                     f"{ONE}/places"),
    "same task": (put("one", "shade", [2 - one for one in COPY["colour"]],
                      ClassLabel(names=["navy", "lime", "wine"])), WARNING, "repeated-task",
                  f"{ONE}/shade"),
    "conflict": (put("one", "function", [at % 2 for at in range(N)],
                     ClassLabel(names=["kinase", "phosphatase"])), WARNING, "conflict",
                 f"{ONE}/kinase"),
    "self": (change("pairs", "symbol_b", lambda v: ["G00", *v[1:]]), WARNING, "self-pair", PAIRS),
    "turned": (swap(change("pairs", "symbol_a", lambda v: ["G31", *v[1:]]),
                    change("pairs", "symbol_b", lambda v: ["G01", *v[1:]])), WARNING,
               "turned-pair", PAIRS),
    "whole numbers": (put("one", "count", [1] * N, Value("int64")), NOTE, "no-task-type", ONE),
    "fold as text": (put("one", "fold", ["a"] * N, TEXT), ERROR, "no-fold-type", ONE),
    "one fold": (put("one", "fold", [0] * N), ERROR, "too-few-folds", ONE),
    "folds from 1": (change("one", "fold", lambda v: [fold + 1 for fold in v]), ERROR,
                     "fold-numbers", ONE),
    "null fold": (change("one", "fold", lambda v: [None, *v[1:]]), WARNING, "null-fold", ONE),
    "uneven": (change("one", "fold", lambda v: [0] * 20 + v[20:]), WARNING, "uneven-folds", ONE),
    "class in one fold": (put("one", "colour", [2 if fold == 0 else at % 2
                                                for at, fold in enumerate(COPY["fold"])]),
                          WARNING, "class-missing-in-fold", f"{ONE}/colour"),
    "task in one fold": (put("one", "length", [float(at) if fold else None
                                               for at, fold in enumerate(COPY["fold"])]),
                         WARNING, "empty-fold", f"{ONE}/length"),
    "family torn": (put("one", "fold_family", COPY["fold"]), ERROR, "family-across-folds", ONE),
    "no families": (lambda tables: [side.pop("gene_family") for side in tables["genes"]], NOTE,
                    "no-families", ONE),
    "sequence twice": (change("genes", "protein_sequence", repeated), WARNING,
                       "similar-across-folds", ONE),
    "sequence nearly twice": (change("genes", "protein_sequence", nearly), WARNING,
                              "similar-across-folds", ONE),
    "no text": (change("genes", "description", lambda v: [None, *v[1:]]), NOTE, "null-input",
                "bench/genes"),
    "one text for two": (change("genes", "description", lambda v: [v[1], *v[1:]]), NOTE,
                         "shared-input", "bench/genes"),
    "leak": (put("genes", "description", [f"{gene} a kinase" if label else gene for gene, label
                                          in zip(GENES, COPY["kinase"], strict=True)]),
             WARNING, "leak", f"{ONE}/kinase"),
    "mask with a hole": (put("genes", "description_masked", ["kinase", *GENES[1:]], TEXT), ERROR,
                         "mask-leaks", f"{ONE}/kinase"),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found(name: str, write: MakeDataset) -> None:
    spoil, severity, code, where = DEFECTS[name]
    tables = copy.deepcopy(CLEAN)
    spoil(tables)
    root = write(tables)
    assert (severity, code, where) in found_in(root)
    report = check_dataset(root)
    assert all("\n" not in one.message for one in report.findings)
    assert report.fails() is bool(report.of(ERROR))


def test_two_tables_that_disagree_about_one_column(write: MakeDataset) -> None:
    tables = copy.deepcopy(CLEAN)
    other = [1 - COPY["kinase"][0], *COPY["kinase"][1:40]]
    tables["two"] = ({"symbol": TEXT, "kinase": YES_NO}, {"symbol": GENES[:40], "kinase": other})
    (finding,) = check_dataset(write(tables)).findings
    assert (finding.severity, finding.code) == (NOTE, "conflict")
    assert "disagrees with bench/two/kinase (same column name) on 1 of 40" in finding.message
    assert "G00" in finding.message


def test_a_class_that_excludes_others_contradicts_only_by_its_members(write: MakeDataset) -> None:
    kinds = [0 if label and at % 2 else 1 for at, label in enumerate(COPY["kinase"])]
    tables = copy.deepcopy(CLEAN)
    put("one", "kind", kinds, ClassLabel(names=["kinase", "enzyme"]))(tables)
    assert not any(code == "conflict" for _, code, _ in found_in(write(tables)))


def test_tables_without_key_or_task(write: MakeDataset) -> None:
    tables: Tables = {
        "keyless": ({"gene": TEXT}, {"gene": ["A"]}),
        "notes": ({"symbol": TEXT, "note": TEXT}, {"symbol": ["A"], "note": ["x"]}),
    }
    assert {(code, where) for _, code, where in found_in(write(tables))} == {
        ("no-key", "bench/keyless"),
        ("nothing-in-it", "bench/keyless"),
        ("nothing-in-it", "bench/notes"),
        ("no-task", "bench"),
    }


def test_a_set_of_sequences_is_checked_without_genes(write: MakeDataset) -> None:
    rows = {
        "id": [str(at) for at in range(20)],
        "sequence": [*SEQUENCES[:19], SEQUENCES[0]],
        "soluble": [0, 1] * 10,
    }
    tables: Tables = {"solubility": ({"id": TEXT, "sequence": TEXT, "soluble": YES_NO}, rows)}
    report = check_dataset(write(tables))
    assert {one.code for one in report.findings} == {"no-folds", "similar-across-folds"}
    (sequences,) = report.sequences
    assert (sequences.identical, sequences.near, sequences.split) == (1, 0, "any split")


def test_similarity_is_that_of_identity_or_containment() -> None:
    base = protein(400)
    at = RNG.choice(400, 20, replace=False)
    mutant = "".join("A" if place in at else one for place, one in enumerate(base))
    far = "".join(one if place % 4 else RNG.choice(RESIDUES) for place, one in enumerate(base))
    rows = [base, mutant, base[100:180], far, base.lower(), None, "", protein(400), "ACD"]
    similar = similar_sequences(rows)
    assert similar.distinct.tolist() == [0, 1, 2, 3, 0, -1, -1, 4, 5]
    assert {(0, 1), (0, 2)} <= set(map(tuple, similar.pairs.tolist())) <= {(0, 1), (0, 2), (1, 2)}
    assert similar.complete
    assert 0 < THRESHOLD < 1
    everyone = pairs_across(similar, np.arange(len(rows)))
    assert everyone.identical == 1
    assert everyone.near == 2 * 2 + ((1, 2) in set(map(tuple, similar.pairs.tolist())))
    together = pairs_across(similar, np.zeros(len(rows), dtype=np.int64))
    assert (together.identical, together.near, together.entities) == (0, 0, 0)
    halves = pairs_across(similar, np.array([0, 0, 0, 0, 1, 1, 1, 1, 1]))
    assert (halves.identical, halves.near, halves.entities) == (1, 2, 4)


def test_many_identical_and_common_sequences_stay_bounded() -> None:
    shared = protein(60)
    rows = [shared] * 3000 + [shared + protein(60) for _ in range(300)]
    found = pairs_across(similar_sequences(rows), np.arange(len(rows)) % 2)
    assert found.identical == 1500 * 1500
    assert found.near >= 3000 * 300 // 2
    assert found.entities >= 3300
    assert len(found.examples) == 3


def test_the_sample_explains_itself(sample_folder: Path) -> None:
    report = check_dataset(sample_folder)
    assert report.of(ERROR) == ()
    leaks = {task.path.split("/")[-1]: task.leaks[0] for task in report.tasks if task.leaks}
    assert 0.25 < leaks["transcription_factor"].positive < 0.35
    assert leaks["transcription_factor"].negative < 0.01
    worst = leaks["protein_class"].worst
    assert worst is not None
    assert worst.label == "kinase"
    assert worst.auroc > 0.85
    assert not any(one.code == "conflict" for one in report.findings)


@pytest.mark.parametrize(
    ("spoil", "options", "status"),
    [("", [], 0), ("leak", [], 0), ("leak", ["--strict"], 1), ("constant", [], 1)],
)
def test_the_command(
    spoil: str,
    options: list[str],
    status: int,
    write: MakeDataset,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tables = copy.deepcopy(CLEAN)
    if spoil:
        DEFECTS[spoil][0](tables)
    root = write(tables)
    assert command(["check", root, *options]) == status
    text = capsys.readouterr().out
    assert "one/colour" in text
    assert "blue 20" in text or "red 20" in text
    assert command(["check", root, *options, "--json"]) == status
    plain = json.loads(capsys.readouterr().out)
    assert [task["path"] for task in plain["tasks"]][:1] == [f"{ONE}/kinase"]
    assert bool(plain["findings"]) is bool(spoil)


def test_bad_input_is_one_line(write: MakeDataset, capsys: pytest.CaptureFixture[str]) -> None:
    root = write(CLEAN)
    assert command(["check", f"{root}/one"]) == 2
    assert "a dataset is checked as a whole" in capsys.readouterr().err
    assert command(["check", "no-such-dataset"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    tables: Tables = {"one": ({"symbol": NUMBER, "y": NUMBER}, {"symbol": [1.5], "y": [1.0]})}
    with pytest.raises(InputError, match="key column 'symbol' of .* has type float"):
        check_dataset(_elsewhere(root, tables))


def _elsewhere(root: str, tables: Tables) -> str:
    from pathlib import Path

    folder = Path(root).with_name("other")
    folder.mkdir()
    (features, columns) = tables["one"]
    datasets.Dataset.from_dict(columns, Features(features)).to_parquet(folder / "train.parquet")
    return str(folder)
