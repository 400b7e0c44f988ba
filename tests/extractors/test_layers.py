"""Several layers in one run, and a vector for each token."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from protein_checkpoints import RESIDUES, save_esm
from zoo_harness import (
    assert_close,
    pooled,
    random_sequences,
    read_vectors,
    run_extract,
    write_rows,
)

from extractors import parts
from extractors.__main__ import command
from extractors.encoders.esm import EsmEncoder
from extractors.parts import Parts
from extractors.store import load_embeddings, read_provenance
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

ROWS = random_sequences(RESIDUES, [31, 7, 64, 31, 1, 50]) | {"bad": "M1K"}
SHORT = {"a": "MKVLAA", "b": "M"}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("esm") / "esm"
    save_esm(folder)
    return folder


def words(folder: Path, checkpoint: Path, out: str, *more: str) -> list[str]:
    source = write_rows(folder / "rows.csv", ROWS)
    return [
        *("--model", "esm2-8m", "--input", str(source), "--checkpoint", str(checkpoint)),
        *("--out", str(folder / out), *more),
    ]


def test_each_layer_is_the_table_that_a_run_of_it_alone_writes(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(words(tmp_path, checkpoint, "emb-{layer}.parquet", "--layers", "all")) == 1
    next_step = capsys.readouterr().err.splitlines()[-1]
    for layer in range(4):
        alone = tmp_path / f"alone-{layer}.parquet"
        assert command(words(tmp_path, checkpoint, alone.name, "--layers", str(layer))) == 1
        several = tmp_path / f"emb-{layer}.parquet"
        assert several.read_bytes() == alone.read_bytes()
        assert read_provenance(pq.read_schema(several))["encoder"]["layer"] == layer
        assert str(several) in next_step
    assert not list(tmp_path.glob("*.parts"))
    default = words(tmp_path, checkpoint, "default.parquet")
    assert command(default) == 1
    assert (tmp_path / "default.parquet").read_bytes() == (tmp_path / "emb-3.parquet").read_bytes()


def test_layers_are_those_of_transformers(tmp_path: Path) -> None:
    forward = save_esm(tmp_path / "esm")
    rows = write_rows(tmp_path / "rows.csv", SHORT)
    out = tmp_path / "of-{layer}.parquet"
    line = ["--model", "esm2-8m", "--input", str(rows), "--out", str(out), "--layers", "0,1,-1"]
    assert command([*line, "--checkpoint", str(tmp_path / "esm")]) == 0
    assert sorted(path.name for path in tmp_path.glob("of-*")) == [
        f"of-{layer}.parquet" for layer in (0, 1, 3)
    ]
    for layer in (0, 1, 3):
        expected = pooled(SHORT, partial(forward, layer=layer), before=1, after=1)
        assert_close(read_vectors(tmp_path / f"of-{layer}.parquet"), expected)


@pytest.mark.parametrize(
    "case",
    [
        ("emb.parquet", "--layers", "0,1", "as in --out emb-{layer}.parquet"),
        ("emb.parquet", "--layers", "9", "layer 9 is not there; choices: 0 (embeddings) to 3"),
        ("emb.parquet", "--layers", "one", "'one' is no list of layers; give as in 6 or 0,6,-1"),
        ("emb.parquet", "--max-tokens", "2", "--max-tokens 2 leaves no room beside 2 special"),
    ],
)
def test_a_wrong_choice_is_one_line(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str], case: tuple[str, ...]
) -> None:
    out, option, value, message = case
    try:
        status = command(words(tmp_path, checkpoint, out, option, value))
    except SystemExit as stop:
        status = int(stop.code or 0)
    assert status == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_no_more_tokens_than_a_model_has_positions_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Learned positions end somewhere; rotary ones do not."""
    save_esm(
        tmp_path / "esm", position_embedding_type="absolute", max_position_embeddings=22
    )  # padding's two rows are no positions: 20 are left
    line = words(tmp_path, tmp_path / "esm", "out.parquet")
    assert command([*line, "--max-tokens", "21"]) == 2
    assert "--max-tokens 21 is more than the 20 positions of this model" in capsys.readouterr().err
    assert command(line) == 1
    assert "1 rows failed" in capsys.readouterr().err, "longer ones are read in windows"
    described = read_provenance(pq.read_schema(tmp_path / "out.parquet"))["encoder"]
    assert described["max_tokens"] == 20
    save_esm(tmp_path / "rotary")
    line = words(tmp_path, tmp_path / "rotary", "long.parquet", "--max-tokens", "5000")
    assert command(line) == 1
    described = read_provenance(pq.read_schema(tmp_path / "long.parquet"))["encoder"]
    assert described["max_tokens"] == 5000


def test_a_model_without_layers_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = write_rows(tmp_path / "rows.csv", SHORT)
    line = ["--model", "random", "--input", str(rows)]
    assert command([*line, "--out", str(tmp_path / "emb-{layer}.parquet")]) == 2
    assert "this model has no layers; leave {layer} out" in capsys.readouterr().err
    assert command([*line, "--out", str(tmp_path / "emb.parquet"), "--layers", "2"]) == 2
    assert "model random has no layers" in capsys.readouterr().err


def test_no_table_is_declared_finished_before_all_are(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while a part has one layer of two, and while one table of two is in place."""
    line = words(tmp_path, checkpoint, "emb-{layer}.parquet", "--layers", "0,3")
    whole = [tmp_path / "emb-0.parquet", tmp_path / "emb-3.parquet"]
    assert command(line) == 1
    expected = [path.read_bytes() for path in whole]
    for path in whole:
        path.unlink()
    write = parts.rows_table
    with monkeypatch.context() as patch:
        patch.setattr(parts, "rows_table", stopping(write, at=2))
        assert command(line) == 130
    assert [path.name for path in (tmp_path / "emb-{layer}.parquet.parts").glob("part*")] == [
        "part-00000000-of-layer-0.parquet"
    ]
    finish = Parts.finish

    def half(self: Parts, outs: Sequence[Path], n_rows: int) -> None:
        finish(Parts(self.folder, self.schemas), [*outs[:-1], tmp_path / "other"], n_rows)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "finish", half)
        assert command(line) == 130
    assert whole[0].exists()
    assert not whole[1].exists()
    assert command(line) == 1
    assert [path.read_bytes() for path in whole] == expected


def stopping(function: Callable[..., object], at: int) -> Callable[..., object]:
    calls = []

    def wrapped(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == at:
            raise KeyboardInterrupt
        return function(*arguments)

    return wrapped


def test_without_pooling_each_token_has_its_vector(tmp_path: Path, checkpoint: Path) -> None:
    """Their mean is what mean pooling gives; failed rows have none."""
    assert command(words(tmp_path, checkpoint, "tokens.parquet", "--pooling", "none")) == 1
    found = read_vectors(tmp_path / "tokens.parquet")
    assert {name: matrix.shape for name, matrix in found.items()} == {
        name: (len(value), 32) for name, value in ROWS.items() if name != "bad"
    }
    assert command(words(tmp_path, checkpoint, "mean.parquet")) == 1
    means = {name: matrix.mean(0) for name, matrix in found.items()}
    assert_close(means, read_vectors(tmp_path / "mean.parquet"))
    field = pq.read_schema(tmp_path / "tokens.parquet").field("embedding").type
    assert field.value_type.list_size == 32
    assert pq.read_table(tmp_path / "tokens.parquet")["embedding"].to_pylist()[-1] is None


def test_a_token_in_several_windows_has_their_average(tmp_path: Path) -> None:
    forward = save_esm(tmp_path / "esm")
    value = "MKVLAAGIVGLCAKRWDE"
    options = ["--pooling", "none", "--max-tokens", "10"]
    found = run_extract(tmp_path, "esm2-8m", {"a": value}, *options, checkpoint=tmp_path / "esm")
    total, times = np.zeros((len(value), 32)), np.zeros((len(value), 1))
    with torch.inference_mode():
        for start in (0, 5, 10):  # 8 residues each beside two special tokens, evenly spaced
            total[start : start + 8] += forward(value[start : start + 8])[1:-1].numpy()
            times[start : start + 8] += 1
    assert_close(found, {"a": (total / times).astype(np.float32)})


def test_token_vectors_are_those_of_transformers(tmp_path: Path) -> None:
    forward = save_esm(tmp_path / "esm")
    options = ["--pooling", "none"]
    found = run_extract(tmp_path, "esm2-8m", SHORT, *options, checkpoint=tmp_path / "esm")
    with torch.inference_mode():
        expected = {name: forward(value)[1:-1].numpy() for name, value in SHORT.items()}
    assert_close(found, expected)
    kept = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "out.parquet"), cache_dir=str(tmp_path / "cache")
    )["train"]
    assert np.allclose(kept[0]["embedding"], found["a"])


def test_token_vectors_are_not_taken_for_row_vectors(tmp_path: Path, checkpoint: Path) -> None:
    assert command(words(tmp_path, checkpoint, "tokens.parquet", "--pooling", "none")) == 1
    with pytest.raises(InputError, match=r"holds a vector for each token \(--pooling none\)"):
        load_embeddings(str(tmp_path / "tokens.parquet"))


def test_parts_of_token_vectors_are_small(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where parts are cut does not change the numbers, nor depend on the number of layers."""
    line = words(tmp_path, checkpoint, "whole.parquet", "--pooling", "none", "--budget", "1")
    assert command(line) == 1
    monkeypatch.setattr("extractors.engine.PART_NUMBERS", 40 * 32)
    sizes = []
    write = Parts.write

    def noted(self: Parts, number: int, ids: Sequence[str], encoded: object) -> None:
        sizes.append(len(ids))
        write(self, number, ids, encoded)  # type: ignore[arg-type]

    monkeypatch.setattr(Parts, "write", noted)
    line[line.index(str(tmp_path / "whole.parquet"))] = str(tmp_path / "small.parquet")
    assert command(line) == 1
    assert sizes == [3, 3, 1]
    small, whole = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("small", "whole"))
    assert small["embedding"].to_pylist() == whole["embedding"].to_pylist()
    assert json.loads(small.schema.metadata[b"genezoo"]) == read_provenance(whole.schema)


def test_the_encoder_says_what_it_reads(checkpoint: Path) -> None:
    from extractors.model import Settings
    from extractors.registry import model_record

    settings = Settings(checkpoint=str(checkpoint), layers=(-1, 0, 3))
    assert EsmEncoder.load(model_record("esm2-8m"), settings).layers == (0, 3)
