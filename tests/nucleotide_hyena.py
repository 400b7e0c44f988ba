"""A small random HyenaDNA in upstream's layout; its reference convolves by the definition."""

from __future__ import annotations

from itertools import product
from math import exp, log, pi
from typing import TYPE_CHECKING, Any

import torch
from nucleotide_parts import LAYERS, WIDTH, apply, linear, norm, tensors, write
from safetensors.torch import save_file
from torch.nn.functional import gelu, layer_norm

if TYPE_CHECKING:
    from pathlib import Path

    from nucleotide_parts import Forward, Tensors


def save_hyenadna(folder: Path, *, longest: int = 66, **more: Any) -> Forward:
    """Save a HyenaDNA; its reference convolves by the definition, each output a sum."""
    order, features = 8, 5
    config = {
        "_name_or_path": "hyenadna-tiny-1k-seqlen-hf",
        "activation_freq": 10,
        "architectures": ["HyenaDNAForCausalLM"],
        "auto_map": {"AutoModelForCausalLM": "modeling_hyena.HyenaDNAForCausalLM"},
        "d_inner": 4 * WIDTH,
        "d_model": WIDTH,
        "emb_dim": features,
        "embed_dropout": 0.1,
        "filter_order": order,
        "hyena_dropout": 0.0,
        "hyena_filter_dropout": 0.0,
        "hyena_order": 2,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05,
        "max_seq_len": longest,
        "model_type": "hyenadna",
        "n_layer": LAYERS,
        "num_inner_mlps": 2,
        "pad_token_id": 4,
        "pad_vocab_size_multiple": 8,
        "short_filter_order": 3,
        "tie_word_embeddings": False,
        "train_freq": True,
        "use_bias": True,
        "vocab_size": 12,
    } | more
    write(folder, "config.json", config)
    back = "hyena.backbone"
    shapes: dict[str, tuple[int, ...]] = {
        f"{back}.embeddings.word_embeddings.weight": (16, WIDTH),
        "lm_head.weight": (16, WIDTH),
    } | norm(f"{back}.ln_f")
    for layer in range(LAYERS):
        here, deep = f"{back}.layers.{layer}", f"{back}.layers.{layer}.mixer.filter_fn"
        shapes |= norm(f"{here}.norm1") | norm(f"{here}.norm2")
        shapes |= linear(f"{here}.mixer.in_proj", 3 * WIDTH, WIDTH)
        shapes |= linear(f"{here}.mixer.out_proj", WIDTH, WIDTH)
        shapes |= {f"{here}.mixer.short_filter.weight": (3 * WIDTH, 1, 3)}
        shapes |= {f"{here}.mixer.short_filter.bias": (3 * WIDTH,), f"{deep}.bias": (WIDTH,)}
        shapes |= linear(f"{deep}.implicit_filter.0", order, features)
        shapes |= linear(f"{deep}.implicit_filter.2", order, order)
        shapes |= linear(f"{deep}.implicit_filter.4", order, order)
        shapes |= linear(f"{deep}.implicit_filter.6", WIDTH, order, bias=False)
        shapes |= linear(f"{here}.mlp.fc1", 4 * WIDTH, WIDTH)
        shapes |= linear(f"{here}.mlp.fc2", WIDTH, 4 * WIDTH)
    state = tensors(shapes)
    for layer in range(LAYERS):
        deep = f"{back}.layers.{layer}.mixer.filter_fn"
        state[f"{deep}.implicit_filter.1.freq"] = 10 * torch.ones(1, order)
        state |= {f"{deep}.{name}": table for name, table in hyena_tables(longest).items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    w = {name.removeprefix(f"{back}."): tensor.double() for name, tensor in state.items()}

    def forward(sequence: str) -> torch.Tensor:
        x = w["embeddings.word_embeddings.weight"][["ACGTN".index(base) + 7 for base in sequence]]
        for layer in range(LAYERS):
            here = f"layers.{layer}"
            x = x + hyena_mixer(w, f"{here}.mixer", hyena_norm(w, f"{here}.norm1", x))
            inner = apply(w, f"{here}.mlp.fc1", hyena_norm(w, f"{here}.norm2", x))
            x = x + apply(w, f"{here}.mlp.fc2", gelu(inner, approximate="tanh"))
        return hyena_norm(w, "ln_f", x)

    return forward


def hyena_tables(longest: int) -> Tensors:
    """Return the tables of positions and decay as upstream computes and stores them."""
    rows = []
    for n in range(longest):
        turn = 2 * pi * n / longest
        waves = [f * turn for f in (1e-4, 1.0)]
        parts = [torch.tensor(wave) for wave in waves]
        time = n / (longest - 1)
        rows.append([time, *(float(p.cos()) for p in parts), *(-float(p.sin()) for p in parts)])
    table = torch.tensor(rows)
    slow, fast = log(0.01) / 1.5, log(0.01) / 0.3
    return {
        "pos_emb.t": table[None, :, :1].clone(),
        "pos_emb.z": table[None],
        "modulation.deltas": torch.linspace(slow, fast, WIDTH)[None, None],
    }


def hyena_norm(w: Tensors, name: str, x: torch.Tensor) -> torch.Tensor:
    """Apply a norm with HyenaDNA's epsilon."""
    return layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], 1e-5)


def hyena_mixer(w: Tensors, name: str, x: torch.Tensor) -> torch.Tensor:
    """Return what a Hyena operator makes of (tokens, width): sums over all earlier tokens."""
    u = apply(w, f"{name}.in_proj", x)
    taps, bias = w[f"{name}.short_filter.weight"], w[f"{name}.short_filter.bias"]
    near = torch.stack(
        [
            bias + sum(taps[:, 0, 2 - back] * u[t - back] for back in range(3) if t >= back)
            for t in range(len(u))
        ]
    )
    x0, x1, v = near.chunk(3, dim=1)
    v = v * x1
    deep = f"{name}.filter_fn"
    kernel = w[f"{deep}.pos_emb.z"][0, : len(x)]
    for layer in (0, 2, 4):
        kernel = apply(w, f"{deep}.implicit_filter.{layer}", kernel)
        kernel = torch.sin(w[f"{deep}.implicit_filter.1.freq"] * kernel)
    kernel = apply(w, f"{deep}.implicit_filter.6", kernel)
    for t, d in product(range(len(x)), range(WIDTH)):
        time, delta = w[f"{deep}.pos_emb.t"][0, t, 0], w[f"{deep}.modulation.deltas"][0, 0, d]
        kernel[t, d] *= exp(-float(time) * abs(float(delta))) + 0.05
    rows = range(len(x))
    sums = [torch.stack([kernel[t - s] * v[s] for s in rows[: t + 1]]).sum(0) for t in rows]
    long = torch.stack(sums)
    return apply(w, f"{name}.out_proj", (long + w[f"{deep}.bias"] * v) * x0)
