"""Everything that needs a GPU, in one command of under ten minutes.

    python benchmarks/gpu.py [--device cuda] [--tiny]

ESM-2 650M and 3B in bfloat16 on proteins with the lengths of the human proteome, and Geneformer
V2 104M on cells, all with random weights in the true shape: rows per second of our engine, from
strings to Parquet, against the peers on the same rows; model FLOP utilisation against the matmul
peak measured in the same run; peak memory; and whether a row sees its batch. Ways are run in
turn, twice, and the second round counts. A peer that is not installed is named and left out.

`--tiny` runs the same code with tiny shapes on a CPU, to show that it works; its figures mean
nothing.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from gpu_peers import PEERS, Peer, padded
from machine import describe_machine
from tiny_esm import LETTERS, VOCABULARY
from transformers import BertConfig, BertModel, EsmConfig, EsmModel

from extractors.backbones.attention import has_varlen
from extractors.backbones.network import PackedNetwork
from extractors.backbones.transformer import load
from extractors.checkpoints import Checkpoint
from extractors.encoders.bert import BertNames, bert_shape
from extractors.encoders.esm import EsmEncoder, EsmNames, esm_shape
from extractors.encoders.tokens import Frame, TokenEncoder
from extractors.model import Settings
from extractors.parts import PART_ROWS, Parts, Work
from extractors.store import embedding_schema, load_embeddings
from extractors.tokenizers.letters import Letters
from extractors.weights import Weights
from extractors.workers import encode_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

MEDIAN, SPREAD = 415, 0.77
"""Of the log-normal that the lengths of human proteins follow."""
ROUNDS = 2
SLOW = 30.0
"""Seconds from which a way is not run again."""
SIMILAR, SAME = 0.9995, 1e-5


@dataclass(frozen=True)
class Size:
    """What is measured of one model."""

    layers: int
    width: int
    heads: int
    rows: int
    longest: int
    """Tokens of its own that a row may have."""


SIZES = {"650M": Size(33, 1280, 20, 2048, 1022), "3B": Size(36, 2560, 40, 512, 1022)}
CELLS = Size(12, 768, 12, 4096, 4094)
TINY = {"650M": Size(2, 32, 2, 12, 60), "3B": Size(3, 32, 2, 6, 60)}
TINY_CELLS = Size(2, 32, 2, 12, 120)


@dataclass
class Way:
    """One way to do the work, and how long it took."""

    run: Callable[[], NDArray[np.float32]]
    seconds: list[float] = field(default_factory=list)
    peak: float = 0.0
    """GiB at most on the device, beside the weights."""
    vectors: NDArray[np.float32] | None = None


class Ready:
    """Takes rows of token ids as they are."""

    def tokenize(self, values: Sequence[Any]) -> list[NDArray[np.int64] | str]:
        """Return the rows."""
        return list(values)


def protein_lengths(rows: int, longest: int) -> NDArray[np.int64]:
    """Return seeded lengths like those of the human proteome."""
    drawn = np.exp(np.random.default_rng(0).normal(np.log(MEDIAN), SPREAD, rows))
    return drawn.astype(np.int64).clip(30, longest)


def proteins(lengths: NDArray[np.int64]) -> list[str]:
    """Return seeded random proteins of these lengths."""
    generator = np.random.default_rng(1)
    return ["".join(generator.choice(list(LETTERS), size=size)) for size in lengths]


def cells(rows: int, longest: int) -> list[NDArray[np.int64]]:
    """Return seeded random cells: rows of gene tokens as long as those of a 10x experiment."""
    generator = np.random.default_rng(2)
    lengths = np.exp(generator.normal(np.log(1600), 0.5, rows)).astype(np.int64)
    return [generator.integers(4, 20_000, size) for size in lengths.clip(100, longest)]


def flops(size: Size, lengths: NDArray[np.int64]) -> float:
    """Return the operations of a forward pass: matrices, and attention over each row."""
    matrices = lengths.sum() * 2 * size.layers * 12 * size.width**2
    attention = size.layers * 4 * size.width * (lengths.astype(np.float64) ** 2).sum()
    return float(matrices + attention)


def matmul_peak(device: torch.device, side: int) -> float:
    """Return the operations per second of a large bfloat16 product."""
    one = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    best = 0.0
    for _ in range(8):
        synchronize(device)
        start = time.perf_counter()
        for _ in range(8):
            one @ one
        synchronize(device)
        best = max(best, 8 * 2 * side**3 / (time.perf_counter() - start))
    return best


def synchronize(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def esm_model(size: Size, device: torch.device) -> EsmModel:
    """Return transformers' ESM-2 of that shape with random weights, made on the device."""
    config = EsmConfig(
        vocab_size=33, mask_token_id=32, pad_token_id=1, hidden_size=size.width,
        num_hidden_layers=size.layers, num_attention_heads=size.heads,
        intermediate_size=4 * size.width, position_embedding_type="rotary", token_dropout=True,
        emb_layer_norm_before=False, max_position_embeddings=1026, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, layer_norm_eps=1e-5,
    )  # fmt: skip
    torch.manual_seed(0)
    with device:
        model: EsmModel = EsmModel(config, add_pooling_layer=False)
    model.train(mode=False)
    return model


def bert_model(size: Size, device: torch.device) -> BertModel:
    """Return transformers' BERT in the shape of Geneformer V2 with random weights."""
    config = BertConfig(
        vocab_size=20_275, hidden_size=size.width, num_hidden_layers=size.layers,
        num_attention_heads=size.heads, intermediate_size=4 * size.width, hidden_act="relu",
        max_position_embeddings=4096, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    torch.manual_seed(0)
    with device:
        model: BertModel = BertModel(config, add_pooling_layer=False)
    model.train(mode=False)
    return model


def our_encoder(model: EsmModel | BertModel, dtype: torch.dtype, **more: Any) -> TokenEncoder:  # noqa: ANN401
    """Return our encoder with a peer's weights."""
    weights = Weights.of(model.state_dict())
    device = next(model.parameters()).device
    config = model.config.to_dict()
    settings = Settings(device=str(device), **more)
    checkpoint = Checkpoint(Path(), None, ())
    if isinstance(model, EsmModel):
        shape = esm_shape(config)
        network = load(shape, EsmNames(weights, shape), device=device, dtype=dtype)
        ids = {letter: VOCABULARY.index(letter) for letter in LETTERS}
        frame = Frame((0,), (2,), 1024, has_cls=True)
        packed = PackedNetwork(network, device, dtype)
        return EsmEncoder(packed, Letters(ids, {}), frame, checkpoint, settings)
    network = load(bert_shape(config), BertNames(weights), device=device, dtype=dtype)
    frame = Frame((2,), (3,), 4096, has_cls=True)
    packed = PackedNetwork(network, device, dtype)
    return EsmEncoder(packed, Ready(), frame, checkpoint, settings)  # any TokenEncoder would do


def through_the_engine(encoder: TokenEncoder, values: Sequence[Any]) -> NDArray[np.float32]:
    """Read, tokenise, compute and write parts as `extract` does; return the vectors."""
    with tempfile.TemporaryDirectory() as folder:
        parts = Parts(Path(folder), (embedding_schema(encoder.dim, "float32", {}),))
        work = []
        for number, start in enumerate(range(0, len(values), PART_ROWS)):
            some = list(values[start : start + PART_ROWS])
            work.append(Work(number, [str(start + row) for row in range(len(some))], some))
        for _ in encode_parts(encoder, parts, iter(work)):
            pass
        out = Path(folder) / "out.parquet"
        parts.finish([out], len(values))
        return load_embeddings(str(out)).vectors


@contextmanager
def watched(way: Way, device: torch.device) -> Iterator[None]:
    """Note time and memory of what happens inside."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    synchronize(device)
    loaded = torch.cuda.memory_allocated(device) if device.type == "cuda" else 0
    start = time.perf_counter()
    yield
    synchronize(device)
    way.seconds.append(time.perf_counter() - start)
    if device.type == "cuda":
        way.peak = (torch.cuda.max_memory_allocated(device) - loaded) / 2**30


def measure(ways: dict[str, Way], device: torch.device) -> None:
    """Run all ways in turn, ROUNDS times; one that fails is named and left out."""
    for _ in range(ROUNDS):
        for name, way in list(ways.items()):
            if way.seconds and way.seconds[0] > SLOW:
                continue
            try:
                with watched(way, device):
                    way.vectors = way.run()
            except (RuntimeError, TypeError, KeyError, AttributeError) as error:
                print(f"  {name} does not run: {type(error).__name__}: {str(error)[:120]}")
                del ways[name]


def report(ways: dict[str, Way], unit: str, units: int, work: float, peak: float) -> None:
    """Print a line for each way; ratios are ours over theirs, utilisation is of useful work."""
    ours = ways["genezoo"]
    for name, way in ways.items():
        seconds = way.seconds[-1]
        ratio = "" if way is ours else f"  genezoo is {seconds / ours.seconds[-1]:5.2f}x as fast"
        closest = ""
        shared = name.startswith("transformers")  # the others have random weights of their own
        if shared and way.vectors is not None and ours.vectors is not None:
            closest = f"  min cosine {cosines(way.vectors, ours.vectors).min():.5f}"
        print(
            f"  {name:42} {units / seconds:11,.0f} {unit}/s  {work / seconds / peak:6.1%} of peak"
            f"  {way.peak:6.1f} GiB{ratio}{closest}"
        )


def cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosine of each pair of rows."""
    product = (one * other).sum(1)
    found: NDArray[np.float32] = (
        product / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    )
    return found


def check_leak(model: EsmModel | BertModel, values: Sequence[Any]) -> bool:
    """Print whether rows are the same alone and beside others, in both types."""
    good = True
    for dtype in (torch.float32, torch.bfloat16):
        together = vectors(our_encoder(model, dtype), values)
        alone = vectors(our_encoder(model, dtype, budget=1), values)
        worst = float(np.abs(together - alone).max() / np.abs(alone).max())
        least = float(cosines(together, alone).min())
        fine = worst <= SAME if dtype == torch.float32 else least >= SIMILAR
        good &= fine
        print(
            f"  alone = batched, {dtype}: max |difference| {worst:.1e} of the largest component, "
            f"min cosine {least:.6f}: {'ok' if fine else 'LEAK'}"
        )
    return good


def vectors(encoder: TokenEncoder, values: Sequence[Any]) -> NDArray[np.float32]:
    """Return the mean vectors of some rows."""
    names = [str(row) for row in range(len(values))]
    return np.asarray(encoder.encode(encoder.tokenize(names, values)).layers[0])


def run_proteins(name: str, size: Size, device: torch.device, peak: float) -> bool:
    """Measure ESM-2 of one size against its peers; return whether no row sees its batch."""
    lengths = protein_lengths(size.rows, size.longest)
    sequences = proteins(lengths)
    rows = [np.array([0, *map(VOCABULARY.index, sequence), 2]) for sequence in sequences]
    model = esm_model(size, device)
    print(f"ESM-2 {name}, {len(rows):,} proteins, {lengths.sum():,} residues")
    good = check_leak(model, sequences[:16])
    ours = our_encoder(model, torch.bfloat16)
    ways = {"genezoo": Way(lambda: through_the_engine(ours, sequences))}
    for label, make in PEERS.items():
        try:
            ways[label] = Way(make(Peer(model, size.layers, size.width, size.heads), rows))
        except ImportError as error:
            print(f"  {label}: not installed ({error.name})")
    measure(ways, device)
    report(ways, "residues", int(lengths.sum()), flops(size, lengths + 2), peak)
    longer = protein_lengths(size.rows, 34 * size.longest)
    tail = proteins(longer)
    whole = {"genezoo": Way(lambda: through_the_engine(ours, tail))}
    measure(whole, device)
    seconds = statistics.median(whole["genezoo"].seconds)
    print(
        f"  with the long tail, in windows             {longer.sum() / seconds:11,.0f} residues/s"
    )
    return good


def run_cells(size: Size, device: torch.device, peak: float) -> bool:
    """Measure Geneformer V2 104M against padded batches; return whether no row sees its batch."""
    rows = cells(size.rows, size.longest)
    lengths = np.array([len(row) + 2 for row in rows])
    model = bert_model(size, device)
    print(f"Geneformer V2 104M, {len(rows):,} cells, {lengths.sum():,} tokens")
    good = check_leak(model, rows[:8])
    ours = our_encoder(model, torch.bfloat16)
    framed = [np.array([2, *row, 3]) for row in rows]
    ways = {
        "genezoo": Way(lambda: through_the_engine(ours, rows)),
        "transformers bf16, padded 32, arrival order": Way(padded(model, framed, batch=32, pad=0)),
    }
    measure(ways, device)
    report(ways, "cells", len(rows), flops(size, lengths), peak)
    return good


def main() -> None:
    """Print all rows; end with status 1 when a row sees its batch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny shapes on a CPU")
    arguments = parser.parse_args()
    device = torch.device("cpu" if arguments.tiny else arguments.device)
    start = time.perf_counter()
    print(describe_machine())
    if device.type == "cuda":
        print(torch.cuda.get_device_name(device))
    head = torch.empty(1, 20, 64, dtype=torch.bfloat16, device=device)
    print(f"torch.nn.attention.varlen: {'used' if has_varlen(head) else 'not used here'}")
    peak = matmul_peak(device, 256 if arguments.tiny else 8192)
    print(f"bfloat16 matmul peak: {peak / 1e12:.1f} TFLOP/s")
    good = True
    for name, size in (TINY if arguments.tiny else SIZES).items():
        good &= run_proteins(name, size, device, peak)
    good &= run_cells(TINY_CELLS if arguments.tiny else CELLS, device, peak)
    print(f"{time.perf_counter() - start:.0f} s in all")
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
