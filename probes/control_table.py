"""What result files say about the worth of scores: control tasks, noise, learning curves, a floor.

Runs of `probe` with `--shuffle-labels`, `--label-noise` and `--fractions` are paired, round by
round, with the plain run of the same model, task and conditions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from hf_datasets.errors import InputError, choose
from probes.contenders import CONDITION, name_models, read_rows
from probes.controls import gain, learning_curve, noise_sensitivity, selectivity
from probes.layout import text_columns, write_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from probes.significance import Mean

SHUFFLED = ("shuffled",)
NOISE = "noise="
VARIED = ("protocol", "fraction")
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("model", "task", "metric", "control")),
        *((name, pa.float64()) for name in ("value", "low", "high", "p")),
        ("points", pa.string()),
    ]
)


@dataclass(frozen=True)
class Setting:
    """What was done to the labels or to the training part."""

    altered: tuple[str, ...]
    """`shuffled`, `noise=0.1`; empty for a plain run."""
    fraction: float


PLAIN = Setting((), 1.0)
Rounds = dict[tuple[int, int], dict[str, Any]]
"""(repeat, fold) → row."""


@dataclass(frozen=True)
class Control:
    """One finding about one model on one task."""

    model: str
    task: str
    metric: str
    control: str
    """`selectivity`, `gain over MODEL`, `per 100 % noise` or `per doubling`."""
    found: Mean
    points: str = ""
    """The scores behind a slope: setting: score, …"""


def find_controls(
    paths: Sequence[str | Path], metric: str | None = None, floor: str | None = None
) -> list[Control]:
    """Find all pairs of plain and control runs in some result files.

    `metric` None is the headline of each task type; `floor` is the model over which gains are
    counted, None for none.

    Raises
    ------
    InputError
        No result table; an unknown metric or floor; files without anything to pair.

    """
    rows, _ = read_rows(paths, metric)
    names = name_models(rows)
    if floor is not None:
        choose(floor, names, "model")
    shown = {key: name for name, key in names.items()}
    runs: dict[tuple[Any, ...], dict[str, dict[Setting, Rounds]]] = {}
    for row in rows:
        base, *altered = row["protocol"].split("+")
        same = (base, *(row[name] for name in CONDITION if name not in VARIED))
        setting = Setting(tuple(altered), 1.0 if row["fraction"] is None else row["fraction"])
        mine = runs.setdefault(same, {}).setdefault(shown[row["model"], row["embedding"]], {})
        mine.setdefault(setting, {})[row["repeat"], row["fold"]] = row
    found = [
        control
        for models in runs.values()
        for model, mine in models.items()
        if PLAIN in mine
        for control in _controls(model, mine, floor, models.get(floor or "", {}).get(PLAIN))
    ]
    if not found:
        message = (
            "no control runs beside plain ones; run `probe` also with --shuffle-labels, "
            "--label-noise or --fractions and give all the results, or name a --floor"
        )
        raise InputError(message)
    return found


def _controls(
    model: str, mine: dict[Setting, Rounds], floor: str | None, floor_rounds: Rounds | None
) -> Iterator[Control]:
    plain = mine[PLAIN]
    row = next(iter(plain.values()))

    def made(control: str, found: Mean, points: dict[float, Mean] | None = None) -> Control:
        text = ", ".join(f"{at:g}: {one.value:.3f}" for at, one in (points or {}).items())
        return Control(model, row["task"], row["metric"], control, found, text)

    for setting, rounds in mine.items():
        if setting == Setting(SHUFFLED, 1.0) and (paired := _paired(plain, rounds)):
            (scores, control), ratio = paired
            yield made("selectivity", selectivity(scores, control, ratio))
    if floor_rounds and model != floor and (paired := _paired(plain, floor_rounds)):
        (scores, control), ratio = paired
        yield made(f"gain over {floor}", gain(scores, control, ratio))
    noisy = {
        float(setting.altered[0].removeprefix(NOISE)): rounds
        for setting, rounds in mine.items()
        if len(setting.altered) == 1
        and setting.altered[0].startswith(NOISE)
        and setting.fraction == 1
    }
    if noisy and (paired := _paired(plain, *noisy.values())):
        slope = noise_sensitivity(dict(zip([0.0, *noisy], paired[0], strict=True)), paired[1])
        yield made("per 100 % noise", slope.per_unit, slope.points)
    parts = {s.fraction: rounds for s, rounds in mine.items() if not s.altered and s != PLAIN}
    if parts and (paired := _paired(plain, *parts.values())):
        sizes = [_mean_size(rounds, "n_train") for rounds in (plain, *parts.values())]
        tested = _mean_size(plain, "n_test")
        if len(set(sizes)) == len(sizes):
            slope = learning_curve(
                dict(zip(sizes, paired[0], strict=True)), {size: tested / size for size in sizes}
            )
            yield made("per doubling", slope.per_unit, slope.points)


def _paired(*runs: Rounds) -> tuple[list[list[float]], float] | None:
    """Return the scores of the rounds that all runs have a value for, and n_test / n_train."""
    places = [
        place
        for place in sorted(runs[0])
        if all(place in run and run[place]["value"] is not None for run in runs)
    ]
    if not places:
        return None
    ratios = [runs[0][place]["n_test"] / max(runs[0][place]["n_train"], 1) for place in places]
    return [[run[place]["value"] for place in places] for run in runs], float(np.mean(ratios))


def _mean_size(rounds: Rounds, column: str) -> int:
    return max(1, round(float(np.mean([row[column] for row in rounds.values()]))))


def control_text(controls: Sequence[Control]) -> str:
    """Return a line per finding."""
    lines = [["task", "metric", "model", "control", "value", "p", "scores"]]
    for one in controls:
        span = one.found.interval
        value = f"{one.found.value:+.3f}" + (f" [{span[0]:.3f}, {span[1]:.3f}]" if span else "")
        p = "-" if one.found.p is None else f"{one.found.p:.4f}"
        lines.append([one.task, one.metric, one.model, one.control, value, p, one.points])
    return text_columns(lines)


def write_controls(controls: Sequence[Control], out: Path) -> None:
    """Write a row per finding as CSV or Parquet, by the name of `out`, atomically."""
    rows = []
    for one in controls:
        low, high = one.found.interval or (None, None)
        row = {"model": one.model, "task": one.task, "metric": one.metric, "control": one.control}
        rows.append(
            row | {"value": one.found.value, "low": low, "high": high, "p": one.found.p}
            | {"points": one.points}
        )  # fmt: skip
    write_rows(rows, SCHEMA, out)
