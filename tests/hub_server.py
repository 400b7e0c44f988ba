"""A Hugging Face Hub in memory, on loopback, for the real clients.

>>> with Hub() as hub:  # doctest: +SKIP
...     sha = hub.add_dataset("org/name", folder, tags=["v1.0.0"])
...     subprocess.run([...], env={**os.environ, **hub.environment(home)})

`huggingface_hub` reads its endpoint once, on import: run clients in processes of their own.
Xet is not spoken, and names and cards are not validated as the real Hub does.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit

from hub_routes import TOKEN, Call, Reply, find_route, reply_to
from hub_store import Blob, Repository, read_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

RESET = 0
"""In place of a status: the connection breaks without an answer."""
ALWAYS = 1 << 30
"""As often as a client asks."""


@dataclass(frozen=True)
class Request:
    """A line of the Hub's log."""

    kind: str
    """Name of the route: info, tree, resolve, commit, …; `unknown` if the Hub has none."""
    method: str
    path: str
    """As it was sent, without the query."""
    status: int
    """Of the answer; RESET if there was none."""


class Hub:
    """The Hub: serves from construction until `stop`, or as a context."""

    def __init__(self) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        """By kind (dataset, model, space) and name."""
        self.uploads: dict[str, Blob] = {}
        """LFS files that came in, by sha256."""
        self.requests: list[Request] = []
        """What was asked, in order; a test may clear it."""
        self.lock = threading.RLock()
        self._failures: dict[str, tuple[int, int]] = {}
        self._hooks: dict[str, Callable[[], object]] = {}
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.daemon = True
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Go away: new connections are refused."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def environment(self, home: Path) -> dict[str, str]:
        """Return the variables that make a client use this Hub, with caches under `home`."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
            "HF_TOKEN": TOKEN,
        }

    def add_dataset(
        self, name: str, folder: Path, tags: Iterable[str] = (), *, gated: bool = False
    ) -> str:
        """Commit the files of a folder, in place of all before, to a dataset; return the sha."""
        return self._add("dataset", name, folder, tags, gated=gated)

    def add_model(
        self, name: str, folder: Path, tags: Iterable[str] = (), *, gated: bool = False
    ) -> str:
        """Commit the files of a folder, in place of all before, to a model; return the sha."""
        return self._add("model", name, folder, tags, gated=gated)

    def _add(self, kind: str, name: str, folder: Path, tags: Iterable[str], *, gated: bool) -> str:
        with self.lock:
            repository = self.repositories.setdefault((kind, name), Repository(kind, name))
            repository.gated = gated
            parent = repository.branches["main"]
            sha = repository.add_commit(read_folder(folder), parent, "add files")
            repository.branches["main"] = sha
            repository.tags |= dict.fromkeys(tags, sha)
        return sha

    def fail(self, kind: str, status: int, times: int = 1) -> None:
        """Answer the next `times` requests of a kind with an error status, or RESET them."""
        with self.lock:
            self._failures[kind] = (status, times)

    def before(self, kind: str, happens: Callable[[], object]) -> None:
        """Let something happen on the Hub just before it handles the next request of a kind."""
        with self.lock:
            self._hooks[kind] = happens

    def run_hook(self, kind: str) -> None:
        """Let happen what has to happen before a request of this kind, once."""
        self._hooks.pop(kind, lambda: None)()

    def failure(self, kind: str) -> int | None:
        """Return the status with which a request of this kind has to fail now, if it has to."""
        status, times = self._failures.get(kind, (0, 0))
        if not times:
            return None
        self._failures[kind] = (status, times - 1)
        return status

    def asked(self, kind: str) -> list[str]:
        """Return the paths of all requests of a kind, in order."""
        return [request.path for request in self.requests if request.kind == kind]


class _Handler(BaseHTTPRequestHandler):
    """Finds the route of a request, and writes its answer and the log."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Print nothing: the log is `Hub.requests`."""

    def answer(self) -> None:
        """Answer one request."""
        url, body = urlsplit(self.path), self._body()
        kind, function, parts = find_route(self.command, url.path)
        with self.hub.lock:
            self.hub.run_hook(kind)
            status = self.hub.failure(kind)
            if status is None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                query = parse_qs(url.query)
                call = Call(self.hub, self.command, body, query, headers, parts)
                reply = reply_to(function, call)
            else:
                reply = Reply({"error": "made to fail"}, status)
            self.hub.requests.append(Request(kind, self.command, url.path, reply.status))
        if reply.status == RESET:
            self._reset()
        else:
            self._send(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815  the base class's names

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, reply: Reply) -> None:
        body, headers = reply.body, reply.headers
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers = {"Content-Type": "application/json", **headers}
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _reset(self) -> None:
        """Break the connection: with no time to linger, closing sends a reset."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
