"""How embeddings are probed: the settings that move a score. All are recorded with the results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from hf_datasets.errors import InputError

Protocol = Literal["standard", "unscaled"]
Pair = Literal["mean", "concat", "product"]
Missing = Literal["drop", "error"]

PROTOCOLS: tuple[str, ...] = get_args(Protocol)
PAIRS: tuple[str, ...] = get_args(Pair)
MISSING: tuple[str, ...] = get_args(Missing)

SEED_LIMIT = 2**32
"""Seeds are below it: what numpy's and scikit-learn's generators take."""


@dataclass(frozen=True)
class Settings:
    """Everything besides embeddings and tasks that decides the numbers of a run.

    InputError for a value outside its range.
    """

    protocol: Protocol = "standard"
    """`standard` scales every feature by the training rows; `unscaled` fits the raw vectors."""
    pair: Pair = "mean"
    """How the two vectors of a pair become one."""
    folds: int = 5
    repeats: int = 1
    """How often the whole cross-validation is done, each time with other folds."""
    seed: int = 0
    common: bool = False
    """Whether every model is scored only on the entities that all models have."""
    missing: Missing = "drop"
    """What to do with an entity without a vector: leave it out and report it, or refuse to run."""

    def __post_init__(self) -> None:
        _require(self.protocol in PROTOCOLS, "--protocol", self.protocol, ", ".join(PROTOCOLS))
        _require(self.pair in PAIRS, "--pair", self.pair, ", ".join(PAIRS))
        _require(self.missing in MISSING, "--missing", self.missing, ", ".join(MISSING))
        _require(self.folds > 1, "--folds", self.folds, "2 or more")
        _require(self.repeats > 0, "--repeats", self.repeats, "1 or more")
        _require(0 <= self.seed < SEED_LIMIT, "--seed", self.seed, "0 to 2**32 - 1")


def _require(holds: bool, option: str, value: object, choices: str) -> None:  # noqa: FBT001
    if not holds:
        message = f"{option} {value} is not possible; choices: {choices}"
        raise InputError(message)
