"""Words that decide, deny, hedge and evade, and yes-no answers made of them."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache
from typing import TYPE_CHECKING

from probes.language.parsed import Reason, UnreadableError
from probes.language.reading import Segment, clauses, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_I = re.IGNORECASE
_KNOW = (
    r"(?:be\s)?(?:know|tell|say|determined?|predict|answer|provide|conclude|confirm|decide|assess"
    r"|assist|help|predicted|known|said|told)"
)
EVASIVE = re.compile(
    rf"\b(?:(?:(?:do|does|did|ca|could|would)n't|(?:do|does|did|can|could|would)\snot|dont|cant"
    rf"|cannot|(?:not\sable|unable|not\spossible|impossible|hard|difficult)\sto)\s{_KNOW}"
    r"|unsure|not\s(?:sure|certain|known|clear|applicable|enough\s(?:information|data|evidence"
    r"|context))|insufficient|inconclusive|undetermined|indeterminate|no\sidea|n/a|it\sdepends"
    r"|as\san\sai|i\sneed\smore|more\sinformation\sis\sneeded)(?!\w)",
    _I,
)
HEDGE = re.compile(
    r"\b(?:likely|unlikely|probably|possibly|perhaps|maybe|may|might|could|potentially|presumably"
    r"|apparently|seems?|appears?|suggests?|guess|unclear|unknown|uncertain|tentative(?:ly)?)\b",
    _I,
)
NEGATOR = (
    r"\b(?:not(?!\sonly\b)|never|neither|nor|cannot|without(?!\s(?:a\s|any\s)?doubt)|non"
    r"|no(?!\s(?:doubt|question)\b)|lack(?:s|ing)?|absence|fail(?:s|ed)?"
    r"|rather\sthan|instead\sof|except|excluding|rule[sd]?\sout)\b(?!-)|n't\b"
)
_NEGATES = re.compile(NEGATOR, _I)
_END = re.compile(r"\W*\Z")
_PLACE = r"(?=\W*\Z|\s(?:in|within|at|on|here)\b)"
_EDGE = r"(?<![\w-])"
YES = rf"{_EDGE}(?:yes|positive|true|(?:present|detected){_PLACE})\b(?!-)"
NO = rf"{_EDGE}(?:negative|false|(?:absent|undetected){_PLACE})\b(?!-)"
OWN_WORDS = {
    "solubility": ("soluble", "insoluble"),
    "rpi": ("interacts?", ""),
    "epi": ("interacts?", ""),
    "aan": (r"neutrali[sz]e[sd]?", ""),
    "tb-human": ("binds?", ""),
    "tb-mouse": ("binds?", ""),
}
"""Words that decide one task's question only: for yes and for no."""


def require_commitment(segment: Segment) -> None:
    """Refuse a text that says it has no answer, or that holds its own conclusion in doubt."""
    if EVASIVE.search(segment.text) or EVASIVE.search(segment.lead):
        raise UnreadableError(Reason.EVASIVE)
    if HEDGE.search(segment.lead):
        raise UnreadableError(Reason.HEDGED)
    last = list(clauses(segment.lead))[-1:]
    if any(_NEGATES.search(one) for one in last):
        raise UnreadableError(Reason.DOUBLE_NEGATION)


def yes_or_no(task: str, segment: Segment) -> bool:
    """Read a text that must say yes or no, once or repeatedly, and not both.

    A decision is "yes", "no" where it stands for itself, positive, negative, true, false,
    present, absent, detected, or a word of OWN_WORDS; one denial before it in its clause turns
    it round ("not positive"), a second one makes it unreadable, as does a hedge in its sentence.
    Questions and conditions say nothing.
    """
    require_commitment(segment)
    votes: set[bool] = set()
    doubted = False
    for sentence in statements(segment.text):
        mine = {vote for clause in clauses(sentence) for vote in _votes(task, clause)}
        doubted = doubted or bool(mine and HEDGE.search(sentence))
        votes |= mine
    if len(votes) > 1:
        raise UnreadableError(Reason.CONTRADICTION)
    if doubted:
        raise UnreadableError(Reason.HEDGED)
    if not votes:
        raise UnreadableError(_silence(segment.text))
    return votes.pop()


def _silence(text: str) -> Reason:
    """Why a text without a decision has none."""
    return Reason.EVASIVE if HEDGE.search(text) else Reason.NO_ANSWER


def _votes(task: str, clause: str) -> Iterator[bool]:
    denials = 0
    for found in _decisions(task).finditer(clause):
        vote = found.lastgroup
        if vote == "negator":
            alone = found.group().lower() == "no" and _END.match(clause, found.end())
            if not alone:
                denials += 1
                continue
            vote = "no"
        if denials and found.group().lower() == "yes":
            raise UnreadableError(Reason.CONTRADICTION)  # "no/yes"
        if denials > 1:
            raise UnreadableError(Reason.DOUBLE_NEGATION)
        yield (vote == "yes") != bool(denials)


@cache
def _decisions(task: str) -> re.Pattern[str]:
    yes, no = OWN_WORDS.get(task, ("", ""))
    both = [
        rf"{word}|{_EDGE}(?:{own})\b(?!-)" if own else word for word, own in ((YES, yes), (NO, no))
    ]
    return re.compile(rf"(?P<negator>{NEGATOR})|(?P<yes>{both[0]})|(?P<no>{both[1]})", _I)


def names_said(
    segment: Segment, pattern: re.Pattern[str], name_of: Callable[[re.Match[str]], str]
) -> tuple[str, ...]:
    """Return the names that a text asserts, in the order of their first mention.

    A name is denied by one denial before it in its clause ("not a tRNA") or by a no right after
    it ("m6A: no"). UnreadableError for a name both asserted and denied, for two denials, for a
    hedge in a sentence that asserts, and where nothing is asserted.
    """
    require_commitment(segment)
    said: dict[str, None] = {}
    denied: set[str] = set()
    doubted = False
    for sentence in statements(segment.text):
        hedged = HEDGE.search(sentence) is not None
        for clause in clauses(sentence):
            for name, denials in _mentions(clause, pattern, name_of):
                if denials > 1:
                    raise UnreadableError(Reason.DOUBLE_NEGATION)
                if denials:
                    denied.add(name)
                else:
                    said[name] = None
                    doubted = doubted or hedged
    if said.keys() & denied:
        raise UnreadableError(Reason.CONTRADICTION)
    if doubted:
        raise UnreadableError(Reason.HEDGED)
    if not said:
        raise UnreadableError(_silence(segment.text))
    return tuple(said)


_REFUSED = re.compile(
    r"\s{0,3}(?:[:=-]\s{0,3}(?:no|false|absent|negative|0(?![.\d]))|(?:is|are)\s(?:absent|not))\b",
    _I,
)


def _mentions(
    clause: str, pattern: re.Pattern[str], name_of: Callable[[re.Match[str]], str]
) -> Iterator[tuple[str, int]]:
    """Yield every name in a clause, and how often it is denied."""
    found = list(pattern.finditer(clause))
    refusals = [_REFUSED.match(clause, one.end()) for one in found]
    starts = [one.start() for one in found]
    ends = [(no or one).end() for one, no in zip(found, refusals, strict=True)]
    denials: list[int] = []
    for one in _NEGATES.finditer(clause) if found else ():
        at = bisect_right(starts, one.start()) - 1
        # The no of "no modification" and of "m6A: no" is not about the names that follow.
        if at < 0 or one.start() >= ends[at]:
            denials.append(one.start())
    for one, no in zip(found, refusals, strict=True):
        yield name_of(one), bisect_right(denials, one.start()) + (no is not None)
