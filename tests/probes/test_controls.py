"""Selectivity, gain, noise and learning curves on numbers whose answer is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from probes.controls import gain, learning_curve, noise_sensitivity, selectivity
from probes.result import read_results

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Vectors = dict[str, "NDArray[np.float32]"]
MakeEmbeddings = Callable[..., str]
Probe = Callable[..., Any]


def test_selectivity_and_gain_are_paired_by_round() -> None:
    scores, control = [0.9, 0.8, 0.95, 0.85], [0.55, 0.45, 0.5, 0.5]
    wanted = stats.ttest_rel(scores, control)
    for found in (selectivity(scores, control, 0.0), gain(scores, control, 0.0)):
        assert found.value == pytest.approx(0.375)
        assert found.p == pytest.approx(wanted.pvalue)
        assert found.interval == pytest.approx(tuple(wanted.confidence_interval()))
    with pytest.raises(ValueError, match="zip"):
        selectivity(scores, control[:3], 0.25)


def test_noise_sensitivity_is_the_slope_per_share() -> None:
    found = noise_sensitivity({0.2: [0.86, 0.80], 0.0: [0.90, 0.84], 0.1: [0.88, 0.82]}, 0.25)
    assert found.per_unit.value == pytest.approx(-0.2)
    assert list(found.points) == [0.0, 0.1, 0.2]
    assert found.points[0.1].value == pytest.approx(0.85)
    with pytest.raises(ValueError, match="two settings"):
        noise_sensitivity({0.0: [0.9]}, 0.25)


def test_learning_curve_is_the_gain_per_doubling() -> None:
    def score(size: int, start: float) -> float:
        return start + 0.03 * math.log2(size / 100)

    sizes = (400, 100, 200)
    found = learning_curve(
        {size: [score(size, 0.6), score(size, 0.64)] for size in sizes},
        {size: 50 / size for size in sizes},
    )
    assert found.per_unit.value == pytest.approx(0.03)
    assert {size: point.value for size, point in found.points.items()} == pytest.approx(
        {100.0: 0.62, 200.0: 0.65, 400.0: 0.68}
    )


def test_controls_are_read_from_result_files(
    probe: Probe, bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings, tmp_path: Path
) -> None:
    """Real runs: labels that are shuffled or noisy cost what they should, more rows help."""
    rng = np.random.default_rng(0)
    good = make_embeddings(vectors)
    noise = {name: rng.normal(size=6).astype(np.float32) for name in vectors}
    random = make_embeddings(noise, model="random", name="random.parquet")
    task = ("--tasks", f"{bench}/one/binary", "--C", "1", "--repeats", "2")
    files = []
    for name, words in {
        "plain": ("--fractions", "0.25,0.5,1"),
        "shuffled": ("--shuffle-labels",),
        "noise": ("--label-noise", "0.4"),
    }.items():
        files.append(str(tmp_path / f"{name}.parquet"))
        ran = probe(good, random, *task, *words, "--out", files[-1])
        assert ran.status == 0, ran.err
    out = tmp_path / "controls.parquet"
    ran = probe("controls", *files, "--floor", "random", "--out", str(out))
    assert ran.status == 0, ran.err
    rows = {(row["model"], row["control"]): row for row in pq.read_table(out).to_pylist()}
    mine = {control: row for (model, control), row in rows.items() if model == "model-a"}
    assert set(mine) == {"selectivity", "gain over random", "per 100 % noise", "per doubling"}
    assert ("random", "gain over random") not in rows
    assert mine["selectivity"]["low"] > 0.1
    assert mine["gain over random"]["low"] > 0.1
    assert rows["random", "selectivity"]["low"] < 0
    assert mine["per 100 % noise"]["value"] < -0.1
    assert mine["per 100 % noise"]["points"].startswith("0: 0.")
    assert mine["per doubling"]["value"] > 0
    assert [point.split(":")[0] for point in mine["per doubling"]["points"].split(", ")] == [
        "24", "48", "96",
    ]  # fmt: skip
    plain = {
        place: np.mean([row["value"] for row in read_results([path])[0].to_pylist() if (
            row["model"], row["metric"], row["fraction"]) == ("model-a", "auroc", 1.0)])
        for place, path in enumerate(files)
    }  # fmt: skip
    assert mine["selectivity"]["value"] == pytest.approx(plain[0] - plain[1])
    assert mine["per 100 % noise"]["value"] == pytest.approx((plain[2] - plain[0]) / 0.4)
    # A comparison of models does not count a learning curve as further tasks.
    ran = probe("compare", *files)
    assert ran.status == 0, ran.err
    assert "left out" in ran.err
    assert len([line for line in ran.out.splitlines() if "auroc" in line]) == 1
    for words, said in (
        ((files[1],), "no control runs beside plain ones"),
        ((*files, "--floor", "nobody"), "unknown model 'nobody'"),
        ((good,), "is no result table"),
    ):
        ran = probe("controls", *words)
        assert ran.status == 2
        assert said in ran.err
        assert len(ran.err.splitlines()) == 1
