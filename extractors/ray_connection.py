"""The connection to a Ray cluster: of one that is there, or of one of this machine alone."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECT = 10.0
"""Seconds in which the head of the cluster must answer."""
PROBE = 15.0
"""Seconds after which an actor that is silent is sent something, then after twice as many, and so
on: when a network fails for a while, Ray can lose a reply and not notice until it sends again."""


class Silence:
    """How long an actor has had a call in hand."""

    def __init__(self) -> None:
        self._since, self._next = time.monotonic(), PROBE

    def is_long(self) -> bool:
        """Whether it is time to send it something: on a dead connection the call fails then."""
        if time.monotonic() - self._since <= self._next:
            return False
        self._next *= 2
        return True


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Connect to the cluster at `address` and yield the `ray` module; disconnect at the end.

    `auto` is the cluster that this machine is in; None starts one of this machine alone, which
    ends with the connection.

    InputError when Ray or the cluster is not there.
    """
    try:
        ray = import_module("ray")
    except ModuleNotFoundError as error:
        message = f"--engine ray needs {error.name}; pip install 'genezoo[ray]'"
        raise InputError(message) from error
    _require_listener(address)
    with _quiet():
        _require_token(address)
        try:
            ray.init(
                address=address,
                logging_level="ERROR",
                log_to_driver=False,
                **({} if address else {"include_dashboard": False}),
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            where = address or "on this machine"
            message = f"no Ray cluster at {where}: {one_line(error)[:200]}"
            raise InputError(message) from error
        try:
            yield ray
        finally:
            ray.shutdown()


def _require_token(address: str | None) -> None:
    """InputError when the cluster wants another token than it gets; Ray would try for minutes.

    To an address that was named Ray sends a token only if RAY_AUTH_MODE says so.
    """
    if address in {None, "auto"}:
        return
    from ray.exceptions import AuthenticationError

    ask = import_module("ray._raylet").GcsClient  # nothing public asks but once
    try:
        ask(address=str(address).rpartition("//")[2])
    except AuthenticationError as error:
        message = (
            f"the Ray cluster at {address} does not take this token; set RAY_AUTH_MODE=token, and "
            "RAY_AUTH_TOKEN_PATH to the file with the cluster's (default ~/.ray/auth_token)"
        )
        raise InputError(message) from error
    except Exception as error:
        message = f"no Ray cluster at {address}: {one_line(error)[:200]}"
        raise InputError(message) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Ray's log of dead workers off stdout, which belongs to results."""
    if os.environ.get("GENEZOO_DEBUG"):
        with contextlib.redirect_stdout(sys.stderr):
            yield
        return
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def _require_listener(address: str | None) -> None:
    """InputError when nothing listens at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = (address or "").rpartition("//")[2].rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), CONNECT).close()
    except (OSError, OverflowError) as error:
        message = f"no Ray cluster at {address}: {one_line(error)}; `ray status` shows the address"
        raise InputError(message) from error
