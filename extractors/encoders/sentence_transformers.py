"""Checkpoints whose modules we do not run ourselves: through sentence-transformers as it is.

Slower than our own pipeline (`text.py`), and a long text can only be cut, but any module of that
library works: several poolings side by side, weighted layers, convolutions, bags of words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.backbones.network import pick_device, pick_dtype
from extractors.checkpoints import find_checkpoint
from extractors.model import Encoded, PlainEncoder
from hf_datasets.errors import InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

    from extractors.checkpoints import Checkpoint
    from extractors.model import ModelRecord, Settings

ROWS = 32
NO_LIMIT = 1_000_000
"""Tokenizers say "no limit" with a huge number of tokens."""


class SentenceTransformersEncoder(PlainEncoder):
    """`SentenceTransformer.encode`, rows of similar length together."""

    def __init__(
        self, model: SentenceTransformer, checkpoint: Checkpoint, settings: Settings
    ) -> None:
        self._model, self._checkpoint, self._long = model, checkpoint, settings.long
        limit = settings.max_tokens or model.max_seq_length
        self._limit = None if limit is None or limit > NO_LIMIT else int(limit)
        model.max_seq_length = self._limit
        self.dim = int(model.get_embedding_dimension() or 0)

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> SentenceTransformersEncoder:
        """Find and load the checkpoint of a record."""
        why = InputError(f"{record.name} is run in sentence-transformers")
        return cls.open(record, settings, find_checkpoint(record, settings), why)

    @classmethod
    def open(
        cls, record: ModelRecord, settings: Settings, checkpoint: Checkpoint, why: InputError
    ) -> SentenceTransformersEncoder:
        """Load a checkpoint; no code of it is run.

        `why` says what keeps our own pipeline from it: raised again where sentence-transformers
        is missing, or an option asks for what only our pipeline does.
        """
        if settings.pooling is not None or settings.layers:
            message = f"{why}; so --pooling and --layers cannot be had with it, leave them out"
            raise InputError(message) from why
        try:
            from sentence_transformers import SentenceTransformer
        except ModuleNotFoundError as error:
            message = f"{why}; pip install 'genezoo[text]' to run it in {error.name}"
            raise InputError(message) from error
        device = pick_device(settings.device)
        dtype = pick_dtype(settings.dtype, device)
        try:
            model = SentenceTransformer(
                str(checkpoint.folder),
                device=str(device),
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"dtype": dtype},
            )
        except Exception as error:
            message = (
                f"cannot load {record.name}: {why}; nor could sentence-transformers: "
                f"{type(error).__name__}: {one_line(error)[:200]}"
            )
            raise InputError(message) from error
        model.to(dtype).eval()
        return cls(model, checkpoint, settings)

    def describe(self) -> dict[str, Any]:
        """Return revision, weights, modules, dtype and limits."""
        return {
            **self._checkpoint.provenance(),
            "dim": self.dim,
            "through": "sentence-transformers",
            "modules": [type(module).__name__ for module in self._model],
            "dtype": str(next(self._model.parameters()).dtype).removeprefix("torch."),
            "device": self._model.device.type,
            "max_tokens": self._limit,
            "long": self._long,
        }

    def embed(self, ids: Sequence[str], values: Sequence[str | None]) -> Encoded:
        """Encode texts; one without text fails, and one over the limit unless it may be cut."""
        texts = [(value or "").strip() for value in values]
        own, whole = (self._lengths(texts, special=special) for special in (False, True))
        over = whole > (self._limit or whole.max(initial=0))
        errors: list[str | None] = [None if text else "empty text" for text in texts]
        if self._long != "truncate":
            for row in np.flatnonzero(over):
                errors[row] = (
                    f"{whole[row]} tokens, the model takes {self._limit}: it cannot be read in "
                    "windows, --long truncate cuts it"
                )
        kept = sorted((row for row, error in enumerate(errors) if error is None), key=whole.take)
        vectors = np.zeros((len(ids), self.dim), dtype=np.float32)
        for start in range(0, len(kept), ROWS):
            rows = kept[start : start + ROWS]
            found = self._model.encode([texts[row] for row in rows], show_progress_bar=False)
            vectors[rows] = np.asarray(found, dtype=np.float32)
        cut = over & (self._long == "truncate")
        return Encoded([vectors], own, cut, errors)

    def _lengths(self, texts: Sequence[str], *, special: bool) -> NDArray[np.int32]:
        """Return each text's length in tokens, or in words where the model has no tokenizer."""
        tokenizer = getattr(self._model, "tokenizer", None)
        if not callable(tokenizer):
            return np.array([len(text.split()) for text in texts], dtype=np.int32)
        found = tokenizer(list(texts), add_special_tokens=special, truncation=False, verbose=False)[
            "input_ids"
        ]
        return np.array([len(tokens) for tokens in found], dtype=np.int32)
