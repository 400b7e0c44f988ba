"""Labelled sequences as the origins of sequence tasks give them, read row by row.

A row that cannot be used is counted with its place and left out; a file that is another file
than it should be (no such column, no FASTA) is an InputError.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hf_datasets.errors import InputError
from hf_datasets.sources.reading import open_lines, position

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hf_datasets.sources.source import UsedFile

SPLITS = ("train", "validation", "test")
Label: TypeAlias = "bool | str | float | tuple[str, ...] | Mapping[str, float]"
"""Yes or no, a class, a number, the labels that apply, or several numbers by name."""
_EXAMPLES = 5


class Problems:
    """What was left out or looked odd: why → how often, and where first."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.places: dict[str, list[str]] = {}

    def add(self, why: str, place: str) -> None:
        """Count one case; the first places are kept."""
        self.counts[why] += 1
        places = self.places.setdefault(why, [])
        if len(places) < _EXAMPLES:
            places.append(place)

    def record(self) -> dict[str, dict[str, object]]:
        """Return the counts with examples, as `build.json` shows them."""
        return {
            why: {"rows": count, "first": self.places[why]}
            for why, count in sorted(self.counts.items())
        }


@dataclass(frozen=True, slots=True)
class Labelled:
    """One labelled sequence, or several that go together."""

    split: str
    """One of SPLITS."""
    number: int
    """Its place among the origin's rows of that split and subtask, from 1; a row that is left
    out has its number too, so that no id depends on what is checked."""
    sequences: tuple[str, ...]
    """As the origin writes them."""
    label: Label
    subtask: str = ""
    """Which of several data sets of one kind, or empty."""


def number_of(text: str, problems: Problems, place: str) -> float | None:
    """Return a finite number, or None after counting the row as one without."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    problems.add("label is no number" if text.strip() else "no label", place)
    return None


def zero_or_one(text: str, problems: Problems, place: str) -> bool | None:
    """Return a yes or no written 1 or 0 (also 1.0), or None after counting the row."""
    value = {"1": True, "1.0": True, "0": False, "0.0": False}.get(text.strip())
    if value is None:
        problems.add("label is neither 0 nor 1" if text.strip() else "no label", place)
    return value


def table_rows(
    file: UsedFile, columns: Sequence[str], problems: Problems, *, delimiter: str = ","
) -> Iterator[tuple[int, list[str]]]:
    """Yield (number from 1, cells of `columns`) of a table with a header.

    A row with too few or too many fields is counted and skipped.
    """
    rows = bare_rows(file, delimiter=delimiter)
    header = next(rows, [])
    where = [position(file, header, name) for name in columns]
    for number, row in enumerate(rows, 1):
        if len(row) == len(header):
            yield number, [row[index] for index in where]
        else:
            problems.add("row has another number of fields", f"{file.key} row {number}")


def bare_rows(file: UsedFile, *, delimiter: str = ",") -> Iterator[list[str]]:
    """Yield the rows of a delimited file, whatever their length; empty lines are none."""
    csv.field_size_limit(1 << 30)
    with open_lines(file) as lines:
        reader = csv.reader(lines, delimiter=delimiter)
        try:
            yield from (row for row in reader if row)
        except csv.Error as error:
            message = f"{file.path} line {reader.line_num} is not a table: {error}"
            raise InputError(message) from error


def fasta(file: UsedFile) -> Iterator[tuple[str, str]]:
    """Yield (header without `>`, sequence); InputError if the file does not begin with `>`."""
    header: str | None = None
    pieces: list[str] = []
    with open_lines(file) as lines:
        for line in lines:
            text = line.strip()
            if text.startswith(">"):
                if header is not None:
                    yield header, "".join(pieces)
                header, pieces = text[1:].strip(), []
            elif text:
                if header is None:
                    message = f"{file.path} ({file.source}.{file.key}) is no FASTA: no '>' first"
                    raise InputError(message)
                pieces.append(text)
    if header is not None:
        yield header, "".join(pieces)


def drawn_split(text: str, shares: tuple[float, float] = (0.8, 0.1)) -> str:
    """Return the split of an entry whose origin has none, drawn by a hash of `text`.

    `shares` are those of training and validation. Equal texts have one split.
    """
    drawn = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
    train, validation = shares
    return "train" if drawn < train else "validation" if drawn < train + validation else "test"


def numbered(counts: Counter[str], split: str) -> int:
    """Count one more entry of a split and return its number."""
    counts[split] += 1
    return counts[split]
