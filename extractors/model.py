"""What a model is to us: a frozen record, the settings of a run, and the encoder they make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from extractors.inputs import Asked, Input

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
class Download:
    """Where the file of a published table of vectors lies."""

    url: str
    """A direct address of the file; empty where it has to be fetched by hand."""
    page: str
    """Where a person finds it."""
    file: str
    """Its name there."""
    size: int | None = None
    """Bytes, where upstream states them."""
    md5: str | None = None
    """Digest of the file, where upstream states it; checked."""


@dataclass(frozen=True)
class ModelRecord:
    """One model of the zoo. A new model of a known family is one such record."""

    name: str
    """Lower-case with dashes; what `--model` takes."""
    modality: str
    """What it reads: text, protein, dna, rna, expression, vectors, or any."""
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
    pooling: str | None = None
    """How its tokens become one vector; None is what its files or its family say."""
    prompt: str | None = None
    """What stands before each text; None is what its files say."""
    normalise: bool = False
    """Whether vectors get length 1 where its files do not say so."""
    ends_with_eos: bool = False
    """Whether a row ends with the configuration's end token where its tokenizer sets none."""
    causal: bool | None = None
    """Whether tokens see only those before them; None is what its configuration says."""
    download: Download | None = None
    """Where the file is, for a table of vectors."""


@dataclass(frozen=True)
class Settings:
    """What a user chose for a run; all of it can change the numbers and is recorded."""

    dtype: str = "auto"
    """Arithmetic: auto is float32 on CPU and bfloat16 on a GPU that has it."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps; one device, also where a run has several."""
    pooling: str | None = None
    """How token vectors become one; None is the model's own way."""
    long: str = "window"
    """Inputs over the model's limit: averaged windows, cut, or a failed row."""
    layers: tuple[int, ...] | Literal["all"] = ()
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
    entity: str | None = None
    """What a row is where the input is cells: gene or cell; None is the model's usual one."""


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
    budget: int | None = None
    """Tokens per batch; None for a model that has no such batches. May be set before `encode`."""

    @classmethod
    def open_input(cls, record: ModelRecord, settings: Settings, asked: Asked) -> Input:
        """Open what the model reads, where it takes its own kind of input (expression).

        Without `asked.source` the rows are the model's own vocabulary, where it has one.
        """
        del settings, asked
        message = f"model {record.name} has no vocabulary of genes; give it an --input"
        raise InputError(message)

    @classmethod
    @abstractmethod
    def load(cls, record: ModelRecord, settings: Settings) -> Encoder[Any]:
        """Bring the model into memory. InputError when its files or a setting do not fit."""

    def prepare(self, source: Input, scratch: Path) -> None:
        """Look at all inputs before the first is encoded.

        What takes long can be kept in `scratch`, a folder that is empty, or as the same command
        left it when it was interrupted.
        """
        del source, scratch  # most encoders need no look

    def fits(self, budget: int) -> bool:
        """Whether a batch of so many tokens fits the memory of the device."""
        del budget
        return True

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
