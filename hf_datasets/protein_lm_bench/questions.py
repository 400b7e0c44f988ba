"""Reading ProteinLMBench, from the Hub's form and from the re-lettered copy, into the same rows.

What is padding (`nan` options at the end) is dropped; questions whose answer points to no option,
or whose options cannot be told apart, are left out. Both are counted and named.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError
from hf_datasets.sources.reading import open_bytes, open_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

HUB, COPY = "tsynbio/ProteinLMBench", "re-lettered copy"
NAN = "padding dropped: options that say nan"
_FEWEST = 2
_PARQUET = b"PAR1"
_NUMBERED = re.compile(r"\s*option\s*(\d+)\s*:\s*", re.IGNORECASE)
_INTRODUCTION = "\nPlease choose one of the following options to answer this question\n"
_BOXED = re.compile(r"\nThe final option is to package with \$\\boxed\{\}\$\s*\Z")
_LETTERED = re.compile(r"^([A-Z]):(?=\S)", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """One question."""

    id: str
    """Made of the texts of question and options, so the same for both forms."""
    question: str
    options: tuple[str, ...]
    """Bare texts, without number or letter."""
    answer: int
    """Index into `options`."""
    explanation: str
    source: str
    """HUB or COPY."""


def read_questions(file: UsedFile, problems: Problems) -> Iterator[Question]:
    """Yield the questions of Parquet, a JSON list or JSON lines, in file order."""
    seen: Counter[str] = Counter()
    for number, record in enumerate(_records(file, problems), 1):
        place = f"question {number}"
        parsed = _lettered(record) if "label" in record else _numbered(record)
        if isinstance(parsed, str):
            problems.add(parsed, place)
            continue
        question, options, answer = parsed
        kept = _without_padding(options)
        if len(kept) < len(options):
            problems.add(NAN, place)
        if answer is None or not 0 <= answer < len(kept):
            problems.add("answer points to no option", place)
        elif len(kept) < _FEWEST:
            problems.add("fewer than two options", place)
        else:
            text = "\0".join((question, *kept))
            name = hashlib.sha256(text.encode()).hexdigest()[:16]
            seen[name] += 1
            if seen[name] > 1:
                problems.add("question is there twice (kept)", place)
                name = f"{name}.{seen[name]}"
            lettered = "label" in record
            explanation = record.get("summary" if lettered else "explanation") or ""
            source = COPY if lettered else HUB
            yield Question(name, question, kept, answer, str(explanation).strip(), source)


def _without_padding(options: tuple[str, ...]) -> tuple[str, ...]:
    kept = list(options)
    while kept and kept[-1].lower() in {"nan", ""}:
        kept.pop()
    return tuple(kept)


def _numbered(record: Mapping[str, Any]) -> tuple[str, tuple[str, ...], int | None] | str:
    """Read the Hub's form; a text says what is wrong with it."""
    question, options, answer = (record.get(key) for key in ("question", "options", "answer"))
    if not isinstance(question, str) or not isinstance(options, list):
        return "record without question or options"
    numbers, texts = [], []
    for position, option in enumerate(options, 1):
        text = "" if option is None else str(option)
        found = _NUMBERED.match(text)
        numbers.append(int(found[1]) if found else position)
        texts.append(text[found.end() if found else 0 :].strip())
    stated = re.search(r"\d+", str(answer or ""))
    chosen = [index for index, number in enumerate(numbers) if stated and number == int(stated[0])]
    if len(chosen) > 1:
        return "answer points to several options"
    return question.strip(), tuple(texts), chosen[0] if chosen else None


def _lettered(record: Mapping[str, Any]) -> tuple[str, tuple[str, ...], int | None] | str:
    """Read the copy's form: question, options from `A:` on, each at the start of a line."""
    text, label = record.get("question"), record.get("label")
    if not isinstance(text, str) or not isinstance(label, str):
        return "record without question or label"
    body = _BOXED.sub("", text)
    question, introduction, listed = body.rpartition(_INTRODUCTION)
    if not introduction:
        return "no list of options in the question"
    options = _split_letters(listed)
    if options is None:
        return "options cannot be told apart: a letter begins more than one line"
    answer = ord(label.strip()) - ord("A") if re.fullmatch(r"\s*[A-Z]\s*", label) else None
    return question.strip(), options, answer


def _split_letters(listed: str) -> tuple[str, ...] | None:
    """Cut `A:… B:… C:…` where the letters follow each other; None if there are several ways.

    An option may span lines and hold lines that begin like another option. What follows a letter
    directly after `X:` without a blank is an option's mark, as the copy writes it.
    """
    marks = list(_LETTERED.finditer(listed))
    ways: list[list[re.Match[str]]] = [[]]
    for mark in marks:
        longer = [[*way, mark] for way in ways if ord(mark[1]) - ord("A") == len(way)]
        ways += longer
        if len(ways) > 1 << 10:  # no list of options looks like that
            return None
    longest = max(map(len, ways))
    best = [way for way in ways if len(way) == longest]
    if not longest or len(best) > 1 or listed[: best[0][0].start()].strip():
        return None
    ends = [*(mark.start() for mark in best[0][1:]), len(listed)]
    return tuple(listed[mark.end() : end].strip() for mark, end in zip(best[0], ends, strict=True))


def _records(file: UsedFile, problems: Problems) -> Iterator[dict[str, Any]]:
    with open_bytes(file) as stream:
        head = stream.read(len(_PARQUET))
    if head == _PARQUET:
        yield from _parquet(file)
        return
    with open_lines(file) as lines:
        first = lines.read(1)
        if first != "[":
            rest = (first + next(lines, ""), *lines)
            yield from _json_lines(rest, problems)
            return
        try:
            records = json.loads(first + lines.read())
        except json.JSONDecodeError as error:
            message = f"{file.path} is not JSON: {error}; fetch it again"
            raise InputError(message) from error
    for number, record in enumerate(records, 1):
        if isinstance(record, dict):
            yield record
        else:
            problems.add("entry is no JSON object", f"question {number}")


def _json_lines(lines: tuple[str, ...], problems: Problems) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        if isinstance(record, dict):
            yield record
        else:
            problems.add("line is no JSON object", f"line {number}")


def _parquet(file: UsedFile) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file.path) as table:
            for batch in table.iter_batches():
                yield from batch.to_pylist()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        message = f"{file.path} is not a readable Parquet file: {error}"
        raise InputError(message) from error
