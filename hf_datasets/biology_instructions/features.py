"""The columns of the tables: four of instructions, one a task of sequences, one a pair's inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.biology_instructions.tasks import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import datasets

    from hf_datasets.biology_instructions.tasks import InstructionTask


def instruction_features() -> datasets.Features:
    """Return the columns of an instruction table.

    `id`, the same as in the sequence table · `task` · `subtask`, empty if there is one data set ·
    `phrasing`, which wording · `instruction`, the whole prompt · `output`, a sentence that holds
    the answer · `label`, its canonical text (see `answers`).
    """
    import datasets

    text = datasets.Value("string")
    return datasets.Features(
        {
            "id": text,
            "task": text,
            "subtask": text,
            "phrasing": datasets.Value("int32"),
            "instruction": text,
            "output": text,
            "label": text,
        }
    )


def sequence_features(
    task: InstructionTask, classes: Sequence[str], columns: Sequence[str]
) -> datasets.Features:
    """Return the columns of a task's sequence table.

    `id`, `sequence`, `split`, `subtask` where there are several, and the label columns. For two
    molecules `id_a` and `id_b` are the key, rows of the table of single sequences; a pair that
    comes again has names of its own, ending in `.2`, so that each row is one entity.
    `classes`: the EC numbers; elsewhere those of the task. `columns`: the label columns that have
    rows, of `task.label_columns`.
    """
    import datasets

    text = datasets.Value("string")
    single = {"id": text, "sequence": text}
    pair = {"id": text, "id_a": text, "id_b": text, "sequence_a": text, "sequence_b": text}
    about = {"split": text} | ({"subtask": text} if task.subtasks else {})
    labels: dict[Answer, object] = {
        Answer.YES_NO: datasets.ClassLabel(names=["no", "yes"]),
        Answer.NUMBER: datasets.Value("float32"),
        Answer.NUMBERS: datasets.Value("float32"),
    }
    if task.answer is Answer.CLASS:
        labels[Answer.CLASS] = datasets.ClassLabel(names=list(classes))
    elif task.answer in {Answer.LABELS, Answer.EC}:
        labels[task.answer] = datasets.List(datasets.ClassLabel(names=list(classes)))
    table = (pair if task.is_pair else single) | about
    return datasets.Features(table | dict.fromkeys(columns, labels[task.answer]))


def input_features() -> datasets.Features:
    """Return the columns of the single sequences of pairs: `id`, `molecule`, `sequence`."""
    import datasets

    text = datasets.Value("string")
    return datasets.Features({"id": text, "molecule": text, "sequence": text})
