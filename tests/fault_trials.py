"""What a fault run is: a job, what happens to it, what became of it, and what must be true then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import job_harness

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """What happens to a job: `actor` or `node` killed, the `head` too, `cut` off, `full` disk."""

    kind: str
    at: int
    """When so many shards are done; 0: when the command has run for a second."""
    node: int = 1
    """The how manieth node; 0 is the head."""
    seconds: float = 2.0
    """Until it is as before, where it passes; of a head, until there is another."""

    def __str__(self) -> str:
        passing = f" {self.seconds:g}s" if self.kind in {"cut", "full", "head"} else ""
        node = "" if self.kind == "head" else f" n{self.node}"
        return f"{self.kind}{node}{passing} at {self.at}"


@dataclass(frozen=True)
class Trial:
    """A job and what happens to it."""

    nodes: int = 2
    """With a core each, beside the head, which has none."""
    files: int = 3
    """Of the input, four shards each."""
    store: str = "folder"
    """Or `s3`."""
    poison: tuple[int, ...] = ()
    """Rows that end their process."""
    faults: tuple[Fault, ...] = ()
    rate: float = 0.0
    """The share of requests to the store that go wrong."""
    outages: int = 0
    """Times that the store is away for seconds."""
    seed: int = 0
    """Of the schedule of the store."""
    driver: int = 0
    """The node on which the command runs."""
    slow: bool = False
    """Whether Ray's own patience holds, not one of seconds."""

    def __str__(self) -> str:
        words = [f"{self.nodes} nodes", f"{4 * self.files} shards", self.store]
        words += [f"driver on n{self.driver}"] if self.driver else []
        words += [f"{len(self.poison)} poison"] if self.poison else []
        words += [f"store errors {self.rate:.0%}"] if self.rate else []
        words += [f"{self.outages} outages"] if self.outages else []
        words += ["patient"] if self.slow else []
        return "; ".join([", ".join(words), *map(str, self.faults)])


@dataclass
class Outcome:
    """What became of a trial."""

    problems: list[str] = field(default_factory=list)
    """Empty if all is well."""
    statuses: list[int] = field(default_factory=list)
    """Of the commands, one after the other."""
    struck: int = 0
    """Faults that struck before the job was over."""
    spoiled: int = 0
    """Requests to the store that went wrong."""
    log: str = ""
    """What the commands said."""


def compare(expected: Path, found: Path) -> list[str]:
    """Return how a folder differs from that of an undisturbed job: not at all, if all is well."""
    problems = []
    wanted, there = job_harness.shards(expected), job_harness.shards(found)
    problems += [f"{name} is lost" for name in wanted.keys() - there.keys()]
    problems += [f"{name} is too much" for name in there.keys() - wanted.keys()]
    problems += [f"{name} differs" for name in wanted.keys() & there.keys()
                 if wanted[name] != there[name]]  # fmt: skip
    try:
        if job_harness.success(found) != job_harness.success(expected):
            problems.append("_SUCCESS.json differs")
    except FileNotFoundError:
        problems.append("_SUCCESS.json is lost")
    markers = len(list(found.glob(".job/done/*/*.json")))
    if markers != len(wanted):
        problems.append(f"{markers} shards are marked as done")
    return problems
