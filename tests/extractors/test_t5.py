"""Protein T5 encoders: what each family reads, half precision, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from protein_checkpoints import save_ankh, save_prot_t5
from zoo_harness import assert_close, assert_similar, pooled, random_sequences, run_extract

from hf_datasets.command import EXIT_BAD_INPUT, EXIT_INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from protein_checkpoints import Forward

ROWS = random_sequences("ACDEFGHIKLMNPQRSTVWYXUZOB", [40, 9])


def test_prot_t5_reads_rare_residues_as_any(tmp_path: Path) -> None:
    forward = save_prot_t5(tmp_path / "t5")
    found = run_extract(tmp_path, "prott5", {"a": "muzobjG*"}, checkpoint=tmp_path / "t5")
    assert_close(found, pooled({"a": "MXXXXXG"}, forward, before=0, after=1))


@pytest.mark.parametrize("metaspace", [True, False])
def test_ankh_reads_rare_residues_as_they_are(tmp_path: Path, *, metaspace: bool) -> None:
    forward = save_ankh(tmp_path / "t5", metaspace=metaspace)
    rows = {"rare": "muzobG", "j": "MJG"}
    found = run_extract(tmp_path, "ankh", rows, checkpoint=tmp_path / "t5")
    assert_close(found, pooled({"rare": "MUZOBG", "j": "MXG"}, forward, before=0, after=1))


@pytest.mark.parametrize("save", [save_prot_t5, save_ankh])
def test_float16_is_close(tmp_path: Path, save: Callable[[Path], Forward]) -> None:
    forward = save(tmp_path / "t5")
    found = run_extract(tmp_path, "ankh", ROWS, "--dtype", "float16", checkpoint=tmp_path / "t5")
    assert_similar(found, pooled(ROWS, forward, before=0, after=1))


def test_feed_forward_may_pass_the_range_of_float16(tmp_path: Path) -> None:
    """What its second matrix gives may be over 65,504, as in trained T5s; it stays finite."""
    forward = save_prot_t5(tmp_path / "t5")
    file = tmp_path / "t5" / "pytorch_model.bin"
    state = torch.load(file, weights_only=True)  # noqa: TID251  our own file
    for name in state:
        if name.endswith("wo.weight"):
            state[name] = torch.full_like(state[name], 3e4)
    torch.save(state, file)
    del forward
    settings = ("--dtype", "float16")
    halves = run_extract(tmp_path, "prott5", ROWS, *settings, checkpoint=tmp_path / "t5")
    whole = run_extract(tmp_path, "prott5", ROWS, checkpoint=tmp_path / "t5")
    assert_similar(halves, whole)


def test_poolings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`last` is `</s>`; there is no token for a whole protein."""
    forward = save_prot_t5(tmp_path / "t5")
    found = run_extract(tmp_path, "prott5", ROWS, "--pooling", "last", checkpoint=tmp_path / "t5")
    with torch.inference_mode():
        assert_close(found, {entity: forward(row)[-1].numpy() for entity, row in ROWS.items()})
    run_extract(
        tmp_path, "prott5", ROWS, "--pooling", "cls",
        checkpoint=tmp_path / "t5", status=EXIT_BAD_INPUT,
    )  # fmt: skip
    assert "try --pooling mean" in capsys.readouterr().err


def test_gaps_have_no_token(tmp_path: Path) -> None:
    save_prot_t5(tmp_path / "t5")
    rows = {"good": "MKT", "gap": "MK-T"}
    found = run_extract(
        tmp_path, "prott5", rows, checkpoint=tmp_path / "t5", status=EXIT_INCOMPLETE
    )
    assert list(found) == ["good"]


def test_another_feed_forward_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_ankh(tmp_path / "t5")
    path = tmp_path / "t5" / "config.json"
    config: dict[str, Any] = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"feed_forward_proj": "gated-silu"}))
    run_extract(tmp_path, "ankh", ROWS, checkpoint=tmp_path / "t5", status=EXIT_BAD_INPUT)
    assert "feed_forward_proj 'gated-silu'; choices: relu, gated-gelu" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("save", "file"), [(save_prot_t5, "spiece.model"), (save_ankh, "tokenizer.json")]
)
def test_a_damaged_tokenizer_is_named(
    tmp_path: Path,
    save: Callable[[Path], Forward],
    file: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save(tmp_path / "t5")
    (tmp_path / "t5" / file).write_text("nonsense")
    run_extract(tmp_path, "ankh", ROWS, checkpoint=tmp_path / "t5", status=EXIT_BAD_INPUT)
    errors = capsys.readouterr().err
    assert file in errors
    assert "Traceback" not in errors
