"""What a worker of a Ray cluster does: the batches of one embedding after another."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_info

from hf_datasets.errors import InputError
from probes.arrays import Arrays
from probes.provenance import versions
from probes.work import Fitter, fitting, reason

if TYPE_CHECKING:
    from probes.space import Turned
    from probes.work import Done

LOST, RAISED = "lost", "raised"


@dataclass(frozen=True)
class Facts:
    """Where a worker runs."""

    node: str
    """Ray's name of it."""
    host: str
    versions: dict[str, str]
    """Of what can move a score."""
    processor: str
    """The kind for which BLAS computes: sums of another kind may end in other digits."""
    lacking: str = ""
    """Why nothing can be done there."""


@dataclass(frozen=True)
class Reply:
    """What comes back from a task; what ends the process does not."""

    done: Done | None = None
    trouble: str | None = None
    """LOST: what was sent is no more. RAISED: what batches share cannot be made."""
    reason: str = ""


class FitActor:
    """Holds one embedding at a time, whose arrays lie in memory that all of a node share."""

    def __init__(self) -> None:
        import_module("probes.splits")  # loads scikit-learn, before threads are limited
        self._held: tuple[object, ...] = ()
        self._fitter: Fitter | None = None

    def hello(self, device: str | None) -> Facts:
        """Return where this is, and whether it has such a device."""
        lacking = ""
        try:
            Arrays(device=device)
        except InputError as error:
            lacking = str(error)
        node = import_module("ray").get_runtime_context().get_node_id()
        kinds = {one["architecture"] for one in threadpool_info() if "architecture" in one}
        return Facts(node, os.uname().nodename, versions(), "+".join(sorted(kinds)), lacking)

    def probe(self) -> None:
        """Do nothing, after the call in hand."""

    def turn(self, sent: list[Any]) -> tuple[Reply, Turned | None]:
        """Make what the batches of an embedding share."""
        ray = import_module("ray")
        self._held, self._fitter = (), None  # the last one goes before the next one comes
        try:
            (work,) = ray.get(sent)
        except ray.exceptions.ObjectLostError:
            return Reply(trouble=LOST), None
        try:
            with fitting(work.settings):
                return Reply(), work.turned()
        except Exception as error:  # noqa: BLE001  reported with every task
            return Reply(trouble=RAISED, reason=reason(error)), None

    def fit(self, sent: list[Any], number: int) -> Reply:
        """Do a batch: `sent` names the work and, for linear probes, what its batches share."""
        ray = import_module("ray")
        if self._held != (held := tuple(one.hex() for one in sent)):
            self._held, self._fitter = (), None
            try:
                self._fitter = Fitter(*ray.get(sent))
            except ray.exceptions.ObjectLostError:
                return Reply(trouble=LOST)
            self._held = held
        assert self._fitter is not None  # noqa: S101  as just made
        work = self._fitter.work
        with fitting(work.settings):
            return Reply(self._fitter.do(work.batches[number]))
