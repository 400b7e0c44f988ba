"""`extract` with a model for tests of jobs: `python -m job_driver …`, `--model job-test`.

Its vector is a digest of the text. It takes `--seed` milliseconds a part and `--dim` microseconds
a character. A text with KILL in it ends the process at once, one with RAISE raises an error, one
with PAIR ends the process only when another such stands in the same part. `MEET 4 FOLDER` waits
until four processes do so.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors import registry
from extractors.model import Encoded, ModelRecord, PlainEncoder, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL = "job-test"
RECORD = ModelRecord(
    MODEL, "text", "job_driver:DigestEncoder", "a digest of the text", reads=("text", "sequence")
)
DIM = 8


def digest(text: str) -> list[float]:
    """Return what the model makes of a text."""
    return [float(byte) for byte in hashlib.sha256(text.encode()).digest()[:DIM]]


def meet(number: str, folder: str) -> None:
    """Wait until so many processes are here; a minute at most."""
    (Path(folder) / str(os.getpid())).touch()
    end = time.monotonic() + 60
    while len(list(Path(folder).iterdir())) < int(number) and time.monotonic() < end:
        time.sleep(0.05)


class DigestEncoder(PlainEncoder):
    dim = DIM

    def __init__(self, settings: Settings) -> None:
        self._seconds = settings.seed / 1000
        self._each = (settings.dim or 0) / 1_000_000

    @classmethod
    def load(cls, record: ModelRecord, settings: Settings) -> DigestEncoder:
        del record
        return cls(settings)

    def embed(self, ids: Sequence[str], values: Sequence[str | None]) -> Encoded:
        texts = [value or "" for value in values]
        time.sleep(self._seconds + self._each * sum(map(len, texts)))
        for text in texts:
            if text.startswith("MEET"):
                meet(*text.split()[1:])
        if any("KILL" in text for text in texts) or sum("PAIR" in text for text in texts) > 1:
            os._exit(7)
        if bad := [text for text in texts if "RAISE" in text]:
            message = f"cannot take {bad[0]}"
            raise RuntimeError(message)
        return Encoded(
            layers=[np.array([digest(text) for text in texts], dtype=np.float32)],
            n_tokens=np.array([len(text) for text in texts], dtype=np.int32),
            truncated=np.zeros(len(ids), dtype=np.bool_),
            errors=[None if value else "no text" for value in values],
        )

    def describe(self) -> dict[str, Any]:
        return {"dim": DIM}


registry._NAMES[MODEL] = RECORD

if __name__ == "__main__":
    from extractors.__main__ import command

    raise SystemExit(command())
