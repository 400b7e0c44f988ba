"""Label leakage: how often the text that a model reads says the answer in plain words.

A share of positives that are named matters only beside the share of negatives: the rule "say
yes where the label is named" has the AUROC 1/2 + (positive - negative) / 2, and that is what a
model gets for reading alone. `mask_descriptions` hides the words, so that text models can be
probed on what else they know.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hf_datasets.phrases import MASK, SENTENCE_END, Phrase, sentences, stems_of, task_claims, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from hf_datasets.checks.columns import LabelColumn

ENOUGH = 10
"""A label needs this many positives, and as many negatives, to be the worst of its task."""


class TextIndex:
    """Which of many texts name a phrase: all words once, in one array."""

    def __init__(self, texts: Sequence[str | None]) -> None:
        self.n_texts = len(texts)
        self._numbers: dict[str, int] = {}
        flat: list[int] = []
        sentence_of: list[int] = []
        text_of: list[int] = []
        for number, text in enumerate(texts):
            for sentence in sentences(text or ""):
                stems = [self._number(stemmed) for stemmed in stems_of(sentence)]
                flat += [*stems, -1]
                sentence_of += [len(text_of)] * (len(stems) + 1)
                text_of.append(number)
        self._flat = np.array(flat, dtype=np.int32)
        self._sentence_of = np.array(sentence_of, dtype=np.int32)
        self._text_of = np.array(text_of, dtype=np.int32)
        self._order = np.argsort(self._flat, kind="stable")
        self._starts = np.searchsorted(self._flat[self._order], np.arange(len(self._numbers) + 1))

    def _number(self, stemmed: str) -> int:
        return self._numbers.setdefault(stemmed, len(self._numbers))

    def _places(self, stemmed: str) -> NDArray[np.intp]:
        """Return where a stem stands in the array of all words, in order."""
        number = self._numbers.get(stemmed)
        if number is None:
            return np.empty(0, dtype=np.intp)
        return self._order[self._starts[number] : self._starts[number + 1]]

    def named(self, phrases: Iterable[Phrase]) -> NDArray[np.bool_]:
        """Return, shape (texts,), which texts name any of these phrases."""
        found = np.zeros(self.n_texts, dtype=np.bool_)
        for phrase in phrases:
            find = self._side_by_side if phrase.adjacent else self._together
            found[self._text_of[find(phrase)]] = True
        return found

    def _together(self, phrase: Phrase) -> NDArray[np.int32]:
        rarest_first = sorted((self._places(word) for word in phrase.content), key=len)
        held = np.unique(self._sentence_of[rarest_first[0]])
        for places in rarest_first[1:]:
            held = held[np.isin(held, self._sentence_of[places])]
        return held

    def _side_by_side(self, phrase: Phrase) -> NDArray[np.int32]:
        places = self._places(phrase.words[0])
        for offset, word in enumerate(phrase.words[1:], 1):
            # A sentence ends in -1, so a match never runs on into the next.
            places = places[places + offset < len(self._flat)]
            places = places[self._flat[places + offset] == self._numbers.get(word, -2)]
        return self._sentence_of[places]


@dataclass(frozen=True)
class LabelLeak:
    """How often texts name one label."""

    label: str
    n_positive: int
    """Entities that have the label and a text."""
    n_negative: int
    """Entities that are in the task with a text and do not have it."""
    positive: float
    """Share of the positives whose text names the label."""
    negative: float
    """The same share of the negatives."""

    @property
    def auroc(self) -> float:
        """Area under the ROC curve of the rule "named"."""
        return 0.5 + (self.positive - self.negative) / 2


@dataclass(frozen=True)
class TaskLeak:
    """How often texts name the labels of a task."""

    text: str
    """The text column."""
    positive: float
    """Share of all pairs of entity and label where the entity has the label and it is named."""
    negative: float
    """The same share where the entity does not have the label."""
    labels: tuple[LabelLeak, ...]

    @property
    def large(self) -> list[LabelLeak]:
        """The labels with enough entities to say something."""
        return [one for one in self.labels if min(one.n_positive, one.n_negative) >= ENOUGH]

    @property
    def worst(self) -> LabelLeak | None:
        """The label with the highest AUROC among those."""
        return max(self.large, key=lambda one: one.auroc, default=None)


def task_leak(
    text: str,
    column: LabelColumn,
    named: Callable[[tuple[Phrase, ...]], NDArray[np.bool_]],
    has_text: NDArray[np.bool_],
) -> TaskLeak | None:
    """Measure the leakage of one task, None where no label can be named or nobody has a text.

    Parameters
    ----------
    text
        Name of the text column.
    column
        The task's labels.
    named
        Phrases → shape (rows of the task's table,): whose text names any of them.
    has_text
        Shape (rows,): who has a text.

    """
    inside = column.inside & has_text
    counts = []
    for claim in task_claims(column.task):
        is_named = named(claim.phrases) & inside
        members = column.members[claim.index]
        members = members[inside[members]]
        hit = int(is_named[members].sum())
        others = int(inside.sum()) - len(members)
        counts.append((claim.label, len(members), others, hit, int(is_named.sum()) - hit))
    if not any(n for _, n, _, _, _ in counts):
        return None
    labels = tuple(
        LabelLeak(label, n, others, hit / max(n, 1), miss / max(others, 1))
        for label, n, others, hit, miss in counts
        if n
    )
    totals = [sum(numbers) for numbers in zip(*(one[1:] for one in counts), strict=True)]
    n_positive, n_negative, hits, misses = totals
    return TaskLeak(text, hits / n_positive, misses / max(n_negative, 1), labels)


class Masker:
    """Puts `[…]` where a text names any of some phrases."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._by_anchor: dict[str, list[Phrase]] = defaultdict(list)
        for phrase in set(phrases):
            self._by_anchor[max(phrase.content, key=lambda word: (len(word), word))].append(phrase)

    def mask(self, text: str) -> str:
        """Return the text without the words that name a label; equal texts give equal ones."""
        return "".join(
            piece if piece.isspace() else self._mask_sentence(piece)
            for piece in SENTENCE_END.split(text)
        )

    def _mask_sentence(self, sentence: str) -> str:
        stems = stems_of(sentence)
        there = set(stems)
        here = [
            phrase
            for anchor in there & self._by_anchor.keys()
            for phrase in self._by_anchor[anchor]
            if there.issuperset(phrase.content)
        ]
        if not here:
            return sentence
        for phrase in sorted(here, key=lambda one: (-len(one.words), one)):
            _hide(phrase, stems)
        return _write(sentence, list(words(sentence)), [stemmed == MASK for stemmed in stems])


def _hide(phrase: Phrase, stems: list[str]) -> None:
    """Overwrite with MASK the phrase itself, or its words where they stand apart."""
    length = len(phrase.words)
    for start in range(len(stems) - length + 1):
        if tuple(stems[start : start + length]) == phrase.words:
            stems[start : start + length] = [MASK] * length
    if not phrase.adjacent and set(phrase.content) <= set(stems):
        stems[:] = [MASK if stemmed in phrase.content else stemmed for stemmed in stems]


def _write(sentence: str, tokens: list[tuple[int, int, str]], hidden: list[bool]) -> str:
    """Write a sentence with one mask for every run of hidden words that no comma parts."""
    pieces: list[str] = []
    done = 0
    for (start, end, _), is_hidden in zip(tokens, hidden, strict=True):
        if is_hidden:
            gap = sentence[done:start]
            joined = pieces[-1:] == [MASK] and not set(gap) & set(",:()[]")
            pieces += [] if joined else [gap, MASK]
        else:
            pieces.append(sentence[done:end])
        done = end
    return "".join([*pieces, sentence[done:]])


def mask_description(text: str, phrases: Iterable[Phrase]) -> str:
    """Return `text` with `[…]` for the words that name any of `phrases`; for many, use Masker."""
    return Masker(phrases).mask(text)


def mask_descriptions(texts: Iterable[str | None], phrases: Iterable[Phrase]) -> list[str | None]:
    """Return the column `description_masked` of a `description` column.

    `phrases` are those of all tasks of the dataset (`dataset_phrases`), so that one column
    serves all of them. Symbols stay, but for one that is itself a word of a label. A null
    stays a null. The masked text names none of the phrases.
    """
    masker = Masker(phrases)
    return [None if text is None else masker.mask(text) for text in texts]
