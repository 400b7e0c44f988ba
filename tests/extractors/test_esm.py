"""ESM in transformers' layout: the public command against transformers' own EsmModel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import EsmConfig, EsmForMaskedLM, EsmTokenizer
from zoo_harness import (
    assert_close,
    assert_no_leak,
    pooled,
    random_sequences,
    randomise,
    run_extract,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VOCABULARY = (
    "<cls> <pad> <eos> <unk> L A G V S E R T I D P K Q N F Y M H W C X B U Z O . - <null_1> <mask>"
).split()
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWYX"
ROWS = random_sequences(AMINO_ACIDS, [31, 7, 64, 31, 1, 50])


def save_esm(
    folder: Path, *, layers: int = 3, width: int = 32, heads: int = 4, **more: Any
) -> EsmForMaskedLM:
    """Save a random ESM in the layout of the Hub's `facebook/esm2_*` repositories."""
    config: dict[str, Any] = {
        "architectures": ["EsmForMaskedLM"],
        "attention_probs_dropout_prob": 0.0,
        "emb_layer_norm_before": False,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "hidden_size": width,
        "initializer_range": 0.02,
        "intermediate_size": 4 * width,
        "is_folding_model": False,
        "layer_norm_eps": 1e-05,
        "mask_token_id": 32,
        "max_position_embeddings": 1026,
        "model_type": "esm",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "pad_token_id": 1,
        "position_embedding_type": "rotary",
        "token_dropout": True,
        "torch_dtype": "float32",
        "use_cache": True,
        "vocab_list": None,
        "vocab_size": 33,
    } | more
    model = EsmForMaskedLM(EsmConfig(**config))
    randomise(model)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "EsmTokenizer"}))
    state = {
        name: tensor.contiguous()
        for name, tensor in model.state_dict().items()
        if name != "lm_head.decoder.weight"
    }
    # The Hub's files hold these too: positions that ESM-2 never reads, and each layer's angles.
    state["esm.embeddings.position_ids"] = torch.arange(1026)[None]
    state.setdefault("esm.embeddings.position_embeddings.weight", torch.randn(1026, width))
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    return model


def reference(folder: Path, model: EsmForMaskedLM) -> Callable[[str], torch.Tensor]:
    tokenizer = EsmTokenizer.from_pretrained(folder)

    def forward(sequence: str) -> torch.Tensor:
        hidden: torch.Tensor = model.esm(**tokenizer(sequence, return_tensors="pt"))[0][0]
        return hidden

    return forward


@pytest.mark.parametrize(
    "more",
    [{}, {"position_embedding_type": "absolute", "emb_layer_norm_before": True}],
    ids=["esm2", "esm1b"],
)
def test_same_as_transformers(tmp_path: Path, more: dict[str, Any]) -> None:
    model = save_esm(tmp_path / "esm", **more)
    found = run_extract(tmp_path, "esm2-8m", ROWS, checkpoint=tmp_path / "esm")
    expected = pooled(ROWS, reference(tmp_path / "esm", model), before=1, after=1)
    assert_close(found, expected)


def test_row_does_not_see_its_batch(tmp_path: Path) -> None:
    save_esm(tmp_path / "esm")
    assert_no_leak(tmp_path, "esm2-8m", ROWS, checkpoint=tmp_path / "esm")
