"""Which origins a task can be built from, best first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hf_datasets.sources import (
    aparent,
    beacon,
    deepaai,
    deepcrispr,
    deepfri,
    deepsol,
    deepstarr,
    flip,
    gue,
    npinter,
    nrc,
    optimus,
    sirna,
    tape,
    targetfinder,
    toehold,
)
from hf_datasets.sources.labelled import SPLITS, Labelled, Problems

if TYPE_CHECKING:
    from hf_datasets.sources.source import Source, UsedFile

Files = Mapping[str, "UsedFile"]
Read = Callable[[Files, str, Problems], Iterator[Labelled]]


@dataclass(frozen=True)
class Origin:
    """Where the rows of a task come from."""

    source: Source
    read: Read
    """Yields the rows of a task from the files at hand."""
    keys: tuple[str, ...] = ()
    """The files that hold this task, where the source has those of other tasks too."""
    splits: tuple[str, ...] = SPLITS
    """The splits that the origin has."""
    labels: Callable[[Files], tuple[str, ...]] | None = None
    """Reads the labels that rows can have, where the task does not fix them."""

    def at_hand(self, files: Files) -> bool:
        """Whether any file with rows of the task is there."""
        return bool(files) and (not self.keys or not set(self.keys).isdisjoint(files))


def _gue(task: str) -> tuple[Origin, ...]:
    return (Origin(gue.SOURCE, gue.read, tuple(gue.parts(task))),)


def _beacon(task: str) -> Origin:
    return Origin(beacon.SOURCE, beacon.read, beacon.keys(task))


def _tape(task: str) -> tuple[Origin, ...]:
    return (Origin(tape.SOURCE, tape.read, tape.keys(task)),)


_TRAIN_AND_TEST = ("train", "test")
ORIGINS: dict[str, tuple[Origin, ...]] = {
    "emp": _gue("emp"),
    "ea": (Origin(deepstarr.SOURCE, deepstarr.read),),
    "pd300": _gue("pd300"),
    "cpd": _gue("cpd"),
    "tb-human": _gue("tb-human"),
    "tb-mouse": _gue("tb-mouse"),
    "apa": (_beacon("apa"), Origin(aparent.SOURCE, aparent.read)),
    "ncrna": (Origin(nrc.SOURCE, nrc.read, splits=_TRAIN_AND_TEST),),
    "modification": (_beacon("modification"),),
    "mrl": (_beacon("mrl"), Origin(optimus.SOURCE, optimus.read)),
    "prs": (_beacon("prs"), Origin(toehold.SOURCE, toehold.read)),
    "crispr-on-target": (
        _beacon("crispr-on-target"),
        Origin(deepcrispr.SOURCE, deepcrispr.read),
    ),
    "ec": (Origin(deepfri.SOURCE, deepfri.read, labels=deepfri.labels),),
    "stability": _tape("stability"),
    "fluorescence": _tape("fluorescence"),
    "solubility": (Origin(deepsol.SOURCE, deepsol.read),),
    "thermostability": (Origin(flip.SOURCE, flip.read),),
    "aan": (Origin(deepaai.SOURCE, deepaai.read, splits=_TRAIN_AND_TEST),),
    "rpi": (Origin(npinter.SOURCE, npinter.read),),
    "epi": (Origin(targetfinder.SOURCE, targetfinder.read, splits=_TRAIN_AND_TEST),),
    "sirna": (Origin(sirna.SOURCE, sirna.read),),
}
"""Task → its origins; the first that is at hand is taken, for all splits."""
