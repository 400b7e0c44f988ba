"""The run as a whole: resumed after kills to the same bytes, refused when settings differ."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest

from extractors.__main__ import command
from extractors.parts import PART_ROWS, Parts
from extractors.store import load_embeddings, read_provenance

KILLS = 30
WORKERS = 6
ROWS = 20_000
DIM = 512


def write_ids(path: Path, n: int) -> Path:
    path.write_text("id,text\n" + "".join(f"g{row},gene number {row}\n" for row in range(n)))
    return path


def arguments(source: Path, out: Path, *more: str) -> list[str]:
    return ["--model", "random", "--input", str(source), "--out", str(out), *more]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "extractors", *words], capture_output=True, text=True, check=False
    )


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    while not path.exists() and process.poll() is None:
        time.sleep(0.002)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, float]:
    """An input, the bytes of an undisturbed run over it, and how long that run took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    source = write_ids(folder / "ids.csv", ROWS)
    start = time.monotonic()
    done = run(*arguments(source, folder / "out.parquet", "--dim", str(DIM)))
    assert done.returncode == 0, done.stderr
    return source, (folder / "out.parquet").read_bytes(), time.monotonic() - start


@pytest.mark.parametrize("worker", range(WORKERS))
def test_killed_at_random_moments_it_finishes_with_the_same_bytes(
    tmp_path: Path, undisturbed: tuple[Path, bytes, float], worker: int
) -> None:
    """SIGKILL at a random moment, then the same command: 30 kills over all workers."""
    source, expected, seconds = undisturbed
    generator = random.Random(worker)
    out = tmp_path / "out.parquet"
    words = [sys.executable, "-m", "extractors", *arguments(source, out, "--dim", str(DIM))]
    mid_work = 0
    parts = tmp_path / "out.parquet.parts"
    for kill in range(KILLS // WORKERS):
        victim = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Every other moment falls into the writing of parts, the rest anywhere from the start.
        if kill % 2:
            wait_for(parts / f"part-{generator.randrange(8):08d}.parquet", victim)
            time.sleep(generator.uniform(0, 0.02))
        else:
            time.sleep(generator.uniform(0, 0.9) * seconds)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        mid_work += any(parts.glob("part-*"))
        again = subprocess.run(words, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stderr
        assert out.read_bytes() == expected
        assert [path.name for path in tmp_path.iterdir()] == [out.name]
        out.unlink()
    assert mid_work, "no kill hit the run while it was writing parts"


def test_what_an_interrupted_run_did_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from extractors.encoders.controls import RandomControl

    source = write_ids(tmp_path / "ids.csv", 3 * PART_ROWS + 5)
    plain = tmp_path / "plain.parquet"
    assert command(arguments(source, plain)) == 0
    embed, calls = RandomControl.embed, []

    def failing(self: RandomControl, ids: list[str], values: list[str | None]) -> Any:
        calls.append(ids[0])
        if len(calls) == 3:
            raise KeyboardInterrupt
        return embed(self, ids, values)

    monkeypatch.setattr(RandomControl, "embed", failing)
    out = tmp_path / "out.parquet"
    assert command(arguments(source, out)) == 130
    assert not out.exists()
    capsys.readouterr()
    assert command(arguments(source, out)) == 0
    assert calls == [
        "g0",
        f"g{PART_ROWS}",
        f"g{2 * PART_ROWS}",
        f"g{2 * PART_ROWS}",
        f"g{3 * PART_ROWS}",
    ]
    assert f"{2 * PART_ROWS:,} rows stood already" in capsys.readouterr().err
    assert out.read_bytes() == plain.read_bytes()


def test_the_table_is_as_designed(tmp_path: Path) -> None:
    source = write_ids(tmp_path / "ids.csv", 10)
    out = tmp_path / "out.parquet"
    assert command(arguments(source, out, "--dim", "7")) == 0
    schema = pq.read_schema(out)
    assert [(field.name, str(field.type)) for field in schema] == [
        ("id", "string"),
        ("embedding", "fixed_size_list<element: float>[7]"),
        ("n_tokens", "int32"),
        ("truncated", "bool"),
        ("error", "string"),
    ]
    provenance = read_provenance(schema)
    assert provenance["model"] == "random"
    assert provenance["encoder"] == {"seed": 0, "dim": 7}
    assert provenance["input"]["file"] == "ids.csv"
    assert provenance["input"]["rows"] == 10
    assert str(tmp_path) not in json.dumps(provenance)
    loaded = datasets.load_dataset("parquet", data_files=str(out), cache_dir=str(tmp_path / "c"))
    row = loaded["train"][3]
    assert row["id"] == "g3"
    assert row["error"] is None
    assert np.allclose(row["embedding"], load_embeddings(str(out)).vectors[3])


def test_float16_is_stored_when_asked(tmp_path: Path) -> None:
    source = write_ids(tmp_path / "ids.csv", 10)
    full, half = tmp_path / "full.parquet", tmp_path / "half.parquet"
    assert command(arguments(source, full)) == 0
    assert command(arguments(source, half, "--store", "float16")) == 0
    assert str(pq.read_schema(half).field("embedding").type.value_type) == "halffloat"
    both = [load_embeddings(str(path)).vectors for path in (full, half)]
    assert np.abs(both[0] - both[1]).max() < 4e-3
    assert np.abs(both[0] - both[1]).max() > 0


def test_a_finished_run_is_not_done_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_ids(tmp_path / "ids.csv", 10)
    out = tmp_path / "out.parquet"
    assert command(arguments(source, out)) == 0
    before = out.stat()
    assert command(arguments(source, out)) == 0
    assert "nothing to do" in capsys.readouterr().err
    assert out.stat().st_mtime_ns == before.st_mtime_ns


def test_other_settings_do_not_overwrite_a_finished_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_ids(tmp_path / "ids.csv", 10)
    out = tmp_path / "out.parquet"
    assert command(arguments(source, out)) == 0
    before = out.read_bytes()
    capsys.readouterr()
    assert command(arguments(source, out, "--seed", "1")) == 2
    error = capsys.readouterr().err
    assert "encoder.seed was 0, now 1" in error
    assert "--restart" in error
    assert out.read_bytes() == before
    assert command(arguments(source, out, "--seed", "1", "--restart")) == 0
    assert out.read_bytes() != before


def test_other_settings_do_not_mix_with_existing_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_ids(tmp_path / "ids.csv", 10)
    out = tmp_path / "out.parquet"

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "finish", interrupted)
        assert command(arguments(source, out)) == 130
    parts = tmp_path / "out.parquet.parts"
    before = sorted(path.name for path in parts.iterdir())
    capsys.readouterr()
    assert command(arguments(source, out, "--seed", "1")) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert "unfinished run with other settings (encoder.seed was 0, now 1)" in error
    assert "--restart" in error
    assert sorted(path.name for path in parts.iterdir()) == before
    source.write_text(source.read_text() + "h,new\n")
    assert command(arguments(source, out)) == 2
    assert "input.fingerprint was" in capsys.readouterr().err
    assert command(arguments(source, out, "--restart")) == 0
    assert not parts.exists()


def test_two_runs_at_one_place_are_kept_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_ids(tmp_path / "ids.csv", 10)
    out = tmp_path / "out.parquet"
    parts = tmp_path / "out.parquet.parts"
    parts.mkdir()
    with (parts / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert command(arguments(source, out)) == 2
    assert "another process is writing" in capsys.readouterr().err
    assert (parts / "lock").exists(), "the other process's folder is left alone"


def test_failed_rows_are_kept_counted_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "genes.csv"
    source.write_text("symbol,text\nTP53,tumor protein\nNA,\nMARCH1,membrane associated\n")
    out = tmp_path / "out.parquet"
    words = ["--model", "bag-of-words", "--input", str(source), "--out", str(out)]
    assert command(words) == 1
    assert "1 rows failed" in capsys.readouterr().err
    table = pq.read_table(out).to_pydict()
    assert table["id"] == ["TP53", "NA", "MARCH1"]
    assert table["error"] == [None, "empty text", None]
    assert table["embedding"][1] is None
    assert table["n_tokens"] == [2, 0, 2]
    assert load_embeddings(str(out)).failed == {"NA": "empty text"}
    assert command(words) == 1, "a finished run with failed rows stays incomplete"


def test_bag_of_words_counts_the_most_frequent_words(tmp_path: Path) -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    generator = random.Random(0)
    words = [f"w{number}" for number in range(3000)]
    texts = [" ".join(generator.choices(words, k=30)) for _ in range(PART_ROWS + 100)]
    source = tmp_path / "texts.tsv"
    source.write_text("id\ttext\n" + "".join(f"r{row}\t{text}\n" for row, text in enumerate(texts)))
    out = tmp_path / "out.parquet"
    assert command(["--model", "bag-of-words", "--input", str(source), "--out", str(out)]) == 0
    expected = CountVectorizer(max_features=1024).fit_transform(texts).toarray()
    assert (load_embeddings(str(out)).vectors == expected).all()


def test_the_random_control_is_gaussian_and_depends_on_id_and_seed_alone(tmp_path: Path) -> None:
    source = write_ids(tmp_path / "ids.csv", 5000)
    shuffled = tmp_path / "shuffled.csv"
    header, *rows = source.read_text().splitlines()
    random.Random(0).shuffle(rows)
    shuffled.write_text("\n".join([header, *rows]))
    one, two, three = (tmp_path / f"{name}.parquet" for name in ("one", "two", "three"))
    assert command(arguments(source, one, "--dim", "33")) == 0
    assert command(arguments(shuffled, two, "--dim", "33")) == 0
    assert command(arguments(source, three, "--dim", "33", "--seed", "1")) == 0
    first, second, third = (load_embeddings(str(path)) for path in (one, two, three))
    by_id = dict(zip(second.ids, second.vectors, strict=True))
    assert all(
        (by_id[entity] == row).all() for entity, row in zip(first.ids, first.vectors, strict=True)
    )
    assert abs(np.corrcoef(first.vectors.ravel(), third.vectors.ravel())[0, 1]) < 0.01
    assert abs(first.vectors.mean()) < 0.01
    assert abs(first.vectors.std() - 1) < 0.01
    tails = (np.abs(first.vectors) > 1.96).mean()
    assert abs(tails - 0.05) < 0.002
    assert np.abs(np.corrcoef(first.vectors.T) - np.eye(33)).max() < 0.07


def test_a_full_disk_is_one_line_and_leaves_earlier_work(tmp_path: Path) -> None:
    """The file size limit stands in for a full disk: the same write fails the same way."""
    source = write_ids(tmp_path / "ids.csv", 20_000)
    out = tmp_path / "out.parquet"
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "from extractors.__main__ import command; sys.exit(command(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, *arguments(source, out)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("extract: error: cannot read or write")
    assert "File too large" in last
    assert "Traceback" not in done.stderr
    assert not out.exists()
    assert run(*arguments(source, out)).returncode == 0


def _can_mount() -> bool:
    test = ["unshare", "--mount", "true"]
    try:
        return (
            os.getuid() == 0
            and subprocess.run(test, check=False, capture_output=True).returncode == 0
        )
    except OSError:
        return False


@pytest.mark.skipif(not _can_mount(), reason="needs the right to mount a small file system")
def test_a_really_full_disk(tmp_path: Path) -> None:
    source = write_ids(tmp_path / "ids.csv", 20_000)
    disk = tmp_path / "disk"
    disk.mkdir()
    words = " ".join([sys.executable, "-m", "extractors", *arguments(source, disk / "out.parquet")])
    script = f"mount -t tmpfs -o size=2m none {disk} && {words}; code=$?; ls {disk} >&2; exit $code"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    if "permission denied" in done.stderr and "mount" in done.stderr:
        pytest.skip("mounting is not allowed here")
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1] == "out.parquet.parts", "what was done is kept"
