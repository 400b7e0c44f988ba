"""The files of a causal language model, and its network: safetensors only, no code of theirs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractors.checkpoints import SAFE_FILES, Checkpoint
from hf_datasets.command import say
from hf_datasets.errors import InputError, one_line, shorten
from hf_datasets.files import file_digest
from hf_datasets.hub import pull_snapshot

if TYPE_CHECKING:
    import torch

FETCHED = (*SAFE_FILES, "*.jinja")


def find_language_model(name: str) -> tuple[Checkpoint, str]:
    """Return the files of a model, and what results call it.

    `name` is a local folder in transformers' layout, or `org/name[@REVISION]` on the Hub.
    InputError where there is none, or none with safetensors.
    """
    own = Path(name).expanduser()
    if own.is_dir():
        folder, revision, called = own, None, own.resolve().name
    else:
        called, _, asked = name.partition("@")
        if called.count("/") != 1 or called.startswith((".", "/", "~")):
            message = (
                f"no model {name!r}: neither a folder nor an id of the Hub; give a folder in "
                "transformers' layout or org/name@REVISION"
            )
            raise InputError(message)
        folder = pull_snapshot(called, asked or None, kind="model", patterns=FETCHED)
        revision = folder.name
        if not asked:
            say(f"{called} is at commit {revision}; pin it with --model {called}@{revision[:12]}")
    files = tuple(sorted(folder.glob("*.safetensors")))
    if not (folder / "config.json").is_file() or not files:
        message = (
            f"{folder} is no language model to run here: it needs config.json and *.safetensors "
            "in transformers' layout; files with code or pickles are not read"
        )
        raise InputError(message)
    weights = tuple(file_digest(path) for path in files)
    return Checkpoint(folder, revision, weights, files), called


def load_causal(checkpoint: Checkpoint, dtype: torch.dtype) -> Any:  # noqa: ANN401  transformers has many
    """Return the network; InputError for tensors that are missing, which would be random."""
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = checkpoint.folder
    loader: Any = AutoModelForCausalLM
    try:
        model, report = loader.from_pretrained(
            str(folder),
            dtype=dtype,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except Exception as error:
        message = (
            f"transformers cannot load {folder} as a causal language model: "
            f"{type(error).__name__}: {one_line(error)[:200]}; give a whole checkpoint of a model "
            "that it knows without code of its own"
        )
        raise InputError(message) from error
    for what in ("missing_keys", "mismatched_keys"):
        if report.get(what):
            names = shorten(sorted(map(str, report[what])), 3)
            message = (
                f"{folder} lacks {len(report[what])} tensors of its model ({names}), which would "
                "be random; give a whole checkpoint"
            )
            raise InputError(message)
    return model


def checkpoint_digest(checkpoint: Checkpoint) -> str:
    """Return a sha256 over weights, configuration, tokenizer and template."""
    total = hashlib.sha256("".join(checkpoint.weights).encode())
    texts = {path for pattern in FETCHED for path in checkpoint.folder.glob(pattern)}
    for path in sorted(texts - set(checkpoint.files)):
        total.update(f"{path.name}\0{file_digest(path)}\n".encode())
    return total.hexdigest()
