"""Our questions as tasks of `lm_eval`, EleutherAI's harness: `probe export-lm-eval`.

A task is a YAML definition and a JSONL file with the finished prompts, so `lm_eval --include_path
DIR --tasks NAME` needs no template and no network:

================  ==================  ========================================================
questions         output_type         metrics
================  ==================  ========================================================
with options      multiple_choice     `acc` is our `accuracy_sum`, `acc_bytes` our `accuracy`
with options      generate_until      `exact_match` of the first integer, as published
yes/no, class     multiple_choice     `acc`, `mcc`
instructions      generate_until      `<metric>_paper`, `<metric>_strict`, by our own scorer,
                                      which `lm_eval` imports: genezoo must be installed there
================  ==================  ========================================================

Several tasks of a dataset are the group `genezoo_<dataset>`. The definitions name the JSONL files
by their full path, because `lm_eval` reads paths from where it is started.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from hf_datasets.biology_instructions.tasks import TASKS, Answer
from hf_datasets.errors import InputError
from hf_datasets.files import write_text
from probes.language.choices import INTEGER
from probes.language.questions import YES_NO, Quiz
from probes.language.results import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OURS = "probes.language.harness"


class _Function(str):
    """The name of a function, `!function NAME` in YAML."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes `_Function` as lm_eval reads it."""


_Dumper.add_representer(
    _Function, lambda dumper, name: dumper.represent_scalar("!function", str(name))
)


def export_tasks(quizzes: Sequence[Quiz], folder: Path) -> dict[str, list[str]]:
    """Write quizzes as tasks into a folder; return the tasks by what lm_eval calls them together.

    InputError for a folder that holds something else than such an export.
    """
    if folder.exists() and not folder.is_dir():
        message = f"--out {folder} is a file; give a folder for the task definitions"
        raise InputError(message)
    folder.mkdir(parents=True, exist_ok=True)
    foreign = [p.name for p in folder.iterdir() if p.suffix not in {".yaml", ".jsonl"}]
    if foreign:
        message = f"--out {folder} holds {foreign[0]}; give an empty folder"
        raise InputError(message)
    groups: dict[str, list[str]] = {}
    for quiz in quizzes:
        groups.setdefault(_plain(f"genezoo_{quiz.dataset}"), []).append(_write(quiz, folder))
    for group, tasks in groups.items():
        if len(tasks) > 1:
            text = yaml.safe_dump({"group": group, "task": tasks}, sort_keys=False)
            write_text(folder / f"{group}.yaml", text)
    return {group if len(tasks) > 1 else tasks[0]: tasks for group, tasks in groups.items()}


def _write(quiz: Quiz, folder: Path) -> str:
    """Write one task; return its name."""
    own = [quiz.config, quiz.task.name, quiz.subtask] if quiz.task else []
    how = [] if quiz.scoring == "log-likelihood" or quiz.task else ["generate"]
    how += ["number"] if quiz.listed and not how else []
    how += ["likelihood"] if quiz.task and quiz.scoring == "log-likelihood" else []
    name = _plain("_".join(["genezoo", quiz.dataset, *filter(None, own), *how]))
    rows = [_row(quiz, at) for at in range(len(quiz.questions))]
    data = folder / f"{name}.jsonl"
    write_text(data, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    definition: dict[str, Any] = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data.resolve())}},
        "test_split": "test",
        "num_fewshot": 0,
        "doc_to_text": "prompt",
        **(_weighed(quiz) if quiz.scoring == "log-likelihood" else _generated(quiz)),
        "metadata": {
            "version": 1.0,
            "dataset": quiz.dataset,
            "dataset_revision": quiz.revision,
            "questions": quiz.total,
        },
    }
    text = yaml.dump(definition, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    write_text(folder / f"{name}.yaml", text)
    return name


def _row(quiz: Quiz, at: int) -> dict[str, Any]:
    question = quiz.questions[at]
    row: dict[str, Any] = {"id": question.id, "prompt": question.prompt.text}
    if quiz.scoring == "log-likelihood":
        known = YES_NO if quiz.task and quiz.task.answer is Answer.YES_NO else question.options
        answer = known.index(question.label) if quiz.task else int(question.label)
        return row | {"options": list(question.prompt.options), "answer": answer}
    if quiz.task is None:
        return row | {"answer": str(int(question.label) + 1)}
    return row | {"answer": question.label, "task": quiz.task.name}


def _weighed(quiz: Quiz) -> dict[str, Any]:
    metrics = ("acc", "mcc") if quiz.task else ("acc", "acc_bytes")
    return {
        "output_type": "multiple_choice",
        "doc_to_choice": "options",
        "doc_to_target": "answer",
        "metric_list": [
            {
                "metric": name,
                "aggregation": "matthews_corrcoef" if name == "mcc" else "mean",
                "higher_is_better": True,
            }
            for name in metrics
        ],
    }


def _generated(quiz: Quiz) -> dict[str, Any]:
    prompt = quiz.questions[0].prompt
    how: dict[str, Any] = {"until": [], "max_gen_toks": prompt.max_tokens}
    how |= {"do_sample": bool(prompt.temperature), "temperature": prompt.temperature}
    shared = {
        "output_type": "generate_until",
        "doc_to_target": "answer",
        "generation_kwargs": how,
    }
    if quiz.task is None:
        first = [
            {"function": "regex", "regex_pattern": INTEGER.pattern},
            {"function": "take_first"},
        ]
        return shared | {
            "filter_list": [{"name": "first-integer", "filter": first}],
            "metric_list": [
                {"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}
            ],
        }
    return shared | {
        "process_results": _Function(f"{OURS}.keep_answer"),
        "metric_list": [
            {
                "metric": f"{metric}_{rule}",
                "aggregation": _Function(f"{OURS}.score_answers"),
                "higher_is_better": True,
            }
            for rule in RULES
            for metric in quiz.task.metrics
        ],
    }


def keep_answer(doc: dict[str, Any], results: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Hand an answer on to `score_answers`; called by lm_eval for each question."""
    return {
        f"{metric}_{rule}": (doc["task"], metric, rule, results[0], doc["answer"])
        for rule in RULES
        for metric in TASKS[doc["task"]].metrics
    }


def score_answers(items: Sequence[tuple[str, ...]]) -> float:
    """Score the answers to a task; called by lm_eval with what `keep_answer` returned.

    NaN where the metric is undefined.
    """
    from probes.language.scoring import score

    name, metric, asked = items[0][:3]
    rule = next(one for one in RULES if one == asked)
    answers, labels = [item[3] for item in items], [item[4] for item in items]
    found = score(TASKS[name], answers, labels, rule, draws=2)
    value = found.values.get(metric)
    return float("nan") if value is None else value


def _plain(name: str) -> str:
    """Write a name as lm_eval takes it on its command line."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()
