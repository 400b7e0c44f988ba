"""Downloads from a real server on 127.0.0.1, on its good and bad days."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from hf_datasets.files import file_digest
from hf_datasets.sources import download as module
from hf_datasets.sources.download import DownloadError, download
from hf_datasets.sources.partial import received

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BODY = bytes(range(256)) * 8_000  # 2 MB


@dataclass
class Page:
    """What the server does with one address."""

    body: bytes = BODY
    cuts: list[int] = field(default_factory=list)
    """How many bytes of each answer are sent before the connection is cut; then it is whole."""
    ranges: bool = True
    etag: str = '"one"'
    modified: str = "Wed, 01 Mar 2023 12:00:00 GMT"
    length: bool = True
    statuses: list[int] = field(default_factory=list)
    """Answers before the real one."""
    location: str = ""
    log: list[str | None] = field(default_factory=list)
    """The Range header of every request."""


class Server(ThreadingHTTPServer):
    pages: dict[str, Page]
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients go away in these tests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path)
        if page is None:
            self.send_error(404)
            return
        page.log.append(self.headers["Range"])
        if page.location:
            self.send_response(302)
            self.send_header("Location", page.location)
            self.end_headers()
            return
        if page.statuses:
            self.send_error(page.statuses.pop(0))
            return
        self.answer(page)

    def answer(self, page: Page) -> None:
        wanted, start = self.headers["Range"], 0
        same = self.headers["If-Range"] in {page.etag, page.modified}
        if wanted and page.ranges and same:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        if start:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(page.body) - 1}/{len(page.body)}"
            )
        if page.length:
            self.send_header("Content-Length", str(len(page.body) - start))
        for name, value in (("ETag", page.etag), ("Last-Modified", page.modified)):
            if value:
                self.send_header(name, value)
        self.end_headers()
        end = start + page.cuts.pop(0) if page.cuts else len(page.body)
        self.wfile.write(page.body[start:end])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "PAUSE", 0.001)
    monkeypatch.setattr(module, "TIMEOUT", 5.0)
    with Server(("127.0.0.1", 0), Handler) as running:
        running.pages = {}
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def get(server: Server, path: Path, *, max_bytes: int = 10_000_000, name: str = "/f") -> None:
    download(server.url + name, path, max_bytes=max_bytes, label="test")


def leftovers(path: Path) -> set[str]:
    return {entry.name for entry in path.parent.iterdir()} - {path.name + ".lock"}


def test_a_file_arrives_with_what_is_known_of_it(server: Server, tmp_path: Path) -> None:
    server.pages["/f"] = Page()
    path = tmp_path / "cache" / "f"
    get(server, path)
    assert path.read_bytes() == BODY
    known = received(path)
    assert known is not None
    assert (known.sha256, known.size, known.date) == (file_digest(path), len(BODY), "2023-03-01")
    assert known.url == f"{server.url}/f"
    assert leftovers(path) == {"f", "f.json"}


def test_a_cut_connection_is_resumed_where_it_ended(server: Server, tmp_path: Path) -> None:
    page = server.pages["/f"] = Page(cuts=[300_000, 0, 700_001])
    get(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert page.log == [None, "bytes=300000-", "bytes=300000-", "bytes=1000001-"]


def test_another_run_goes_on_with_the_part(server: Server, tmp_path: Path) -> None:
    page = server.pages["/f"] = Page(cuts=[500_000] + [0] * 5)
    with pytest.raises(DownloadError, match="connection.*500,000 of 2,048,000 bytes, 5 times"):
        get(server, tmp_path / "f")
    assert leftovers(tmp_path / "f") == {"f.part", "f.part.tag"}
    assert (tmp_path / "f.part").read_bytes() == BODY[:500_000]
    page.cuts.clear()
    page.log.clear()
    get(server, tmp_path / "f")
    assert page.log == ["bytes=500000-"]
    assert (tmp_path / "f").read_bytes() == BODY


def test_many_cuts_are_fine_as_long_as_something_comes(server: Server, tmp_path: Path) -> None:
    page = server.pages["/f"] = Page(cuts=[100_000] * 12)
    get(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert len(page.log) == 13


def test_a_server_that_ignores_ranges_is_asked_for_all(server: Server, tmp_path: Path) -> None:
    page = server.pages["/f"] = Page(cuts=[300_000], ranges=False)
    get(server, tmp_path / "f")
    assert page.log == [None, "bytes=300000-"]
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_file_that_changed_meanwhile_starts_anew(server: Server, tmp_path: Path) -> None:
    page = server.pages["/f"] = Page(cuts=[300_000] + [0] * 5)
    with pytest.raises(DownloadError):
        get(server, tmp_path / "f")
    server.pages["/f"] = Page(body=BODY[::-1], etag='"two"', modified="", log=page.log)
    get(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY[::-1]


def test_without_a_strong_tag_the_date_is_used(server: Server, tmp_path: Path) -> None:
    page = server.pages["/f"] = Page(cuts=[300_000], etag='W/"weak"')
    get(server, tmp_path / "f")
    assert page.log == [None, "bytes=300000-"]
    assert (tmp_path / "f").read_bytes() == BODY


def test_without_tag_and_date_nothing_is_stitched(server: Server, tmp_path: Path) -> None:
    page = server.pages["/f"] = Page(cuts=[300_000], etag="", modified="")
    get(server, tmp_path / "f")
    assert page.log == [None, None]
    assert (tmp_path / "f").read_bytes() == BODY


@pytest.mark.parametrize("length", [True, False])
def test_too_large(server: Server, tmp_path: Path, length: bool) -> None:
    server.pages["/f"] = Page(length=length)
    with pytest.raises(DownloadError, match="more than the 1,000,000 .*allowed"):
        get(server, tmp_path / "f", max_bytes=1_000_000)
    assert leftovers(tmp_path / "f") == set()


@pytest.mark.parametrize("statuses", [[503, 429, 500], [502]])
def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path, statuses: list[int]) -> None:
    page = server.pages["/f"] = Page(statuses=statuses)
    get(server, tmp_path / "f")
    assert len(page.log) > 1
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_refusal_is_final(server: Server, tmp_path: Path) -> None:
    page = server.pages["/f"] = Page(statuses=[403, 403])
    with pytest.raises(DownloadError, match="answers 403 Forbidden"):
        get(server, tmp_path / "f")
    assert len(page.log) == 1
    with pytest.raises(DownloadError, match="answers 404"):
        get(server, tmp_path / "f", name="/none")


def test_a_part_larger_than_the_file_starts_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(b"x" * 3_000_000)
    (tmp_path / "f.part.tag").write_text('"one"')
    page = server.pages["/f"] = Page(statuses=[416])
    get(server, tmp_path / "f")
    assert page.log == ["bytes=3000000-", None]
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_web_page_is_not_the_file(server: Server, tmp_path: Path) -> None:
    server.pages["/f"] = Page(body=b"\n<!DOCTYPE html><html>Please log in</html>")
    with pytest.raises(DownloadError, match="web page"):
        get(server, tmp_path / "f")
    assert leftovers(tmp_path / "f") == set()


def test_redirects_within_http_are_followed(server: Server, tmp_path: Path) -> None:
    server.pages["/a"] = Page(location="/f")
    server.pages["/f"] = Page()
    get(server, tmp_path / "f", name="/a")
    assert (tmp_path / "f").read_bytes() == BODY


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_redirects_elsewhere_are_refused(server: Server, tmp_path: Path, target: str) -> None:
    server.pages["/f"] = Page(location=target)
    with pytest.raises(DownloadError):
        get(server, tmp_path / "f")
    assert leftovers(tmp_path / "f") == set()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://h/x", "/etc/passwd", ""])
def test_other_addresses_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError, match="no http or https address"):
        download(url, tmp_path / "f", max_bytes=10, label="test")


def test_a_silent_server_times_out(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr(module, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/f"
        with pytest.raises(DownloadError, match="connection failed.*5 times"):
            download(url, tmp_path / "f", max_bytes=10, label="test")


def test_a_file_in_the_cache_that_was_changed_is_fetched_again(
    server: Server, tmp_path: Path
) -> None:
    page = server.pages["/f"] = Page()
    get(server, tmp_path / "f")
    get(server, tmp_path / "f")
    assert len(page.log) == 1
    (tmp_path / "f").write_bytes(b"x" * len(BODY))
    assert received(tmp_path / "f") is None
    get(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


def test_two_at_once_give_one_whole_file(server: Server, tmp_path: Path) -> None:
    server.pages["/f"] = Page(cuts=[400_000])
    threads = [threading.Thread(target=get, args=(server, tmp_path / "f")) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "f").read_bytes() == BODY
    assert len(server.pages["/f"].log) == 2
