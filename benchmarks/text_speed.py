"""Documents per second: our text encoder against `SentenceTransformer.encode` with its defaults.

    python benchmarks/text_speed.py [--rows 1000] [--rounds 5]

Same texts (60 to 120 words, seeded), same real MiniLM weights, one process, rounds interleaved,
medians. Agreement with `encode` in float32 is printed beside the speed.
"""

from __future__ import annotations

import argparse
import random
import statistics
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from machine import CLOCKS, describe_machine
from sentence_transformers import SentenceTransformer

from extractors.checkpoints import find_checkpoint
from extractors.encoders.text import TextEncoder
from extractors.model import Settings
from extractors.registry import model_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from extractors.model import Encoder

WORDS = """
this gene encodes a member of the kinase family and its protein product is involved in signal
transduction transcription factor binding domain zinc finger ubiquitin ligase mitochondrial
membrane receptor ligand cytokine apoptosis phosphorylation alternative splicing results in
multiple variants encoding different isoforms mutations have been associated with autosomal
recessive disorders cardiomyopathy located on chromosome expressed in brain liver kidney cell
cycle checkpoint DNA damage repair chromatin remodeling histone acetyltransferase helicase
ribosomal subunit translation initiation glycoprotein transmembrane sodium potassium channel
""".split()


def texts(rows: int) -> list[str]:
    """Return seeded texts of 60 to 120 words, as NCBI's gene summaries are long."""
    generator = random.Random(0)  # noqa: S311  reproducible texts, no secrets
    return [" ".join(generator.choices(WORDS, k=generator.randint(60, 120))) for _ in range(rows)]


def vectors(encoder: Encoder[Any], documents: list[str]) -> NDArray[np.float32]:
    """Return the encoder's vectors, shape (documents, dim)."""
    return np.asarray(encoder.encode(encoder.tokenize(documents, documents)).layers[0])


def main() -> None:
    """Time the encoders in turn and print a table of medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of torch (default: one a core)")
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu, for a machine with other work"
    )
    arguments = parser.parse_args()
    clock = CLOCKS[arguments.clock]
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    documents = texts(arguments.rows)
    record = model_record("minilm")
    peer = SentenceTransformer(str(find_checkpoint(record, Settings()).folder), device="cpu")
    ours = {
        dtype: TextEncoder.load(record, Settings(dtype=dtype, long="truncate"))
        for dtype in ("float32", "bfloat16")
    }
    runs: dict[str, Callable[[], NDArray[np.float32]]] = {
        "SentenceTransformer.encode, defaults": lambda: peer.encode(documents),
        "genezoo float32": lambda: vectors(ours["float32"], documents),
        "genezoo bfloat16": lambda: vectors(ours["bfloat16"], documents),
    }
    found = {name: run() for name, run in runs.items()}  # a warm-up, and the vectors to compare
    reference = found["SentenceTransformer.encode, defaults"]
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            start = clock()
            run()
            seconds[name].append(clock() - start)
    print(describe_machine())
    print(
        f"{len(documents)} documents, {torch.get_num_threads()} threads, "
        f"{arguments.rounds} rounds, {arguments.clock} seconds"
    )
    base = statistics.median(seconds["SentenceTransformer.encode, defaults"])
    for name, times in seconds.items():
        middle = statistics.median(times)
        cosine = float((found[name] * reference).sum(axis=1).min())
        print(
            f"{name:38} {len(documents) / middle:7.1f} docs/s  {base / middle:5.2f}x  "
            f"max |difference| {np.abs(found[name] - reference).max():.1e}  min cosine {cosine:.6f}"
        )


if __name__ == "__main__":
    main()
