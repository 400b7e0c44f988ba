"""BERT's layout, that many families share: spellings, activations, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from protein_checkpoints import save_prot_bert
from transformers import BertConfig, BertModel
from zoo_harness import assert_close, pooled, random_sequences, randomise, run_extract

from extractors.backbones.packing import Packing
from extractors.backbones.transformer import load
from extractors.encoders.bert import BertNames, bert_shape
from extractors.weights import Weights
from hf_datasets.command import EXIT_BAD_INPUT
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

ROWS = random_sequences("ACDEFGHIKLMNPQRSTVWYXUZOB", [31, 7, 88])


@pytest.mark.parametrize(
    "spelling", [{"prefix": False}, {"old_norms": True}, {"prefix": False, "old_norms": True}]
)
def test_spellings(tmp_path: Path, spelling: dict[str, bool]) -> None:
    forward = save_prot_bert(tmp_path / "bert", **spelling)
    found = run_extract(tmp_path, "prot-bert", ROWS, checkpoint=tmp_path / "bert")
    assert_close(found, pooled(ROWS, forward, before=1, after=1))


def test_rare_residues_are_any(tmp_path: Path) -> None:
    save_prot_bert(tmp_path / "bert")
    rows = {"rare": "MUZOBJ", "any": "mxxxxx"}
    found = run_extract(tmp_path, "prot-bert", rows, checkpoint=tmp_path / "bert")
    assert_close({"any": found["rare"]}, {"any": found["any"]})


def test_cls_and_its_positions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--pooling cls` is the first token; rows never pass the table of positions."""
    forward = save_prot_bert(tmp_path / "bert")
    found = run_extract(
        tmp_path, "prot-bert", ROWS, "--pooling", "cls", checkpoint=tmp_path / "bert"
    )
    with torch.inference_mode():
        assert_close(found, {entity: forward(row)[0].numpy() for entity, row in ROWS.items()})
    rows = {"long": "MKT" * 100}
    assert run_extract(tmp_path, "prot-bert", rows, checkpoint=tmp_path / "bert")
    run_extract(
        tmp_path, "prot-bert", rows, "--max-tokens", "91",
        checkpoint=tmp_path / "bert", status=EXIT_BAD_INPUT,
    )  # fmt: skip
    assert "90 positions" in capsys.readouterr().err


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu"])
def test_activations(activation: str) -> None:
    config = BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=30, hidden_act=activation,
    )  # fmt: skip
    model = BertModel(config, add_pooling_layer=False)
    randomise(model)
    names = BertNames(Weights.of(model.state_dict()))
    ours = load(
        bert_shape(config.to_dict()), names, device=torch.device("cpu"), dtype=torch.float32
    )
    ids = torch.arange(12)
    packing = Packing([5, 7], torch.device("cpu"))
    with torch.inference_mode():
        found = ours(ours.embed(ids, packing), packing, [0, 1, 2])
        for row in (slice(0, 5), slice(5, 12)):
            expected = model(ids[None, row], output_hidden_states=True).hidden_states
            for layer in range(3):
                torch.testing.assert_close(found[layer][row], expected[layer][0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pre_layer_norm": True}, "config.json sets pre_layer_norm"),
        ({"is_decoder": True}, "config.json sets is_decoder"),
        ({"alibi_starting_size": 512}, "config.json sets alibi_starting_size"),
        ({"position_embedding_type": "relative_key"}, "'relative_key'"),
        ({"hidden_act": "mish"}, "hidden_act 'mish'; choices: gelu"),
        ({"hidden_size": None}, "has no hidden_size"),
    ],
)
def test_what_is_no_plain_bert_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        bert_shape({"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2} | change)


def test_extras_of_old_configurations_are_of_no_account(tmp_path: Path) -> None:
    forward = save_prot_bert(tmp_path / "bert")
    path = tmp_path / "bert" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"num_rnn_layer": 1, "rnn": "lstm", "split": 10}))
    found = run_extract(tmp_path, "prot-bert", ROWS, checkpoint=tmp_path / "bert")
    assert_close(found, pooled(ROWS, forward, before=1, after=1))
