"""What it means that a text names a label in plain words.

Words are compared in lower case and by a light stem (plural endings and -ing are cut); little
words such as "of" do not count. A text names a label if one of its sentences holds all content
words of the label, in any order. Where a label has very short words or numbers ("class I",
"chromosome 1"), they must stand side by side. No synonyms, but for a few abbreviations.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from hf_datasets.task import TaskType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hf_datasets.task import Task

MASK = "[…]"
"""What stands in a masked text for words that name a label; no phrase holds it."""
WORD = re.compile(r"\[…\]|[^\W_]+(?:['’]s(?![^\W_]))?")  # noqa: RUF001  both apostrophes occur
SENTENCE_END = re.compile(r"(?<=[.;!?])(\s+)")
"""White space after an end mark; splitting by it keeps it, at the odd places."""
STOP_WORDS = frozenset(
    "a an and are as at by for from has in into is of on or the to via vs with".split()  # noqa: SIM905
)
GENERIC = frozenset(("gene", "protein", "predicted", "other"))
"""Stems that say nothing in a benchmark of genes: a label is named without them."""
ABBREVIATIONS = {"tf": "transcription factor", "er": "endoplasmic reticulum"}
YES = frozenset(("yes", "true", "positive", "present", "1"))
NO = frozenset(("no", "false", "negative", "absent", "0"))
NEGATIONS = frozenset(("no", "non", "not", "none", "without", "unknown"))
SHORT = 2
"""Words of this many characters or fewer, and numbers, only count beside the rest of a label."""
_LONG_ENOUGH = 3
_ENDINGS = (("sses", "ss"), ("uses", "us"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"))


@lru_cache(maxsize=1 << 18)
def stem(word: str) -> str:
    """Return a word in lower case without its plural or -ing ending."""
    word = re.sub(r"['’]s$", "", word.lower())  # noqa: RUF001
    if len(word) <= _LONG_ENOUGH or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > _LONG_ENOUGH + 1:
        return word[:-3] + "y"
    for ending, put in _ENDINGS:
        if word.endswith(ending):
            return word.removesuffix(ending) + put
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    bare = word.removesuffix("ing")
    return bare if len(bare) > _LONG_ENOUGH - 1 and re.search("[aeiouy]", bare) else word


def sentences(text: str) -> list[str]:
    """Return the sentences of a text."""
    return SENTENCE_END.split(text)[::2]


def stems_of(sentence: str) -> list[str]:
    """Return the stems of all words but the stop words, in order; a mask counts as a word."""
    return [stemmed for stemmed in map(stem, WORD.findall(sentence)) if stemmed not in STOP_WORDS]


def words(sentence: str) -> Iterator[tuple[int, int, str]]:
    """Yield the same with their places: start, end, stem."""
    for match in WORD.finditer(sentence):
        stemmed = stem(match[0])
        if stemmed not in STOP_WORDS:
            yield match.start(), match.end(), stemmed


@dataclass(frozen=True, order=True)
class Phrase:
    """The words that name a label."""

    words: tuple[str, ...]
    """Stems in order, without stop words."""
    content: tuple[str, ...]
    """Those that must all be in a sentence."""
    adjacent: bool
    """Whether `words` must stand side by side in their order."""


def phrase_of(text: str) -> Phrase | None:
    """Return the phrase of a plain text, None if it has no content word."""
    stems = tuple(stemmed for stemmed in stems_of(text) if stemmed != MASK)
    content = tuple(dict.fromkeys(word for word in stems if word not in GENERIC))
    if not content:
        return None
    return Phrase(stems, content, any(_is_short(word) for word in stems))


def _is_short(word: str) -> bool:
    return len(word) <= SHORT or word.isdigit()


@dataclass(frozen=True)
class Claim:
    """A label of a task, and the phrases of which any one names it."""

    label: str
    """Its name; of a yes/no task, the words of the column."""
    index: int
    """Its index among the task's classes."""
    phrases: tuple[Phrase, ...]


def is_yes_no(task: Task) -> bool:
    """Whether the classes only say yes or no, so that the column's name is what is asked."""
    return task.type is TaskType.BINARY and {name.lower() for name in task.classes} <= YES | NO


def task_claims(task: Task) -> list[Claim]:
    """Return the labels of a task that a gene's text can name; none for numbers and for pairs.

    A yes/no task has one, named by the words of its column. Labels that negate ("not detected")
    are left out: their words are those of the opposite.
    """
    if task.is_pair:
        return []
    if is_yes_no(task):
        phrases = _phrases(task.column, task.column)
        indices = [index for index, name in enumerate(task.classes) if name.lower() in YES]
        asked = task.column.replace("_", " ")
        return [Claim(asked, index, phrases) for index in indices if phrases]
    return [
        Claim(label, index, phrases)
        for index, label in enumerate(task.classes)
        if not _negates(label) and (phrases := _phrases(label, task.column))
    ]


def _negates(label: str) -> bool:
    first = WORD.search(label)
    return first is None or first[0].lower() in NEGATIONS


def _phrases(label: str, column: str) -> tuple[Phrase, ...]:
    """Return the phrases of a label; a bare "1" or "X" is taken with the name of its column."""
    spelt = " ".join(ABBREVIATIONS.get(word.lower(), word) for word in _split(label))
    plain = phrase_of(label)
    if plain and all(_is_short(word) for word in plain.words):
        plain = phrase_of(f"{column} {label}") if label != column else None
    found = (plain, phrase_of(spelt) if spelt != " ".join(_split(label)) else None)
    return tuple(dict.fromkeys(phrase for phrase in found if phrase is not None))


def _split(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


def dataset_phrases(tasks: Iterable[Task]) -> tuple[Phrase, ...]:
    """Return every phrase that names a label of any of these tasks, sorted, each once."""
    return tuple(
        sorted(
            {phrase for task in tasks for claim in task_claims(task) for phrase in claim.phrases}
        )
    )
