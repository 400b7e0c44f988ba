"""Builder of `biology-instructions`: 21 tasks, as instructions and as sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import datasets

from hf_datasets.biology_instructions import answers, phrasings
from hf_datasets.biology_instructions.features import (
    input_features,
    instruction_features,
    sequence_features,
)
from hf_datasets.biology_instructions.report import build_record, card_sections
from hf_datasets.biology_instructions.rows import Rows
from hf_datasets.biology_instructions.tasks import CONFIGS, DATASET, INPUTS, TASKS
from hf_datasets.errors import InputError
from hf_datasets.sourced import SourcedBuilder
from hf_datasets.sources.labelled import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from hf_datasets.biology_instructions.spool import Spool
    from hf_datasets.biology_instructions.tasks import InstructionTask
    from hf_datasets.build import BuildOptions

VERSION = "1.0.0"
_INPUTS = {INPUTS.format(task.name): task.name for task in TASKS.values() if task.is_pair}
ALL_CONFIGS = (*CONFIGS, *TASKS, *_INPUTS)
"""Instruction tables, a sequence table a task, and the single sequences of pairs."""


class BiologyInstructionsContent:
    """All tables of one build."""

    def __init__(self, options: BuildOptions) -> None:
        self.rows = Rows(options)

    @property
    def digest(self) -> str:
        """A sha256 over the sources."""
        return self.rows.digest

    @property
    def unavailable(self) -> dict[str, str]:
        """Source that cannot be had → why."""
        return self.rows.unavailable

    def configs(self) -> list[str]:
        """Return the tables that have rows."""
        there = self.rows.spools
        tables = {TASKS[name].config for name in there} | there.keys()
        return [one for one in ALL_CONFIGS if one in tables or _INPUTS.get(one) in there]

    def missing(self) -> dict[str, str]:
        """Return path of a task or data set that is not there in full → why."""
        return self.rows.missing()

    def splits(self, config: str) -> list[str]:
        """Return the splits of a table; those of sequences have one, `split` says which."""
        if config not in CONFIGS:
            return ["train"]
        spools = self._spools(config)
        return [split for split in SPLITS if any(split in spool.splits for spool in spools)]

    def features(self, config: str) -> datasets.Features:
        """Return the columns of a table."""
        if config in CONFIGS:
            return instruction_features()
        if config in _INPUTS:
            return input_features()
        task, counts = TASKS[config], self.rows.spools[config].counts
        there = {subtask for subtask, _ in counts}
        columns = [one for one in task.label_columns if not task.subtasks or one in there]
        return sequence_features(task, self.rows.classes(config), columns)

    def batches(self, config: str, split: str) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of a split of a table, some at a time."""
        if config in CONFIGS:
            for spool in self._spools(config):
                if split in spool.splits:
                    yield from _instructions(spool, split)
        elif config in _INPUTS:
            yield from self.rows.spools[_INPUTS[config]].rows("inputs")
        else:
            spool, classes = self.rows.spools[config], self.rows.classes(config)
            for part in spool.splits:
                for batch in spool.rows(part):
                    yield [_sequence_row(spool.task, part, row, classes) for row in batch]

    def _spools(self, config: str) -> list[Spool]:
        return [one for one in self.rows.spools.values() if one.task.config == config]

    def record(self) -> dict[str, Any]:
        """Return what `build.json` says about sources and tasks."""
        return build_record(self.rows)

    def card(self) -> list[str]:
        """Return the sections of the README that come after the task table."""
        return card_sections(self.rows)


def _instructions(spool: Spool, split: str) -> Iterator[list[dict[str, Any]]]:
    task = spool.task
    for batch in spool.rows(split):
        rows = []
        for row in batch:
            chosen = phrasings.phrasing_of(row["id"], task)
            rows.append(
                {
                    "id": row["id"],
                    "task": task.name,
                    "subtask": row["subtask"],
                    "phrasing": chosen,
                    "instruction": phrasings.instruction(
                        task, chosen, row["sequences"], row["subtask"]
                    ),
                    "output": phrasings.output(task, row["label"]),
                    "label": row["label"],
                }
            )
        yield rows


def _sequence_row(
    task: InstructionTask, split: str, row: dict[str, Any], classes: Iterable[str]
) -> dict[str, Any]:
    labels = answers.columns(task, row["label"], row["subtask"], tuple(classes))
    parts = {"split": split, **({"subtask": row["subtask"]} if task.subtasks else {}), **labels}
    if not task.is_pair:
        return {"id": row["id"], "sequence": row["sequences"][0], **parts}
    names = ("id_a", "id_b"), ("sequence_a", "sequence_b")
    pair = dict(zip(names[0], row["entities"], strict=True))
    pair |= zip(names[1], row["sequences"], strict=True)
    return {"id": row["id"], **pair, **parts}


class BiologyInstructions(SourcedBuilder):
    """21 tasks on DNA, RNA and proteins, after Biology-Instructions (arXiv 2412.19191).

    Each task has two faces with the same rows: an instruction for language models and a sequence
    with a typed label for embeddings. Rows come from the tasks' origins, with their splits, or
    from a user's copy of the published records.
    """

    CONTENT = BiologyInstructionsContent
    VERSION = datasets.Version(VERSION)
    BUILDER_CONFIGS: ClassVar[list[datasets.BuilderConfig]] = [
        datasets.BuilderConfig(name=name, version=datasets.Version(VERSION)) for name in ALL_CONFIGS
    ]

    def _info(self) -> datasets.DatasetInfo:
        # The classes are those of the data: _split_generators adds the features.
        return datasets.DatasetInfo()

    def _split_generators(
        self, dl_manager: datasets.DownloadManager
    ) -> list[datasets.SplitGenerator]:
        del dl_manager  # sources/fetch.py resumes, bounds and records what it downloads
        config = self.config.name
        if config not in self.content.configs():
            message = (
                f"nothing of {DATASET}/{config} can be built from the sources at hand: "
                f"{next(iter(self.content.missing().values()))}"
            )
            raise InputError(message)
        self.info.features = self.content.features(config)
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"split": split})
            for split in self.content.splits(config)
        ]

    def _generate_tables(self, split: str) -> Iterator[tuple[int, pa.Table]]:
        import pyarrow as pa

        schema = self.info.features.arrow_schema
        for number, rows in enumerate(self.content.batches(self.config.name, split)):
            yield number, pa.Table.from_pylist(rows, schema=schema)
