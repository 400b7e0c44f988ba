"""Jobs on this machine: the same bytes whatever happens, and nothing lost or done twice."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import datasets
import job_driver
import numpy as np
import pyarrow.parquet as pq
import pytest
from job_harness import (
    WAIT,
    expected_rows,
    job,
    rows,
    shards,
    start,
    success,
    wait_for_shards,
    write_folder,
)  # fmt: skip
from protein_checkpoints import RESIDUES, save_esm
from zoo_harness import random_sequences

from extractors.__main__ import command
from extractors.jobs.schedule import DIED
from extractors.store import load_embeddings

if TYPE_CHECKING:
    import subprocess


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    task = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    found = [int(pid) for pid in task.read_text().split()]
    return [pid for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An input folder and the folder of an undisturbed job over it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    source = write_folder(folder / "in")
    assert command(job(source, folder / "out")) == 0
    return source, folder / "out"


def test_a_finished_job(
    undisturbed: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows in order, a manifest that tells the truth, and folders that others can read."""
    source, expected = undisturbed[0], shards(undisturbed[1])
    out = tmp_path / "out"
    assert command(job(source, out, "--workers", "2")) == 0
    assert shards(out) == expected
    assert "wrote 12 of 12 shards" in capsys.readouterr().err
    assert rows(out) == expected_rows(120)
    found = success(out)
    assert (found["shards"], found["rows"], found["failed"]) == (12, 120, 0)
    assert found["tokens"] == sum(len(f"text of {row}") for row in range(120))
    listed = {file["file"]: file["sha256"] for file in found["files"]}  # type: ignore[attr-defined]
    assert listed == {name: hashlib.sha256(data).hexdigest() for name, data in expected.items()}

    table = datasets.load_dataset(
        "parquet", data_dir=str(out), cache_dir=str(tmp_path / "cache"), split="train"
    )
    assert table["id"][:] == [f"r{row}" for row in range(120)]
    loaded = load_embeddings(str(out))
    assert (loaded.model, loaded.ids) == (job_driver.MODEL, table["id"][:])

    assert command(job(source, out)) == 0
    assert "this very job, finished before and verified" in capsys.readouterr().err
    assert shards(out) == expected


def test_a_network_gives_the_same_bytes_in_any_number_of_processes(tmp_path: Path) -> None:
    """And the vectors of a run over one file, to the last places."""
    save_esm(tmp_path / "esm")
    (tmp_path / "in").mkdir()
    found = random_sequences(RESIDUES, [5, 30, 12] * 30) | {"bad": "M1K", "": "MKV"}
    text = "".join(f">{name}\n{sequence}\n" for name, sequence in found.items())
    (tmp_path / "in/a.fasta").write_text(text)
    words = ["--model", "esm2-8m", "--checkpoint", str(tmp_path / "esm"), "--input"]
    words += [str(tmp_path / "in"), "--shard-rows", "40"]
    for workers in ("1", "2"):
        assert command([*words, "--out", f"{tmp_path / workers}/", "--workers", workers]) == 1
    assert shards(tmp_path / "1") == shards(tmp_path / "2")
    assert len(shards(tmp_path / "1")) == 3
    del found[""]
    (tmp_path / "one.fasta").write_text(text.removesuffix(">\nMKV\n"))
    words[words.index(str(tmp_path / "in"))] = str(tmp_path / "one.fasta")
    assert command([*words[:-2], "--out", str(tmp_path / "one.parquet")]) == 1
    whole = pq.read_table(tmp_path / "one.parquet").to_pylist()
    parts = rows(tmp_path / "1")
    assert parts[-1] == ("", None, "the row has an empty id")
    for row, (entity, vector, error) in zip(whole, parts[:-1], strict=True):
        assert (row["id"], row["error"]) == (entity, error)
        if error is None:
            np.testing.assert_allclose(row["embedding"], np.asarray(vector), atol=1e-5)


def test_a_worker_that_is_killed_is_replaced(
    undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    source, _ = undisturbed
    out = tmp_path / "out"
    process = start(job(source, out, "--workers", "2", "--seed", "50"), tmp_path / "log")
    wait_for_shards(out, process, 2)
    os.kill(workers_of(process)[-1], signal.SIGKILL)
    assert process.wait(WAIT) == 0, (tmp_path / "log").read_text()
    assert rows(out) == expected_rows(120)
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert success(out)["rows"] == 120
    assert not (out / ".job/unfinished").exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_job_is_resumed_by_another_number_of_workers(
    tmp_path: Path, how: signal.Signals
) -> None:
    source, out = write_folder(tmp_path / "in"), tmp_path / "out"
    words = job(source, out, "--seed", "30")
    process = start([*words, "--workers", "2"], tmp_path / "log")
    wait_for_shards(out, process, 3)
    workers = workers_of(process)
    process.send_signal(how)
    assert process.wait(WAIT) == (130 if how == signal.SIGINT else -how)
    end = time.monotonic() + WAIT
    while not all(gone(pid) for pid in workers):
        assert time.monotonic() < end, "a worker outlived its parent"
        time.sleep(0.005)
    kept = {path.name: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    marked = {path.stem for path in out.glob(".job/done/*/*.json")}
    assert not (out / ".job/_SUCCESS.json").exists()
    assert command(words) == 0
    assert rows(out) == expected_rows(120)
    for name, time_ns in kept.items():  # what was done is not done again
        if name.split("-")[1] in marked:
            assert (out / name).stat().st_mtime_ns == time_ns
    assert len(marked) >= 3


def test_rows_that_end_their_process_become_errors(tmp_path: Path) -> None:
    bad = {39: "KILL me", 59: "RAISE now"}
    source = write_folder(tmp_path / "in", bad)
    reasons = {39: DIED, 59: "RuntimeError: cannot take RAISE now"}
    for workers in ("1", "2"):
        out = tmp_path / workers
        assert command(job(source, out, "--workers", workers)) == 1
        assert rows(out) == expected_rows(120, reasons)
        assert success(out)["failed"] == len(bad)
    assert shards(tmp_path / "1") == shards(tmp_path / "2")


def test_a_shard_that_no_row_alone_spoils_is_named_and_the_rest_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_folder(tmp_path / "in", {43: "PAIR", 46: "PAIR"})
    out = tmp_path / "out"
    assert command(job(source, out)) == 1
    error = capsys.readouterr().err
    assert "wrote 11 of 12 shards" in error
    named = "embeddings-00004-of-00012.parquet (1.parquet from 0): the process on auto died"
    assert named in error
    assert "with status 7" in error
    assert not (out / ".job/_SUCCESS.json").exists()
    assert rows(out) == [row for row in expected_rows(120) if not 40 <= int(row[0][1:]) < 50]


def test_input_that_cannot_be_read_fails_its_shard_until_it_is_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = write_folder(tmp_path / "in"), tmp_path / "out"
    path = source / "1.parquet"
    good = path.read_bytes()
    first = pq.read_metadata(path).row_group(0).column(1)
    path.write_bytes(
        good[: first.data_page_offset] + b"\xff" * 40 + good[first.data_page_offset + 40 :]
    )
    monkeypatch.setattr("extractors.jobs.schedule.PAUSE", 0.05)
    assert command(job(source, out)) == 1
    error = capsys.readouterr().err
    assert "wrote 11 of 12 shards" in error
    assert "embeddings-00004-of-00012.parquet (1.parquet from 0)" in error
    path.write_bytes(good)
    assert command(job(source, out)) == 0
    assert rows(out) == expected_rows(120)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "removed", "marker", "half a marker"])
def test_a_damaged_output_is_noticed_and_made_again(
    undisturbed: tuple[Path, Path],
    tmp_path: Path,
    damage: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, expected = undisturbed[0], shards(undisturbed[1])
    out = Path(shutil.copytree(undisturbed[1], tmp_path / "out"))
    path = out / "embeddings-00007-of-00012.parquet"
    marker = out / ".job/done/00000/00007.json"
    data = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(data[:-9])
    elif damage == "flipped":
        path.write_bytes(data[:50] + bytes([data[50] ^ 1]) + data[51:])
    elif damage == "removed":
        path.unlink()
    elif damage == "marker":
        marker.unlink()
    else:
        marker.write_text(marker.read_text()[:40])
    assert command(job(source, out)) == 0
    assert "110 rows stood already, verified" in capsys.readouterr().err
    assert shards(out) == expected


def test_what_is_refused(
    undisturbed: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = undisturbed[0], Path(shutil.copytree(undisturbed[1], tmp_path / "out"))
    other = write_folder(tmp_path / "other" / "in", {3: "another text, which is longer"})
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").write_text("mine")
    file = ["--model", job_driver.MODEL, "--input", str(source / "0.parquet"), "--out"]
    for words, message in (
        (job(source, out, "--store", "float16"), "common.stored was float32, now float16"),
        (job(source, out, "--long", "truncate"), "settings.long was window, now truncate"),
        ([*job(source, out)[:-1], "20"], "limits.rows was 10, now 20"),
        (job(other, out), "common.input.fingerprint was sha256:"),
        (job(source, tmp_path / "full"), "holds other files (notes.txt); choose another --out"),
        (job(source, tmp_path / "x", "--address", "auto"), "--address is for --engine ray"),
        (job(tmp_path / "full", tmp_path / "x"), "holds no file that can be read"),
        ([*file, str(tmp_path / "x.parquet"), "--gpus", "2"], "--gpus is for a folder of shards"),
        ([*file, str(tmp_path / "x.parquet"), "--engine", "local"], "a job writes a folder; give"),
        (["--model", "precomputed", *file[2:], f"{tmp_path}/x/"], "not in shards; write one table"),
        (["--model", "geneformer", "--out", f"{tmp_path}/x/"], "not in shards; write one table"),
        (job(source, tmp_path / "x", "--gpus", "1", "--workers", "1"), "are both given"),
    ):
        capsys.readouterr()
        assert command(words) == 2, message
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert not (tmp_path / "x").exists()
    assert command(job(other, out, "--restart")) == 0
    assert success(out)["rows"] == 120


def test_a_job_that_cannot_succeed_ends_early(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extractors.jobs.schedule.HOPELESS", 1)
    source = write_folder(tmp_path / "in", dict.fromkeys(range(120), "PAIR"))
    assert command(job(source, tmp_path / "out")) == 2
    assert (
        "no shard could be made, 1 failed; the job was ended: the process on auto died"
        in capsys.readouterr().err
    )


def test_a_folder_of_which_a_shard_is_missing_is_no_table(
    undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    from hf_datasets.errors import InputError

    for path in sorted(undisturbed[1].glob("*.parquet"))[1:]:
        shutil.copy(path, tmp_path)
    with pytest.raises(InputError, match=r"does not hold all shards of one table \(11 Parquet"):
        load_embeddings(str(tmp_path))
