"""ESM in transformers' layout: letters, limits, layers, and what is refused."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from protein_checkpoints import save_esm
from safetensors.torch import load_file, save_file
from zoo_harness import assert_close, pooled, random_sequences, run_extract

from extractors.encoders.esm import EsmEncoder
from extractors.model import Settings
from extractors.registry import model_record
from hf_datasets.command import EXIT_BAD_INPUT, EXIT_INCOMPLETE

if TYPE_CHECKING:
    from pathlib import Path

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
LONG = random_sequences(AMINO_ACIDS, [1022, 2300, 1023])
WINDOWS = {1022: [0], 1023: [0, 1], 2300: [0, 639, 1278]}
"""First residues of the windows of 1,022, by hand: as few as overlap by a quarter or more."""


def test_letters(tmp_path: Path) -> None:
    """Case, white space and a stop at the end do not count; J is X; gaps are read as such."""
    forward = save_esm(tmp_path / "esm")
    written = {"plain": "MKTXXAG", "lower": "mktxxag", "j": "MKTJXAG", "stop": "MKT XXA\tG*"}
    gaps = {"gaps": "MK--T.AG"}
    found = run_extract(tmp_path, "esm2-8m", written | gaps, checkpoint=tmp_path / "esm")
    read_as = dict.fromkeys(written, "MKTXXAG") | gaps
    assert_close(found, pooled(read_as, forward, before=1, after=1))


def test_what_is_no_protein_fails_alone(tmp_path: Path) -> None:
    save_esm(tmp_path / "esm")
    rows = {"good": "MKT", "digit": "MK3T", "inner stop": "M*KT", "greek": "MKβ", "stop": "*"}
    found = run_extract(
        tmp_path, "esm2-8m", rows, checkpoint=tmp_path / "esm", status=EXIT_INCOMPLETE
    )
    assert list(found) == ["good"]
    table = pq.read_table(tmp_path / "out.parquet", columns=["id", "error", "n_tokens"])
    assert dict(zip(table["id"].to_pylist(), table["error"].to_pylist(), strict=True)) == {
        "good": None,
        "digit": "'3' at position 3 is no amino acid",
        "inner stop": "'*' at position 2 is no amino acid",
        "greek": "'β' at position 3 is no amino acid",
        "stop": "empty sequence",
    }
    assert table["n_tokens"].to_pylist() == [3, 0, 0, 0, 0]


def test_long_rows_are_averaged_by_residue(tmp_path: Path) -> None:
    """A residue that several windows hold counts once: by the mean of what they say of it."""
    forward = save_esm(tmp_path / "esm", layers=2, width=16)
    found = run_extract(tmp_path, "esm2-8m", LONG, checkpoint=tmp_path / "esm")
    expected = {}
    for entity, sequence in LONG.items():
        said = np.zeros((len(sequence), 16), dtype=np.float32)
        shared = np.zeros((len(sequence), 1), dtype=np.float32)
        for start in WINDOWS[len(sequence)]:
            window = slice(start, start + 1022)
            with torch.inference_mode():
                said[window] += forward(sequence[window])[1:-1].numpy()
            shared[window] += 1
        expected[entity] = (said / shared).mean(0)
    assert_close(found, expected)


def test_other_ways_with_long_rows(tmp_path: Path) -> None:
    forward = save_esm(tmp_path / "esm", layers=2, width=16)
    rows = dict(list(LONG.items())[:2])
    cut = {entity: sequence[:1022] for entity, sequence in rows.items()}
    found = run_extract(
        tmp_path, "esm2-8m", rows, "--long", "truncate", checkpoint=tmp_path / "esm"
    )
    assert_close(found, pooled(cut, forward, before=1, after=1))
    table = pq.read_table(tmp_path / "out.parquet", columns=["truncated", "n_tokens"])
    assert table.to_pydict() == {"truncated": [False, True], "n_tokens": [1022, 2300]}
    found = run_extract(
        tmp_path, "esm2-8m", rows, "--long", "error",
        checkpoint=tmp_path / "esm", status=EXIT_INCOMPLETE,
    )  # fmt: skip
    assert list(found) == ["s0"]


def test_esm2_reads_on_past_its_training_where_asked(tmp_path: Path) -> None:
    forward = save_esm(tmp_path / "esm", layers=2, width=16)
    rows = {"long": LONG["s1"]}
    found = run_extract(
        tmp_path, "esm2-8m", rows, "--max-tokens", "2302", checkpoint=tmp_path / "esm"
    )
    assert_close(found, pooled(rows, forward, before=1, after=1))


def test_esm1b_has_no_more_positions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_esm(tmp_path / "esm", position_embedding_type="absolute", emb_layer_norm_before=True)
    run_extract(
        tmp_path, "esm1b", {"a": "MKT"}, "--max-tokens", "1025",
        checkpoint=tmp_path / "esm", status=EXIT_BAD_INPUT,
    )  # fmt: skip
    assert "--max-tokens 1025 is more than the 1024 positions" in capsys.readouterr().err


def test_layers(tmp_path: Path) -> None:
    """0 are the embeddings; the last is read after the final norm; each as transformers has it."""
    forward = save_esm(tmp_path / "esm", layers=4)
    rows = random_sequences(AMINO_ACIDS, [20, 8])
    settings = Settings(checkpoint=str(tmp_path / "esm"), layers=(-1, 0, 3))
    encoder = EsmEncoder.load(model_record("esm2-8m"), settings)
    assert encoder.layers == (0, 3, 4)
    encoded = encoder.encode(encoder.tokenize(list(rows), list(rows.values())))
    for layer, vectors in zip(encoder.layers, encoded.layers, strict=True):
        found = dict(zip(rows, np.asarray(vectors), strict=True))
        expected = pooled(rows, lambda row, at=layer: forward(row, at), before=1, after=1)  # type: ignore[misc]
        assert_close(found, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"position_embedding_type": "relative_key"}, "position_embedding_type 'relative_key'"),
        ({"is_folding_model": True}, "not a plain ESM encoder"),
        ({"is_decoder": True}, "not a plain ESM encoder"),
        ({"model_type": "bert"}, "holds a model of type 'bert', not esm"),
        ({"hidden_size": None}, "config.json has no hidden_size"),
        ({"num_hidden_layers": 2}, "tensors that this architecture has no place for"),
        ({"num_hidden_layers": 4}, "has no tensor 'esm.encoder.layer.3"),
        ({"vocab_size": 64}, "tokens has shape (33, 32), not (64, 32)"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "esm"
    save_esm(folder)
    config = json.loads((folder / "config.json").read_text()) | change
    (folder / "config.json").write_text(json.dumps(config))
    run_extract(tmp_path, "esm2-8m", {"a": "MKT"}, checkpoint=folder, status=EXIT_BAD_INPUT)
    assert message in capsys.readouterr().err


def test_a_bare_model_loads_too(tmp_path: Path) -> None:
    """As `EsmModel` saves it: no prefix, no head."""
    forward = save_esm(tmp_path / "esm")
    weights = tmp_path / "esm" / "model.safetensors"
    bare = {
        name.removeprefix("esm."): tensor
        for name, tensor in load_file(weights).items()
        if name.startswith("esm.")
    }
    save_file(bare, weights)
    rows = {"a": "MKTAYIAK"}
    found = run_extract(tmp_path, "esm2-8m", rows, checkpoint=tmp_path / "esm")
    assert_close(found, pooled(rows, forward, before=1, after=1))


def test_real_proteins(tmp_path: Path, upstream: Path) -> None:
    """Real sequences, some over the limit, through ESM-2 8M's true shape."""
    with gzip.open(upstream / "protein" / "solubility_test_src.txt.gz", "rt") as stream:
        sequences = [line.strip() for line in stream if line.strip()]
    assert len(sequences) == 2001
    longest = max(sequences, key=len)
    assert len(longest) > 1022
    rows = {f"p{at}": sequences[at] for at in range(0, 2001, 100)} | {"longest": longest}
    forward = save_esm(tmp_path / "esm", layers=6, width=320, heads=20)
    found = run_extract(tmp_path, "esm2-8m", rows, checkpoint=tmp_path / "esm")
    del rows["longest"]
    assert np.isfinite(found.pop("longest")).all()
    assert_close(found, pooled(rows, forward, before=1, after=1))
