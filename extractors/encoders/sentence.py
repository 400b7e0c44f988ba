"""What a sentence-transformers folder says: backbone, pooling, what follows, prompt, limit.

Read from modules.json and the folders that it names, without sentence-transformers and without
importing the classes named there. A folder without modules.json is a bare backbone, pooled by
the mean over all tokens. Source: Reimers and Gurevych 2019, arXiv 1908.10084.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from extractors.weights import Weights
from hf_datasets.errors import InputError, shorten

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractors.checkpoints import Checkpoint

POOLINGS = {"mean": "mean-special", "cls": "cls", "max": "max-special", "lasttoken": "last"}
"""Their names of poolings to ours; theirs take special tokens in."""
OLD_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "Tanh": nn.Tanh,
    "Identity": nn.Identity,
    "ReLU": nn.ReLU,
    "GELU": nn.GELU,
    "SiLU": nn.SiLU,
    "Sigmoid": nn.Sigmoid,
}


class UnknownModulesError(InputError):
    """The checkpoint is made of what our pipeline does not run; sentence-transformers may."""


@dataclass(frozen=True)
class Sentence:
    """A sentence encoder's folder, read."""

    backbone: Checkpoint
    """Folder and weight files of the transformer."""
    pooling: str
    """One of ours, or weightedmean or mean_sqrt_len_tokens."""
    after: tuple[tuple[str, nn.Module], ...]
    """What follows pooling, by name: dense layers, norms."""
    prompt: str
    max_tokens: int | None
    """Longest input, special tokens included; None where its files leave it to the tokenizer."""
    lower: bool
    """Whether texts are lower-cased first, whatever the tokenizer does."""


def read_sentence(checkpoint: Checkpoint) -> Sentence:
    """Read the folder of a checkpoint.

    InputError for modules that are unknown, damaged, or in another order than a transformer,
    a pooling, then any others.
    """
    modules = _modules(checkpoint)
    kinds = [kind for kind, _ in modules]
    if kinds[:1] != ["Transformer"] or (len(kinds) > 1 and kinds[1] != "Pooling"):
        message = (
            f"a checkpoint made of {shorten(kinds)} is not supported; it needs a Transformer and "
            "a Pooling module, then any of " + ", ".join(AFTER)
        )
        raise UnknownModulesError(message)
    place = modules[0][1]
    folder = checkpoint.folder / place
    files = tuple(path for path in checkpoint.files if path.parent == folder)
    own = _own_settings(replace(checkpoint, folder=folder))
    pooling, prompt = "mean-special", _prompt(checkpoint)
    if len(modules) > 1:
        pooling = _pooling(_part(checkpoint, modules[1][1]), prompt)
    after = tuple(
        (kind.lower(), AFTER[kind](_part(checkpoint, path)))
        for kind, path in modules[2:]
        if kind != "Dropout"
    )
    return Sentence(
        backbone=replace(checkpoint, folder=folder, files=files),
        pooling=pooling,
        after=after,
        prompt=prompt,
        max_tokens=own.get("max_seq_length"),
        lower=bool(own.get("do_lower_case")),
    )


def _modules(checkpoint: Checkpoint) -> list[tuple[str, str]]:
    """Return (class name, folder) of each module, in order."""
    path = checkpoint.folder / "modules.json"
    if not path.is_file():
        return [("Transformer", "")]
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        found = [(str(part["type"]), str(part.get("path", ""))) for part in listed]
    except (ValueError, TypeError, KeyError) as error:
        message = f"{path} is no list of modules ({error!r}); give a sentence-transformers folder"
        raise InputError(message) from error
    known = {"Transformer", "Pooling", *AFTER}
    # The class is known by its name: nothing is imported, whatever a checkpoint names.
    foreign = [kind for kind, _ in found if not kind.startswith("sentence_transformers.")]
    strange = foreign or [kind for kind, _ in found if kind.rpartition(".")[2] not in known]
    if strange:
        message = f"{path} names {shorten(strange)}, which is not run; choices: "
        raise (InputError if foreign else UnknownModulesError)(message + ", ".join(sorted(known)))
    return [(kind.rpartition(".")[2], where) for kind, where in found]


def _part(checkpoint: Checkpoint, path: str) -> Checkpoint:
    """Return a module's own folder with its weight files; a Normalize often has none."""
    folder = checkpoint.folder / path
    files = tuple(file for file in checkpoint.files if file.parent == folder)
    return replace(checkpoint, folder=folder, files=files)


def _own_settings(backbone: Checkpoint) -> dict[str, Any]:
    """Return sentence_bert_config.json, or what older releases called it; {} without one."""
    for path in sorted(backbone.folder.glob("sentence_*_config.json")):
        found = backbone.json(path.name)
        if "text" not in found.get("modality_config", {"text": 0}):
            message = f"{path} describes a model that reads no plain text; give a text encoder"
            raise InputError(message)
        return found
    return {}


def _prompt(checkpoint: Checkpoint) -> str:
    """Return the prompt that stands before every text by default."""
    name = "config_sentence_transformers.json"
    if not (checkpoint.folder / name).is_file():
        return ""
    found = checkpoint.json(name)
    prompts = found.get("prompts") or {}
    return str(prompts.get(found.get("default_prompt_name") or "", "") or "")


def _pooling(part: Checkpoint, prompt: str) -> str:
    """Return our name of the pooling; the width that it states is not needed, and often wrong."""
    config = part.json("config.json")
    modes = config.get("pooling_mode") or [
        mode for key, mode in OLD_POOLINGS.items() if config.get(key)
    ]
    modes = [modes] if isinstance(modes, str) else list(modes) or ["mean"]
    if prompt and config.get("include_prompt") is False:
        message = f"{part.folder} leaves its prompt out of the pooling, which is not supported"
        raise UnknownModulesError(message)
    if len(modes) > 1 or modes[0] not in {*POOLINGS, *WEIGHTED}:
        message = (
            f"{part.folder} pools by {' and '.join(map(str, modes))}, which is not supported; "
            f"choices: one of {', '.join([*POOLINGS, *WEIGHTED])}"
        )
        raise UnknownModulesError(message)
    return POOLINGS.get(modes[0], str(modes[0]))


WEIGHTED: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "weightedmean": lambda places, lengths: 2 * (places + 1) / (lengths + 1),
    "mean_sqrt_len_tokens": lambda _, lengths: lengths.sqrt(),
}
"""Poolings that are a mean over all tokens after each was given a weight, from its place in the
row (from 0) and the row's length: by place, adding up to the length; or the length's root."""


def _dense(part: Checkpoint) -> nn.Module:
    config = part.json("config.json")
    name = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    activation = ACTIVATIONS.get(name.rpartition(".")[2]) if name.startswith("torch.nn.") else None
    if activation is None:
        message = f"{part.folder} has activation {name!r}; choices: {', '.join(ACTIVATIONS)}"
        raise UnknownModulesError(message)
    other = [
        key
        for key, usual in (("use_residual", False), ("module_input_name", "sentence_embedding"))
        if config.get(key, usual) != usual
    ]
    if other:
        message = f"{part.folder} sets {shorten(other)}, which is not supported; give another model"
        raise UnknownModulesError(message)
    return nn.Sequential(_filled(part, "linear", nn.Linear), activation()).eval()


def _filled(part: Checkpoint, name: str, kind: type[nn.Linear | nn.LayerNorm]) -> nn.Module:
    """Return a layer with the weights `name.weight` and `name.bias` of a module's files."""
    weights = Weights(part.files)
    weight = weights.take(f"{name}.weight").float()
    bias = weights.take(f"{name}.bias").float() if f"{name}.bias" in weights else None
    with torch.device("meta"):
        layer: Any = kind(*weight.shape[::-1])
    layer.weight = nn.Parameter(weight, requires_grad=False)
    layer.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
    filled: nn.Module = layer
    return filled


class Normalise(nn.Module):
    """Gives every vector length 1."""

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Divide each row by its length."""
        return torch.nn.functional.normalize(vectors, dim=-1)


AFTER: dict[str, Callable[[Checkpoint], nn.Module]] = {
    "Dense": _dense,
    "LayerNorm": lambda part: _filled(part, "norm", nn.LayerNorm),
    "Normalize": lambda _: Normalise(),
    "Dropout": lambda _: nn.Identity(),
}
"""What may follow the pooling, and how it is read."""
