"""`extract` as it is typed: the zoo, and one line for every wrong word."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from extractors.__main__ import command
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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "minilmm"], "unknown model 'minilmm'; did you mean minilm"),
        (["--model", "MiniLM"], "unknown model 'MiniLM'; did you mean minilm"),
        (["--model", "text:"], "names no model"),
        (["--model", "text:./nowhere"], "cannot get model ./nowhere"),
        (["--model", "random", "--dtype", "float8"], "invalid choice: 'float8'"),
        (["--model", "random", "--dim", "0"], "--dim 0 of random is too small"),
        (["--model", "random", "--budget", "0"], "--budget 0 is too small"),
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


@pytest.mark.parametrize("left_out", ["--model", "--input", "--out"])
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
