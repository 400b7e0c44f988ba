"""Who is at work in a folder of a store, where no lock is freed by itself when a process ends.

A lease is a small file that its holder made and writes anew every few seconds. Who finds one
watches it: if it changes, the holder is alive, and two at once are refused; if it stays the same
for long, or its process is known to be dead, it is taken over. No clocks are compared.

S3 makes the file for one of two that ask at the same time (`If-None-Match: *`, docs.aws.amazon.com
/AmazonS3/latest/userguide/conditional-writes.html). Elsewhere two may succeed, as may two who take
over an old lease at once; each sees it at the next renewal, when one of them stops. Until then
both do the same work: what they write is whole, and of the same job the same bytes, so a lost
lease costs time but no data.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_datasets.command import say
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from extractors.jobs.remote import RemotePath

RENEW = 10.0
"""Seconds after which a holder shows that it is alive."""
STALE = 40.0
"""Seconds without a sign after which a lease is taken over."""
LOOK = 0.5
"""Seconds between two looks of one who waits; and after a taking over, before it is believed."""


class Lease:
    """The right of one process to a folder; `take` it, and `release` it at the end."""

    def __init__(self, path: RemotePath, shown: str) -> None:
        self._path, self._shown = path, shown
        self._token = secrets.token_hex(8)
        self._beat = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._taken_from = ""

    def take(self) -> None:
        """Take the lease. InputError when another process has it, which shows within seconds."""
        seen, since = "", time.monotonic()
        while True:
            found = self._read()
            if not found:
                if self._create():
                    break
                continue  # another was quicker
            if seen and found != seen:
                raise self._refusal(found)
            if not seen:
                say(f"{self._shown}: {_holder(found)} was at work here; waiting for a sign of it")
            seen = found
            if _is_dead(found) or time.monotonic() - since > STALE:
                self._write()
                time.sleep(LOOK)
                if not self._is_ours(now := self._read()):
                    raise self._refusal(now)
                break
            time.sleep(LOOK)
        self._thread.start()

    def require(self) -> None:
        """InputError when another process has taken the lease over."""
        if self._taken_from:
            raise self._refusal(self._taken_from)

    def release(self) -> None:
        """Give the lease back."""
        self._end.set()
        self._thread.join(RENEW)
        with contextlib.suppress(OSError):
            if self._is_ours(self._read()):
                self._path.ask(lambda store, path: store.rm_file(path))

    def _refusal(self, text: str) -> InputError:
        return InputError(
            f"another process ({_holder(text)}) is at work in {self._shown}; "
            "wait or choose another --out"
        )

    def _text(self) -> str:
        return json.dumps(
            {"token": self._token, "beat": self._beat, **_this_process()}, sort_keys=True
        )

    def _is_ours(self, text: str) -> bool:
        return _parsed(text).get("token") == self._token

    def _create(self) -> bool:
        """Make the file; False when there is one."""
        data = self._text().encode()
        try:
            self._path.ask(lambda store, path: store.pipe_file(path, data, mode="create"))
        except FileExistsError:
            return self._is_ours(self._read())  # an answer may have been lost on the way
        return True

    def _write(self) -> None:
        data = self._text().encode()
        self._path.ask(lambda store, path: store.pipe_file(path, data))

    def _read(self) -> str:
        """Return what the file holds, "" when it is not there."""
        try:
            found: bytes = self._path.ask(lambda store, path: store.cat_file(path))
        except FileNotFoundError:
            return ""
        return found.decode(errors="replace")

    def _renew(self) -> None:
        while not self._end.wait(RENEW):
            with contextlib.suppress(OSError):  # tried again next time
                found = self._read()
                if found and not self._is_ours(found):
                    self._taken_from = found
                    return
                self._beat += 1
                self._write()


def _this_process() -> dict[str, Any]:
    """Return what tells this process from others: its number counts within a start of a machine."""
    machine = socket.gethostname()
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        machine = f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return {"host": socket.gethostname(), "pid": os.getpid(), "machine": machine}


def _parsed(text: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    return {}


def _holder(text: str) -> str:
    found = _parsed(text)
    return f"process {found.get('pid', '?')} of {found.get('host', 'a machine unknown')}"


def _is_dead(text: str) -> bool:
    """Whether a holder was a process of this machine that is there no more."""
    found = _parsed(text)
    ours = _this_process()
    if found.get("machine") != ours["machine"] or not isinstance(found.get("pid"), int):
        return False
    try:
        os.kill(found["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
