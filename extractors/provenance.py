"""What decides the bytes of an embedding table, as its provenance says it."""

from __future__ import annotations

import contextlib
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_datasets import __version__
from hf_datasets.errors import one_line

if TYPE_CHECKING:
    from extractors.model import ModelRecord
    from extractors.workers import Facts

LIBRARIES = ("numpy", "pyarrow", "scikit-learn", "torch", "transformers", "sentence-transformers")


def canonical(provenance: dict[str, Any]) -> str:
    """Return the one text that says it."""
    return json.dumps(provenance, sort_keys=True, ensure_ascii=False, indent=1)


def library_versions() -> dict[str, str]:
    """Return the versions of what computes, as they are installed here."""
    versions = {"genezoo": __version__, "python": platform.python_version()}
    for library in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            versions[library] = version(library)
    return versions


def common_provenance(
    record: ModelRecord, described: dict[str, Any], n_rows: int, fingerprint: str, stored: str
) -> dict[str, Any]:
    """Return all that decides the bytes but the model, and nothing that changes by itself.

    `described` is what the input says of itself.
    """
    return {
        "model": record.name,
        "modality": record.modality,
        "hub_id": None if record.hub_id and Path(record.hub_id).is_dir() else record.hub_id,
        "licence": record.licence,
        "citation": record.citation,
        "input": {**described, "rows": n_rows, "fingerprint": fingerprint},
        "stored": stored,
        "versions": library_versions(),
    }


def layer_provenances(common: dict[str, Any], facts: Facts) -> list[dict[str, Any]]:
    """Return the provenance of each layer's table, as a run of that layer alone has it."""
    if not facts.layers:
        return [common | {"encoder": facts.described}]
    return [common | {"encoder": {**facts.described, "layer": layer}} for layer in facts.layers]


def difference_of(old: dict[str, Any], new: dict[str, Any], at: str = "") -> str | None:
    """Name the first setting that differs: `encoder.dtype was float32, now bfloat16`."""
    for key in sorted({*old, *new}):
        before, now, where = old.get(key), new.get(key), f"{at}{key}"
        if isinstance(before, dict) and isinstance(now, dict):
            if found := difference_of(before, now, f"{where}."):
                return found
        elif before != now:
            return one_line(f"{where} was {before}, now {now}")[:200]
    return None
