"""An OpenAI-compatible server on the loopback, with a real small model behind it, and moods.

`script` decides what becomes of each request: it gets the number of the request, from 0, its path
and its body, and returns a `Mood`, or None for a proper answer.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Mood:
    """A bad answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    """Seconds before it answers."""
    hang_up: bool = False
    """Whether it closes the connection without an answer."""


Script = "Callable[[int, str, dict[str, Any]], Mood | None]"


class Server:
    """What the handler shares."""

    def __init__(self, folder: Path) -> None:
        loader: Any = AutoModelForCausalLM
        self.model = loader.from_pretrained(folder).eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.script: Callable[[int, str, dict[str, Any]], Mood | None] = lambda *_: None
        self.seen: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        """Path, body and headers of every request."""
        self.url = ""
        self.busy = self.most = 0
        self._lock = threading.Lock()

    def take(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> int:
        """Note a request; return its number."""
        with self._lock:
            self.seen.append((path, body, headers))
            self.busy += 1
            self.most = max(self.most, self.busy)
            return len(self.seen) - 1

    def done(self) -> None:
        """Note that a request was answered."""
        with self._lock:
            self.busy -= 1

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer as a server of completions does."""
        with self._lock, torch.inference_mode():
            if path.endswith("/chat/completions"):
                text, used = self._write(body["messages"][-1]["content"], body)
                choice = {"index": 0, "message": {"role": "assistant", "content": text}}
                return {"choices": [choice], "usage": used}
            if body.get("echo"):
                echoed = [self._echo(at, one) for at, one in enumerate(body["prompt"])]
                return {"choices": echoed[::-1]}  # in any order
            text, used = self._write(body["prompt"], body)
            return {"choices": [{"index": 0, "text": text}], "usage": used}

    def _write(self, prompt: str, body: dict[str, Any]) -> tuple[str, dict[str, int]]:
        ids = torch.tensor([self.tokenizer.encode(prompt)])
        made = self.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=body["max_tokens"],
            do_sample=False, pad_token_id=1,
        )[0, ids.shape[1] :]  # fmt: skip
        text = self.tokenizer.decode(made, skip_special_tokens=True)
        return text, {"prompt_tokens": ids.shape[1], "completion_tokens": len(made)}

    def _echo(self, at: int, prompt: str) -> dict[str, Any]:
        ids = self.tokenizer.encode(prompt)
        told = self.model(torch.tensor([ids])).logits[0].log_softmax(-1)
        following = int(told[-1].argmax())
        values = [None, *(float(told[n, one]) for n, one in enumerate([*ids[1:], following]))]
        tokens = self.tokenizer.convert_ids_to_tokens([*ids, following])
        return {
            "index": at,
            "text": prompt,
            "logprobs": {"tokens": tokens, "token_logprobs": values},
        }


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Run a server with the model of a folder."""
    server = Server(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            number = server.take(self.path, body, dict(self.headers))
            try:
                mood = server.script(number, self.path, body)
                if mood is None:
                    mood = Mood(body=json.dumps(server.answer(self.path, body)).encode())
                time.sleep(mood.wait)
            finally:
                server.done()
            if mood.hang_up:
                self.close_connection = True
                return
            try:
                self.send_response(mood.status)
                for name, value in {"Content-Type": "application/json", **mood.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(mood.body)))
                self.end_headers()
                self.wfile.write(mood.body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client gave up waiting

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        listener.daemon_threads = True
        server.url = f"http://127.0.0.1:{listener.server_address[1]}/v1"
        thread = threading.Thread(target=listener.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
