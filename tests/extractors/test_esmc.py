"""ESM C in transformers' native layout: chains, and the layouts that are refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from protein_checkpoints import save_esmc
from safetensors.torch import load_file, save_file
from zoo_harness import assert_close, pooled, random_sequences, run_extract

from hf_datasets.command import EXIT_BAD_INPUT

if TYPE_CHECKING:
    from pathlib import Path

ROWS = random_sequences("ACDEFGHIKLMNPQRSTVWYXUZOB.-|", [40, 9])


@pytest.mark.parametrize("layers", [3, 36, 40])
def test_depth_scales_what_a_layer_adds(tmp_path: Path, layers: int) -> None:
    forward = save_esmc(tmp_path / "esmc", layers=layers)
    found = run_extract(tmp_path, "esmc", ROWS, checkpoint=tmp_path / "esmc")
    assert_close(found, pooled(ROWS, forward, before=1, after=1))


def test_bare_model_and_letters(tmp_path: Path) -> None:
    """As `EsmcModel` saves it, without a head; lower case and J as for other proteins."""
    forward = save_esmc(tmp_path / "esmc")
    weights = tmp_path / "esmc" / "model.safetensors"
    whole = load_file(weights)
    bare = {name.removeprefix("esmc."): t for name, t in whole.items() if "lm_head" not in name}
    save_file(bare, weights)
    found = run_extract(tmp_path, "esmc", {"a": "mkjl|ag*"}, checkpoint=tmp_path / "esmc")
    assert_close(found, pooled({"a": "MKXL|AG"}, forward, before=1, after=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d_model": 960}, "config.json has d_model: the layout of ESM C's first release"),
        ({"num_key_value_heads": 2}, "num_key_value_heads 2; an ESM C has 4"),
        (
            {"rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0}},
            "rope_type 'yarn'; an ESM C has 'default'",
        ),
        ({"attention_bias": True}, "attention_bias True"),
        ({"hidden_act": "mish"}, "hidden_act 'mish'"),
        ({"model_type": "esm"}, "holds a model of type 'esm', not esmc"),
    ],
)
def test_another_layout_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "esmc"
    save_esmc(folder)
    config = json.loads((folder / "config.json").read_text()) | change
    (folder / "config.json").write_text(json.dumps(config))
    run_extract(tmp_path, "esmc", {"a": "MKT"}, checkpoint=folder, status=EXIT_BAD_INPUT)
    assert message in capsys.readouterr().err
