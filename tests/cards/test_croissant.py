"""Croissant metadata: mlcroissant accepts it and reads from it what `datasets` reads."""

from __future__ import annotations

import json
import math
import shutil
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from datasets import ClassLabel, Dataset, Features, List, Value, load_dataset

from cards import croissant
from cards.dataset import write_dataset_card
from hf_datasets.files import file_digest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings(
    "ignore:ConjunctiveGraph is deprecated:DeprecationWarning",
    "ignore:The inplace keyword in DataFrame.reset_index",
)


@pytest.fixture(scope="module")
def mlc() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that it brings
        return import_module("mlcroissant")


@pytest.fixture(scope="module")
def sample(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("croissant") / "gene-benchmark-sample"
    shutil.copytree(sample_folder, folder)
    write_dataset_card(folder, check=False)
    return folder


def read(mlc: Any, folder: Path, table: str) -> list[dict[str, Any]]:
    """Return the rows of a record set, keyed by column, texts as text and no number as None."""
    found = mlc.Dataset(jsonld=str(folder / "croissant.json"))
    assert not found.metadata.ctx.issues.errors
    rows = [
        {str(name).removeprefix(f"{table}/"): plain(value) for name, value in row.items()}
        for row in found.records(table)
    ]
    assert rows
    return rows


def plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def metadata(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))
    return found


def test_it_reads_what_datasets_reads(mlc: Any, sample: Path) -> None:
    """Texts, classes, lists of classes, numbers and nulls of every kind of task."""
    for config in ("genes", "regulatory-functions", "localization", "protein-properties"):
        ours = load_dataset(str(sample), config, split="train").to_list()
        assert read(mlc, sample, config) == ours, config
    pairs = read(mlc, sample, "gene2gene")
    assert pairs == load_dataset(str(sample), "gene2gene", split="train").to_list()
    classes = read(mlc, sample, "localization/subcellular_location/classes")
    names = load_dataset(str(sample), "localization", split="train").features
    assert [row["name"] for row in classes] == names["subcellular_location"].feature.names
    assert [row["number"] for row in classes] == list(range(len(classes)))


def test_what_it_says_of_the_dataset(mlc: Any, sample: Path) -> None:
    found = mlc.Dataset(jsonld=str(sample / "croissant.json")).metadata
    assert found.name == "gene-benchmark-sample"
    assert str(found.version) == "1.0.0"
    assert found.license == ["https://spdx.org/licenses/CC0-1.0.html"]
    assert found.cite_as.startswith("@misc{gene-benchmark-sample,")
    assert found.description.startswith("Well-known human genes with a task of every kind")
    assert found.personal_sensitive_information[0].startswith("None; a row is about genes")
    assert found.data_use_cases
    digests = {one.content_url: one.sha256 for one in found.distribution}
    files = {p.relative_to(sample).as_posix(): file_digest(p) for p in sample.rglob("*.parquet")}
    assert digests == files
    (localization,) = [one for one in found.record_sets if one.uuid == "localization"]
    assert localization.key == ["localization/symbol"]
    types = {one.name: (one.data_type, one.is_array) for one in localization.fields}
    assert types == {
        "symbol": (bytes, None),
        "subcellular_location": (int, True),
        "secreted": (int, None),
    }


def test_a_file_that_changed_is_found_out(mlc: Any, sample: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sample, tmp_path / "changed")
    path = folder / "localization/train-00000-of-00001.parquet"
    Dataset.from_parquet(str(path)).select(range(9)).to_parquet(path)
    with pytest.raises(Exception, match="not identical|error occurred"):
        read(mlc, folder, "localization")


def test_splits_shards_and_odd_columns(mlc: Any, tmp_path: Path) -> None:
    """A record set for each file of a table; names that are no part of an address."""
    columns = {
        "id": Value("string"), "a b/c?d#e%": ClassLabel(names=["<x>", "\u202e\N{SNOWMAN}"]),
        "flag": Value("bool"), "count": Value("int32"), "pair": List(Value("float32"), length=2),
        "nested": List(List(Value("int64"))),
    }  # fmt: skip
    parts = {"train-00000-of-00002": 5, "train-00001-of-00002": 4, "test-00000-of-00001": 3}
    written: dict[str, list[dict[str, Any]]] = {}
    for name, count in parts.items():
        written[name] = [
            {"id": f"{name}-{n}", "a b/c?d#e%": n % 2, "flag": n > 1, "count": n,
             "pair": [n / 2, n / 4], "nested": [[n], [1, 2]]}
            for n in range(count)
        ]  # fmt: skip
        table = Dataset.from_list(written[name], features=Features(columns))
        (tmp_path / "odd/data").mkdir(parents=True, exist_ok=True)
        table.to_parquet(tmp_path / f"odd/data/{name}.parquet")
    write_dataset_card(tmp_path / "odd", check=False)
    found = mlc.Dataset(jsonld=str(tmp_path / "odd/croissant.json"))
    assert not found.metadata.ctx.issues.errors
    for name, rows in written.items():
        records = list(found.records(f"default/{name}"))
        names = [field.name for field in _table(found, f"default/{name}").fields]
        assert names == list(columns)
        values = [[plain(value) for value in record.values()] for record in records]
        assert [row[:5] for row in values] == [list(row.values())[:5] for row in rows]
    shapes = {one.name: one.array_shape for one in _table(found, f"default/{name}").fields}
    assert (shapes["pair"], shapes["nested"]) == ("2", "-1,-1")


def _table(found: Any, name: str) -> Any:
    (table,) = [one for one in found.metadata.record_sets if one.uuid == name]
    return table


def test_only_the_first_tables_have_fields(
    mlc: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert croissant.MOST_TABLES == 100, "as many as the Hub describes"
    for module in ("cards.croissant", "cards.dataset"):
        monkeypatch.setattr(f"{module}.MOST_TABLES", 3)
    folder = tmp_path / "many"
    entries = ""
    for number in range(5):
        (folder / f"t{number}").mkdir(parents=True)
        Dataset.from_dict({"id": ["a"], "text": ["b"]}).to_parquet(folder / f"t{number}/x.parquet")
        entries += f"- {{config_name: t{number}, data_files: t{number}/x.parquet}}\n"
    (folder / "README.md").write_text(f"---\nconfigs:\n{entries}---\n", encoding="utf-8")
    write_dataset_card(folder, check=False)
    assert "has the fields of the first 3 tables only" in capsys.readouterr().err
    about = metadata(folder)
    assert [one["name"] for one in about["recordSet"]] == ["t0", "t1", "t2"]
    assert len(about["distribution"]) == 5
    assert about["description"].endswith("2 have none here.")
    assert read(mlc, folder, "t2") == [{"id": "a", "text": "b"}]
