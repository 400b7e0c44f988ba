"""What an answer was read as, or why it could not be read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Rule = Literal["paper", "strict"]
Value = bool | float | str | tuple[str, ...] | dict[str, float]
"""Yes or no; a number; a class; labels or EC numbers; numbers by name."""


class Reason(StrEnum):
    """Why an answer could not be read."""

    EMPTY = "empty"
    UNFINISHED = "unfinished"
    """It ends within its own reasoning: `<think>` without `</think>`."""
    NO_ANSWER = "no answer"
    EVASIVE = "evasive"
    HEDGED = "hedged"
    CONTRADICTION = "contradiction"
    DOUBLE_NEGATION = "double negation"
    SEVERAL = "several"
    COPIED = "copied options"
    MALFORMED = "malformed number"
    UNIT = "unit"
    NOT_FINITE = "not finite"
    OUT_OF_RANGE = "out of range"
    NEEDS_SENTIMENT = "needs sentiment"
    """The published scorer would ask a sentiment model, and none was given."""


@dataclass(frozen=True)
class Parsed:
    """What an answer says."""

    value: Value

    @property
    def json(self) -> str:
        """The value as JSON, yes and no as "positive" and "negative" as in labels."""
        if isinstance(self.value, bool):
            return json.dumps("positive" if self.value else "negative")
        return json.dumps(self.value, ensure_ascii=False)


@dataclass(frozen=True)
class Unparsed:
    """That an answer says nothing that can be scored."""

    reason: Reason


class UnreadableError(Exception):
    """Raised inside the readers; `probes.language.answers.read` turns it into `Unparsed`."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
