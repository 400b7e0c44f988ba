"""Ensembles: two models' vectors side by side, to see if one knows what the other does not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from extractors.store import Embeddings, load_embeddings
from hf_datasets.errors import InputError, shorten
from hf_datasets.files import file_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

JOIN = "+"


def load(source: str) -> Embeddings:
    """Read embeddings from a file or the Hub, or `A+B` as the ensemble of the two.

    A file whose own name holds a plus is read as that file. InputError as from
    `extractors.store.load_embeddings` and `ensemble`.
    """
    parts = source.split(JOIN)
    if len(parts) == 1 or Path(source).expanduser().exists():
        return load_embeddings(source)
    if "" in parts:
        message = f"{source} has an empty part; an ensemble is A{JOIN}B, two embeddings or more"
        raise InputError(message)
    return ensemble([load_embeddings(part) for part in parts])


def ensemble(embeddings: Sequence[Embeddings]) -> Embeddings:
    """Put embeddings side by side, on the entities that all of them have.

    Every feature is brought to mean 0 and SD 1 over those entities first, without looking at
    any label, so that no model decides by the scale of its vectors; a constant feature becomes
    0. Entities that a model lacks are in `failed`, with the model's name.

    Raises
    ------
    InputError
        Fewer than two embeddings, one of them twice, or no entity that all of them have.

    """
    sources = [one.source for one in embeddings]
    if len(sources) < 2 or len(set(sources)) < len(sources):  # noqa: PLR2004
        message = f"{JOIN.join(sources)} is no ensemble; give two different embeddings or more"
        raise InputError(message)
    rows = [{name: row for row, name in enumerate(one.ids)} for one in embeddings]
    ids = [name for name in embeddings[0].ids if all(name in known for known in rows)]
    if not ids:
        examples = shorten(f"{one.source} has {shorten(one.ids, 2)}" for one in embeddings)
        message = f"no entity is in all of {shorten(sources)}: {examples}; give both the same names"
        raise InputError(message)
    blocks = [
        _standardised(one.vectors[[known[name] for name in ids]])
        for one, known in zip(embeddings, rows, strict=True)
    ]
    failed = {
        name: f"no vector of {one.model}"
        for one, known in zip(embeddings, rows, strict=True)
        for other in embeddings
        for name in (*other.ids, *other.failed)
        if name not in known
    }
    return Embeddings(
        JOIN.join(sources),
        JOIN.join(one.model for one in embeddings),
        JOIN.join(dict.fromkeys(one.modality for one in embeddings)),
        ids,
        np.concatenate(blocks, axis=1),
        failed,
        {"ensemble": [origin(one) for one in embeddings]},
    )


def _standardised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    constant = np.ptp(vectors, axis=0) == 0
    mean = vectors.mean(axis=0, dtype=np.float64)
    spread = vectors.std(axis=0, dtype=np.float64)
    spread[constant | (spread == 0)] = 1.0
    scaled: NDArray[np.float32] = ((vectors - mean) / spread).astype(np.float32)
    scaled[:, constant] = 0.0
    return scaled


def origin(one: Embeddings) -> dict[str, object]:
    """Return where an embedding comes from, ready for JSON."""
    path = Path(one.source).expanduser()
    return {
        "source": one.source,
        "model": one.model,
        "sha256": file_digest(path) if path.is_file() else None,
        "dimension": int(one.vectors.shape[1]),
        "provenance": one.provenance,
    }
