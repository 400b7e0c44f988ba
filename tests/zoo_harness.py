"""What every model's test does: run the command, compare with a reference, look for leaks."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import torch

from extractors.__main__ import command
from hf_datasets.command import EXIT_BAD_INPUT, EXIT_OK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Vectors = dict[str, NDArray[np.float32]]

SIMILAR = 0.9995
"""Least cosine between two bfloat16 runs of one row."""


def write_rows(path: Path, rows: Mapping[str, str], column: str = "sequence") -> Path:
    """Write a CSV of ids and values."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", column])
        writer.writerows(rows.items())
    return path


def run_extract(
    folder: Path,
    model: str,
    rows: Mapping[str, str],
    *options: str,
    checkpoint: Path | None,
    column: str = "sequence",
    status: int = EXIT_OK,
) -> Vectors:
    """Run `extract` on rows and return the vectors by id; failed rows are left out.

    There are none where the command is expected to refuse its input.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = write_rows(folder / "rows.csv", rows, column)
    out = folder / "out.parquet"
    weights = ["--checkpoint", str(checkpoint)] if checkpoint else []
    argv = ["--model", model, "--input", str(source), "--column", column, "--out", str(out)]
    assert command([*argv, "--restart", *weights, *options]) == status
    return {} if status == EXIT_BAD_INPUT else read_vectors(out)


def read_vectors(out: Path) -> Vectors:
    """Return the vectors of an embedding table by id; per token, matrices (tokens, d)."""
    table = pq.read_table(out, columns=["id", "embedding"])
    return {
        row["id"]: np.array(row["embedding"], dtype=np.float32)
        for row in table.to_pylist()
        if row["embedding"] is not None
    }


def assert_close(found: Vectors, expected: Vectors, tolerance: float = 1e-5) -> None:
    """Require the same ids, and vectors equal within `tolerance` of the largest component."""
    assert list(found) == list(expected)
    for entity, vector in expected.items():
        scale = max(1.0, float(np.abs(vector).max()))
        worst = float(np.abs(found[entity] - vector).max())
        assert worst <= tolerance * scale, f"{entity}: off by {worst}"


def assert_similar(found: Vectors, expected: Vectors, least: float = SIMILAR) -> None:
    """Require the same ids and a cosine of at least `least` for each."""
    assert list(found) == list(expected)
    for entity, vector in expected.items():
        product = float(found[entity].ravel() @ vector.ravel())
        cosine = product / float(np.linalg.norm(found[entity]) * np.linalg.norm(vector))
        assert cosine >= least, f"{entity}: cosine {cosine}"


def assert_no_leak(
    folder: Path,
    model: str,
    rows: Mapping[str, str],
    *options: str,
    checkpoint: Path | None,
    column: str = "sequence",
) -> None:
    """Require that a row's vector is the same alone and beside others.

    float32 to 1e-5 and bfloat16 to a cosine of 0.9995; bfloat16 also against float32.
    """

    def run(name: str, some: Mapping[str, str], *more: str) -> Vectors:
        return run_extract(
            folder / name, model, some, *options, *more, checkpoint=checkpoint, column=column
        )

    together = run("together", rows, "--dtype", "float32")
    alone = run("alone", rows, "--dtype", "float32", "--budget", "1")
    assert_close(together, alone)
    last = dict([list(rows.items())[-1]])
    assert_close(run("single", last, "--dtype", "float32"), {k: alone[k] for k in last})
    halves = run("bfloat16", rows, "--dtype", "bfloat16")
    assert_similar(halves, run("bfloat16-alone", rows, "--dtype", "bfloat16", "--budget", "1"))
    assert_similar(halves, alone, least=0.99)


def pooled(
    rows: Mapping[str, str],
    forward: Callable[[str], torch.Tensor],
    *,
    before: int,
    after: int,
) -> Vectors:
    """Return the mean over each row's own tokens of a reference's hidden states.

    `forward` takes a value to its hidden states, shape (tokens, width), special tokens in;
    `before` and `after` say how many of them there are.
    """
    found = {}
    with torch.inference_mode():
        for entity, value in rows.items():
            hidden = forward(value)
            found[entity] = hidden[before : len(hidden) - after].mean(0).numpy()
    return found


def random_sequences(
    letters: str, lengths: Sequence[int], seed: int = 0, name: str = "s"
) -> dict[str, str]:
    """Return seeded random sequences of these lengths by id."""
    generator = np.random.default_rng(seed)
    return {
        f"{name}{number}": "".join(generator.choice(list(letters), size=length))
        for number, length in enumerate(lengths)
    }


def randomise(model: torch.nn.Module, seed: int = 0, spread: float = 0.2) -> torch.nn.Module:
    """Give every parameter seeded random values large enough that a mistake shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator) * spread
            one = name.endswith("weight") and parameter.dim() == 1
            parameter.copy_(noise + 1 if one else noise)
    return model.eval()
