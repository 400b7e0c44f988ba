"""`extract` as it is typed: the zoo, and one line for every wrong word."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from extractors.__main__ import command
from extractors.listing import in_short
from extractors.model import ModelRecord
from extractors.registry import MODELS, _by_name, model_record
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "genes.csv"
    path.write_text("symbol,text\nTP53,tumor protein\n")
    return path


def test_list_shows_every_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["--list"]) == 0
    shown = capsys.readouterr().out
    assert command(["--list", "--json"]) == 0
    records = {record["name"]: record for record in json.loads(capsys.readouterr().out)}
    assert records.keys() == MODELS.keys() >= {"minilm", "bag-of-words", "random", "precomputed"}
    for name, record in records.items():
        assert name in shown
        assert record["licence"] in shown
        assert record["citation"] in shown


def test_list_can_be_narrowed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["--list", "--modality", "protein", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {record["modality"] for record in found} == {"protein"}
    assert len(found) == sum(record.modality == "protein" for record in MODELS.values())
    assert command(["--list", "--modality", "protien"]) == 2
    assert "unknown modality 'protien'; did you mean protein?" in capsys.readouterr().err


def test_columns_of_the_list_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["--list"]) == 0
    header, *rows, _ = capsys.readouterr().out.splitlines()
    start = header.index("what it is")
    for row, record in zip(rows, MODELS.values(), strict=True):
        assert row[start:] == record.summary
        assert row[start - 2 : start] == "  "


@pytest.mark.parametrize(
    ("parameters", "short"),
    [(None, "-"), (7_400_000, "7.4M"), (22_713_216, "22.7M"), (149_000_000, "149M"),
     (650_000_000, "650M"), (2_840_000_000, "2.8B"), (15_000_000_000, "15B"), (432_000, "432K")],
)  # fmt: skip
def test_parameters_are_said_in_short(parameters: int | None, short: str) -> None:
    assert in_short(parameters) == short


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "minilmm"], "unknown model 'minilmm'; did you mean minilm"),
        (["--model", "MiniLM"], "unknown model 'MiniLM'; did you mean minilm"),
        (["--model", "text:"], "names no model"),
        (["--model", "text:./nowhere"], "cannot get model ./nowhere"),
        (["--model", "random", "--dtype", "float8"], "invalid choice: 'float8'"),
        (["--model", "random", "--dim", "0"], "--dim 0 of random is too small"),
        (["--model", "random", "--budget", "0"], "argument --budget: '0' is no number of tokens"),
        (["--model", "minilm", "--device", "cuda:99"], "device 'cuda:99' is not to be had here"),
        (["--model", "minilm", "--checkpoint", "nowhere"], "no such folder"),
        (["--model", "minilm", "--column", "txet"], "no column 'txet'"),
        (["--model", "minilm", "--id", "gene"], "no column 'gene'"),
    ],
)
def test_a_wrong_word_is_one_line(
    words: list[str], message: str, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = table.parent / "out.parquet"
    try:
        status = command([*words, "--input", str(table), "--out", str(out)])
    except SystemExit as stop:
        status = int(stop.code or 0)
    assert status == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert {path.name for path in table.parent.iterdir()} == {"genes.csv"}


@pytest.mark.parametrize("left_out", ["--model", "--out", "--input"])
def test_a_missing_option_is_named(left_out: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = {"--model": "random", "--input": "genes.csv", "--out": "out.parquet"}
    given = [word for option in words if option != left_out for word in (option, words[option])]
    assert command(given) == 2
    assert f"{left_out} is missing" in capsys.readouterr().err


def test_a_place_that_cannot_be_written(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for out, message in (
        (table / "sub/out.parquet", "cannot create folder"),
        (table.parent, "is a folder, not a file"),
    ):
        assert command(["--model", "random", "--input", str(table), "--out", str(out)]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert "choose another --out" in error
        assert error.count("\n") == 1


def test_a_missing_library_names_its_extra(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "extractors.encoders.text", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    out = table.parent / "out.parquet"
    assert command(["--model", "minilm", "--input", str(table), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert "model minilm needs torch; pip install 'genezoo[text]'" in error


def test_names_are_taken_once() -> None:
    record = ModelRecord("one", "any", "m:C", "", aliases=("two",))
    with pytest.raises(InputError, match="model name 'two' is registered twice"):
        _by_name((record, ModelRecord("two", "any", "m:C", "")))
    assert model_record("all-minilm-l6-v2") is MODELS["minilm"]


def test_an_embedding_can_be_named(table: Path) -> None:
    from extractors.store import load_embeddings

    out = table.parent / "out.parquet"
    words = ["--model", "random", "--input", str(table), "--out", str(out), "--name", "floor"]
    assert command(words) == 0
    assert load_embeddings(str(out)).model == "floor"
    assert load_embeddings(str(out)).provenance["model"] == "random"


def test_the_next_step_names_the_dataset_that_was_read(
    sample_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    folder = tmp_path / "genes" / "mine"
    shutil.copytree(sample_folder, folder)
    out = tmp_path / "out.parquet"
    assert command(["--model", "random", "--input", f"{folder}/genes", "--out", str(out)]) == 0
    assert f"next: probe {out} --tasks {folder} --out results.parquet" in capsys.readouterr().err
