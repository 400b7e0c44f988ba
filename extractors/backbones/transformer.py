"""One small transformer encoder that all registered transformer families are a `Shape` of.

It reads packed batches: the tokens of all rows end to end, no padding. Sums along the residual
stream and norms are in float32 whatever the weights are in; query, key and value come from one
matrix, as do gate and value of a gated feed-forward. Families (`extractors/encoders/`) say what
their upstream's configuration means as a `Shape` and where its tensors go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

import torch
from torch import nn
from torch.nn import functional

from extractors.backbones.attention import attend, attention_dtype
from extractors.backbones.positions import alibi_slopes, relative_bucket, rotate
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from extractors.backbones.packing import Packing

Model = TypeVar("Model", bound=nn.Module)

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu": functional.gelu,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "relu": functional.relu,
    "silu": functional.silu,
}


@dataclass(frozen=True)
class Shape:
    """What a transformer looks like. The defaults are those of most encoders here."""

    layers: int
    width: int
    """Length of a token's vector."""
    heads: int
    inner: int
    """Width of the feed-forward layer; a gated one has it twice in its first matrix."""
    vocabulary: int
    """Rows of the token table."""
    head_size: int | None = None
    """None: width / heads."""
    key_heads: int | None = None
    """Heads of key and value; None: as many as of the query."""
    norm: Literal["layer", "rms"] = "layer"
    norm_bias: bool = True
    epsilon: float = 1e-5
    norm_first: bool = True
    """Norms before attention and feed-forward (else after the sum with the residual)."""
    embedding_norm: bool = False
    """A norm of the embeddings, before the first layer."""
    final_norm: bool = True
    final_norm_bias: bool = True
    head_norm: Literal["none", "row", "head"] = "none"
    """Norm of query and key: none, over all heads together, or within each head."""
    position: Literal["none", "absolute", "rotary", "alibi", "relative"] = "none"
    positions: int = 0
    """Rows of the table of absolute positions, or buckets of relative ones."""
    furthest: int = 128
    """Distance from which relative positions share one bucket."""
    theta: float = 10_000.0
    """Base of the rotary angles."""
    activation: Literal["gelu", "gelu_tanh", "relu", "silu"] = "gelu"
    gated: bool = False
    causal: bool = False
    attention_bias: bool = True
    """Whether query, key and value have a bias."""
    out_bias: bool = True
    feed_bias: bool = True
    down_bias: bool | None = None
    """Of the second matrix of the feed-forward; None: as the first."""
    score_scale: float | None = None
    """Factor of the attention scores; None: 1 / sqrt(head size)."""
    embedding_scale: float = 1.0
    """Factor of the token vectors, before positions are added."""
    residual_scale: float = 1.0
    """Factor of what each attention and feed-forward adds to the residual."""

    @property
    def size(self) -> int:
        """Length of one head."""
        return self.head_size or self.width // self.heads

    @property
    def shared_heads(self) -> int:
        """Heads of key and value."""
        return self.key_heads or self.heads


class Norm(nn.Module):
    """Layer or RMS norm, computed and returned in float32."""

    def __init__(self, shape: Shape, size: int, *, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size))
        self.bias = nn.Parameter(torch.empty(size)) if bias and shape.norm == "layer" else None
        self._size, self._epsilon, self._rms = (size,), shape.epsilon, shape.norm == "rms"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise the last dimension."""
        x = x.float()
        if self._rms:
            return functional.rms_norm(x, self._size, self.weight, self._epsilon)
        return functional.layer_norm(x, self._size, self.weight, self.bias, self._epsilon)


class Block(nn.Module):
    """One layer: attention, then feed-forward, each added to what came in."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._shape = shape
        heads, shared, size = shape.heads, shape.shared_heads, shape.size
        down_bias = shape.feed_bias if shape.down_bias is None else shape.down_bias
        self.attention_norm = Norm(shape, shape.width, bias=shape.norm_bias)
        self.qkv = nn.Linear(shape.width, (heads + 2 * shared) * size, bias=shape.attention_bias)
        self.out = nn.Linear(heads * size, shape.width, bias=shape.out_bias)
        self.feed_norm = Norm(shape, shape.width, bias=shape.norm_bias)
        self.up = nn.Linear(shape.width, shape.inner * (1 + shape.gated), bias=shape.feed_bias)
        self.down = nn.Linear(shape.inner, shape.width, bias=down_bias)
        if shape.head_norm != "none":
            whole = shape.head_norm == "row"
            self.query_norm = Norm(shape, heads * size if whole else size, bias=False)
            self.key_norm = Norm(shape, shared * size if whole else size, bias=False)

    def forward(
        self,
        x: torch.Tensor,
        packing: Packing,
        angles: tuple[torch.Tensor, torch.Tensor] | None,
        bias: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the next layer's input, float32, shape (tokens, width)."""
        shape = self._shape
        if shape.norm_first:
            x = x + self._attend(self.attention_norm(x), packing, angles, bias)
            return x + self._feed(self.feed_norm(x))
        x = self.attention_norm(x + self._attend(x, packing, angles, bias))
        return self.feed_norm(x + self._feed(x))  # type: ignore[no-any-return]

    def _attend(
        self,
        x: torch.Tensor,
        packing: Packing,
        angles: tuple[torch.Tensor, torch.Tensor] | None,
        bias: torch.Tensor | None,
    ) -> torch.Tensor:
        shape = self._shape
        heads, shared, size = shape.heads, shape.shared_heads, shape.size
        dtype = self.qkv.weight.dtype
        query, key, value = self.qkv(x.to(dtype)).split(
            (heads * size, shared * size, shared * size), dim=-1
        )
        if shape.head_norm == "row":
            query, key = self.query_norm(query), self.key_norm(key)
        query, key, value = (part.unflatten(-1, (-1, size)) for part in (query, key, value))
        if shape.head_norm == "head":
            query, key = self.query_norm(query), self.key_norm(key)
        if angles is not None:
            query, key = rotate(query, *angles), rotate(key, *angles)
        kind = attention_dtype(dtype, x.device, size)
        attended = attend(
            query.to(kind),
            key.to(kind),
            value.to(kind),
            packing,
            scale=size**-0.5 if shape.score_scale is None else shape.score_scale,
            causal=shape.causal,
            bias=bias,
        )
        return self._scaled(self.out(attended.flatten(1).to(dtype)))

    def _feed(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.up(x.to(self.up.weight.dtype))
        activate = ACTIVATIONS[self._shape.activation]
        if self._shape.gated:
            gate, hidden = hidden.chunk(2, dim=-1)
            hidden = activate(gate) * hidden
        else:
            hidden = activate(hidden)
        return self._scaled(self.down(hidden.to(self.down.weight.dtype)))

    def _scaled(self, added: torch.Tensor) -> torch.Tensor:
        scale = self._shape.residual_scale
        return added if scale == 1 else added.float() * scale


class Transformer(nn.Module):
    """The stack. Parameters are named as `Block` and this class name them; see `load`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.tokens = nn.Parameter(torch.empty(shape.vocabulary, shape.width))
        if shape.position == "absolute":
            self.places = nn.Parameter(torch.empty(shape.positions, shape.width))
        elif shape.position == "relative":
            self.buckets = nn.Parameter(torch.empty(shape.positions, shape.heads))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        if shape.embedding_norm:
            self.embedding_norm = Norm(shape, shape.width, bias=shape.norm_bias)
        if shape.final_norm:
            self.final_norm = Norm(shape, shape.width, bias=shape.final_norm_bias)

    def embed(self, ids: torch.Tensor, packing: Packing) -> torch.Tensor:
        """Return what enters the first layer, float32, shape (tokens, width)."""
        x = functional.embedding(ids, self.tokens).float() * self.shape.embedding_scale
        if self.shape.position == "absolute":
            x = x + functional.embedding(packing.places, self.places).float()
        return self.embedding_norm(x) if self.shape.embedding_norm else x

    def forward(
        self, x: torch.Tensor, packing: Packing, layers: Sequence[int]
    ) -> list[torch.Tensor]:
        """Run embedded tokens through the layers.

        Parameters
        ----------
        x
            From `embed`, shape (tokens, width).
        packing
            How the rows lie in the batch.
        layers
            After how many layers to read, 0 (the embeddings) to `shape.layers`, ascending. The
            last is read after the final norm, where there is one.

        Returns
        -------
        One float32 tensor of shape (tokens, width) for each of `layers`.

        """
        wanted, found = set(layers), []
        angles = self._angles(packing)
        bias = self._bias(packing)
        if 0 in wanted:
            found.append(x)
        for number, block in enumerate(self.blocks, 1):
            if number > max(layers):
                break
            x = block(x, packing, angles, bias)
            if number == self.shape.layers and self.shape.final_norm:
                x = self.final_norm(x)
            if number in wanted:
                found.append(x)
        return found

    def _angles(self, packing: Packing) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return cosines and sines of the rotary angles, each (tokens, 1, head size / 2)."""
        if self.shape.position != "rotary":
            return None
        size = self.shape.size
        steps = torch.arange(0, size, 2, dtype=torch.float32, device=packing.device) / size
        table = torch.outer(
            torch.arange(packing.longest, dtype=torch.float32, device=packing.device),
            1.0 / self.shape.theta**steps,
        )
        cosine, sine = table.cos()[packing.places], table.sin()[packing.places]
        return cosine[:, None], sine[:, None]

    def _bias(self, packing: Packing) -> torch.Tensor | None:
        """Return what distance adds to the scores, (heads, longest, longest), or None."""
        if self.shape.position not in {"alibi", "relative"}:
            return None
        along = torch.arange(packing.longest, device=packing.device)
        distance = along[None, :] - along[:, None]
        if self.shape.position == "alibi":
            slopes = torch.tensor(alibi_slopes(self.shape.heads), device=packing.device)
            return -slopes[:, None, None] * distance.abs()
        every = torch.arange(1 - packing.longest, packing.longest, device=packing.device)
        bucket = relative_bucket(every, self.shape.positions, self.shape.furthest)
        by_distance = self.buckets.float()[bucket].T.contiguous()
        return by_distance[:, distance + packing.longest - 1]


def load(
    shape: Shape,
    tensors: Callable[[str], torch.Tensor],
    *,
    device: torch.device,
    dtype: torch.dtype,
    wide: Collection[str] = (),
) -> Transformer:
    """Build a transformer from the tensors that a family finds for its parameters' names.

    See `fill`.
    """
    with torch.device("meta"):
        model = Transformer(shape)
    return fill(model, tensors, device=device, dtype=dtype, wide=wide)


def fill(
    model: Model,
    tensors: Callable[[str], torch.Tensor],
    *,
    device: torch.device,
    dtype: torch.dtype,
    wide: Collection[str] = (),
) -> Model:
    """Give each parameter of a network on the meta device the tensor of its name.

    Matrices of the layers are held in `dtype`; token table, norms and positions in float32, and
    so are the matrices named in `wide` (such as `down`). InputError when a tensor has not the
    shape that the configuration asks for. One parameter is held twice at a time, so that the
    largest models load in the memory that they need anyway.
    """
    for name, parameter in list(model.named_parameters()):
        tensor = tensors(name)
        if tensor.shape != parameter.shape:
            message = (
                f"the weights and config.json do not fit: {name} has shape "
                f"{tuple(tensor.shape)}, not {tuple(parameter.shape)}"
            )
            raise InputError(message)
        holder, _, leaf = name.rpartition(".")
        matrix = isinstance(model.get_submodule(holder), nn.Linear)
        narrow = matrix and holder.rpartition(".")[2] not in wide
        moved = tensor.to(device=device, dtype=dtype if narrow else torch.float32)
        setattr(
            model.get_submodule(holder), leaf, nn.Parameter(moved.contiguous(), requires_grad=False)
        )
    return model.eval()
