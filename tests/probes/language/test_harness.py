"""Exported tasks, run by lm_eval itself on the same model: its numbers against ours."""

from __future__ import annotations

import importlib
import json
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from tiny_language_model import save_instructions

from probes.__main__ import command

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("lm_eval", reason="the extra `language` is not installed")

ROWS = [
    {
        "id": f"s{n}", "task": "solubility", "subtask": "", "output": "",
        "instruction": f"Is <protein>MK{'LV' * (n % 3)}A{n}</protein> soluble?",
        "label": ("positive", "negative")[n // 2 % 2],
    }
    for n in range(8)
] + [
    {
        "id": f"f{n}", "task": "fluorescence", "subtask": "", "output": "",
        "instruction": f"How bright is <protein>MK{'LV' * n}</protein>? option {n}",
        "label": str(n / 3),
    }
    for n in range(6)
]  # fmt: skip


def evaluate(model: Path, tasks: Path, names: list[str]) -> dict[str, Any]:
    """Run lm_eval on exported tasks; return what it returns."""
    with warnings.catch_warnings():  # lm_eval's own, on import and in its tables
        warnings.simplefilter("ignore")
        lm_eval: Any = importlib.import_module("lm_eval")
        tasks_of: Any = importlib.import_module("lm_eval.tasks")
        found: dict[str, Any] = lm_eval.simple_evaluate(
            model="hf",
            model_args={"pretrained": str(model), "dtype": "float32"},
            device="cpu",
            batch_size=5,
            tasks=names,
            task_manager=tasks_of.TaskManager(include_path=str(tasks), include_defaults=False),
            bootstrap_iters=0,
        )
    return found


def ours(out: Path) -> tuple[dict[tuple[str, str], float], dict[str, dict[str, Any]]]:
    """Return (protocol, metric) → value of whole tasks, and id → answer."""
    rows = pq.read_table(out).to_pylist()
    answers = pq.read_table(out.with_suffix(".answers.parquet")).to_pylist()
    whole = {(row["protocol"], row["metric"]): row["value"] for row in rows if row["label"] is None}
    return whole, {one["id"]: one for one in answers}


def require_same_loglikelihoods(
    samples: list[dict[str, Any]], answers: dict[str, dict[str, Any]]
) -> None:
    assert len(samples) == len(answers)
    for sample in samples:
        mine = answers[sample["doc"]["id"]]["option_loglikelihoods"]
        theirs = [value for ((value, _),) in sample["resps"]]
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-5)


def test_lm_eval_finds_the_same(llama: Path, bench: Path, tmp_path: Path) -> None:
    protein = save_instructions(tmp_path / "bi", "protein", ROWS)
    tasks = tmp_path / "tasks"
    runs: dict[str, tuple[Path, list[str]]] = {
        "genezoo_small_bench": (bench, []),
        "genezoo_small_bench_number": (bench, ["--options", "number"]),
        "genezoo_small_bench_generate": (bench, ["--scoring", "generate", "--temperature", "0"]),
        "genezoo_bi_protein_solubility_likelihood": (
            protein, ["--scoring", "log-likelihood"],
        ),
        "genezoo_bi": (protein, ["--max-tokens", "9"]),
    }  # fmt: skip
    mine = {}
    for name, (folder, more) in runs.items():
        asked = ["--tasks", str(folder), *more]
        assert command(["export-lm-eval", *asked, "--out", str(tasks)]) == 0
        out = tmp_path / f"{name}.parquet"
        assert command(["--model", str(llama), *asked, "--out", str(out)]) == 0
        mine[name] = ours(out)
    found = evaluate(llama, tasks, list(runs))
    results, samples = found["results"], found["samples"]

    for name, protocol in (
        ("genezoo_small_bench", "log-likelihood"),
        ("genezoo_small_bench_number", "log-likelihood-number"),
    ):
        values, answers = mine[name]
        require_same_loglikelihoods(samples[name], answers)
        assert results[name]["acc,none"] == pytest.approx(values[protocol, "accuracy_sum"])
        assert results[name]["acc_bytes,none"] == pytest.approx(values[protocol, "accuracy"])

    values, answers = mine["genezoo_small_bench_generate"]
    for sample in samples["genezoo_small_bench_generate"]:
        assert answers[sample["doc"]["id"]]["answer"] == sample["resps"][0][0]
    assert results["genezoo_small_bench_generate"]["exact_match,first-integer"] == pytest.approx(
        values["generate", "accuracy"]
    )

    values, answers = mine["genezoo_bi_protein_solubility_likelihood"]
    name = "genezoo_bi_protein_solubility_likelihood"
    require_same_loglikelihoods(samples[name], answers)
    assert results[name]["acc,none"] == pytest.approx(values["log-likelihood", "accuracy"])
    assert results[name]["mcc,none"] == pytest.approx(values["log-likelihood", "mcc"] or 0.0)

    rows = pq.read_table(tmp_path / "genezoo_bi.parquet").to_pylist()
    for task, metric in (("solubility", "accuracy"), ("fluorescence", "spearman")):
        for rule in ("paper", "strict"):
            (value,) = [
                row["value"] for row in rows
                if (row["task"], row["protocol"], row["metric"]) == (f"bi/{task}", rule, metric)
            ]  # fmt: skip
            theirs = results[f"genezoo_bi_protein_{task}"][f"{metric}_{rule},none"]
            assert theirs == pytest.approx(value, nan_ok=True) or (
                value is None and math.isnan(theirs)
            )


def test_what_is_written_is_plain_data(bench: Path, tmp_path: Path) -> None:
    tasks = tmp_path / "tasks"
    asked = ["export-lm-eval", "--tasks", str(bench), "--out", str(tasks), "--limit", "4"]
    assert command(asked) == 0
    assert sorted(path.name for path in tasks.iterdir()) == [
        "genezoo_small_bench.jsonl", "genezoo_small_bench.yaml",
    ]  # fmt: skip
    definition = yaml.safe_load((tasks / "genezoo_small_bench.yaml").read_text())
    assert definition["metadata"]["questions"] == 12
    data = (tasks / "genezoo_small_bench.jsonl").read_text().splitlines()
    assert len(data) == 4
    assert all(set(json.loads(line)) == {"id", "prompt", "options", "answer"} for line in data)
    (tasks / "mine.py").write_text("")
    assert command(asked) == 2
