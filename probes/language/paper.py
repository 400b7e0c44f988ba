"""How the authors of Biology-Instructions read answers (arXiv 2412.19191), rule for rule.

The rules are lenient and rough, and kept so: numbers under this name can be held against the
published ones. What they do, where it may surprise:

- Yes or no: "yes" anywhere in the text, then "no" and some phrases anywhere, as letters and not
  as words: "know", "none" and "annotation" hold a "no", so that "I don't know" is a no. "positive"
  and "negative" are no keywords. What has no keyword goes to a sentiment model in the original
  (twitter-roberta-base-sentiment-latest; positive above negative is a yes). There is none here:
  such answers count as wrong, under a reason of their own, unless the caller brings a model.
- A number: the first digits, read without exponent, leading point or thousands separator, to
  six significant digits. Several numbers: only if there are exactly as many as asked for.
- A class: the longest name that stands in the text, case and all, even in "not a tRNA".
- Labels: all names that stand in the text as words, "none" among them. Where there is none and
  the truth is "none", the original looks for a no (`denies`): the truth leaks into the reading.
- EC numbers: all that look like one; those outside the list of labels are dropped unpunished.
"""

from __future__ import annotations

import math
import re
from itertools import islice
from typing import TYPE_CHECKING

from hf_datasets.biology_instructions.tasks import Answer
from probes.language.parsed import Reason, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hf_datasets.biology_instructions.tasks import InstructionTask
    from probes.language.parsed import Value

NONE = "none"
"""The label of what has none of the others."""
YES = ("yes",)
NO = (
    "no", "absence", "not found", "not detected", "not associated", "not inferred", "not linked",
    "does not indicate", "no evidence", "not predicted", "absent",
)  # fmt: skip
DONT_KNOW = ("don't know", "unknown", "unsure", "uncertain", "not applicable")
LONGEST_FIRST = (
    "Intron_gpII", "Intron_gpI", "riboswitch", "5_8S_rRNA", "ribozyme", "HACA-box", "5S_rRNA",
    "CD-box", "leader", "scaRNA", "miRNA", "tRNA", "IRES",
)  # fmt: skip
"""Families of non-coding RNA in the order they are looked for."""
NUMBER = re.compile(r"-?\d++\.?\d*+")
# The look-behind changes no match, but keeps the search linear in long runs of digits.
EC_NUMBER = re.compile(r"(?<!\d)\d++\.\d++\.\d++\.-?\d*+")


def read_paper(
    task: InstructionTask, answer: str | None, sentiment: Callable[[str], bool] | None = None
) -> Value:
    """Read an answer as the paper's scorer does.

    Parameters
    ----------
    task
        What was asked.
    answer
        The model's text.
    sentiment
        Whether a text is positive rather than negative, for yes-no answers without a keyword.

    Raises
    ------
    UnreadableError
        Where the original has nothing to score, or needs a sentiment model that is not there.

    """
    if answer is None or not answer.strip():
        raise UnreadableError(Reason.EMPTY)
    match task.answer:
        case Answer.YES_NO:
            return _yes_no(answer, sentiment)
        case Answer.CLASS:
            return _family(task, answer)
        case Answer.LABELS:
            return _labels(task, answer)
        case Answer.EC:
            return _required(tuple(dict.fromkeys(EC_NUMBER.findall(answer))))
        case Answer.NUMBER:
            return _numbers(answer, 1, more=True)[0]
        case Answer.NUMBERS:
            numbers = _numbers(answer, len(task.keys), more=False)
            return dict(zip(task.keys, numbers, strict=True))


def denies(answer: str | None, sentiment: Callable[[str], bool] | None = None) -> bool:
    """Whether an answer that names no label is taken for "none", which the original asks only
    where that is the truth.
    """  # noqa: D205
    try:
        if answer is None or not answer.strip():
            return False
        return not _yes_no(answer, sentiment)
    except UnreadableError:
        return False


def _yes_no(answer: str, sentiment: Callable[[str], bool] | None) -> bool:
    text = answer.lower()
    if any(word in text for word in YES):
        return True
    if any(word in text for word in NO):
        return False
    if any(word in text for word in DONT_KNOW):
        raise UnreadableError(Reason.EVASIVE)
    if sentiment is None:
        raise UnreadableError(Reason.NEEDS_SENTIMENT)
    return bool(sentiment(answer))


def _family(task: InstructionTask, answer: str) -> str:
    order = LONGEST_FIRST if set(LONGEST_FIRST) == set(task.classes) else sorted(
        task.classes, key=len, reverse=True
    )  # fmt: skip
    found = next((name for name in order if name in answer), None)
    if found is None:
        raise UnreadableError(Reason.NO_ANSWER)
    return found


def _labels(task: InstructionTask, answer: str) -> tuple[str, ...]:
    names = (*(name for name in task.classes if name != NONE), NONE)
    return _required(tuple(name for name in names if re.search(rf"\b{re.escape(name)}\b", answer)))


def _numbers(answer: str, wanted: int, *, more: bool) -> list[float]:
    texts = [found.group() for found in islice(NUMBER.finditer(answer), wanted + 1)]
    if not texts:
        raise UnreadableError(Reason.NO_ANSWER)
    if len(texts) != wanted and not (more and texts):
        raise UnreadableError(Reason.SEVERAL if len(texts) > wanted else Reason.NO_ANSWER)
    numbers = [float(f"{float(text):.6g}") for text in texts[:wanted]]
    if not all(map(math.isfinite, numbers)):
        raise UnreadableError(Reason.NOT_FINITE)
    return numbers


def _required(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise UnreadableError(Reason.NO_ANSWER)
    return names
