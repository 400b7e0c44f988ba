"""JSON over HTTP with bounded retries, for an endpoint that is busy, slow or broken now and then.

Worth another try: 408, 409, 425, 429 and all 5xx, connections that break or time out, and an
answer that is no JSON. The pauses double from half a second to a minute, or are what
`Retry-After` asks for, a minute at most. Redirects are not followed: a key must not go to
another host.
"""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hf_datasets.command import say
from hf_datasets.errors import InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

AGAIN = frozenset({408, 409, 425, 429})
REFUSED = frozenset({401, 403})
LONGEST_PAUSE = 60.0
FIRST_PAUSE = 0.5
MOST_BYTES = 64 * 2**20
"""An answer may have so many."""


class RequestFailedError(Exception):
    """A request that failed for good; the message is one line and holds no key."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(one_line(message)[:300])
        self.status = status
        """Of HTTP, None where there was no answer at all."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as the error that urllib makes of it."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Refuse."""


@dataclass
class Client:
    """Sends JSON to one server; may be used by many threads."""

    url: str
    """Without the last part: `https://host/v1`."""
    key: str = field(default="", repr=False)
    timeout: float = 120.0
    """Seconds without a sign of life."""
    retries: int = 5
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def __post_init__(self) -> None:
        """InputError for an address that cannot be right, or would keep a secret in it."""
        self.url = self.url.rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            message = (
                f"--endpoint {one_line(self.url)} is no address; give http(s)://HOST[:PORT]/v1"
            )
            raise InputError(message)
        if parts.username or parts.password or parts.query or parts.fragment:
            # Not repeated in the message: it may hold a key.
            message = (
                f"--endpoint on {parts.hostname} holds a user, a password or a query; give the "
                "plain address, and the key in the environment variable named by --key-env"
            )
            raise InputError(message)
        local = parts.hostname in {"localhost", "::1"} or parts.hostname.startswith("127.")
        if self.key and parts.scheme == "http" and not local:
            say(f"note: the key goes to {parts.hostname} unencrypted; https would keep it secret")
        self._opener = urllib.request.build_opener(_NoRedirect())

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request; RequestFailedError once all tries are used up.

        InputError where the server refuses the key.
        """
        pause = FIRST_PAUSE
        for left in range(self.retries, -1, -1):
            try:
                return self._once(path, body)
            except RequestFailedError as error:
                failed, wanted = error, getattr(error, "pause", None)
                again = error.status is None or error.status in AGAIN or error.status >= 500  # noqa: PLR2004
                if not again or not left:
                    break
            self.sleep(min(wanted if wanted is not None else pause, LONGEST_PAUSE))
            pause = min(2 * pause, LONGEST_PAUSE)
        raise failed

    def _once(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(  # noqa: S310  http or https, checked above
            f"{self.url}/{path}", json.dumps(body).encode(), headers
        )
        try:
            with self._opener.open(request, timeout=self.timeout) as response:
                text = response.read(MOST_BYTES)
        except urllib.error.HTTPError as error:
            raise self._explained(error) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            message = f"{self.url} does not answer: {type(error).__name__}: {reason}"
            raise RequestFailedError(message) from error
        try:
            found = json.loads(text)
        except ValueError as error:
            message = f"{self.url}/{path} answered no JSON: {text[:80]!r}"
            raise RequestFailedError(message) from error
        if not isinstance(found, dict):
            message = f"{self.url}/{path} answered no JSON object: {text[:80]!r}"
            raise RequestFailedError(message)
        return found

    def _explained(self, error: urllib.error.HTTPError) -> RequestFailedError:
        try:
            detail = error.read(2000).decode(errors="replace")
        except (OSError, http.client.HTTPException):
            detail = ""
        if self.key:
            detail = detail.replace(self.key, "…")
        if error.code in REFUSED:
            message = (
                f"{self.url} refuses the key (HTTP {error.code}); put a valid one into the "
                "environment variable that --key-env names"
            )
            raise InputError(message)
        failed = RequestFailedError(f"HTTP {error.code} {error.reason}: {detail}", error.code)
        asked = error.headers.get("Retry-After") if error.headers else None
        if asked and asked.strip().replace(".", "", 1).isdigit():
            failed.pause = float(asked)  # type: ignore[attr-defined]
        return failed


def read_key(variable: str) -> str:
    """Return the key in an environment variable; empty where there is none."""
    return os.environ.get(variable, "").strip()
