"""How embeddings are probed: the settings that move a score. All are recorded with the results."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from hf_datasets.errors import InputError

Protocol = Literal["standard", "unscaled", "paper"]
Probe = Literal["linear", "knn", "gbm", "mlp"]
Pair = Literal["mean", "concat", "product"]
Missing = Literal["drop", "error"]

PROTOCOLS: tuple[str, ...] = get_args(Protocol)
PROBES: tuple[str, ...] = get_args(Probe)
PAIRS: tuple[str, ...] = get_args(Pair)
MISSING: tuple[str, ...] = get_args(Missing)
SPLITS = ("auto", "random", "family", "genes")
COLUMN_SPLIT = "column:"
"""A split by a column of the task's table is `column:NAME`."""

WHOLE = 1.0
"""The fraction that is the whole training part."""

SEED_LIMIT = 2**32
"""Seeds are below it: what numpy's and scikit-learn's generators take."""


@dataclass(frozen=True)
class Settings:
    """Everything besides embeddings and tasks that decides the numbers of a run.

    InputError for a value outside its range.
    """

    protocol: Protocol = "standard"
    """`standard` standardises features and chooses C; `unscaled` reaches the optimum of
    gene-benchmark's objective on raw vectors, `paper` fits as gene-benchmark does, faults and
    all (arXiv 2412.04075)."""
    probe: Probe = "linear"
    c: float | None = None
    """Inverse strength of the penalty; None: chosen in the training part by `standard`, else 1."""
    pair: Pair = "mean"
    """How the two vectors of a pair become one."""
    split: str = "auto"
    """See `probes.splits`."""
    folds: int = 5
    repeats: int = 1
    """How often the whole cross-validation is done, each time with other folds."""
    fractions: tuple[float, ...] = (WHOLE,)
    """Shares of the training part to fit on, for a learning curve."""
    seed: int = 0
    common: bool = False
    """Whether every model is scored only on the entities that all models have."""
    missing: Missing = "drop"
    """What to do with an entity without a vector: leave it out and report it, or refuse to run."""
    shuffle_labels: bool = False
    """Whether labels are dealt out anew: a control task (Hewitt and Liang 2019,
    doi 10.18653/v1/D19-1275), on which a probe can only memorise."""
    label_noise: float = 0.0
    """Share of the training labels that are made wrong."""
    exact: bool = False
    """Whether to solve in float64 to 1e-4 of the optimum at the worst entity."""
    device: str | None = None
    """None for numpy, else a device of torch."""

    def __post_init__(self) -> None:
        _require(self.protocol in PROTOCOLS, "--protocol", self.protocol, ", ".join(PROTOCOLS))
        _require(self.probe in PROBES, "--probe", self.probe, ", ".join(PROBES))
        _require(self.pair in PAIRS, "--pair", self.pair, ", ".join(PAIRS))
        _require(self.missing in MISSING, "--missing", self.missing, ", ".join(MISSING))
        splits = ", ".join(SPLITS) + f", {COLUMN_SPLIT}NAME"
        named = self.split.startswith(COLUMN_SPLIT) and self.split != COLUMN_SPLIT
        _require(self.split in SPLITS or named, "--split", self.split, splits)
        _require(self.folds > 1, "--folds", self.folds, "2 or more")
        _require(self.repeats > 0, "--repeats", self.repeats, "1 or more")
        _require(0 <= self.seed < SEED_LIMIT, "--seed", self.seed, "0 to 2**32 - 1")
        fixed = self.c is None or (math.isfinite(self.c) and self.c > 0)
        _require(fixed, "--C", self.c, "numbers above 0")
        shares = bool(self.fractions) and all(0 < one <= 1 for one in self.fractions)
        _require(shares, "--fractions", self.fractions, "shares above 0 and up to 1")
        _require(0 <= self.label_noise < 1, "--label-noise", self.label_noise, "0 up to below 1")
        self._require_sense()

    def _require_sense(self) -> None:
        """InputError for settings that contradict each other."""
        if self.protocol == "paper" and self.c is not None:
            message = (
                f"--C {self.c:g} does not go with --protocol paper, whose C is 1; leave it out"
            )
            raise InputError(message)
        if self.probe != "linear" and (self.protocol == "paper" or self.c is not None):
            what = "--C" if self.c is not None else "--protocol paper"
            message = f"{what} is about linear probes; leave it out with --probe {self.probe}"
            raise InputError(message)

    @property
    def fixed_c(self) -> float | None:
        """The C that is used throughout, None if it is chosen."""
        return 1.0 if self.c is None and self.protocol != "standard" else self.c

    @property
    def protocol_name(self) -> str:
        """The protocol as results name it: with what was done to the labels."""
        shuffled = "+shuffled" if self.shuffle_labels else ""
        noise = f"+noise={self.label_noise:g}" if self.label_noise else ""
        return f"{self.protocol}{shuffled}{noise}"


def _require(holds: bool, option: str, value: object, choices: str) -> None:  # noqa: FBT001
    if not holds:
        message = f"{option} {value} is not possible; choices: {choices}"
        raise InputError(message)
