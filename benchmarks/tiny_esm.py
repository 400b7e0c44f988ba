"""A tiny random ESM in the Hub's layout, and proteins for it: for runs where rows count.

python benchmarks/tiny_esm.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

LETTERS = "LAGVSERTIDPKQNFYMHWC"
VOCABULARY = ["<cls>", "<pad>", "<eos>", "<unk>", *LETTERS, *"XBUZO.-", "<null_1>", "<mask>"]
CHUNK = 10_000


def save_tiny_esm(folder: Path, *, layers: int = 1, width: int = 16, heads: int = 2) -> Path:
    """Save a checkpoint of random weights; return its folder."""
    import torch
    from safetensors.torch import save_file
    from transformers import EsmConfig, EsmModel

    folder.mkdir(parents=True, exist_ok=True)
    config = EsmConfig(
        vocab_size=33,
        mask_token_id=32,
        pad_token_id=1,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        position_embedding_type="rotary",
        token_dropout=True,
        emb_layer_norm_before=False,
        max_position_embeddings=1026,
    )
    torch.manual_seed(0)
    model = EsmModel(config, add_pooling_layer=False)
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    state = {f"esm.{name}": tensor.clone() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "model.safetensors")
    return folder


def write_proteins(path: Path, rows: int) -> Path:
    """Write a CSV of seeded random proteins of 4 to 12 residues."""
    generator = np.random.default_rng(0)
    letters = np.array(list(LETTERS))
    with path.open("w", encoding="utf-8") as stream:
        stream.write("id,sequence\n")
        for start in range(0, rows, CHUNK):
            count = min(CHUNK, rows - start)
            lengths = generator.integers(4, 13, count)
            residues = letters[generator.integers(0, len(letters), (count, 12))]
            stream.writelines(
                f"p{start + row},{''.join(residues[row, :length])}\n"
                for row, length in enumerate(lengths.tolist())
            )
    return path


if __name__ == "__main__":
    save_tiny_esm(Path(sys.argv[1]))
