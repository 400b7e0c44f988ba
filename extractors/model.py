"""What a model is to us: a frozen record, the settings of a run, and the encoder they make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from extractors.inputs import Input

Ready = TypeVar("Ready")
"""Rows of an encoder after `tokenize`."""

POOLINGS = ("mean", "mean-special", "cls", "max", "last", "none")
LONG_POLICIES = ("window", "truncate", "error")
DTYPES = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Check:
    """What the real weights give for one input, as somebody published it."""

    value: str
    """The input."""
    pooling: str
    first: tuple[float, ...]
    """The first components of the vector, from a float32 run."""
    source: str
    """Where the numbers come from."""
    tolerance: float = 1e-3


@dataclass(frozen=True)
class ModelRecord:
    """One model of the zoo. A new model of a known family is one such record."""

    name: str
    """Lower-case with dashes; what `--model` takes."""
    modality: str
    """What it reads: text, protein, dna, expression, vectors, or any."""
    encoder: str
    """`module:Class` of its Encoder, imported on use."""
    summary: str
    """One line for `extract --list`."""
    reads: tuple[str, ...] = ()
    """Input columns it can take, best first; empty when it needs the ids alone."""
    dim: int | None = None
    """Length of its vectors; None when it depends on the input."""
    parameters: int | None = None
    """Number of weights of the encoder."""
    max_tokens: int | None = None
    """Longest input in tokens, special ones included; None without a limit."""
    licence: str = ""
    """SPDX identifier, or where the terms stand."""
    citation: str = ""
    """DOI, arXiv id or URL."""
    hub_id: str | None = None
    """Repository on the Hub, or a local folder for a model named by its folder."""
    revision: str | None = None
    """Pinned commit of that repository."""
    weights: tuple[str, ...] = ()
    """sha256 of the weight files, in order of their names; checked on load."""
    subfolder: str = ""
    """Folder of the repository that holds the model, where it holds several."""
    files: tuple[str, ...] = ()
    """Patterns of what else to fetch, beside configuration, vocabularies and safetensors."""
    checks: tuple[Check, ...] = ()
    """Values computed with the real weights elsewhere; `extract --check` compares with them."""
    package: str | None = None
    """`module:folder` of an installed package that carries the same files."""
    aliases: tuple[str, ...] = field(default=())
    """Other names `--model` takes for it."""


@dataclass(frozen=True)
class Settings:
    """What a user chose for a run; all of it can change the numbers and is recorded."""

    dtype: str = "auto"
    """Arithmetic: auto is float32 on CPU and bfloat16 on a GPU that has it."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    pooling: str | None = None
    """How token vectors become one; None is the model's own way."""
    long: str = "window"
    """Inputs over the model's limit: averaged windows, cut, or a failed row."""
    layers: tuple[int, ...] = ()
    """Layers to read: 0 the embeddings, -1 the last; none is the model's usual one."""
    budget: int | None = None
    """Tokens per batch; None lets the encoder choose."""
    max_tokens: int | None = None
    """Longest input in tokens, special ones included, instead of the model's own limit."""
    seed: int = 0
    """Seed of the random control."""
    dim: int | None = None
    """Length of the random control's vectors."""
    checkpoint: str | None = None
    """Local folder in the upstream's layout to load instead of the pinned weights."""
    revision: str | None = None
    """Other revision than the pinned one."""


Vectors: TypeAlias = "NDArray[np.float32] | list[NDArray[np.float32]]"
"""One vector a row, shape (n, d); or a matrix (tokens, d) a row, with pooling none."""


@dataclass(frozen=True)
class Encoded:
    """The vectors of some rows, in their order."""

    layers: list[Vectors]
    """The vectors of each layer that was asked for; those of a failed row are ignored."""
    n_tokens: NDArray[np.int32]
    """Shape (n,): tokens of the whole input, special ones not counted; 0 where none is used."""
    truncated: NDArray[np.bool_]
    """Shape (n,): whether part of the input was not read."""
    errors: list[str | None]
    """Why a row has no vector; None when it has one."""


class Encoder(ABC, Generic[Ready]):
    """Turns rows into vectors. A row's vector never depends on the rows beside it."""

    dim: int
    """Length of the vectors; set once `prepare` has run."""
    layers: tuple[int, ...] = ()
    """The layers read, counted from 0 (embeddings); none for a model without layers."""
    per_token: bool = False
    """Whether a row gives one vector a token instead of one in all."""

    @classmethod
    @abstractmethod
    def load(cls, record: ModelRecord, settings: Settings) -> Encoder[Any]:
        """Bring the model into memory. InputError when its files or a setting do not fit."""

    def prepare(self, source: Input) -> None:
        """Look at all inputs before the first is encoded."""
        del source  # most encoders need no look

    @abstractmethod
    def tokenize(self, ids: Sequence[str], values: Sequence[Any]) -> Ready:
        """Make rows ready for `encode`; runs ahead of it in another thread.

        `ids` name the rows; `values` hold their text, or what else the input is made of.
        """

    @abstractmethod
    def encode(self, rows: Ready) -> Encoded:
        """Return the vectors of some rows."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what decides the numbers, for the provenance: revision, weights, dtype."""


class PlainEncoder(Encoder["tuple[Sequence[str], Sequence[Any]]"]):
    """An encoder that has nothing to prepare ahead."""

    def tokenize(
        self, ids: Sequence[str], values: Sequence[Any]
    ) -> tuple[Sequence[str], Sequence[Any]]:
        """Hand the rows on as they are."""
        return ids, values

    def encode(self, rows: tuple[Sequence[str], Sequence[Any]]) -> Encoded:
        """Return the vectors of some rows."""
        return self.embed(*rows)

    @abstractmethod
    def embed(self, ids: Sequence[str], values: Sequence[Any]) -> Encoded:
        """Return the vectors of the rows that `ids` name."""
