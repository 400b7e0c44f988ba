"""The real files of five origins, built in full: counts against those that are published."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from hf_datasets.build import BuildOptions, build_dataset, read_record
from hf_datasets.load import load_dataset
from hf_datasets.registry import dataset_record

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.upstream


@pytest.fixture(scope="module")
def built(upstream: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = {
        "gue": upstream / "gue",
        "nrc": upstream / "rna",
        "deepcrispr": upstream / "rna" / "crispr_on_target.tar.gz",
        "deepfri": upstream / "protein",
        "deepsol": upstream / "protein",
    }
    out = tmp_path_factory.mktemp("upstream") / "biology-instructions"
    options = BuildOptions(given=given, download=False)
    build_dataset(dataset_record("biology-instructions"), out, options)
    return out


def test_counts(built: Path) -> None:
    tasks = {
        path.rpartition("/")[2]: entry["rows"]
        for path, entry in read_record(built)["tasks"].items()
    }
    assert tasks["ncrna"] == {"train": 6320, "test": 2600}
    assert tasks["solubility"] == {"validation": 6942, "test": 2001}
    # Published are 1,919; the sequence file has one chain more, with EC numbers like the others.
    assert tasks["ec"] == {"test": 1920}
    assert sum(tasks["crispr-on-target"].values()) == 2076
    assert tasks["cpd"] == {"train": 4904, "validation": 11840, "test": 11840}
    assert tasks["tb-human"]["test"] == 5000
    assert tasks["tb-mouse"]["validation"] == tasks["tb-mouse"]["test"] == 10005
    assert read_record(built)["left_out"] == {}


def test_columns(built: Path) -> None:
    ncrna = load_dataset(str(built), "ncrna", split="train")
    names = ncrna.features["label"].names
    counts = Counter(names[one] for one in ncrna["label"])
    assert counts == dict.fromkeys(names, 700) | {"IRES": 520}
    assert "T" not in set("".join(ncrna["sequence"]))
    ec = load_dataset(str(built), "ec", split="train")
    assert len(ec.features["label"].feature.names) == 538
    assert all(ec["label"])
    mouse = load_dataset(str(built), "tb-mouse", split="train")
    kept = {(row["subtask"], row["split"]) for row in mouse if row[row["subtask"]] is not None}
    assert len(kept) == 5 * 2 + 3
    rna = load_dataset(str(built), "rna")
    assert {split: len(table) for split, table in rna.items()} == {
        "train": 6320 + 1467, "validation": 204, "test": 2600 + 405,
    }  # fmt: skip
