"""Memory that runs out: smaller batches, the same numbers; and the largest batch that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from protein_checkpoints import RESIDUES, save_esm
from zoo_harness import random_sequences, write_rows

from extractors.__main__ import command
from extractors.budget import FIRST, largest_budget
from extractors.encoders.esm import EsmEncoder
from extractors.encoders.tokens import CPU_BUDGET, out_of_memory
from extractors.model import Settings
from extractors.parts import Parts
from extractors.registry import model_record
from extractors.store import read_provenance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from extractors.backbones.packing import Packing
    from extractors.encoders.tokens import Network
    from extractors.model import Encoded

ROWS = random_sequences(RESIDUES, [31, 7, 64, 31, 1, 50, 90, 12, 40, 33])


class Narrow:
    """A network on a device that has room for so many tokens."""

    def __init__(self, network: Network, room: int) -> None:
        self._network, self._room = network, room
        self.n_layers, self.width = network.n_layers, network.width
        self.device, self.dtype = network.device, network.dtype
        self.refused: list[int] = []

    def hidden(
        self, ids: torch.Tensor, packing: Packing, layers: Sequence[int]
    ) -> list[torch.Tensor]:
        if len(ids) > self._room:
            self.refused.append(len(ids))
            message = f"CUDA out of memory. Tried to allocate {len(ids)} tokens."
            raise torch.OutOfMemoryError(message)
        return self._network.hidden(ids, packing, layers)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("esm") / "esm"
    save_esm(folder)
    return folder


def encoder_of(checkpoint: Path, room: int | None = None, **more: Any) -> EsmEncoder:
    settings = Settings(checkpoint=str(checkpoint), **more)
    encoder = EsmEncoder.load(model_record("esm2-8m"), settings)
    if room is not None:
        encoder._network = Narrow(encoder._network, room)
    return encoder


def encode(encoder: EsmEncoder) -> Encoded:
    return encoder.encode(encoder.tokenize(list(ROWS), list(ROWS.values())))


def same(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether they agree to 1e-6 of the largest component."""
    return bool(np.abs(one - other).max() <= 1e-6 * np.abs(other).max())


def test_memory_that_runs_out_in_pooling_is_no_different(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, pool = encode(encoder_of(checkpoint)), EsmEncoder.pool

    def narrow(self: EsmEncoder, hidden: torch.Tensor, packing: Packing) -> torch.Tensor:
        if len(hidden) > 100:
            message = "CUDA out of memory."
            raise torch.OutOfMemoryError(message)
        return pool(self, hidden, packing)

    monkeypatch.setattr(EsmEncoder, "pool", narrow)
    found = encode(encoder_of(checkpoint))
    assert found.errors == [None] * len(ROWS)
    assert same(np.asarray(found.layers[0]), np.asarray(whole.layers[0]))


@pytest.mark.parametrize("pooling", ["mean", "none"])
def test_smaller_batches_give_the_same_numbers(
    checkpoint: Path, pooling: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = encode(encoder_of(checkpoint, pooling=pooling))
    narrow = encoder_of(checkpoint, room=100, pooling=pooling)
    found = encode(narrow)
    assert found.errors == [None] * len(ROWS)
    for one, other in zip(found.layers[0], whole.layers[0], strict=True):
        assert same(one, other)
    assert 50 <= narrow.budget <= 100
    said = capsys.readouterr().err
    assert f"out of memory: going on with --budget {narrow.budget}" in said
    refused = len(narrow._network.refused)  # type: ignore[attr-defined]
    assert refused == said.count("out of memory")
    encode(narrow)
    assert len(narrow._network.refused) == refused, "it forgot"  # type: ignore[attr-defined]


def test_a_row_that_never_fits_fails_alone(checkpoint: Path) -> None:
    found = encode(encoder_of(checkpoint, room=60))
    whole = encode(encoder_of(checkpoint))
    long = [row for row, value in enumerate(ROWS.values()) if len(value) + 2 > 60]
    assert long == [2, 6]
    for row, error in enumerate(found.errors):
        if row in long:
            assert error is not None
            assert error.startswith(f"out of memory on {len(list(ROWS.values())[row]) + 2} tokens")
        else:
            assert error is None
            assert same(found.layers[0][row], whole.layers[0][row])


def test_it_fails_in_the_table_too(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = EsmEncoder.load

    def narrow(record: Any, settings: Settings) -> EsmEncoder:
        encoder = load(record, settings)
        encoder._network = Narrow(encoder._network, 60)
        return encoder

    monkeypatch.setattr(EsmEncoder, "load", narrow)
    source = write_rows(tmp_path / "rows.csv", ROWS)
    words = ["--model", "esm2-8m", "--input", str(source), "--checkpoint", str(checkpoint)]
    assert command([*words, "--out", str(tmp_path / "out.parquet")]) == 1
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["id"] for row in table if row["embedding"] is None] == ["s2", "s6"]
    assert [row["id"] for row in table if row["error"]] == ["s2", "s6"]


def test_other_errors_are_not_taken_for_it(checkpoint: Path) -> None:
    encoder = encoder_of(checkpoint)

    def broken(*_: object) -> list[torch.Tensor]:
        message = "CUDA error: an illegal memory access was encountered"
        raise RuntimeError(message)

    encoder._network.hidden = broken  # type: ignore[assignment,method-assign]
    with pytest.raises(RuntimeError, match="illegal memory access"):
        encode(encoder)


def test_a_machine_without_memory_says_it_in_other_words() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50)
    assert out_of_memory(caught.value)


@pytest.mark.parametrize(("room", "largest"), [(20_000, 16_384), (FIRST, FIRST), (8191, FIRST)])
def test_the_largest_power_of_two_that_fits(checkpoint: Path, room: int, largest: int) -> None:
    assert largest_budget(encoder_of(checkpoint, room=room)) == largest


def test_where_nothing_fits_it_stays_as_it_was(checkpoint: Path) -> None:
    encoder = encoder_of(checkpoint, room=FIRST - 1, budget=3000)
    assert largest_budget(encoder) == 3000


def budget_of(path: Path) -> int:
    found: int = read_provenance(pq.read_schema(path))["encoder"]["budget"]
    return found


def test_on_a_processor_auto_is_the_default(checkpoint: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.csv", ROWS)
    words = ["--model", "esm2-8m", "--input", str(source), "--checkpoint", str(checkpoint)]
    for name, more in (("default", []), ("auto", ["--budget", "auto"])):
        assert command([*words, "--out", str(tmp_path / f"{name}.parquet"), *more]) == 0
    auto, default = tmp_path / "auto.parquet", tmp_path / "default.parquet"
    assert auto.read_bytes() == default.read_bytes()
    assert budget_of(auto) == CPU_BUDGET


def test_auto_goes_on_with_what_an_earlier_run_found(
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Free memory may have changed meanwhile; the numbers must not."""
    source = write_rows(tmp_path / "rows.csv", ROWS)
    out = tmp_path / "out.parquet"
    words = ["--model", "esm2-8m", "--input", str(source), "--checkpoint", str(checkpoint)]
    words += ["--out", str(out), "--budget"]

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "finish", interrupted)
        assert command([*words, "512"]) == 130
    assert command([*words, "auto"]) == 0
    assert budget_of(out) == 512
    capsys.readouterr()
    assert command([*words, "auto"]) == 0
    assert "nothing to do" in capsys.readouterr().err
    assert command([*words, "auto", "--restart"]) == 0
    assert budget_of(out) == CPU_BUDGET
