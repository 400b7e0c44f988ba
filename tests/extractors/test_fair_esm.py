"""The fair-esm package's own `.pt` files: read without running their code, and as it reads them."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import TYPE_CHECKING, Any

import protein_checkpoints as upstreams
import pytest
import torch
from zoo_harness import assert_close, assert_no_leak, pooled, random_sequences, run_extract

from hf_datasets.command import EXIT_BAD_INPUT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from protein_checkpoints import Forward

ROWS = random_sequences("ACDEFGHIKLMNPQRSTVWYXUZOB.-", [31, 7, 64, 31, 1, 50])


@pytest.mark.parametrize(
    ("model", "save", "after"),
    [
        ("esm2-8m", upstreams.save_fair_esm2, 1),
        ("esm2-8m", lambda file: upstreams.save_fair_esm2(file, token_dropout=False), 1),
        ("esm1b", upstreams.save_fair_esm1b, 1),
        ("esm1v-2", lambda file: upstreams.save_fair_esm1b(file, norm_before=False), 1),
        ("esm1", upstreams.save_fair_esm1, 0),
    ],
    ids=["esm2", "no dropout", "esm1b", "esm1v", "esm1"],
)
def test_same_as_fair_esm(
    tmp_path: Path, model: str, save: Callable[[Path], Forward], after: int
) -> None:
    forward = save(tmp_path / "model.pt")
    found = run_extract(tmp_path, model, ROWS, checkpoint=tmp_path / "model.pt")
    assert_close(found, pooled(ROWS, forward, before=1, after=after))


def test_row_does_not_see_its_batch(tmp_path: Path) -> None:
    upstreams.save_fair_esm2(tmp_path / "model.pt")
    assert_no_leak(tmp_path, "esm2-8m", ROWS, checkpoint=tmp_path / "model.pt")


def test_half_precision_file(tmp_path: Path) -> None:
    """The largest files hold float16; the arithmetic is float32 all the same."""
    file = tmp_path / "model.pt"
    upstreams.save_fair_esm2(file)
    content = torch.load(file, weights_only=False)  # noqa: TID251  our own file
    halves = {name: tensor.half() for name, tensor in content["model"].items()}
    torch.save(content | {"model": halves}, tmp_path / "half.pt")
    rounded = {name: tensor.float() for name, tensor in halves.items()}
    torch.save(content | {"model": rounded}, file)
    expected = run_extract(tmp_path, "esm2-8m", ROWS, checkpoint=file)
    assert_close(run_extract(tmp_path, "esm2-8m", ROWS, checkpoint=tmp_path / "half.pt"), expected)


def _args(**options: Any) -> argparse.Namespace:
    return argparse.Namespace(**options)


@pytest.mark.parametrize(
    ("model", "content", "message"),
    [
        ("esm2-8m", {"cfg": {"model": dt.date(2020, 1, 1)}}, "it holds datetime.date"),
        ("esm2-8m", {"model": {}}, "neither 'cfg' nor 'args'"),
        ("esm2-8m", [1, 2], "neither 'cfg' nor 'args'"),
        ("esm1b", {"args": _args(arch="msa_transformer"), "model": {}}, "'msa_transformer'"),
        ("esm1b", {"args": _args(arch="roberta_large"), "model": {}}, "has no layers"),
        ("esm1b", {"args": _args(arch="roberta_large")}, "no tensors under 'model'"),
        (
            "esm2-8m",
            {"cfg": {"model": _args(encoder_layers=1, encoder_attention_heads=1)}, "model": {}},
            "has no tensor 'embed_tokens.weight'",
        ),
        ("esm1", {"args": _args(arch="protein_bert_base"), "model": {}}, "has no layers"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, model: str, content: Any, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(content, tmp_path / "model.pt")
    run_extract(
        tmp_path, model, {"a": "MKT"}, checkpoint=tmp_path / "model.pt", status=EXIT_BAD_INPUT
    )
    errors = capsys.readouterr().err
    assert message in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("save", [upstreams.save_fair_esm2, upstreams.save_fair_esm1])
def test_a_tensor_without_a_place_is_refused(
    tmp_path: Path, save: Callable[[Path], Forward], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "model.pt"
    save(file)
    content = torch.load(file, weights_only=False)  # noqa: TID251  our own file
    content["model"]["encoder.layers.7.fc1.weight"] = torch.zeros(2, 2)
    torch.save(content, file)
    run_extract(tmp_path, "esm2-8m", {"a": "MKT"}, checkpoint=file, status=EXIT_BAD_INPUT)
    assert "layers.7.fc1.weight" in capsys.readouterr().err


def test_esm1_says_which_file_it_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_extract(tmp_path, "esm1", {"a": "MKT"}, checkpoint=None, status=EXIT_BAD_INPUT)
    assert "is one .pt file: give --checkpoint FILE" in capsys.readouterr().err
    run_extract(tmp_path, "esm1", {"a": "MKT"}, checkpoint=tmp_path, status=EXIT_BAD_INPUT)
    assert "is no file; download it from" in capsys.readouterr().err
