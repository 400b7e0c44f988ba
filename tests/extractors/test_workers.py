"""Threads that overlap, and a process for each device: same bytes, clean ends."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from protein_checkpoints import RESIDUES, save_esm
from zoo_harness import random_sequences, write_rows

from extractors import parts
from extractors.__main__ import command
from extractors.encoders.controls import RandomControl
from extractors.parts import PART_ROWS
from extractors.workers import AHEAD
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractors.model import Encoded

ROWS = 6 * PART_ROWS + 100
WAIT = 20.0
"""Seconds after which a test gives up."""


def write_ids(path: Path, n: int = ROWS) -> Path:
    path.write_text("id\n" + "".join(f"g{row}\n" for row in range(n)))
    return path


def random_words(folder: Path, out: str = "out.parquet", *more: str) -> list[str]:
    source = folder / "ids.csv"
    if not source.exists():
        write_ids(source)
    words = ["--model", "random", "--dim", "32", "--input", str(source)]
    return [*words, "--out", str(folder / out), *more]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of an undisturbed run on one device."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert command(random_words(folder)) == 0
    return (folder / "out.parquet").read_bytes()


def test_reading_computing_and_writing_overlap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: bytes
) -> None:
    """Each step waits for another one that only runs beside it; none runs far ahead."""
    tokenized: list[str] = []
    embedded: list[str] = []
    second_tokenized, second_embedded = threading.Event(), threading.Event()
    embed, table = RandomControl.embed, parts.rows_table

    def tokenize(self: RandomControl, ids: Sequence[str], values: Sequence[Any]) -> Any:
        assert len(tokenized) <= len(embedded) + AHEAD + 1
        tokenized.append(ids[0])
        if len(tokenized) == 2:
            second_tokenized.set()
        return ids, values

    def slow_embed(self: RandomControl, ids: Sequence[str], values: Sequence[Any]) -> Encoded:
        assert second_tokenized.wait(WAIT), "no part is tokenised while another is computed"
        embedded.append(ids[0])
        if len(embedded) == 2:
            second_embedded.set()
        return embed(self, ids, values)

    def slow_table(ids: Sequence[str], *rest: Any) -> Any:
        assert second_embedded.wait(WAIT), "no part is computed while another is written"
        return table(ids, *rest)

    monkeypatch.setattr(RandomControl, "tokenize", tokenize)
    monkeypatch.setattr(RandomControl, "embed", slow_embed)
    monkeypatch.setattr(parts, "rows_table", slow_table)
    assert command(random_words(tmp_path)) == 0
    assert tokenized == embedded == [f"g{part * PART_ROWS}" for part in range(7)]
    assert (tmp_path / "out.parquet").read_bytes() == expected


@pytest.mark.parametrize(
    "case",
    [
        ("read", InputError("row 9 is odd"), 2, "extract: error: row 9 is odd"),
        ("read", OSError(5, "Input/output error"), 2, "Input/output error"),
        ("compute", RuntimeError("it broke"), 1, "RuntimeError: it broke (a defect"),
        ("compute", KeyboardInterrupt(), 130, "interrupted; the same command goes on"),
        ("write", OSError(28, "No space left on device"), 2, "No space left on device"),
    ],
)
def test_an_error_in_any_thread_is_one_line_and_keeps_what_was_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], expected: bytes, case: tuple[Any, ...]
) -> None:
    where, error, status, message = case
    owner, name = {
        "read": (RandomControl, "tokenize"),
        "compute": (RandomControl, "embed"),
        "write": (parts, "rows_table"),
    }[where]
    real, calls = getattr(owner, name), []

    def failing(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 4:
            raise error
        return real(*arguments)

    threads = threading.active_count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, failing)
        assert command(random_words(tmp_path)) == status
    said = capsys.readouterr().err
    assert message in said.splitlines()[-1]
    assert "Traceback" not in said
    assert threading.active_count() == threads
    done = sorted((tmp_path / "out.parquet.parts").glob("part-*"))
    assert [int(path.stem[-8:]) for path in done][:3] == [0, 1, 2]
    assert command(random_words(tmp_path)) == 0
    assert "rows stood already" in capsys.readouterr().err
    assert (tmp_path / "out.parquet").read_bytes() == expected


def test_several_devices_give_the_bytes_of_one(tmp_path: Path, expected: bytes) -> None:
    assert command(random_words(tmp_path, "out.parquet", "--device", "cpu,cpu,cpu")) == 0
    assert (tmp_path / "out.parquet").read_bytes() == expected
    assert [path.name for path in tmp_path.iterdir() if "parquet" in path.name] == ["out.parquet"]


def test_a_network_on_several_devices(tmp_path: Path) -> None:
    save_esm(tmp_path / "esm")
    rows = random_sequences(RESIDUES, [5] * (PART_ROWS + 200)) | {"bad": "M1K"}
    source = write_rows(tmp_path / "rows.csv", rows)
    found = []
    for device in ("cpu", "cpu,cpu"):
        out = tmp_path / device / "emb-{layer}.parquet"
        words = ["--model", "esm2-8m", "--input", str(source), "--out", str(out)]
        words += ["--checkpoint", str(tmp_path / "esm"), "--device", device]
        words += ["--layers", "0,3", "--pooling", "none"]
        assert command(words) == 1
        found.append({path.name: path.read_bytes() for path in out.parent.iterdir()})
    assert found[0] == found[1]
    assert sorted(found[0]) == ["emb-0.parquet", "emb-3.parquet"]


def test_a_device_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_esm(tmp_path / "esm")
    source = write_rows(tmp_path / "rows.csv", {"a": "MKV"})
    words = ["--model", "esm2-8m", "--input", str(source), "--out", str(tmp_path / "o.parquet")]
    words += ["--checkpoint", str(tmp_path / "esm"), "--device", "cpu,cuda:97"]
    assert command(words) == 2
    error = capsys.readouterr().err
    assert "device 'cuda:97' is not to be had here" in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.parts"))


def test_all_devices_of_a_machine_without_a_gpu(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    if torch.cuda.device_count():
        pytest.skip("this machine has a GPU")
    assert command(random_words(tmp_path, "out.parquet", "--device", "all")) == 2
    assert "--device all: no GPU is to be seen here" in capsys.readouterr().err


def test_one_vector_each_for_models_that_would_not_compute_the_same(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A worker that finds other weights than the first is refused: here, by a changed file."""
    from extractors.engine import extract
    from extractors.inputs import open_input
    from extractors.loading import Loader
    from extractors.model import Settings
    from extractors.registry import model_record

    save_esm(tmp_path / "esm")
    source = open_input(
        str(write_rows(tmp_path / "rows.csv", {"a": "MKV"})), ("sequence",), None, None
    )
    loader = Loader(model_record("esm2-8m"), Settings(checkpoint=str(tmp_path / "esm")))
    with pytest.raises(InputError, match="cpu and meta would not compute the same: .*device was"):
        extract(loader, source, tmp_path / "out.parquet", devices=("cpu", "meta"))


def start(words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start the command as a terminal does: in a process group of its own."""
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "extractors", *words],
            stdout=stream, stderr=stream, start_new_session=True,
        )  # fmt: skip


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the workers of a running command."""
    task = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    found = [int(pid) for pid in task.read_text().split()] if task.exists() else []
    return [pid for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def wait_for_part(folder: Path, process: subprocess.Popen[bytes], n: int = 1) -> None:
    end = time.monotonic() + WAIT
    while len(list(folder.glob("*.parts/part-*"))) < n and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.002)


def gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


LONG = 30 * PART_ROWS


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """An input that takes a while, and the bytes of an undisturbed run on one device."""
    folder = tmp_path_factory.mktemp("long")
    write_ids(folder / "ids.csv", LONG)
    assert command(random_words(folder, "out.parquet", "--dim", "256")) == 0
    return folder / "ids.csv", (folder / "out.parquet").read_bytes()


def long_words(folder: Path, long: tuple[Path, bytes], devices: str = "cpu,cpu") -> list[str]:
    (folder / "ids.csv").symlink_to(long[0]) if not (folder / "ids.csv").exists() else None
    return random_words(folder, "out.parquet", "--dim", "256", "--device", devices)


def test_a_worker_that_dies_is_named_and_its_parts_are_kept(
    tmp_path: Path, long: tuple[Path, bytes]
) -> None:
    process = start(long_words(tmp_path, long), tmp_path / "log")
    wait_for_part(tmp_path, process)
    os.kill(children(process)[-1], signal.SIGKILL)
    assert process.wait(WAIT) == 2
    error = (tmp_path / "log").read_text().splitlines()[-1]
    assert error.startswith("extract: error: the process on cpu died by signal 9")
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert list(tmp_path.glob("*.parts/part-*"))
    assert command(long_words(tmp_path, long, "cpu")) == 0
    assert (tmp_path / "out.parquet").read_bytes() == long[1]


@pytest.mark.parametrize("devices", ["cpu", "cpu,cpu"])
def test_ctrl_c_ends_all_processes_in_one_line(
    tmp_path: Path, long: tuple[Path, bytes], devices: str
) -> None:
    process = start(long_words(tmp_path, long, devices), tmp_path / "log")
    wait_for_part(tmp_path, process, 3)
    workers = children(process)
    assert len(workers) == (0 if devices == "cpu" else 2)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(WAIT) == 130
    log = (tmp_path / "log").read_text()
    assert log.splitlines()[-1].endswith("interrupted; the same command goes on from here")
    assert "Traceback" not in log
    assert all(gone(pid) for pid in workers)
    assert command(long_words(tmp_path, long, devices)) == 0
    assert (tmp_path / "out.parquet").read_bytes() == long[1]


@pytest.mark.parametrize("seed", range(2))
def test_killed_with_its_workers_it_finishes_with_the_same_bytes(
    tmp_path: Path, long: tuple[Path, bytes], seed: int
) -> None:
    """SIGKILL of the parent at a random moment: the workers end by themselves."""
    generator = random.Random(seed)
    process = start(long_words(tmp_path, long), tmp_path / "log")
    wait_for_part(tmp_path, process, generator.randrange(1, 20))
    time.sleep(generator.uniform(0, 0.02))
    workers = children(process)
    process.kill()
    process.wait()
    end = time.monotonic() + WAIT
    while not all(gone(pid) for pid in workers):
        assert time.monotonic() < end, "a worker outlived its parent"
        time.sleep(0.005)
    assert command(long_words(tmp_path, long)) == 0
    assert (tmp_path / "out.parquet").read_bytes() == long[1]
    assert not list(tmp_path.glob("*.parts"))
