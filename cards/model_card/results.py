"""The results of one model out of result files, averaged as the leaderboard averages them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from cards.leaderboard import build_leaderboard
from cards.names import counted, plain
from hf_datasets.errors import InputError, choose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cards.leaderboard import Family, Leaderboard, Mean
    from cards.merge import Source
    from cards.scores import Trial

Row = dict[str, Any]


@dataclass(frozen=True)
class FamilyResult:
    """The model's mean over the tasks of one table."""

    family: Family
    mean: Mean

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The tasks in the mean."""
        return tuple(row.trial for row in self.family.rows if row.shared)

    @property
    def revisions(self) -> list[str]:
        """Of the dataset: one, unless its tasks were scored at several; none if not recorded."""
        return sorted({trial.revision for trial in self.trials if trial.revision})

    @property
    def revision(self) -> str:
        """The one revision of all tasks; empty if there is none."""
        stated = {trial.revision or "" for trial in self.trials}
        return stated.pop() if len(stated) == 1 else ""

    @property
    def protocol(self) -> str:
        """What a number depends on besides model and tasks, in words."""
        parts = [
            ", ".join(sorted({plain(getattr(one, name) or "unknown") for one in self.trials}))
            for name in ("protocol", "probe", "split")
        ]
        shapes = ", ".join(sorted({one.shape for one in self.trials}))
        seeds = sorted({seed for one in self.trials for seed in one.seeds if seed is not None})
        seed = f", seed {', '.join(map(str, seeds))}" if seeds else ""
        return f"{parts[0]} protocol, {parts[1]} probe, {parts[2]} split, {shapes}{seed}"

    @property
    def tasks(self) -> str:
        """How many tasks the mean is over."""
        return counted(len(self.trials), "task")


@dataclass(frozen=True)
class ModelResults:
    """All that the card of a model is made from."""

    name: str
    """As on the leaderboard."""
    board: Leaderboard
    """Of this model alone: its means do not depend on what else was scored."""
    model: str
    """Its name on that board."""
    families: tuple[FamilyResult, ...]
    everyone: Leaderboard
    """Of all models in the result files."""

    @property
    def records(self) -> list[Row]:
        """The provenance of the result files; those without any are not among them."""
        found = (source.provenance for source in self.board.sources)
        return [one for one in found if isinstance(one, dict)]

    @property
    def embeddings(self) -> list[Row]:
        """What the provenance says of the model's embeddings, each once."""
        names = self.board.entries[0].info.embeddings
        listed = [
            one for record in self.records for one in rows(record, "embeddings")
            if one.get("model") == self.model and one.get("source") in names
        ]  # fmt: skip
        return [one for at, one in enumerate(listed) if one not in listed[:at]]

    @property
    def comparable(self) -> bool:
        """Whether the model has the same means beside all other models of the files."""
        beside = {
            _place(family): family.means[self.name].mean
            for family in self.everyone.families
            if self.name in family.means
        }
        return beside == {_place(one.family): one.mean.mean for one in self.families}


def model_results(sources: Sequence[Source], name: str) -> ModelResults:
    """Return the results of one model; InputError for a name that is not in the files.

    `name` is one of the leaderboard's: where two embeddings of a model contradict each other,
    it has the embedding in brackets.
    """
    everyone = build_leaderboard(sources)
    known = {entry.name for entry in everyone.entries}
    if name not in known:
        shown = {plain(one): one for one in sorted(known)}
        name = choose(plain(name), shown, "model", "name one with --model")
    board = build_leaderboard(list(_of_model(sources, name)))
    (model,) = (entry.name for entry in board.entries)
    families = tuple(
        FamilyResult(family, found)
        for family in board.families
        if (found := family.means.get(model))
    )
    if not families:
        message = (
            f"{plain(name)} has no score: its headline metrics are undefined in all folds; "
            "probe it on tasks with more entities"
        )
        raise InputError(message)
    return ModelResults(name, board, model, families, everyone)


def _of_model(sources: Sequence[Source], name: str) -> Iterator[Source]:
    for source in sources:
        model, embedding = source.table["model"], source.table["embedding"]
        divided = pc.binary_join_element_wise(model, pa.scalar(" ("), embedding, pa.scalar(")"), "")
        mine = pc.or_kleene(pc.equal(model, name), pc.equal(divided, name))
        if len(table := source.table.filter(mine)):
            yield replace(source, table=table)


def _place(family: Family) -> tuple[str, str, str, str]:
    return family.dataset, family.config, family.metric, family.variant


def rows(record: Row, name: str) -> list[Row]:
    """Return a list of objects in provenance, which is free-form; other things are passed over."""
    found = record.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def part(record: Row, name: str) -> Row:
    """Return an object in provenance; {} for whatever else stands there."""
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def word(record: Row, name: str) -> str:
    """Return a text or a number in provenance as text; empty for whatever else stands there."""
    found = record.get(name)
    known = isinstance(found, str | int | float) and not isinstance(found, bool)
    return str(found) if known else ""
