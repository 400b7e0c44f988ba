"""Jobs whose files lie elsewhere: S3 (moto, a server of its own), the Hub, a file server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import duckdb
import fsspec  # type: ignore[import-untyped]
import job_driver
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import s3fs  # type: ignore[import-untyped]
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]
from fsspec.registry import _registry, known_implementations  # type: ignore[import-untyped]
from hub_client import ROOT, Client
from hub_server import Hub
from job_harness import WAIT, expected_rows, job, rows, shards, start, success, write_folder
from row_files import FORMATS, rows_of, write_input
from s3_server import KEY, S3, SECRET, forget_stores

from extractors.__main__ import command
from extractors.inputs import Asked
from extractors.jobs import lease, remote_folder, trouble
from extractors.jobs.source import Limits, open_source
from extractors.jobs.storage import JobFolder
from extractors.store import load_embeddings
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUCKET = "bucket"
SLOW = ("--seed", "20")


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with S3() as server, server.used():
        server.add_bucket(BUCKET)
        yield server


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, s3: S3) -> tuple[Path, Path]:
    """An input folder, also on S3 as `in`, and the folder of a local job over it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    source = write_folder(folder / "in")
    assert command(job(source, folder / "out", *SLOW)) == 0
    s3.upload(source, BUCKET, "in")
    return source, folder / "out"


def s3_job(source: Path | str, out: str, *more: str) -> list[str]:
    words = ["--model", job_driver.MODEL, "--input", str(source), "--out", f"s3://{BUCKET}/{out}"]
    return [*words, "--shard-rows", "10", *SLOW, *more]


def outputs(s3: S3, prefix: str) -> dict[str, bytes]:
    content = s3.content(BUCKET, prefix)
    return {name: data for name, data in content.items() if name.endswith(".parquet")}


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + WAIT
    while not condition():
        assert process.poll() is None, "it ended too early"
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_job_on_s3_has_the_bytes_of_a_local_one_and_others_read_it(
    s3: S3,
    undisturbed: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From a folder, over what another run left, and from S3; no state in the way of readers."""
    source, local = undisturbed
    for name in (
        "embeddings-00000-of-00001.parquet",
        ".job/done/00000/00000.json",
        ".job/job.json",
    ):
        s3.client().put_object(Bucket=BUCKET, Key=f"one/{name}", Body=b"{}")
    assert command(s3_job(source, "one/", "--workers", "2", "--restart")) == 0
    assert command(s3_job(f"s3://{BUCKET}/in/", "two")) == 0
    assert "wrote 12 of 12 shards into s3://bucket/two: 120" in capsys.readouterr().err
    assert outputs(s3, "one") == outputs(s3, "two") == shards(local)
    content = s3.content(BUCKET, "two")
    markers = {name: json.loads(data) for name, data in content.items() if "/done/" in name}
    assert markers == {
        path.relative_to(local).as_posix(): json.loads(path.read_text())
        for path in local.glob(".job/done/*/*.json")
    }
    assert json.loads(content[".job/_SUCCESS.json"]) == success(local)
    assert not [name for name in content if "lock" in name or "unfinished" in name]
    everything = b"".join([*content.values(), *s3.content(BUCKET, "one").values()])
    assert SECRET.encode() not in everything
    assert KEY.encode() not in everything

    expected = [(name, vector) for name, vector, _ in expected_rows(120)]
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)  # this is no Hub
    table = datasets.load_dataset(
        "parquet",
        data_files=f"s3://{BUCKET}/two/*.parquet",
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert [(row["id"], row["embedding"]) for row in table] == expected
    for place in (f"s3://{BUCKET}/two/*.parquet", f"{local}/*.parquet"):
        options = {"aws_endpoint_url": s3.url} if place.startswith("s3") else None
        frame = pl.read_parquet(place, storage_options=options)
        assert list(zip(frame["id"], frame["embedding"].to_list(), strict=True)) == expected
    found = duckdb.read_parquet(f"{local}/*.parquet").project("id, embedding").fetchall()
    assert [(name, list(vector)) for name, vector in found] == expected

    ours, there = load_embeddings(str(local)), load_embeddings(f"s3://{BUCKET}/two/")
    assert (there.ids, there.source, there.model) == (ours.ids, f"s3://{BUCKET}/two/", ours.model)
    assert np.array_equal(there.vectors, ours.vectors)
    one = load_embeddings(f"s3://{BUCKET}/two/embeddings-00000-of-00012.parquet")
    assert one.ids == ours.ids[:10]
    s3.client().copy_object(
        Bucket=BUCKET,
        Key="part/embeddings-00001-of-00012.parquet",
        CopySource=f"{BUCKET}/two/embeddings-00001-of-00012.parquet",
    )
    with pytest.raises(InputError, match="s3://bucket/part does not hold all shards"):
        load_embeddings(f"s3://{BUCKET}/part/")
    with pytest.raises(InputError, match="s3://bucket/nothing holds no Parquet file"):
        load_embeddings(f"s3://{BUCKET}/nothing")

    assert command(s3_job(source, "two")) == 0
    assert "this very job, finished before and verified" in capsys.readouterr().err


def test_a_killed_job_goes_on_at_once_and_what_is_damaged_is_made_again(
    s3: S3, undisturbed: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, local = undisturbed
    process = start(s3_job(source, "killed", "--workers", "2"), tmp_path / "log")
    wait_for(lambda: len(s3.keys(BUCKET, "killed/.job/done/")) >= 5, process)
    process.kill()
    process.wait()
    assert s3.keys(BUCKET, "killed/.job/lock")
    time.sleep(0.3)  # its workers notice
    made = {key.rpartition("/")[2][:5] for key in s3.keys(BUCKET, "killed/.job/done/")}
    client = s3.client()

    def written(number: str) -> Any:
        key = f"killed/embeddings-{number}-of-00012.parquet"
        return client.head_object(Bucket=BUCKET, Key=key)["LastModified"]

    before = {number: written(number) for number in sorted(made)}
    damaged, flipped, gone, unmarked = sorted(made)[:4]
    for number in (damaged, flipped):
        key = f"killed/embeddings-{number}-of-00012.parquet"
        data: bytes = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        bad = data[:-9] if number == damaged else data[:50] + bytes([data[50] ^ 1]) + data[51:]
        client.put_object(Bucket=BUCKET, Key=key, Body=bad)
    client.delete_object(Bucket=BUCKET, Key=f"killed/embeddings-{gone}-of-00012.parquet")
    client.delete_object(Bucket=BUCKET, Key=f"killed/.job/done/00000/{unmarked}.json")

    begun = time.monotonic()
    assert command(s3_job(source, "killed")) == 0
    assert time.monotonic() - begun < lease.STALE / 2  # the dead holder was of this machine
    assert f"{10 * len(made) - 40:,} rows stood already, verified" in capsys.readouterr().err
    assert outputs(s3, "killed") == shards(local)
    for number in sorted(made)[4:]:
        assert written(number) == before[number]


def test_two_at_once_are_refused_and_the_holder_is_named(
    s3: S3, undisturbed: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = s3_job(undisturbed[0], "busy", "--seed", "300")
    code = (
        "import job_driver; from extractors.jobs import lease; lease.RENEW = 0.2; "
        "from extractors.__main__ import command; import sys; "
        "sys.exit(command(sys.argv[1:])) if __name__ == '__main__' else None"
    )
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words], env=os.environ | {"PYTHONPATH": path}
    )
    try:
        wait_for(lambda: bool(s3.keys(BUCKET, "busy/.job/lock")), process)
        assert command(words) == 2
        error = capsys.readouterr().err
        message = f"another process (process {process.pid} of {os.uname().nodename}) is at work in"
        assert f"{message} s3://bucket/busy/; wait or choose another --out" in error
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT) == 130
        assert not s3.keys(BUCKET, "busy/.job/lock")
    finally:
        process.kill()
        process.wait()


def test_a_lease_that_is_not_renewed_is_taken_over_and_its_old_holder_told(
    s3: S3, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Silent holder, damaged file; and who was cut off ends before it can do harm."""
    folder, client = JobFolder.at(f"s3://{BUCKET}/lease/"), s3.client()
    lock = {"Bucket": BUCKET, "Key": "lease/.job/lock"}
    monkeypatch.setattr(lease, "RENEW", 0.05)
    monkeypatch.setattr(lease, "STALE", 0.3)
    monkeypatch.setattr(lease, "LOOK", 0.05)
    other = json.dumps({"token": "x", "beat": 1, "host": "far", "pid": 7, "machine": "away"})
    for text in (other, other[:20]):
        client.put_object(**lock, Body=text.encode())
        begun = time.monotonic()
        with folder.alone():
            assert time.monotonic() - begun > 0.3
            folder.write(".job/x", "y")
            folder.require_alone()
        assert not s3.keys(BUCKET, "lease/.job/lock")
    assert "process 7 of far was at work here" in capsys.readouterr().err

    def cut_off() -> None:
        with folder.alone():
            client.put_object(**lock, Body=other.encode())
            end = time.monotonic() + WAIT
            while time.monotonic() < end:
                folder.require_alone()
                time.sleep(0.02)

    with pytest.raises(InputError, match=r"\(process 7 of far\) is at work in s3://bucket/lease/"):
        cut_off()
    assert client.get_object(**lock)["Body"].read() == other.encode()  # it stays the other's


def test_of_many_that_begin_at_once_one_has_the_lease(s3: S3) -> None:
    del s3
    path = JobFolder.at(f"s3://{BUCKET}/many/").root / ".job/lock"  # type: ignore[attr-defined]
    leases = [lease.Lease(path, "many") for _ in range(8)]
    together, got = threading.Barrier(8), []

    def create(one: lease.Lease) -> None:
        together.wait()
        got.append(one._create())

    threads = [threading.Thread(target=create, args=(one,)) for one in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(got) == {False: 7, True: 1}


def test_shards_of_every_format_are_read_in_ranges(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    for number, kind in enumerate(FORMATS):
        write_input(tmp_path / f"in/{number}.{kind}", 300, number)
        if kind != "parquet":
            write_input(tmp_path / f"in/{number}.{kind}.gz", 300, number + 5)
    s3.upload(tmp_path / "in", BUCKET, "formats")
    local = open_source(Asked(f"{tmp_path}/in"), ("text",))
    there = open_source(Asked(f"s3://{BUCKET}/formats"), ("text",))
    limits = Limits(70, 10**9)
    expected, cuts = rows_of(local, limits)
    found, remote_cuts = rows_of(there, limits)
    assert found == expected
    assert [replace(cut, version="") for cut in remote_cuts] == cuts
    assert all(cut.version for cut in remote_cuts)
    identities = [[found for found in source.cut(limits) if isinstance(found, str)]
                  for source in (local, there)]  # fmt: skip
    assert identities[0] == identities[1]

    fetched: list[int] = []
    call = s3fs.S3FileSystem._call_s3

    async def counting(self: Any, method: str, *arguments: Any, **options: Any) -> Any:
        if method == "get_object":
            first, last = map(int, options["Range"].removeprefix("bytes=").split("-"))
            fetched.append(last + 1 - first)
        return await call(self, method, *arguments, **options)

    text = "".join(f">r{row}\n{'ACDEFGHIKL' * 30}\n" for row in range(20_000))
    (tmp_path / "large").mkdir()
    (tmp_path / "large/a.fasta").write_text(text)
    numbers = [str(row) for row in range(20_000)]
    table = pa.table({"text": [os.urandom(150).hex() for _ in numbers], "id": numbers})
    pq.write_table(table, tmp_path / "large/b.parquet", row_group_size=1000, compression="none")
    s3.upload(tmp_path / "large", BUCKET, "large")
    source = open_source(Asked(f"s3://{BUCKET}/large"), ("text",))
    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counting)
    planned = [cut for cut in source.cut(Limits(1000, 10**9)) if not isinstance(cut, str)]
    assert sum(fetched) < 1.1 * len(text) + 400_000  # text once, of Parquet its end
    for shard in (planned[10], planned[30]):
        fetched.clear()
        batches = list(source.rows(shard))
        assert sum(len(ids) for ids, _ in batches) == 1000
        assert sum(fetched) < 1_200_000  # of 6 MB; a shard has 0.3 MB
        assert len(fetched) < 9


def test_an_input_that_changes_is_noticed(s3: S3, tmp_path: Path) -> None:
    """By its ETag, also when as long as before."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.tsv").write_text("id\ttext\na\tb\n")
    s3.upload(tmp_path / "in", BUCKET, "changing")
    source = open_source(Asked(f"s3://{BUCKET}/changing/a.tsv"), ("text",))
    _, cuts = rows_of(source, Limits(10, 10))
    s3.client().put_object(Bucket=BUCKET, Key="changing/a.tsv", Body=b"id\ttext\na\tc\n")
    with pytest.raises(InputError, match="changing/a.tsv changed while the job ran"):
        list(source.rows(cuts[0]))


def test_a_large_file_goes_up_in_parts_and_what_breaks_off_leaves_nothing(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_folder, "PART", 5 << 20)
    folder, data = JobFolder.at(f"s3://{BUCKET}/parts/"), os.urandom(11 << 20)
    with folder.writing("good.bin") as path:
        path.write_bytes(data)
    assert s3.content(BUCKET, "parts") == {"good.bin": data}
    tag = s3.client().head_object(Bucket=BUCKET, Key="parts/good.bin")["ETag"]
    assert tag.endswith('-3"')  # parts
    scratch = folder.scratch()
    assert not list(scratch.glob("*good*"))

    call = s3fs.S3FileSystem._call_s3

    async def breaking(self: Any, method: str, *arguments: Any, **options: Any) -> Any:
        if method == "upload_part" and options["PartNumber"] == 3:
            raise PermissionError(method)
        return await call(self, method, *arguments, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", breaking)
    with pytest.raises(PermissionError, match="s3://bucket/parts/bad.bin: upload_part"):  # noqa: SIM117
        with folder.writing("bad.bin") as path:
            path.write_bytes(data)
    assert s3.keys(BUCKET, "parts/") == ["parts/good.bin"]
    assert not s3.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads")
    assert not list(scratch.glob("*bad*"))


def test_what_is_refused(
    s3: S3,
    undisturbed: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = undisturbed[0]
    s3.client().put_object(Bucket=BUCKET, Key="full/notes.txt", Body=b"mine")

    def refused(words: list[str], *messages: str) -> None:
        capsys.readouterr()
        assert command(words) == 2, messages
        error = capsys.readouterr().err
        assert all(message in error for message in messages), error
        assert error.count("\n") == 1
        assert "pass" not in error

    def out(url: str) -> list[str]:
        words = s3_job(source, "")
        return [url if word == f"s3://{BUCKET}/" else word for word in words]

    refused(s3_job(source, "full/"), "s3://bucket/full/ holds other files (notes.txt); choose")
    refused(s3_job(source, "x.parquet"), "--out x.parquet is a file, a job writes a folder")
    refused(out("s3://nowhere/x/"), "no such place as s3://nowhere/x", "create it, or check")
    refused(out("s3://key:pass@bucket/x"), "s3://…@bucket has credentials", "environment")
    refused(out("hf://datasets/org/name"), "each file would be a commit", "`publish push`")
    refused(out("https://example.org/x/"), "nothing can be written by https://; write to a folder")
    refused(out("memory://x/"), "memory:// is no place that all processes see", "s3, hf, https")
    refused(out("s4://bucket/x"), "s4:// is no place", "did you mean s3?")
    refused(out("s3://"), "s3:// names no place; give for example s3://NAME/FOLDER/")
    refused(out("s3://a b/x"), "'a b' cannot be a bucket")
    refused(s3_job(f"s3://{BUCKET}/none/", "x"), "nothing is at s3://bucket/none; check the name")
    refused(s3_job(f"s3://{BUCKET}/full/", "x"), "s3://bucket/full holds no file that can be read")
    refused(s3_job("s3://nowhere/in/", "x"), "s3://nowhere/in")
    refused(s3_job("https://host/a.csv?key=pass", "x"), "https://host/a.csv is followed by a query")
    table = ["--model", job_driver.MODEL, "--input", f"s3://{BUCKET}/in", "--out", "x.parquet"]
    refused(table, "s3://bucket/in is read in shards, into a folder of them: give --out DIR/")

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    forget_stores()
    refused(s3_job(source, "x"), "no credentials for s3://bucket/x; set AWS_ACCESS_KEY_ID")
    forget_stores()


def test_who_may_not_write_is_told_and_who_cannot_reach_the_store_too(
    undisturbed: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Forbids(BaseHTTPRequestHandler):
        def answer(self) -> None:
            code = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            self.send_response(403)
            self.send_header("Content-Length", str(len(code)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(code)

        do_GET = do_PUT = do_HEAD = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setattr(trouble, "PATIENCE", 0.1)
    with HTTPServer(("127.0.0.1", 0), Forbids) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        forget_stores()
        assert command(s3_job(undisturbed[0], "x")) == 2
        assert "no right to s3://bucket/x (" in capsys.readouterr().err
        server.shutdown()
    forget_stores()
    begun = time.monotonic()
    assert command(s3_job(undisturbed[0], "x")) == 2
    error = capsys.readouterr().err
    assert "cannot reach s3://bucket/x (" in error
    assert "check the address and the connection" in error
    assert time.monotonic() - begun < 40
    forget_stores()


def test_a_missing_package_is_named(undisturbed: tuple[Path, Path]) -> None:
    code = (
        "import sys; sys.modules['s3fs'] = None; import job_driver; "
        "from extractors.__main__ import command; sys.exit(command(sys.argv[1:]))"
    )
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code, *s3_job(undisturbed[0], "x")],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "extract: error: s3://bucket needs s3fs; pip install 'genezoo[s3]'\n"


def test_a_dataset_of_the_hub_is_read_at_one_commit(
    undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    source, local = undisturbed
    with Hub() as hub:
        sha = hub.add_dataset("org/name", source, tags=["v1"])
        (tmp_path / "later").mkdir()
        (tmp_path / "later/0.csv").write_text("id,text\na,b\n")
        hub.add_dataset("org/name", tmp_path / "later")
        words = ["-m", "job_driver", *job(Path("X"), tmp_path / "out", *SLOW)]
        words[words.index("X")] = "hf://datasets/org/name@v1"
        path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
        client = Client(hub, tmp_path)
        done = client.run(*words, PYTHONPATH=path)
        assert done.returncode == 0, done.stderr
        assert not [line for line in hub.requests if line.kind == "resolve" and line.status == 200]
        words[words.index("--input") + 1] = "hf://datasets/org/name@v9"
        done = client.run(*words, PYTHONPATH=path)
        assert done.returncode == 2
        assert "no such place as hf://datasets/org/name@v9 (" in done.stderr
        plain = open_source(Asked(f"{hub.url}/datasets/org/name/resolve/v1/1.parquet"), ("text",))
        found, _ = rows_of(plain, Limits(10, 10**9))
        assert [name for name, _ in found] == [f"r{row}" for row in range(40, 80)]
    assert rows(tmp_path / "out") == expected_rows(120)
    for name, data in shards(tmp_path / "out").items():
        ours, theirs = (
            pq.read_metadata(pa.BufferReader(one)) for one in (data, shards(local)[name])
        )
        said = [json.loads(one.metadata[b"genezoo"]) for one in (ours, theirs)]
        given = said[0]["input"].pop("folder"), said[1]["input"].pop("folder")
        assert given == (f"hf://datasets/org/name@{sha}", "in")
        assert said[0]["input"].pop("fingerprint") != said[1]["input"].pop("fingerprint")
        assert said[0] == said[1]


def test_where_a_put_is_not_whole_a_file_is_moved_into_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system of fsspec that is no object store: put under another name, then moved."""

    put: list[str] = []

    class Server(LocalFileSystem):  # type: ignore[misc]
        protocol = "server"

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return f"{tmp_path}/{path.removeprefix('server://')}" if "://" in path else path

        def put_file(self, lpath: str, rpath: str, *more: Any, **options: Any) -> None:
            put.append(rpath)
            super().put_file(lpath, rpath, *more, **options)

        def mv(self, path1: str, path2: str, **_: Any) -> None:
            Path(path1).replace(path2)

    monkeypatch.setitem(known_implementations, "server", {"class": "x"})
    fsspec.register_implementation("server", Server, clobber=True)
    monkeypatch.setattr(lease, "RENEW", 0.05)
    folder = JobFolder.at("server://files/out")
    assert not folder.is_job()
    assert folder.names() == []
    with folder.alone():
        with pytest.raises(InputError, match="another process"), folder.alone():
            pass
        folder.write("a.txt", "first")
        folder.write("a.txt", "second")
        assert folder.read("a.txt") == "second"
        assert folder.read("b.txt") is None
        assert folder.listing(".job/done") == {}
        folder.write(".job/done/1.json", "{}")
        assert folder.listing(".job/done") == {".job/done/1.json": 2}
        assert (folder.size("a.txt"), folder.size(".job")) == (6, None)
        with folder.lines("a.txt") as lines:
            assert list(lines) == ["second"]
        assert folder.is_job()
        assert folder.names() == [".job", "a.txt"]
        folder.clear("*.txt")
        assert folder.names() == [".job"]
    assert folder.listing(".job") == {}
    assert len(put) == 3
    assert all(".job/unfinished/" in path for path in put)
    _registry.pop("server")
