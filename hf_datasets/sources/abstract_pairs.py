"""Abstracts in Chinese and English, from a table that a user has: columns `zh` and `en`.

CSV, TSV or JSON lines, each also gzipped; a column `id` is taken if there is one. No such corpus
is published in a form that could be fetched.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hf_datasets.errors import InputError, shorten
from hf_datasets.sources.reading import open_lines
from hf_datasets.sources.source import Source, SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from hf_datasets.sources.salvage import Faults
    from hf_datasets.sources.source import UsedFile

SOURCE = Source(
    name="abstract-pairs",
    title="Abstracts in Chinese and English",
    version="as given",
    licence="as the file's owner says",
    citation="the file that was given",
    homepage="https://arxiv.org/abs/2406.05540",
    files=(
        SourceFile(
            key="pairs",
            url="",
            local=("*.jsonl*", "*.csv*", "*.tsv*"),
            max_bytes=20_000_000_000,
            optional=True,
        ),
    ),
)
_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LATIN = re.compile(r"[A-Za-z]")
_ENOUGH = 0.3
"""Share of the letters that must be of the language's script."""
_UNLIKE = 8
"""Characters of English per character of Chinese, or the other way round, beyond which the two
do not say the same (usual: 2.5 to 4)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One abstract in both languages."""

    id: str
    zh: str
    en: str


def read_pairs(used: UsedFile, faults: Faults) -> Iterator[Pair]:
    """Yield the sound pairs; the rest go to `faults`. InputError without the two columns."""
    seen: set[str] = set()
    for number, row in enumerate(_rows(used, faults), 1):
        name = " ".join(str(row.get("id") or number).split())
        zh, en = (" ".join(str(row.get(language) or "").split()) for language in ("zh", "en"))
        if not zh or not en:
            faults.add("pair without one of its languages", name)
        elif not _mostly(_CHINESE, zh):
            faults.add("`zh` that is not Chinese", name)
        elif not _mostly(_LATIN, en) or _mostly(_CHINESE, en):
            faults.add("`en` that is not English", name)
        elif not 1 / _UNLIKE <= len(en) / len(zh) <= _UNLIKE:
            faults.add("pair of unlike lengths", name)
        elif name in seen:
            faults.add("id that was there before", name)
        else:
            seen.add(name)
            yield Pair(name, zh, en)


def _mostly(script: re.Pattern[str], text: str) -> bool:
    letters = sum(one.isalpha() for one in text)
    return len(script.findall(text)) >= _ENOUGH * max(letters, 1)


def _rows(used: UsedFile, faults: Faults) -> Iterator[dict[str, object]]:
    csv.field_size_limit(1 << 30)
    kind = next(
        (part for part in used.path.name.lower().split(".") if part in {"csv", "tsv", "jsonl"}), ""
    )
    if not kind:
        message = f"{used.path} is no .csv, .tsv or .jsonl (also .gz) of abstracts; name it so"
        raise InputError(message)
    with open_lines(used) as lines:
        if kind == "jsonl":
            yield from _json_rows(lines, faults)
            return
        table = csv.DictReader(lines, delimiter="\t" if kind == "tsv" else ",")
        columns = table.fieldnames or []
        if missing := [name for name in ("zh", "en") if name not in columns]:
            message = (
                f"no column {missing[0]!r} in {used.path}; columns: {shorten(columns, 8) or 'none'}"
            )
            raise InputError(message)
        yield from table


def _json_rows(lines: IO[str], faults: Faults) -> Iterator[dict[str, object]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            faults.add("broken JSON", f"line {number}: {error}")
            continue
        if isinstance(row, dict):
            yield row
        else:
            faults.add("JSON line that is no object", f"line {number}")
