"""Questions x a language model -> answers and scores: look up, estimate, ask, score.

Batches are planned from all questions, whatever was answered before, so that a run that was
killed goes on with the same batches as it would have had.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from hf_datasets import __version__
from hf_datasets.command import progress, say
from hf_datasets.errors import one_line, shorten
from probes.language.estimate import Estimate, Prices, estimate
from probes.language.pooled import score_pooled
from probes.language.results import Scored, score_quiz

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from probes.language.answers_file import AnswerCache
    from probes.language.asking import AskSettings, Group, LanguageModel, Prompt, Reply
    from probes.language.questions import Quiz

TRIED = 3
"""Batches by which the rate is measured, for each that runs at a time."""
WORTH_IT = 4
"""The rate is measured where there are so many times more batches than that."""


@dataclass(frozen=True)
class Asked:
    """What a run found."""

    rows: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    provenance: dict[str, Any]
    summary: list[str]
    problems: list[str]


@dataclass(frozen=True)
class Plan:
    """A run before anything is asked."""

    model: LanguageModel
    cache: AnswerCache
    quizzes: Sequence[Quiz]
    prompts: list[Prompt]
    """Each once."""
    places: list[list[int]]
    """For each quiz the prompts of its questions."""
    groups: list[Group]
    """All batches."""
    known: dict[int, Reply]
    """Prompts that were answered before."""

    @property
    def left(self) -> list[Group]:
        """Batches with something to ask."""
        return [group for group in self.groups if any(at not in self.known for at in group)]


def plan_questions(quizzes: Sequence[Quiz], model: LanguageModel, cache: AnswerCache) -> Plan:
    """Decide what is asked at once, and look up what was answered before."""
    index: dict[Prompt, int] = {}
    places = [
        [index.setdefault(question.prompt, len(index)) for question in quiz.questions]
        for quiz in quizzes
    ]
    prompts = list(index)
    return Plan(model, cache, quizzes, prompts, places, model.groups(prompts), cache.read(prompts))


def expect(plan: Plan, prices: Prices) -> Estimate:
    """Count what is left to ask."""
    left = [plan.prompts[at] for group in plan.left for at in group]
    return estimate(plan.model, left, len(plan.prompts) - len(left), prices)


def measure(plan: Plan) -> float | None:
    """Ask a few batches and return the rate in prompts a second; their answers are kept.

    None where there is too little to do to make it worth while.
    """
    left = plan.left
    count = TRIED * plan.model.together
    if len(left) < WORTH_IT * count:
        return None
    picked = left[:: len(left) // count][:count]
    start = time.perf_counter()
    _ask(plan, picked)
    return sum(map(len, picked)) / (time.perf_counter() - start)


def answer(plan: Plan) -> list[Reply]:
    """Ask all that is left; return the replies to all prompts, in order."""
    left = plan.left
    with progress(
        len(plan.prompts), "prompts", "ask", len(plan.prompts) - sum(map(len, left))
    ) as bar:
        failed = _ask(plan, left, bar.update)
    return [failed.get(at) or plan.known[at] for at in range(len(plan.prompts))]


def _ask(
    plan: Plan, groups: Sequence[Group], done: Callable[[int], object] | None = None
) -> dict[int, Reply]:
    """Ask some groups; what was answered goes into the plan and the cache, errors come back."""
    failed = {}
    for group, replies in plan.model.ask(plan.prompts, groups):
        plan.cache.write([plan.prompts[at] for at in group], replies)
        for at, reply in zip(group, replies, strict=True):
            if reply.error is None:
                plan.known[at] = reply
            else:
                failed[at] = reply
        if done is not None:
            done(len(group))
    return failed


def score_all(
    plan: Plan,
    replies: Sequence[Reply],
    settings: AskSettings,
    *,
    timings: bool = False,
) -> Asked:
    """Score the replies quiz by quiz."""
    scored: list[Scored] = []
    problems = []
    for quiz, places in zip(plan.quizzes, plan.places, strict=True):
        mine = [replies[at] for at in places]
        one = score_quiz(quiz, mine, plan.model, seed=settings.seed, timings=timings)
        scored.append(one)
        if one.failed:
            reasons = dict.fromkeys(one_line(reply.error) for reply in mine if reply.error)
            # Weighed classes are scored as an embedding's are, which may lack a vector.
            left_out = quiz.task is not None and quiz.scoring == "log-likelihood"
            fate = "are left out" if left_out else "count as wrong"
            problems.append(
                f"{one.failed:,} of {len(mine):,} questions of {quiz.name} have no answer and "
                f"{fate}: {shorten(reasons, 2)}"
            )
    replied = (
        (quiz, [replies[at] for at in places])
        for quiz, places in zip(plan.quizzes, plan.places, strict=True)
    )
    pooled, pooled_lines = score_pooled(replied, plan.model, seed=settings.seed)
    return Asked(
        [*(row for one in scored for row in one.rows), *pooled],
        [row for one in scored for row in one.answers],
        _provenance(plan, scored, settings) | {"problems": problems},
        [*(line for one in scored for line in one.summary), *pooled_lines],
        problems,
    )


def _provenance(plan: Plan, scored: Sequence[Scored], settings: AskSettings) -> dict[str, Any]:
    """Return what the numbers come from, without times or machine names."""
    model, quizzes = plan.model, plan.quizzes
    identity = model.identity()
    libraries = ("numpy", "torch", "transformers") if identity["kind"] == "transformers" else ()
    datasets = {(quiz.dataset, quiz.revision): None for quiz in quizzes}
    return {
        **asdict(settings),
        "versions": {"genezoo": __version__} | {name: version(name) for name in libraries},
        "language_model": {"name": model.name, **identity},
        "datasets": [{"dataset": name, "revision": revision} for name, revision in datasets],
        "quizzes": [
            {
                "task": quiz.place.task,
                "table": f"{quiz.dataset}/{quiz.config}",
                "subtask": quiz.subtask,
                "scoring": quiz.scoring,
                "options_listed": quiz.listed,
                "asked": len(quiz.questions),
                "questions": quiz.total,
                "failed": one.failed,
                "scores": one.details,
            }
            for quiz, one in zip(quizzes, scored, strict=True)
        ],
    }


def tell_sample(quizzes: Sequence[Quiz]) -> None:
    """Say where not all questions are asked."""
    for quiz in quizzes:
        if len(quiz.questions) < quiz.total:
            say(
                f"note: {quiz.name}: a sample of {len(quiz.questions):,} of {quiz.total:,} "
                f"questions ({len(quiz.questions) / quiz.total:.1%})"
            )
