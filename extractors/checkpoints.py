"""Where a model's files come from, and the proof that they are the ones that were meant."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError, shorten
from hf_datasets.files import file_digest
from hf_datasets.hub import pull_snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractors.model import ModelRecord, Settings

SAFE_FILES = ("*.json", "*.txt", "*.model", "*.safetensors")
"""What is fetched, at any depth: configuration, vocabularies, safetensors; no code, no pickle."""
TORCH_FILES = (".pt", ".pth")
FALLBACK_WEIGHTS = "pytorch_model*.bin"
"""Fetched only for a folder where upstream has no safetensors; read with weights_only=True."""


@dataclass(frozen=True)
class Checkpoint:
    """A folder of model files."""

    folder: Path
    """Holds config, vocabulary and weights in the upstream's layout."""
    revision: str | None
    """Commit of the repository; None for a folder of one's own."""
    weights: tuple[str, ...]
    """sha256 of the weight files, in order of their names."""
    files: tuple[Path, ...] = ()
    """The weight files."""

    def vocabulary(self, name: str) -> dict[str, int]:
        """Return token to id from a file of one token a line; InputError when it is missing."""
        lines = self.read(name).removesuffix("\n").split("\n")
        return {token.removesuffix("\r"): number for number, token in enumerate(lines)}

    def json(self, name: str) -> dict[str, Any]:
        """Return a JSON file of the checkpoint; InputError when it is missing or damaged."""
        try:
            found = json.loads(self.read(name))
        except json.JSONDecodeError as error:
            message = f"{self.folder / name} is not valid JSON: {error}"
            raise InputError(message) from error
        if not isinstance(found, dict):
            message = f"{self.folder / name} holds no JSON object"
            raise InputError(message)
        return found

    def read(self, name: str) -> str:
        """Return the text of a file of the checkpoint; InputError when it is missing."""
        path = self.folder / name
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"{self.folder} is not a whole checkpoint: cannot read {name}"
            raise InputError(message) from error

    def provenance(self) -> dict[str, Any]:
        """Return what the embedding table records of it; no path, it would differ by machine."""
        return {
            "revision": self.revision,
            "weights": [f"sha256:{digest}" for digest in self.weights],
        }


def find_checkpoint(record: ModelRecord, settings: Settings) -> Checkpoint:
    """Return the model's files: --checkpoint, a local folder, an installed package, or the Hub.

    The weights are hashed; where the record pins them and no other checkpoint or revision was
    asked for, another hash is an InputError.
    """
    if settings.checkpoint is not None:
        return _local(record, Path(settings.checkpoint).expanduser())
    if record.hub_id is None:
        message = f"model {record.name} has no weights of its own; give --checkpoint FOLDER"
        raise InputError(message)
    own = Path(record.hub_id).expanduser()
    if own.is_dir():
        return _local(record, own)
    wanted = settings.revision or record.revision
    packaged = _packaged_folder(record) if wanted == record.revision else None
    root = packaged or _download(record, wanted)
    folder = root / record.subfolder
    files = _weight_files(record, folder)
    found = tuple(file_digest(path) for path in files)
    if record.weights and wanted == record.revision and found != record.weights:
        message = (
            f"the weights of {record.name} in {folder} are not the pinned ones "
            f"(sha256 {', '.join(found)[:64] or 'none'}, not {', '.join(record.weights)[:64]}); "
            "delete that folder and try again"
        )
        raise InputError(message)
    return Checkpoint(folder, wanted if packaged else root.name, found, files)


def checkpoint_file(path: Path) -> Checkpoint:
    """Return a checkpoint that is one file, configuration included, as fair-esm saves them."""
    return Checkpoint(path.parent, None, (file_digest(path),), (path,))


def _local(record: ModelRecord, folder: Path) -> Checkpoint:
    """Take a folder in the upstream's layout, or the repository's whole folder."""
    if record.subfolder and (folder / record.subfolder).is_dir():
        folder /= record.subfolder
    configured = (folder / "config.json").is_file() or (folder / "modules.json").is_file()
    if not configured and not _named_weights(record, folder):
        needed = ", ".join(("config.json", "modules.json", *record.files))
        what = f"none of {needed} in it" if folder.is_dir() else "no such folder"
        message = f"{folder} is no checkpoint of {record.name}: {what}; give a model's folder"
        raise InputError(message)
    files = _weight_files(record, folder)
    return Checkpoint(folder, None, tuple(file_digest(path) for path in files), files)


def _weight_files(record: ModelRecord, folder: Path) -> tuple[Path, ...]:
    """Return every weight file that is loaded."""
    places = _module_folders(folder)
    usual = tuple(path for place in places for path in _weights(folder / place))
    return _named_weights(record, folder) or usual


def _named_weights(record: ModelRecord, folder: Path) -> tuple[Path, ...]:
    """Return the weight files that upstream calls by a name of its own, as the record has it."""
    found = (path for pattern in record.files for path in sorted(folder.glob(pattern)))
    return tuple(path for path in found if path.suffix in TORCH_FILES)


def _packaged_folder(record: ModelRecord) -> Path | None:
    """Return the folder of the installed package that carries the model, if there is one."""
    if record.package is None:
        return None
    module, _, inside = record.package.partition(":")
    spec = find_spec(module)  # finds the package without running its code
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / inside
    return folder if folder.is_dir() else None


def _download(record: ModelRecord, revision: str | None) -> Path:
    if record.hub_id is None:  # pragma: no cover  find_checkpoint has refused it
        raise AssertionError

    def pull(patterns: tuple[str, ...]) -> Path:
        return pull_snapshot(record.hub_id or "", revision, kind="model", patterns=patterns)

    inside = f"{record.subfolder}/" if record.subfolder else ""
    folder = pull(tuple(f"{inside}{pattern}" for pattern in SAFE_FILES) + record.files)
    places = [record.subfolder / place for place in _module_folders(folder / inside)]
    bare = [place for place in places if not _weights(folder / place)]
    if bare and not _named_weights(record, folder / inside):
        folder = pull(tuple((place / FALLBACK_WEIGHTS).as_posix() for place in bare))
    return folder


def _module_folders(folder: Path) -> list[Path]:
    """Return where weights may lie: the root, and the modules of a sentence-transformers model."""
    modules = folder / "modules.json"
    named = json.loads(modules.read_text(encoding="utf-8")) if modules.is_file() else []
    places = {Path(str(module.get("path", ""))) for module in named} | {Path()}
    return sorted(place for place in places if ".." not in place.parts and not place.is_absolute())


def _weights(folder: Path) -> list[Path]:
    """Return the weight files of one folder: safetensors, or .bin where there is none."""
    return sorted(folder.glob("*.safetensors")) or sorted(folder.glob(FALLBACK_WEIGHTS))


def read_config(checkpoint: Checkpoint, *kinds: str) -> dict[str, Any]:
    """Return config.json, whose `model_type` must be one of `kinds` where it names one."""
    config = checkpoint.json("config.json")
    kind = config.get("model_type")
    if kind is not None and kind not in kinds:
        message = (
            f"{checkpoint.folder} holds a model of type {kind!r}, not {' or '.join(kinds)}; "
            "give a checkpoint of this architecture"
        )
        raise InputError(message)
    return config


def require_keys(found: Mapping[str, Any], *keys: str, where: str = "config.json") -> None:
    """InputError when a configuration or vocabulary lacks one of these keys."""
    if missing := [key for key in keys if found.get(key) is None]:
        message = f"{where} has no {shorten(missing)}; give a whole checkpoint of this model"
        raise InputError(message)
