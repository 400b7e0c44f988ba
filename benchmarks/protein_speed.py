"""Residues per second on a CPU: our ESM-2 against what people run today.

    python benchmarks/protein_speed.py [--size 8m] [--proteins 512] [--rounds 3]

Same random weights in the true shape, same proteins (log-normal lengths, median 415, 30 to
1,022 residues, seeded), one process, rounds interleaved, medians. Peers: fair-esm as its
`extract.py` batches (4,096 tokens, logits always computed), transformers' `EsmModel` padded in
fixed batches of 8 in arrival order, and the same one protein at a time. Ours is the whole
encoder, from strings to vectors.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from machine import CLOCKS, describe_machine
from safetensors.torch import save_file
from transformers import EsmConfig, EsmModel

from extractors.encoders.esm import EsmEncoder
from extractors.model import Settings
from extractors.registry import model_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SHAPES = {"8m": (6, 320, 20), "35m": (12, 480, 20), "150m": (30, 640, 20)}
LETTERS = "LAGVSERTIDPKQNFYMHWC"
FREQUENCIES = np.array(
    [
        9.9,
        8.3,
        6.6,
        6.0,
        8.3,
        7.1,
        5.6,
        5.4,
        4.3,
        4.7,
        6.3,
        5.7,
        4.8,
        3.6,
        3.7,
        2.7,
        2.1,
        2.6,
        1.2,
        2.3,
    ]
)
VOCABULARY = ["<cls>", "<pad>", "<eos>", "<unk>", *LETTERS, *"XBUZO.-", "<null_1>", "<mask>"]
IDS = {token: number for number, token in enumerate(VOCABULARY)}
FAIR_ESM_TOKENS = 4096


def proteins(count: int) -> list[str]:
    """Return seeded random proteins with lengths like those of a proteome."""
    generator = np.random.default_rng(0)
    lengths = np.exp(generator.normal(np.log(415), 0.77, count)).astype(int).clip(30, 1022)
    share = FREQUENCIES / FREQUENCIES.sum()
    return ["".join(generator.choice(list(LETTERS), size=size, p=share)) for size in lengths]


def save_checkpoint(folder: Path, size: str) -> EsmModel:
    """Save a random ESM-2 of the true shape in the Hub's layout; return transformers' model."""
    layers, width, heads = SHAPES[size]
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
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        layer_norm_eps=1e-5,
    )
    torch.manual_seed(0)
    model: EsmModel = EsmModel(config, add_pooling_layer=False)
    model.train(mode=False)
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    state = {f"esm.{name}": tensor.clone() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "model.safetensors")
    return model


def tokens_of(sequence: str) -> list[int]:
    """Return a protein's ids with the special tokens around it."""
    return [IDS["<cls>"], *(IDS[letter] for letter in sequence), IDS["<eos>"]]


@torch.inference_mode()
def with_transformers(model: EsmModel, rows: list[list[int]], batch: int) -> NDArray[np.float32]:
    """Run padded batches in arrival order; return the mean over residues of each row."""
    found = []
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        longest = max(map(len, part))
        ids = torch.full((len(part), longest), IDS["<pad>"])
        for number, row in enumerate(part):
            ids[number, : len(row)] = torch.tensor(row)
        mask = (ids != IDS["<pad>"]).long()
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
        found += [hidden[number, 1 : len(row) - 1].mean(0) for number, row in enumerate(part)]
    return torch.stack(found).numpy()


def fair_esm_run(size: str, rows: list[list[int]]) -> Callable[[], NDArray[np.float32]]:
    """Return a run of fair-esm as its `scripts/extract.py` does it, with random weights."""
    from esm.model.esm2 import ESM2

    layers, width, heads = SHAPES[size]
    model = ESM2(layers, width, heads, alphabet="ESM-1b").eval()
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    batches: list[list[int]] = [[]]
    for row in order:
        if batches[-1] and len(rows[row]) * (len(batches[-1]) + 1) > FAIR_ESM_TOKENS:
            batches.append([])
        batches[-1].append(row)

    @torch.inference_mode()
    def run() -> NDArray[np.float32]:
        found = np.zeros((len(rows), width), dtype=np.float32)
        for batch in batches:
            longest = max(len(rows[row]) for row in batch)
            ids = torch.full((len(batch), longest), IDS["<pad>"])
            for number, row in enumerate(batch):
                ids[number, : len(rows[row])] = torch.tensor(rows[row])
            hidden = model(ids, repr_layers=[layers])["representations"][layers]
            for number, row in enumerate(batch):
                found[row] = hidden[number, 1 : len(rows[row]) - 1].mean(0).numpy()
        return found

    return run


def main() -> None:
    """Time the ways in turn and print a table of medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(SHAPES), default="8m")
    parser.add_argument("--proteins", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of torch (default: one a core)")
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu, for a machine with other work"
    )
    arguments = parser.parse_args()
    clock = CLOCKS[arguments.clock]
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    sequences = proteins(arguments.proteins)
    rows = [tokens_of(sequence) for sequence in sequences]
    residues = sum(map(len, sequences))
    names = [f"p{number}" for number in range(len(sequences))]
    with tempfile.TemporaryDirectory() as folder:
        peer = save_checkpoint(Path(folder), arguments.size)
        record = model_record(f"esm2-{arguments.size}")
        ours = {
            dtype: EsmEncoder.load(record, Settings(checkpoint=folder, dtype=dtype, device="cpu"))
            for dtype in ("float32", "bfloat16")
        }

    def run_ours(dtype: str) -> NDArray[np.float32]:
        encoder = ours[dtype]
        return np.asarray(encoder.encode(encoder.tokenize(names, sequences)).layers[0])

    runs: dict[str, Callable[[], NDArray[np.float32]]] = {
        "fair-esm, 4,096-token batches": fair_esm_run(arguments.size, rows),
        "transformers, padded 8 in arrival order": lambda: with_transformers(peer, rows, 8),
        "transformers, one by one": lambda: with_transformers(peer, rows, 1),
        "genezoo float32": lambda: run_ours("float32"),
        "genezoo bfloat16": lambda: run_ours("bfloat16"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    found: dict[str, NDArray[np.float32]] = {}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            start = clock()
            found[name] = run()
            seconds[name].append(clock() - start)
    print(describe_machine())
    print(
        f"ESM-2 {arguments.size}, {len(sequences)} proteins, {residues:,} residues, "
        f"{torch.get_num_threads()} threads, {arguments.rounds} rounds, "
        f"{arguments.clock} seconds"
    )
    reference = found["transformers, one by one"]
    middles = {name: statistics.median(times) for name, times in seconds.items()}
    peers = [name for name in runs if not name.startswith("genezoo")]
    print(f"{'':40} {'residues/s':>10}  " + "  ".join(f"x {name.split(',')[0]}" for name in peers))
    for name, middle in middles.items():
        ratios = "  ".join(f"{middles[other] / middle:8.2f}" for other in peers)
        line = f"{name:40} {residues / middle:10.0f}  {ratios}"
        if name.startswith("genezoo"):
            product = (found[name] * reference).sum(1)
            lengths = np.linalg.norm(found[name], axis=1) * np.linalg.norm(reference, axis=1)
            worst = np.abs(found[name] - reference).max()
            line += f"  max |difference| {worst:.1e}, min cosine {(product / lengths).min():.6f}"
        print(line)


if __name__ == "__main__":
    main()
