"""Small random ESMs over DNA and RNA in upstream's layout, each with its reference.

Nucleotide Transformer v1 and RNA-FM against transformers' class, v2 against loops and einsum.
"""

from __future__ import annotations

import argparse
from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from nucleotide_parts import (
    HEADS,
    INNER,
    LAYERS,
    WIDTH,
    apply,
    attention,
    kmers,
    linear,
    norm,
    normalise,
    tensors,
    write,
)
from safetensors.torch import save_file
from torch.nn.functional import silu
from transformers import EsmConfig, EsmForMaskedLM, EsmModel, EsmTokenizer
from zoo_harness import randomise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nucleotide_parts import Forward

NT_V1_WORDS = ["<unk>", "<pad>", "<mask>", "<cls>", *kmers(6), *"ATCGN", "<eos>", "<bos>"]
NT_V2_WORDS = ["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>", *kmers(6), *"ATCGN"]
NT: dict[str, Any] = {
    "architectures": ["EsmForMaskedLM"],
    "attention_probs_dropout_prob": 0.0,
    "emb_layer_norm_before": False,
    "esmfold_config": None,
    "hidden_dropout_prob": 0.0,
    "hidden_size": WIDTH,
    "initializer_range": 0.02,
    "intermediate_size": INNER,
    "is_folding_model": False,
    "layer_norm_eps": 1e-12,
    "mask_token_id": 2,
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "pad_token_id": 1,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "vocab_list": None,
}


def save_nt_vocabulary(folder: Path, words: list[str]) -> Callable[[str], list[int]]:
    """Save vocabulary and tokenizer settings; return sequence to ids by transformers' class."""
    write(folder, "vocab.txt", "\n".join(words))
    settings = {"clean_up_tokenization_spaces": True, "eos_token": None, "model_max_length": 1000}
    write(folder, "tokenizer_config.json", settings | {"tokenizer_class": "EsmTokenizer"})
    tokenizer = EsmTokenizer.from_pretrained(folder)

    def ids(sequence: str) -> list[int]:
        found: list[int] = tokenizer(sequence)["input_ids"]
        return found

    return ids


def save_nt_v1(folder: Path) -> Forward:
    """Save a version 1 in two shards, matrices in column order as the real ones are."""
    words = NT_V1_WORDS
    ids = save_nt_vocabulary(folder, words)
    config = NT | {"model_type": "esm", "max_position_embeddings": 66, "token_dropout": True}
    config |= {"position_embedding_type": "absolute", "vocab_size": len(words) - 2}
    write(folder, "config.json", config)
    model = EsmForMaskedLM(EsmConfig(**config))
    randomise(model)
    state = {name: column_major(tensor) for name, tensor in model.state_dict().items()}
    state["esm.embeddings.position_ids"] = torch.arange(66)[None]
    names = sorted(state)
    weight_map: dict[str, str] = {}
    for number, some in enumerate((names[::2], names[1::2]), 1):
        file = f"pytorch_model-{number:05}-of-00002.bin"
        torch.save({name: state[name] for name in some}, folder / file)
        weight_map |= dict.fromkeys(some, file)
    write(folder, "pytorch_model.bin.index.json", {"metadata": {}, "weight_map": weight_map})
    wide = model.esm.double()

    def forward(sequence: str) -> torch.Tensor:
        row = torch.tensor([ids(sequence)])
        hidden: torch.Tensor = wide(row, attention_mask=torch.ones_like(row))[0][0]
        return hidden

    return forward


def column_major(tensor: torch.Tensor) -> torch.Tensor:
    """Return the same matrix with its columns in one piece each."""
    return tensor.T.contiguous().T if tensor.dim() == 2 else tensor.clone()


def save_nt_v2(folder: Path) -> Forward:
    """Save a version 2 as safetensors: no model_type, unused positions, stored angles."""
    words = NT_V2_WORDS
    ids = save_nt_vocabulary(folder, words)
    config = NT | {"add_bias_fnn": False, "max_position_embeddings": 66, "token_dropout": False}
    config |= {"position_embedding_type": "rotary", "vocab_size": len(words)}
    config["auto_map"] = {"AutoModelForMaskedLM": "modeling_esm.EsmForMaskedLM"}
    write(folder, "config.json", config)
    size = WIDTH // HEADS
    shapes: dict[str, tuple[int, ...]] = {
        "esm.embeddings.word_embeddings.weight": (len(words), WIDTH),
        "esm.embeddings.position_embeddings.weight": (66, WIDTH),
    }
    for layer in range(LAYERS):
        here = f"esm.encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            shapes |= linear(f"{here}.attention.self.{part}", WIDTH, WIDTH)
        shapes |= {f"{here}.attention.self.rotary_embeddings.inv_freq": (size // 2,)}
        shapes |= linear(f"{here}.attention.output.dense", WIDTH, WIDTH)
        shapes |= norm(f"{here}.attention.LayerNorm") | norm(f"{here}.LayerNorm")
        shapes |= linear(f"{here}.intermediate.dense", 2 * INNER, WIDTH, bias=False)
        shapes |= linear(f"{here}.output.dense", WIDTH, INNER, bias=False)
    shapes |= norm("esm.encoder.emb_layer_norm_after")
    shapes |= linear("esm.contact_head.regression", 1, LAYERS * HEADS)
    shapes |= linear("lm_head.dense", WIDTH, WIDTH) | norm("lm_head.layer_norm")
    shapes |= {"lm_head.bias": (len(words),), "lm_head.decoder.weight": (len(words), WIDTH)}
    state = tensors(shapes)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    w = {name.removeprefix("esm."): tensor.double() for name, tensor in state.items()}

    def rotated(x: torch.Tensor) -> torch.Tensor:
        out = x.clone()
        for t, h, d in product(range(len(x)), range(HEADS), range(size // 2)):
            a, b = h * size + d, h * size + d + size // 2
            angle = torch.tensor(t / 10_000 ** (2 * d / size), dtype=x.dtype)
            out[t, a] = x[t, a] * angle.cos() - x[t, b] * angle.sin()
            out[t, b] = x[t, b] * angle.cos() + x[t, a] * angle.sin()
        return out

    def forward(sequence: str) -> torch.Tensor:
        x = w["embeddings.word_embeddings.weight"][ids(sequence)]
        for layer in range(LAYERS):
            here = f"encoder.layer.{layer}"
            h = normalise(w, f"{here}.attention.LayerNorm", x)
            q, k, v = (apply(w, f"{here}.attention.self.{p}", h) for p in ("query", "key", "value"))
            mixed = attention(rotated(q), rotated(k), v)
            x = x + apply(w, f"{here}.attention.output.dense", mixed)
            gated = apply(w, f"{here}.intermediate.dense", normalise(w, f"{here}.LayerNorm", x))
            x = x + apply(w, f"{here}.output.dense", silu(gated[:, :INNER]) * gated[:, INNER:])
        return normalise(w, "encoder.emb_layer_norm_after", x)

    return forward


RNA_LETTERS = "ACGURYKMSWBDHVN-"


def save_rnafm(folder: Path, *, before: str = "encoder.sentence_encoder.") -> Forward:
    """Save the authors' file: tensors and a namespace; the reference is transformers' ESM."""
    config = NT | {"model_type": "esm", "max_position_embeddings": 66, "token_dropout": False}
    config |= {"emb_layer_norm_before": True, "layer_norm_eps": 1e-5, "vocab_size": 25}
    config["position_embedding_type"] = "absolute"
    model = EsmModel(EsmConfig(**config), add_pooling_layer=False)
    randomise(model)
    parts = {
        "embeddings.word_embeddings": "embed_tokens",
        "embeddings.position_embeddings": "embed_positions",
        "embeddings.layer_norm": "emb_layer_norm_before",
        "encoder.emb_layer_norm_after": "emb_layer_norm_after",
        "encoder.layer.": "layers.",
        "attention.self.query": "self_attn.q_proj",
        "attention.self.key": "self_attn.k_proj",
        "attention.self.value": "self_attn.v_proj",
        "attention.output.dense": "self_attn.out_proj",
        "attention.LayerNorm": "self_attn_layer_norm",
        "intermediate.dense": "fc1",
        "output.dense": "fc2",
        "LayerNorm": "final_layer_norm",
    }
    state = {}
    for name, tensor in model.state_dict().items():
        if name.startswith("contact_head") or name.endswith("position_ids"):
            continue
        theirs = name
        for ours, other in parts.items():
            theirs = theirs.replace(ours, other)
        state[before + theirs] = tensor.clone()
    state |= {"encoder.lm_head.bias": torch.zeros(25), "encoder.lm_head.weight": torch.zeros(25, 9)}
    options = argparse.Namespace(arch="roberta_large", encoder_attention_heads=HEADS)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"args": options, "model": state}, folder / "RNA-FM_pretrained.pth")
    wide = model.double()

    def forward(sequence: str) -> torch.Tensor:
        row = torch.tensor([[0, *(RNA_LETTERS.index(base) + 4 for base in sequence), 2]])
        hidden: torch.Tensor = wide(row, attention_mask=torch.ones_like(row))[0][0]
        return hidden

    return forward
