"""From token ids to one vector per row: windows, batches, the network, layers, pooling.

What all encoders that read tokens share. A family gives a tokenizer, a network and the special
tokens around an input; rows are then sorted by length, packed within a token budget, run, and
pooled. A row's vector does not depend on the rows beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import torch

from extractors.backbones.packing import Packing
from extractors.batching import Window, token_batches, windows
from extractors.encoders.pooling import average, pool, split
from extractors.model import Encoded, Encoder
from hf_datasets.command import say
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from extractors.checkpoints import Checkpoint
    from extractors.model import Settings

    Reduce = Callable[[torch.Tensor, Packing], torch.Tensor]

CPU_BUDGET = 2048
GPU_BUDGET = 65536


class Tokenizer(Protocol):
    """Turns values into token ids without special tokens."""

    def tokenize(self, values: Sequence[str]) -> Sequence[NDArray[np.int64] | str]:
        """Return int64 ids for each value, or a message why it has none."""
        ...


class Network(Protocol):
    """Turns packed token ids into vectors, layer by layer."""

    n_layers: int
    width: int
    device: torch.device
    dtype: torch.dtype

    def hidden(
        self, ids: torch.Tensor, packing: Packing, layers: Sequence[int]
    ) -> list[torch.Tensor]:
        """Return (tokens, width) after each of `layers`: 0 is the embeddings."""
        ...


@dataclass(frozen=True)
class Frame:
    """What surrounds the tokens of an input, and how many of them there may be."""

    prefix: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()
    max_tokens: int | None = None
    """Longest row, special tokens included; None without a limit."""
    has_cls: bool = False
    """Whether the first special token stands for the whole input."""

    @property
    def room(self) -> int | None:
        """How many tokens of its own a row may have."""
        if self.max_tokens is None:
            return None
        return self.max_tokens - len(self.prefix) - len(self.suffix)


@dataclass(frozen=True)
class Tokens:
    """Rows after tokenising, before the network: what a reader can prepare ahead."""

    rows: list[NDArray[np.int64]]
    """The ids of each row without special tokens; empty for a row that failed."""
    errors: list[str | None]
    plan: list[tuple[int, Window]]
    """Which stretch of which row is run, in row order."""


class TokenEncoder(Encoder[Tokens]):
    """The pipeline. Subclasses load a checkpoint and describe it."""

    default_pooling = "mean"
    budget: int

    def __init__(
        self,
        network: Network,
        tokenizer: Tokenizer,
        frame: Frame,
        checkpoint: Checkpoint,
        settings: Settings,
    ) -> None:
        self._network, self._tokenizer = network, tokenizer
        self._frame = frame = _within_positions(frame, network, settings)
        self._checkpoint = checkpoint
        self._long = settings.long
        self._pooling = settings.pooling or self.default_pooling
        self._layers = absolute_layers(settings.layers or (-1,), network.n_layers)
        self.budget = settings.budget or (
            CPU_BUDGET if network.device.type == "cpu" else GPU_BUDGET
        )
        if self._pooling == "cls" and not frame.has_cls:
            message = "this model has no token that stands for a whole input; try --pooling mean"
            raise InputError(message)
        self.dim = network.width
        self.layers = self._layers
        self.per_token = self._pooling == "none"

    def describe(self) -> dict[str, Any]:
        """Return what decides the numbers: files, layers, pooling, arithmetic, limits."""
        return {
            **self._checkpoint.provenance(),
            "dim": self.dim,
            "pooling": self._pooling,
            "dtype": str(self._network.dtype).removeprefix("torch."),
            "device": self._network.device.type,
            "budget": self.budget,
            "max_tokens": self._frame.max_tokens,
            "long": self._long,
        }

    def tokenize(self, ids: Sequence[str], values: Sequence[str | None]) -> Tokens:
        """Tokenise rows and plan their windows; runs ahead of the network, in another thread."""
        del ids
        present = [row for row, value in enumerate(values) if value is not None]
        found = self._tokenizer.tokenize([value for value in values if value is not None])
        rows: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64) for _ in values]
        errors: list[str | None] = ["no value" for _ in values]
        for row, tokens in zip(present, found, strict=True):
            if isinstance(tokens, str):
                errors[row] = tokens
            elif not len(tokens):
                errors[row] = "no token in the input"
            else:
                rows[row], errors[row] = tokens, None
        return Tokens(rows, errors, list(self._plan(rows, errors)))

    def _plan(
        self, rows: list[NDArray[np.int64]], errors: list[str | None]
    ) -> Iterator[tuple[int, Window]]:
        room = self._frame.room or max(map(len, rows), default=0) or 1
        for row, tokens in enumerate(rows):
            if len(tokens) > room and self._long == "error":
                errors[row] = f"{len(tokens)} tokens, the model takes {room}"
            elif len(tokens):
                length = min(len(tokens), room) if self._long == "truncate" else len(tokens)
                for window in windows(length, room):
                    yield row, window

    @torch.inference_mode()
    def encode(self, tokens: Tokens) -> Encoded:
        """Run the planned windows; average those of one row by token."""
        lengths = np.array([len(row) for row in tokens.rows], dtype=np.int32)
        room = self._frame.room
        cut = self._long == "truncate" and room is not None
        truncated = lengths > (room or 0) if cut else np.zeros(len(lengths), np.bool_)
        errors = list(tokens.errors)
        found = self._each_token(tokens, errors) if self.per_token else self._pooled(tokens, errors)
        return Encoded(found, lengths, truncated, errors)

    @torch.inference_mode()
    def fits(self, budget: int) -> bool:
        """Whether a batch of so many tokens fits the memory of the device: it is tried.

        The tokens make rows as long as the model takes, or one of all where it has no limit.
        """
        room = min(self._frame.max_tokens or budget, budget)
        lengths = [room] * (budget // room) + [budget % room] * (budget % room > 0)
        first = (*self._frame.prefix, *self._frame.suffix, 0)[0]
        flat = torch.full((budget,), first, dtype=torch.int64)
        return self._try(flat, Packing(lengths, self._network.device), self.pool) is not None

    def pool(self, hidden: torch.Tensor, packing: Packing) -> torch.Tensor:
        """Pool token vectors (tokens, width) to (rows, width), float32."""
        return pool(hidden, packing, self._pooling, self._frame)

    def finish(self, vectors: torch.Tensor) -> torch.Tensor:
        """Do what follows pooling to (rows, width) float32; nothing unless a family needs it."""
        return vectors

    def _pooled(
        self, tokens: Tokens, errors: list[str | None]
    ) -> list[NDArray[np.float32] | list[NDArray[np.float32]]]:
        """Return a matrix (rows, dim) for each layer."""
        shape = (len(self._layers), len(tokens.plan), self._network.width)
        pooled = torch.zeros(shape, device=self._network.device)
        for batch, _, layers in self._batches(tokens, errors, self.pool):
            at = torch.tensor(batch, device=pooled.device)
            for number, vectors_of_layer in enumerate(layers):
                pooled[number, at] = vectors_of_layer
        vectors = np.zeros((len(self._layers), len(tokens.rows), self.dim), dtype=np.float32)
        if tokens.plan:
            done, _ = np.unique([row for row, _ in tokens.plan], return_index=True)
            for number, windowed in enumerate(pooled):
                row_vectors = self.finish(average(windowed, tokens.plan))
                vectors[number, done] = row_vectors.float().cpu().numpy()
        return list(vectors)

    def _each_token(
        self, tokens: Tokens, errors: list[str | None]
    ) -> list[NDArray[np.float32] | list[NDArray[np.float32]]]:
        """Return, for each layer and row, the vectors of the tokens read, (tokens, dim)."""
        read = [0] * len(tokens.rows)
        for row, window in tokens.plan:
            read[row] = max(read[row], window.end)
        shares = [np.zeros(length, dtype=np.float32) for length in read]
        for row, window in tokens.plan:
            shares[row][window.start : window.end] += 1
        out = [
            [np.zeros((length, self.dim), dtype=np.float32) for length in read]
            for _ in self._layers
        ]
        before, after = len(self._frame.prefix), len(self._frame.suffix)
        for batch, packing, layers in self._batches(tokens, errors, _to_memory):
            for number, hidden in enumerate(layers):
                pieces = split(hidden, packing.lengths)
                for index, piece in zip(batch, pieces, strict=True):
                    row, window = tokens.plan[index]
                    inside = piece[before : len(piece) - after].numpy()
                    share = shares[row][window.start : window.end, None]
                    out[number][row][window.start : window.end] += inside / share
        return list(out)

    def _batches(
        self, tokens: Tokens, errors: list[str | None], reduce: Reduce | None = None
    ) -> Iterator[tuple[list[int], Packing, list[torch.Tensor]]]:
        """Run the plan in batches; yield which windows each held, and their hidden layers.

        `reduce` is applied to each layer, while memory is watched as it is in the network. When
        memory runs out the budget is halved for the rest of the run, and what is left is
        batched anew. A single window that does not fit becomes its row's error.
        """
        sequences = [
            np.concatenate(
                [self._frame.prefix, tokens.rows[row][cut.start : cut.end], self._frame.suffix]
            ).astype(np.int64)
            for row, cut in tokens.plan
        ]
        lengths = [len(sequence) for sequence in sequences]
        waiting = list(token_batches(lengths, self.budget))[::-1]
        while waiting:
            batch = waiting.pop()
            packing = Packing(
                [lengths[index] for index in batch],
                self._network.device,
                self._balance([tokens.plan[index][1] for index in batch]),
            )
            flat = torch.from_numpy(np.concatenate([sequences[index] for index in batch]))
            hidden = self._try(flat, packing, reduce)
            if hidden is not None:
                yield batch, packing, hidden
            elif len(batch) == 1:
                row = tokens.plan[batch[0]][0]
                errors[row] = (
                    f"out of memory on {lengths[batch[0]]} tokens; try --max-tokens or --device cpu"
                )
            else:
                self.budget = max(1, min(self.budget, sum(packing.lengths)) // 2)
                say(f"out of memory: going on with --budget {self.budget}")
                left = [*batch, *(index for later in reversed(waiting) for index in later)]
                again = token_batches([lengths[index] for index in left], self.budget)
                waiting = [[left[place] for place in part] for part in again][::-1]

    def _balance(self, cuts: Sequence[Window]) -> torch.Tensor | None:
        """Return the factors (tokens, 1) that make a plain mean over a window a weighted one.

        So that a token that k windows share counts 1/k in each. None where none is shared.
        """
        if all(cut.weights is None for cut in cuts):
            return None
        before, after = len(self._frame.prefix), len(self._frame.suffix)
        factors = []
        for cut in cuts:
            own = np.ones(cut.end - cut.start) if cut.weights is None else cut.weights
            factors += [np.ones(before), own * (len(own) / own.sum()), np.ones(after)]
        return torch.from_numpy(np.concatenate(factors).astype(np.float32))[:, None]

    def _try(
        self, flat: torch.Tensor, packing: Packing, reduce: Reduce | None
    ) -> list[torch.Tensor] | None:
        """Return the hidden layers, reduced, or None when memory ran out."""
        try:
            ids = flat.to(self._network.device, non_blocking=True)
            layers = self._network.hidden(ids, packing, self._layers)
            return layers if reduce is None else [reduce(layer, packing) for layer in layers]
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        # Past the handler, so that the error's traceback no longer holds the tensors.
        if self._network.device.type == "cuda":
            torch.cuda.empty_cache()
        return None


def _to_memory(hidden: torch.Tensor, packing: Packing) -> torch.Tensor:
    """Bring token vectors to the machine's memory, float32."""
    del packing
    return hidden.float().cpu()


def _within_positions(frame: Frame, network: Network, settings: Settings) -> Frame:
    """Return the frame with no more tokens than the network has positions for.

    InputError where `--max-tokens` asks for more, or leaves no room beside special tokens.
    """
    positions: int | None = getattr(network, "positions", None)
    asked = settings.max_tokens
    if positions is not None and asked is not None and asked > positions:
        message = f"--max-tokens {asked} is more than the {positions} positions of this model"
        raise InputError(message)
    if positions is not None and (frame.max_tokens is None or frame.max_tokens > positions):
        frame = replace(frame, max_tokens=positions)
    if frame.room is not None and frame.room < 1:
        special = len(frame.prefix) + len(frame.suffix)
        message = f"--max-tokens {frame.max_tokens} leaves no room beside {special} special tokens"
        raise InputError(message)
    return frame


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device or the machine has no memory left."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return "DefaultCPUAllocator: can't allocate memory" in str(error)


def absolute_layers(wanted: Sequence[int] | Literal["all"], n_layers: int) -> tuple[int, ...]:
    """Return layers as numbers from 0 (embeddings) to `n_layers`, ascending, each once.

    -1 is the last. InputError for one that the model does not have.
    """
    if wanted == "all":
        return tuple(range(n_layers + 1))
    found = set()
    for layer in wanted:
        absolute = layer if layer >= 0 else n_layers + 1 + layer
        if not 0 <= absolute <= n_layers:
            message = f"layer {layer} is not there; choices: 0 (embeddings) to {n_layers}, or -1"
            raise InputError(message)
        found.add(absolute)
    return tuple(sorted(found))
