"""An S3 server that misbehaves: moto, behind a proxy that spoils requests by a seeded schedule.

`python -m storage_faults HOST PORT` serves at that address and takes orders from stdin, a line of
JSON each, answered by one on stdout; `FaultyStore` starts it and gives them.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

BUCKET = "bucket"
KEY, SECRET = "genezoo-tests", "no-secret-at-all"  # any do
KINDS = ("500", "503", "slow down", "late", "cut", "unheard", "no part")
"""Errors; an answer that comes when the client has given up; a body cut in its middle; a request
that is done while its answer is lost; a part of an upload that is dropped."""
CLIENT_PATIENCE = 2
"""Seconds that a client waits for an answer, see `environment`."""
ERROR = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>{0}</Code><Message>by schedule</Message><RequestId>0</RequestId></Error>"""
STATUS = {"500": (500, "InternalError"), "503": (503, "ServiceUnavailable")}
STATUS |= {"slow down": (503, "SlowDown")}
PASSED_BY = {"connection", "transfer-encoding", "content-length", "date", "server"}


def environment(url: str) -> dict[str, str]:
    """Return the variables that make a client use a server, and give up soon."""
    patience = {"connect_timeout": CLIENT_PATIENCE, "read_timeout": CLIENT_PATIENCE}
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "FSSPEC_S3": json.dumps({"config_kwargs": patience}),
    }


class Schedule:
    """Which requests go wrong, and how: of each `1 / rate` one, and now and then all for a while.

    The n-th request meets the same fate whenever the seed is the same.
    """

    def __init__(
        self, seed: int = 0, rate: float = 0.0, outages: int = 0, kinds: Sequence[str] = KINDS
    ) -> None:
        drawn = random.Random(seed)
        self._seed, self._rate, self._kinds = seed, rate, kinds
        self._outages = [drawn.randrange(5, 150) for _ in range(outages)]
        self._until = 0.0
        self._n = 0
        self._lock = threading.Lock()
        self.done: Counter[str] = Counter()

    def next(self, *, part: bool) -> str:
        """Return what becomes of the next request, "" for nothing bad."""
        with self._lock:
            self._n += 1
            drawn = random.Random(f"{self._seed} {self._n}")
            if self._n in self._outages:
                self._until = time.monotonic() + drawn.uniform(0.5, 4)
            kind = ""
            if time.monotonic() < self._until:
                kind = "503"
            elif drawn.random() < self._rate:
                kind = drawn.choice(self._kinds)
            if kind == "no part" and not part:
                kind = ""
            self.done[kind or "fine"] += 1
            return kind


class Proxy(ThreadingHTTPServer):
    """Passes requests on to a server, or does not."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, at: tuple[str, int], upstream: tuple[str, int]) -> None:
        super().__init__(at, _Passing)
        self.upstream = upstream
        self.schedule = Schedule()

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients hang up all the time here."""


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy
    timeout = 60

    def _pass(self) -> None:
        fate = self.server.schedule.next(part="partNumber=" in self.path)
        if self.headers.get("Expect", "").lower() == "100-continue" and fate not in STATUS:
            self.send_response_only(100)
            self.end_headers()
        length = int(self.headers.get("Content-Length") or 0)
        if fate == "cut" and self.command == "PUT":
            self.rfile.read(length // 2)
            self.close_connection = True
            return
        body = self._body(length)
        if fate in STATUS:
            self._refuse(*STATUS[fate])
            return
        if fate == "no part":
            self.close_connection = True
            return
        answer = self._ask(body)
        if fate == "unheard":
            self.close_connection = True
            return
        if fate == "late":
            time.sleep(CLIENT_PATIENCE + 0.5)
        self._answer(*answer, cut=fate == "cut")

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815

    def _body(self, length: int) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(length)
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass
        return b"".join(pieces)

    def _refuse(self, status: int, code: str) -> None:
        data = b"" if self.command == "HEAD" else ERROR.format(code).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self.server.upstream, timeout=30)
        with contextlib.closing(connection):
            headers = {k: v for k, v in self.headers.items() if k.lower() != "transfer-encoding"}
            connection.request(
                self.command, self.path, body, headers | {"Content-Length": str(len(body))}
            )
            found = connection.getresponse()
            return found.status, found.getheaders(), found.read()

    def _answer(
        self, status: int, headers: list[tuple[str, str]], data: bytes, *, cut: bool
    ) -> None:
        given = {key.lower(): value for key, value in headers}
        length = given.get("content-length", "0") if self.command == "HEAD" else str(len(data))
        self.send_response_only(status)
        for key, value in headers:
            if key.lower() not in PASSED_BY:
                self.send_header(key, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if cut:
            self.close_connection = True
            data = data[: len(data) // 2]
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class FaultyStore:
    """A server in a process of its own, and what a test tells it."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._process, self.url = process, url
        assert self.order() == {}, "it does not serve"

    @classmethod
    def words(cls, host: str, port: int) -> list[str]:
        """Return the command that serves."""
        return [sys.executable, "-m", "storage_faults", host, str(port)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def order(self, **what: Any) -> dict[str, Any]:
        """Give an order."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def misbehave(
        self, seed: int, rate: float, outages: int = 0, kinds: Sequence[str] = KINDS
    ) -> None:
        """Spoil requests from now on."""
        self.order(do="misbehave", seed=seed, rate=rate, outages=outages, kinds=[*kinds])

    def behave(self) -> dict[str, int]:
        """Spoil none any more; return how many met which fate."""
        return self.order(do="behave")

    def count(self, prefix: str) -> int:
        """Return the number of objects below a prefix."""
        found: int = self.order(do="count", prefix=prefix)["count"]
        return found

    def download(self, prefix: str, folder: Path) -> None:
        """Copy the objects below a prefix into a folder."""
        self.order(do="download", prefix=prefix, folder=str(folder))

    def clear(self) -> None:
        """Remove all objects."""
        self.order(do="clear")

    def stop(self) -> None:
        """Go away."""
        self._process.kill()
        self._process.communicate()


class _Store:
    """What is served, from within."""

    def __init__(self, host: str, port: int) -> None:
        import boto3  # type: ignore[import-untyped]
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        upstream = server.get_host_and_port()
        self._client = boto3.client(
            "s3", endpoint_url=f"http://{upstream[0]}:{upstream[1]}", region_name="us-east-1",
            aws_access_key_id=KEY, aws_secret_access_key=SECRET,
        )  # fmt: skip
        self._client.create_bucket(Bucket=BUCKET)
        self.proxy = Proxy((host, port), upstream)
        threading.Thread(target=self.proxy.serve_forever, daemon=True).start()

    def do(self, order: dict[str, Any]) -> dict[str, Any]:
        match order.pop("do", None):
            case "misbehave":
                self.proxy.schedule = Schedule(**order)
            case "behave":
                done = self.proxy.schedule.done
                self.proxy.schedule = Schedule()
                return dict(done)
            case "count":
                return {"count": len(self._keys(order["prefix"]))}
            case "download":
                for key in self._keys(order["prefix"]):
                    path = Path(order["folder"]) / key.removeprefix(order["prefix"])
                    path.parent.mkdir(parents=True, exist_ok=True)
                    found = self._client.get_object(Bucket=BUCKET, Key=key)
                    path.write_bytes(found["Body"].read())
            case "clear":
                for key in self._keys(""):
                    self._client.delete_object(Bucket=BUCKET, Key=key)
        return {}

    def _keys(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def main() -> None:
    """Serve until stdin ends."""
    orders, answers = sys.stdin, os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what moto says is no answer
    store = _Store(sys.argv[1], int(sys.argv[2]))
    for line in orders:
        answers.write(json.dumps(store.do(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
