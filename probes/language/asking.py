"""What is put to a language model, what comes back, and the settings that decide the answer."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Scoring = Literal["log-likelihood", "generate"]
Chat = Literal["auto", "on", "off"]
Options = Literal["text", "number"]
SCORINGS: tuple[str, ...] = get_args(Scoring)
CHATS: tuple[str, ...] = get_args(Chat)
OPTIONS: tuple[str, ...] = get_args(Options)

PUBLISHED_TEMPERATURE, PUBLISHED_TOKENS = 0.1, 20
"""ProteinLMBench as published (arXiv 2406.05540): sampling at T = 0.1, 20 new tokens."""
INSTRUCTION_TOKENS = 256
"""New tokens for the answer to an instruction."""


@dataclass(frozen=True)
class AskSettings:
    """Everything besides the model and the questions that decides an answer.

    InputError for a value outside its range.
    """

    scoring: Scoring | None = None
    """None: log-likelihood for questions with options, generation for instructions."""
    options: Options = "text"
    """With log-likelihood, whether a question stands alone and its options' texts are weighed, or
    it lists its options and their numbers are weighed."""
    temperature: float | None = None
    """None: 0.1 for questions with options, as published, and 0 for instructions. 0 is greedy."""
    max_tokens: int | None = None
    """New tokens of a generated answer; None: 20 for questions with options, as published, else
    256."""
    seed: int = 0
    """Of draws at a temperature above 0, and of the sample of `limit`."""
    limit: int | None = None
    """So many questions of each task, drawn at random; None: all."""
    split: str = "test"
    """Which part of the instruction tables."""

    def __post_init__(self) -> None:
        _require(self.options in OPTIONS, "--options", self.options, ", ".join(OPTIONS))
        _require(self.scoring in {None, *SCORINGS}, "--scoring", self.scoring, ", ".join(SCORINGS))
        warm = self.temperature is None or 0 <= self.temperature <= 10  # noqa: PLR2004
        _require(warm, "--temperature", self.temperature, "0 to 10")
        _require(self.max_tokens is None or self.max_tokens > 0, "--max-tokens", self.max_tokens,
                 "1 or more")  # fmt: skip
        _require(0 <= self.seed < 2**32, "--seed", self.seed, "0 to 2**32 - 1")
        _require(self.limit is None or self.limit > 0, "--limit", self.limit, "1 or more")


def _require(holds: bool, option: str, value: object, choices: str) -> None:  # noqa: FBT001
    if not holds:
        message = f"{option} {value} is not possible; choices: {choices}"
        raise InputError(message)


@dataclass(frozen=True)
class Prompt:
    """One request to a model."""

    text: str
    """What a user would say."""
    options: tuple[str, ...] = ()
    """What the model might reply, to be weighed; empty where it is to generate."""
    max_tokens: int = 0
    temperature: float = 0.0
    seed: int = 0

    def key(self) -> list[Any]:
        """Return what decides the answer, ready for JSON; draws alone depend on the seed."""
        drawn = [self.temperature, self.seed] if self.temperature else []
        return [self.text, list(self.options), self.max_tokens, *drawn]


@dataclass(frozen=True)
class Reply:
    """What came back for a prompt."""

    text: str | None = None
    """The generated text."""
    loglikelihoods: tuple[float, ...] | None = None
    """Natural log of the probability of each option after the prompt, summed over its tokens."""
    option_tokens: tuple[int, ...] | None = None
    """Tokens of each option."""
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    seconds: float | None = None
    """Its share of the time that its batch took."""
    error: str | None = None
    """Why there is no answer."""

    def to_json(self) -> dict[str, Any]:
        """Return the fields that are set."""
        return {
            one.name: value
            for one in fields(self)
            if (value := getattr(self, one.name)) is not None
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Reply:
        """Read what `to_json` wrote; floats come back bit by bit."""
        lists = {name: tuple(value) for name, value in found.items() if isinstance(value, list)}
        return cls(**{**found, **lists})


Group = list[int]
"""Places of prompts that are asked at once."""


class LanguageModel(Protocol):
    """What answers: a local model or an endpoint."""

    name: str
    """As results call it."""
    revision: str | None
    together: int
    """Groups that it works on at a time."""

    def identity(self) -> dict[str, Any]:
        """Return what decides the answers besides the prompts, ready for JSON; no path."""

    def groups(self, prompts: Sequence[Prompt]) -> list[Group]:
        """Plan what is asked at once; every place once, whatever has been answered before."""

    def size(self, prompts: Sequence[Prompt]) -> tuple[int, int, bool]:
        """Return tokens to read, most tokens to write, and whether the first is exact."""

    def ask(
        self, prompts: Sequence[Prompt], groups: Sequence[Group]
    ) -> Iterator[tuple[Group, list[Reply]]]:
        """Yield groups with their replies as they are done, in any order."""
