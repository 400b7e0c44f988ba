"""Answers: what a model said so far, kept so that nothing is asked twice, and the table of a run.

The cache is one SQLite file per model, in the cache folder. Answers that were asked for together
are written in one transaction, so a run that is killed finds whole batches and goes on with the
others, planned as before: the same command gives the same bytes. An error is not an answer; it
is asked again.
An answer taken from a run with another batch plan (other tasks, another `--limit` or `--batch`)
is as exact, but sums of floats in another order may differ in their last digits.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hf_datasets.errors import InputError
from hf_datasets.files import atomic_path, cache_folder
from probes.language.asking import Reply
from probes.result import PROVENANCE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from probes.language.asking import Prompt

ANSWER_SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("revision", pa.string()),
        ("dataset", pa.string()),
        ("dataset_revision", pa.string()),
        ("config", pa.string()),
        ("task", pa.string()),
        ("subtask", pa.string()),
        ("id", pa.string()),
        ("prompt", pa.string()),
        ("answer", pa.string()),  # raw text; null for log-likelihood
        ("option_loglikelihoods", pa.list_(pa.float64())),  # natural log; null for generation
        ("option_bytes", pa.list_(pa.int32())),
        ("option_tokens", pa.list_(pa.int32())),
        ("chosen", pa.int32()),  # option, from 0; null where none can be read from the answer
        ("label", pa.string()),  # the truth; of questions with options its place, from 0
        ("paper", pa.string()),  # JSON of the parse; null where it cannot be parsed
        ("strict", pa.string()),
        ("prompt_tokens", pa.int32()),
        ("answer_tokens", pa.int32()),
        ("seconds", pa.float64()),  # null unless wanted: times differ from run to run
        ("error", pa.string()),
    ]
)
"""What `probe --model … --answers` writes: a row per question."""


class AnswerCache:
    """What one model has answered, on disk."""

    def __init__(self, identity: Mapping[str, Any]) -> None:
        """Open or make the file; InputError for one that is damaged."""
        text = json.dumps(identity, sort_keys=True, ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()[:24]
        folder = cache_folder() / "answers"
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{digest}.sqlite"
        with self._readable():
            self._file = sqlite3.connect(self.path, timeout=60)
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, reply TEXT)"
            )

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            message = f"{self.path} cannot be used as a cache ({error}); delete it and try again"
            raise InputError(message) from error

    def read(self, prompts: Sequence[Prompt]) -> dict[int, Reply]:
        """Return place → reply for the prompts that were answered before."""
        found = {}
        with self._readable():
            for at, prompt in enumerate(prompts):
                row = self._file.execute(
                    "SELECT reply FROM answers WHERE key = ?", (_key(prompt),)
                ).fetchone()
                if row:
                    found[at] = Reply.from_json(json.loads(row[0]))
        return found

    def write(self, prompts: Sequence[Prompt], replies: Sequence[Reply]) -> None:
        """Keep the answers of a batch, all of them or none; errors are left out."""
        rows = [
            (_key(prompt), json.dumps(reply.to_json(), ensure_ascii=False))
            for prompt, reply in zip(prompts, replies, strict=True)
            if reply.error is None
        ]
        with self._readable(), self._file:
            self._file.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)

    def forget(self, prompts: Sequence[Prompt]) -> None:
        """Drop what was answered to these prompts."""
        with self._readable(), self._file:
            self._file.executemany(
                "DELETE FROM answers WHERE key = ?", [(_key(prompt),) for prompt in prompts]
            )

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _key(prompt: Prompt) -> str:
    text = json.dumps(prompt.key(), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write_answers(
    rows: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any], out: Path
) -> None:
    """Write the table of answers atomically; equal rows give equal bytes."""
    text = json.dumps(provenance, sort_keys=True, ensure_ascii=False)
    schema = ANSWER_SCHEMA.with_metadata({PROVENANCE_KEY: text.encode()})
    with atomic_path(out) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary)
