"""An S3 server on loopback, moto in a process of its own, and what a test asks it beside the job.

>>> with S3() as s3:  # doctest: +SKIP
...     s3.add_bucket("bucket")
...     subprocess.run([...], env={**os.environ, **s3.environment()})
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self
from unittest import mock
from urllib.error import URLError
from urllib.request import Request, urlopen

import boto3  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = 30.0
KEY, SECRET = "genezoo-tests", "no-secret-at-all"  # any do


class S3:
    """Serves from construction until `stop`, or as a context."""

    def __init__(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + START
        while True:
            try:
                urlopen(f"{self.url}/moto-api/", timeout=5).close()
                break
            except (URLError, OSError):
                assert self._process.poll() is None, "the server ended"
                assert time.monotonic() < end, "the server does not answer"
                time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Go away."""
        self._process.kill()
        self._process.wait()

    def environment(self) -> dict[str, str]:
        """Return the variables that make a client use this server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    @contextmanager
    def used(self) -> Iterator[Self]:
        """Make this process and those that it starts use this server."""
        with mock.patch.dict(os.environ, self.environment()):
            forget_stores()
            yield self
        forget_stores()

    def client(self) -> Any:
        """Return Amazon's own client."""
        given = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", **given)

    def add_bucket(self, name: str) -> None:
        urlopen(Request(f"{self.url}/{name}", method="PUT"), timeout=10).close()

    def upload(self, folder: Path, bucket: str, prefix: str) -> None:
        """Put the files of a folder under a prefix."""
        client = self.client()
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                client.upload_file(
                    str(path), bucket, f"{prefix}/{path.relative_to(folder).as_posix()}"
                )

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = (
            self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        )
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def content(self, bucket: str, prefix: str) -> dict[str, bytes]:
        """Return the objects below a prefix, by their names below it."""
        client = self.client()
        return {
            key.removeprefix(f"{prefix}/"): client.get_object(Bucket=bucket, Key=key)["Body"].read()
            for key in self.keys(bucket, f"{prefix}/")
        }


def forget_stores() -> None:
    """Make this process connect anew: it reads its environment once."""
    from extractors.jobs import remote

    remote._file_system.cache_clear()
