"""The small figures of model and dataset cards: their numbers, and that any name fits."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from cards.leaderboard import build_leaderboard
from cards.merge import read_sources
from cards.plots.canvas import fit, inches
from cards.plots.labels import BINS, distribution, label_figure
from cards.plots.model_card import profile_figure
from hf_datasets.errors import InputError
from hf_datasets.task import Task, TaskType, tasks_of_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import datasets

    MakeRows = Callable[..., list[dict[str, Any]]]
    Write = Callable[..., Path]

HOSTILE = ["$x^{", "漢字\U0001fae8", "\u202etxt", "x" * 10_000, "<b>&", "\x00\x1b\n", "W" * 60]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def task(kind: TaskType, classes: tuple[str, ...] = ()) -> Task:
    return Task("d", "c", "label", kind, classes, ("symbol",))


@pytest.mark.parametrize("text", HOSTILE)
def test_text_fits(text: str) -> None:
    assert inches(fit(text, 1.0)) <= 1.0
    assert fit(text, 1.0).isprintable()


def test_profile_ranks_and_intervals(make_rows: MakeRows, write: Write, tmp_path: Path) -> None:
    skills = {"weak": 0.5, "middling": 0.65, "strong": 0.8}
    path = write("r.parquet", *(make_rows(name, skill=skill) for name, skill in skills.items()))
    board = build_leaderboard(read_sources([path]))
    files = profile_figure(board, "middling", tmp_path / "profile")
    assert [one.name for one in files] == ["profile.png", "profile.svg", "profile.csv"]
    rows = table(tmp_path / "profile.csv")
    assert len(rows) == 1 + len(board.families)
    for row, family in zip(rows[1:], board.families, strict=True):
        mean = family.means["middling"]
        assert float(row["mean"]) == mean.mean
        assert (float(row["low"]), float(row["high"])) == mean.interval
        better = sum(one.mean > mean.mean for one in family.means.values())
        assert (row["rank"], row["models"]) == (str(better + 1), "3")
        assert row["best_model"] == max(family.means, key=lambda m: family.means[m].mean)
    again = profile_figure(board, "middling", tmp_path / "again", formats=("svg",))
    assert again[0].read_bytes() == files[1].read_bytes()
    with pytest.raises(InputError, match="did you mean strong"):
        profile_figure(board, "strnog", tmp_path / "x")


def test_profile_of_hostile_names(make_rows: MakeRows, write: Write, tmp_path: Path) -> None:
    rows = [make_rows(name, families={"f" * 300: {"t": "binary"}}) for name in HOSTILE]
    board = build_leaderboard(read_sources([write("r.parquet", *rows)]))
    for name in HOSTILE:
        assert profile_figure(board, name, tmp_path / "p")


def test_labels_of_a_built_dataset(
    sample_tables: dict[str, datasets.Dataset], tmp_path: Path
) -> None:
    for config, data in sample_tables.items():
        tasks = tasks_of_table("sample", config, data.features)
        if not tasks:
            continue
        found = [distribution(one, data.data.table[one.column]) for one in tasks]
        label_figure(config, found, tmp_path / config)
        rows = table(tmp_path / f"{config}.csv")
        for one in tasks:
            mine = [row for row in rows if row["task"] == one.column]
            values = [value for value in data[one.column] if value is not None]
            assert {int(row["entities"]) for row in mine} == {len(values)}
            if one.type is TaskType.REGRESSION:
                assert len(mine) == BINS
                assert sum(int(row["count"]) for row in mine) == len(values)
                continue
            lists = [value if isinstance(value, list) else [value] for value in values]
            flat = [label for labels in lists for label in labels]
            counts = {row["label"]: int(row["count"]) for row in mine}
            assert counts == {name: flat.count(at) for at, name in enumerate(one.classes)}


@pytest.mark.parametrize(
    "values", [[3.0] * 5, [0.0] * 5, [1.0, 10.0, 1e6], [-1e300, 1e300], [5e-324, 1.0], [], [1e300]]
)
def test_odd_numbers_are_all_in_a_bin(values: list[float], tmp_path: Path) -> None:
    column = pa.chunked_array([pa.array(values, pa.float64())])
    found = distribution(task(TaskType.REGRESSION), column)
    assert sum(found.bins) == len(values)
    assert (np.diff(found.edges) > 0).all()
    label_figure("c", [found], tmp_path / "labels")


def test_labels_hostile_many_and_none(tmp_path: Path) -> None:
    column = pa.chunked_array([pa.array([0, 1, None, 1])])
    classes = tuple(HOSTILE[:2])
    found = distribution(task(TaskType.BINARY, classes), column)
    assert found.counts == {classes[0]: 1, classes[1]: 2}
    label_figure("x" * 10_000, [found] * 70, tmp_path / "labels")
    assert len(table(tmp_path / "labels.csv")) == 140
    with pytest.raises(InputError, match="has no task"):
        label_figure("empty", [], tmp_path / "none")
