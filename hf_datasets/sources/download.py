"""Downloading one file: http(s) only, bounded, resumed after a break, whole or not at all."""

from __future__ import annotations

import email.utils
import errno
import http.client
import json
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hf_datasets import __version__
from hf_datasets.command import progress
from hf_datasets.files import file_digest, write_text
from hf_datasets.sources.partial import (
    Received,
    alone,
    beside,
    forget,
    received,
    remember,
    state,
)

if TYPE_CHECKING:
    from pathlib import Path

ATTEMPTS = 5
TIMEOUT = 30.0
"""Seconds without a byte before a connection counts as broken."""
PAUSE = 1.0
"""Seconds before the second attempt; doubled before each further one."""
_CHUNK = 1 << 18
_OK, _PARTIAL, _BAD_RANGE = 200, 206, 416
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_BROKEN = (
    urllib.error.URLError,
    http.client.HTTPException,
    TimeoutError,
    ConnectionError,
    ssl.SSLError,
)
_NO_NETWORK = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH})
_WEB_PAGE = (b"<!doctype html", b"<html")


class DownloadError(Exception):
    """The file cannot be had; the message says why."""


class _BrokenError(Exception):
    """The connection broke, or the server is busy: another attempt may do."""


class _OfflineError(Exception):
    """There is no network: waiting a few seconds will not do."""


class _HttpOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https alone, and never from https back to http."""

    def redirect_request(  # noqa: PLR0917  as in the base class
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
        headers: Any, newurl: str,  # noqa: ANN401  as in the base class
    ) -> urllib.request.Request | None:  # fmt: skip
        """Return the request to follow; DownloadError for any other scheme."""
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after not in {"http", "https"} or (before, after) == ("https", "http"):
            message = f"it redirects from {before} to {newurl!r:.100}, which is not followed"
            raise DownloadError(message)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that knows http and https, and no file, ftp or data addresses."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _HttpOnly(),
    ):
        opener.add_handler(handler)
    return opener


def download(url: str, path: Path, *, max_bytes: int, label: str, page: bool = False) -> Received:
    """Download `url` to `path`, and what is known of it beside; return that.

    A break is mended by further requests, each for the rest only, if the server can tell that
    the file is still the same, until `ATTEMPTS` in a row bring nothing; a later run goes on in
    the same way. At most `max_bytes`; a web page only if `page`. DownloadError says why it
    cannot be had.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        message = f"{url!r:.100} is no http or https address"
        raise DownloadError(message)
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path):
        if known := received(path):
            return known  # another process was faster
        modified = _persist(url, path, max_bytes, label)
        return _finish(url, path, modified, page=page)


def _persist(url: str, path: Path, max_bytes: int, label: str) -> str | None:
    """Make attempts until the part file is whole, or `ATTEMPTS` in a row brought nothing new."""
    failures = 0
    while True:
        before = state(path)[1]
        try:
            return _attempt(url, path, max_bytes, label)
        except DownloadError:
            forget(path)
            raise
        except _OfflineError as error:
            raise DownloadError(str(error)) from error
        except _BrokenError as error:
            failures = 1 if state(path)[1] > before else failures + 1
            if failures >= ATTEMPTS:
                message = f"{error}, {ATTEMPTS} times"
                raise DownloadError(message) from error
            time.sleep(PAUSE * 2 ** (failures - 1))


def _finish(url: str, path: Path, modified: str | None, *, page: bool) -> Received:
    """Move the finished part into place and write down what it is."""
    part = beside(path, ".part")
    with part.open("rb") as stream:
        if not page and stream.read(200).lstrip().lower().startswith(_WEB_PAGE):
            forget(path)
            message = "the server sent a web page instead of the file"
            raise DownloadError(message)
    told = email.utils.parsedate_tz(modified or "")
    moment = time.gmtime(email.utils.mktime_tz(told) if told else time.time())
    digest = file_digest(part)
    known = Received(url, digest, part.stat().st_size, time.strftime("%Y-%m-%d", moment))
    part.replace(path)
    write_text(beside(path, ".json"), json.dumps(asdict(known), indent=1) + "\n")
    forget(path)
    return known


def _attempt(url: str, path: Path, max_bytes: int, label: str) -> str | None:
    """Fetch what is missing of the part file; return the Last-Modified header.

    _BrokenError if another attempt may bring the rest, DownloadError if not.
    """
    part, have, validator = state(path)
    headers = {"User-Agent": f"genezoo/{__version__}", "Accept-Encoding": "identity"}
    if have and validator:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  checked by the caller
    try:
        with _opener().open(request, timeout=TIMEOUT) as response:
            have = _start(response, path, have)
            expected = _expected(response, have)
            if expected is not None and expected > max_bytes:
                message = f"it has {expected:,} bytes, more than the {max_bytes:,} allowed"
                raise DownloadError(message)
            remember(path, response.headers["ETag"] or "", response.headers["Last-Modified"] or "")
            _receive(response, part, have, expected, max_bytes=max_bytes, label=label)
            modified: str | None = response.headers["Last-Modified"]
            return modified
    except urllib.error.HTTPError as error:
        if error.code == _BAD_RANGE:
            forget(path)
        if error.code in _AGAIN or error.code == _BAD_RANGE:
            message = f"the server answers {error.code} {error.reason}"
            raise _BrokenError(message) from error
        message = f"the server answers {error.code} {error.reason}"
        raise DownloadError(message) from error
    except _BROKEN as error:
        reason = getattr(error, "reason", None) or error
        message = f"the connection failed ({reason})"
        if isinstance(reason, socket.gaierror) or getattr(reason, "errno", 0) in _NO_NETWORK:
            raise _OfflineError(message) from error
        raise _BrokenError(message) from error


def _start(response: Any, path: Path, have: int) -> int:  # noqa: ANN401  urllib's own type is loose
    """Return from which byte the answer goes on: `have`, or 0 where it is the whole file."""
    if response.status == _OK:
        return 0
    told = re.match(r"bytes (\d+)-", response.headers["Content-Range"] or "")
    if response.status == _PARTIAL and told and int(told[1]) == have:
        return have
    forget(path)
    message = f"the server answers {response.status} with another part than was asked for"
    raise _BrokenError(message)


def _expected(response: Any, have: int) -> int | None:  # noqa: ANN401  urllib's own type is loose
    """Return the size of the whole file, if the server tells it."""
    length = response.headers["Content-Length"]
    return have + int(length) if length and length.isdigit() else None


def _receive(
    response: Any,  # noqa: ANN401  urllib's own type is loose
    part: Path,
    have: int,
    expected: int | None,
    *,
    max_bytes: int,
    label: str,
) -> None:
    """Append the answer's bytes to the part file; every byte that came stays there."""
    with part.open("r+b" if have else "wb") as stream, progress(expected, "B", label, have) as bar:
        stream.seek(have)
        stream.truncate()
        while chunk := response.read(_CHUNK):
            have += len(chunk)
            if have > max_bytes:
                message = f"it has more than the {max_bytes:,} bytes allowed"
                raise DownloadError(message)
            stream.write(chunk)
            bar.update(len(chunk))
    if expected is not None and have != expected:
        message = f"the connection ended after {have:,} of {expected:,} bytes"
        raise _BrokenError(message)
