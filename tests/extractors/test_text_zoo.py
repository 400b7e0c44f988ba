"""Every registered text encoder, loaded through the public command in its upstream's layout."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sentence_transformers import SentenceTransformer
from text_zoo import ROWS, save_text, vector
from zoo_harness import assert_close, assert_no_leak, run_extract

from extractors.__main__ import command
from extractors.registry import MODELS, model_record
from extractors.store import read_provenance
from extractors.zoo.text import RECORDS

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [record.name for record in RECORDS]


@pytest.mark.parametrize("name", NAMES)
def test_same_as_transformers(tmp_path: Path, name: str) -> None:
    saved = save_text(tmp_path / "model", name)
    found = run_extract(tmp_path, name, ROWS, checkpoint=tmp_path / "model", column="text")
    expected = {entity: vector(saved, text).numpy() for entity, text in ROWS.items()}
    assert_close(found, expected)
    provenance = read_provenance(pq.read_schema(tmp_path / "out.parquet"))["encoder"]
    assert provenance["prompt"] == (model_record(name).prompt or "")
    assert provenance["packed"] is (name not in {"mpnet", "biolord-2023"})


@pytest.mark.parametrize(
    "name", ["minilm", "mpnet", "bge-base", "multilingual-e5-base", "qwen3-embedding-0.6b"]
)
def test_same_as_sentence_transformers(tmp_path: Path, name: str) -> None:
    saved = save_text(tmp_path / "model", name)
    found = run_extract(tmp_path, name, ROWS, checkpoint=tmp_path / "model", column="text")
    peer = SentenceTransformer(str(tmp_path / "model"), device="cpu", local_files_only=True)
    theirs = peer.encode([saved.prompt + text for text in ROWS.values()])
    assert_close(found, dict(zip(ROWS, theirs, strict=True)))


@pytest.mark.parametrize(
    "name",
    ["minilm", "mpnet", "multilingual-e5-base", "gte-qwen2-1.5b", "gte-qwen2-7b", "e5-mistral-7b"],
)
def test_a_row_does_not_see_its_batch(tmp_path: Path, name: str) -> None:
    save_text(tmp_path / "model", name)
    assert_no_leak(tmp_path, name, ROWS, checkpoint=tmp_path / "model", column="text")


def test_both_ways_and_one_way_differ(tmp_path: Path) -> None:
    """The 7B's tokens see both ways; run as a plain Qwen2 its vectors would be noise."""
    save_text(tmp_path / "model", "gte-qwen2-7b")
    both, one = (
        run_extract(tmp_path / name, name, ROWS, checkpoint=tmp_path / "model", column="text")
        for name in ("gte-qwen2-7b", "gte-qwen2-1.5b")
    )
    assert all(float(both[entity] @ one[entity]) < 0.99 for entity in list(ROWS)[1:])


def test_code_of_its_own_is_refused_by_its_folder_and_by_another_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_text(tmp_path / "model", "gte-qwen2-7b")
    rows = tmp_path / "rows.csv"
    rows.write_text("id,text\na,gene\n")
    words = ["--input", str(rows), "--out", str(tmp_path / "out.parquet")]
    assert command(["--model", f"text:{tmp_path / 'model'}", *words]) == 2
    error = capsys.readouterr().err
    assert "runs on code of its own (auto_map in config.json)" in error
    assert error.count("\n") == 1


def test_rows_longer_than_a_decoders_window_are_cut_into_windows(tmp_path: Path) -> None:
    """Mistral's tokens see 64 back here: a longer row would need a sliding mask."""
    from transformers import MistralModel

    saved = save_text(tmp_path / "model", "e5-mistral-7b")
    assert isinstance(saved.model, MistralModel)
    long = {"long": " ".join(["zinc finger"] * 60)}
    options = ("--long", "truncate")
    found = run_extract(
        tmp_path, "e5-mistral-7b", long, *options, checkpoint=tmp_path / "model", column="text"
    )
    ids = saved.tokenizer(long["long"])["input_ids"]
    assert len(ids) > 64
    cut = torch.tensor([[*ids[:63], *saved.end]])
    with torch.inference_mode():
        last = saved.model(input_ids=cut)[0][0, -1]
    assert_close(found, {"long": (last / last.norm()).numpy()})


def test_half_precision_files_are_read_in_float32(tmp_path: Path) -> None:
    """gte-large and e5-mistral are saved in float16: float32 on a CPU all the same."""
    saved = save_text(tmp_path / "model", "gte-large")
    from safetensors.torch import load_file, save_file

    path = tmp_path / "model" / "model.safetensors"
    half = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in load_file(path).items()
    }
    save_file(half, path, metadata={"format": "pt"})
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps(config | {"torch_dtype": "float16"}))
    saved.model.half().float()
    found = run_extract(tmp_path, "gte-large", ROWS, checkpoint=tmp_path / "model", column="text")
    assert_close(found, {entity: vector(saved, text).numpy() for entity, text in ROWS.items()})
    provenance = read_provenance(pq.read_schema(tmp_path / "out.parquet"))["encoder"]
    assert provenance["dtype"] == "float32"


def test_layers_and_token_vectors(tmp_path: Path) -> None:
    saved = save_text(tmp_path / "model", "mpnet")
    options = ("--pooling", "none", "--layers", "1")
    found = run_extract(
        tmp_path, "mpnet", ROWS, *options, checkpoint=tmp_path / "model", column="text"
    )
    for entity, text in ROWS.items():
        ids = saved.tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            hidden = saved.model(**ids, output_hidden_states=True).hidden_states[1][0]
        assert np.abs(np.stack(list(found[entity])) - hidden[1:-1].numpy()).max() < 1e-5


def test_the_first_token_of_a_decoder_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_text(tmp_path / "model", "e5-mistral-7b")
    rows = tmp_path / "rows.csv"
    rows.write_text("id,text\na,gene\n")
    words = ["--input", str(rows), "--out", str(tmp_path / "out.parquet"), "--pooling", "cls"]
    words += ["--checkpoint", str(tmp_path / "model")]
    assert command(["--model", "e5-mistral-7b", *words]) == 2
    assert "no token that stands for a whole input" in capsys.readouterr().err


def test_a_registered_model_by_its_hub_id_is_that_model() -> None:
    record = model_record("text:intfloat/e5-large-v2")
    assert record.prompt == "passage: "
    assert record.revision == MODELS["e5-large-v2"].revision


def test_pins_are_those_of_the_hub() -> None:
    for record in RECORDS:
        assert record.revision is not None
        assert len(record.revision) == 40
        assert all(len(digest) == 64 for digest in record.weights)
    assert MODELS["gte-qwen2-7b"].causal is False
    assert model_record("e5").name == "e5-large-v2"
