"""`publish build`, and what plain `datasets` and ours make of the folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import datasets
import pyarrow.parquet as pq
import pytest
import yaml

import hf_datasets
from hf_datasets.__main__ import command
from hf_datasets.errors import InputError
from hf_datasets.files import folder_digest
from hf_datasets.registry import dataset_record, registered_datasets

if TYPE_CHECKING:
    from pathlib import Path

NAME = "gene-benchmark-sample"


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_plain_datasets_loads_it_with_class_names(sample_folder: Path) -> None:
    loaded = datasets.load_dataset(str(sample_folder), "localization")
    feature = loaded["train"].features["subcellular_location"]
    assert isinstance(feature, datasets.List)
    assert feature.feature.names[:2] == ["Cell junctions", "Cytoskeleton"]
    assert loaded["train"].features["secreted"].names == ["no", "yes"]
    rows = {row["symbol"]: row for row in loaded["train"]}
    names = [feature.feature.int2str(label) for label in rows["TP53"]["subcellular_location"]]
    assert "Nucleus" in names
    assert loaded["train"].info.version == datasets.Version("1.0.0")


def test_ours_loads_by_short_name_folder_and_version(sample_folder: Path) -> None:
    by_name = hf_datasets.load_dataset(NAME, "protein-properties", version="1.0.0")
    by_folder = hf_datasets.load_dataset(str(sample_folder), "protein-properties", version="v1.0.0")
    assert by_name["train"].to_dict() == by_folder["train"].to_dict()
    assert by_name["train"].features == by_folder["train"].features
    one = hf_datasets.load_dataset(f"{NAME}/gene2gene", split="train")
    assert one.column_names == ["symbol_a", "symbol_b", "interacts"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((NAME,), "has several configs; name one of: genes"),
        ((NAME, "localisation"), "unknown config .* did you mean localization"),
        ((f"{NAME}/genes", "genes"), "names more than a dataset"),
        (("gene-benchmark-simple", "genes"), "did you mean gene-benchmark-sample"),
    ],
)
def test_what_cannot_be_loaded_is_named(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        hf_datasets.load_dataset(*words)


def test_another_version_is_refused_not_ignored(sample_folder: Path) -> None:
    with pytest.raises(InputError, match=r"2\.0\.0 is not what this release builds \(1\.0\.0\)"):
        hf_datasets.load_dataset(NAME, "genes", version="2.0.0")
    with pytest.raises(InputError, match=r"is version 1\.0\.0, not 2\.0\.0"):
        hf_datasets.load_dataset(str(sample_folder), "genes", version="2.0.0")
    with pytest.raises(InputError, match="name two revisions; give one"):
        hf_datasets.load_dataset(f"{NAME}@1.0.0", "genes", version="2.0.0")
    with pytest.raises(InputError, match="unknown split"):
        hf_datasets.load_dataset(NAME, "genes", split="test")


def test_the_same_build_gives_the_same_bytes(sample_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    assert command(["build", NAME, "--out", str(out)]) == 0
    assert files(out) == files(sample_folder)
    assert command(["build", NAME, "--out", str(out)]) == 0, "its own folder may be replaced"
    assert files(out) == files(sample_folder)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_the_card_changes_with_the_content(sample_folder: Path) -> None:
    """Plain `datasets` would give old rows of a folder whose card stayed the same."""
    digest = folder_digest(sample_folder, ("*.parquet",))[:16]
    text = (sample_folder / "README.md").read_text(encoding="utf-8")
    assert text.endswith(f"<!-- content sha256:{digest} -->\n")


def test_readme_and_parquet_fit_the_hub(sample_folder: Path) -> None:
    text = (sample_folder / "README.md").read_text(encoding="utf-8")
    card = yaml.safe_load(text.split("---")[1])
    assert [entry["config_name"] for entry in card["configs"]] == list(dataset_record(NAME).configs)
    assert "| `localization/secreted` | binary | 517 | no, yes |" in text
    path = sample_folder / "localization/train-00000-of-00001.parquet"
    assert b"ClassLabel" in pq.read_schema(path).metadata[b"huggingface"]


def test_a_folder_of_others_is_not_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert command(["build", NAME, "--out", str(tmp_path)]) == 2
    assert "is not empty and was not built by publish" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert command(["build", NAME, "--out", str(tmp_path / "thesis.txt")]) == 2
    assert "is a file" in capsys.readouterr().err
    assert command(["build", "gene-benchmark-simple", "--out", str(tmp_path / "x")]) == 2
    assert "did you mean gene-benchmark-sample" in capsys.readouterr().err


def test_list_shows_every_dataset(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["list"]) == 0
    shown = capsys.readouterr().out
    assert command(["list", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in records] == list(registered_datasets())
    assert all(f"{record['name']} {record['version']}" in shown for record in records)


def test_records_and_builders_agree() -> None:
    for record in registered_datasets().values():
        builder = record.builder_class()
        assert str(builder.VERSION) == record.version
        assert [config.name for config in builder.BUILDER_CONFIGS] == list(record.configs)
