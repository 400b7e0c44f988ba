"""The numbers that the pages compute with: one script of data, and tables to download."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from cards.colours import domain
from cards.names import metric_name
from cards.page import family_title
from cards.site.slugs import model_page, slug, task_page
from cards.standing import ALPHA
from probes.intervals import LEVEL, SIGNED, UNBOUNDED

if TYPE_CHECKING:
    from pathlib import Path

    from cards.leaderboard import Family, Leaderboard
    from cards.scores import Score

PLAIN_START = tuple("=+-@\t\r")
"""A spreadsheet takes a cell that starts with one of these for a formula."""


def data_script(board: Leaderboard) -> str:
    """Return a script that sets `leaderboardData`.

    Numbers of tasks x models (x rounds) are float32, little-endian, in base64; NaN is none. JSON
    is JavaScript, and in a file of its own nothing in it can end the script.
    """
    models = [entry.name for entry in board.entries]
    rows = board.rows
    place = {row.trial: index for index, row in enumerate(rows)}
    family_of = {row.trial: at for at, one in enumerate(board.families) for row in one.rows}
    whole = {(family_of[row.trial], row.trial.task): index for index, row in enumerate(rows)}
    rounds = [max(1, len(row.trial.rounds)) for row in rows]
    values = np.full((sum(rounds), len(models)), np.nan)
    ratio, coverage = (np.full((len(rows), len(models)), np.nan) for _ in range(2))
    start = 0
    for index, row in enumerate(rows):
        for column, model in enumerate(models):
            if score := row.scores.get(model):
                values[start : start + rounds[index], column] = _rounds(score, rounds[index])
                ratio[index, column] = score.ratio
                coverage[index, column] = np.nan if score.coverage is None else score.coverage
        start += rounds[index]
    data: dict[str, Any] = {
        "metric": board.metric,
        "metrics": board.metrics,
        "named": {metric: metric_name(metric) for metric in board.metrics},
        "domains": {metric: domain(metric) for metric in board.metrics},
        "models": [
            {
                "name": entry.name,
                "page": model_page(entry.name),
                "modality": entry.info.modality,
                "published": entry.info.published,
            }
            for entry in board.entries
        ],
        "families": [
            {"key": family_key(one), "title": family_title(board, one), "metric": one.metric,
             "variant": one.variant} for one in board.families
        ],
        "rows": [
            {
                "task": row.trial.task,
                "name": row.trial.name,
                "page": task_page(row.trial.task),
                "family": family_of[row.trial],
                "type": row.trial.task_type,
                "protocol": row.trial.protocol or "unknown",
                "whole": whole.get((family_of[row.trial], row.part_of)) if row.part_of else None,
                "rounds": rounds[place[row.trial]],
            }
            for row in rows
        ],
        "values": _packed(values),
        "ratio": _packed(ratio),
        "coverage": _packed(coverage),
        "t": _t_quantiles(max(rounds, default=0)),
        "q": _range_quantiles(len(models)),
        "bounds": {
            metric: [-1 if metric in SIGNED else 0, 1]
            for metric in board.metrics if metric not in UNBOUNDED and metric != "r2"
        },
    }  # fmt: skip
    return f"var leaderboardData = {json.dumps(data, separators=(',', ':'))};\n"


def _rounds(score: Score, rounds: int) -> list[float | None]:
    """Return the values of a score; its mean alone where these are not known."""
    if len(score.values) == rounds and any(value is not None for value in score.values):
        return list(score.values)
    return [score.mean, *[None] * (rounds - 1)]


def family_key(family: Family) -> str:
    """Return the name of a family's column in a link."""
    return slug(f"{family.dataset}/{family.config} {family.metric} {family.variant}")


def _packed(numbers: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(numbers.astype("<f4").tobytes()).decode()


def _t_quantiles(rounds: int) -> list[float]:
    """Return Student's quantile for the interval of a mean over 2, 3, … rounds."""
    from scipy.special import stdtrit

    return [float(stdtrit(count - 1, (1 + LEVEL) / 2)) for count in range(2, rounds + 1)]


def _range_quantiles(models: int) -> list[float]:
    """Return the factor in Nemenyi's critical difference of 2, 3, … models."""
    if models < 2:  # noqa: PLR2004
        return []
    from scipy.stats import studentized_range

    counts = np.arange(2, models + 1)
    found: list[float] = (studentized_range.isf(ALPHA, counts, np.inf) / np.sqrt(2)).tolist()
    return found


def score_table(board: Leaderboard) -> pa.Table:
    """Return all headline scores, a row for each model and task."""
    rows = [
        {
            "model": entry.name,
            "modality": entry.info.modality,
            "published": entry.info.published,
            "dataset": row.trial.dataset,
            "revision": row.trial.revision,
            "config": row.trial.config,
            "task": row.trial.task,
            "task_type": row.trial.task_type,
            "protocol": row.trial.protocol,
            "split": row.trial.split,
            "probe": row.trial.probe,
            "metric": row.metric,
            "score": score.mean,
            "low": interval[0] if (interval := row.intervals[entry.name]) else None,
            "high": interval[1] if interval else None,
            "sd": score.sd,
            "rounds": score.rounds,
            "coverage": score.coverage,
            "in_mean": row.shared,
        }
        for row in board.rows
        for entry in board.entries
        if (score := row.scores.get(entry.name))
    ]
    return pa.Table.from_pylist(rows, schema=SCORES)


SCORES = pa.schema(
    [
        *((name, pa.string()) for name in ("model", "modality")),
        ("published", pa.bool_()),
        *((name, pa.string()) for name in (
            "dataset", "revision", "config", "task", "task_type", "protocol", "split", "probe",
            "metric",
        )),
        *((name, pa.float64()) for name in ("score", "low", "high", "sd")),
        ("rounds", pa.int32()),
        ("coverage", pa.float64()),
        ("in_mean", pa.bool_()),
    ]
)  # fmt: skip
"""Columns of the table to download; `low` and `high` are the 95% interval."""


def write_tables(board: Leaderboard, folder: Path) -> None:
    """Write `scores.parquet` and `scores.csv` into a folder."""
    table = score_table(board)
    pq.write_table(table, folder / "scores.parquet")
    guarded = [
        pa.array([_guarded(text) for text in table[name].to_pylist()], pa.string())
        if table.schema.field(name).type == pa.string() else table[name]
        for name in table.column_names
    ]  # fmt: skip
    pa_csv.write_csv(pa.table(guarded, names=table.column_names), folder / "scores.csv")


def _guarded(text: str | None) -> str | None:
    """Put an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{text}" if text and text.startswith(PLAIN_START) else text
