"""`probe --model` on local models: whole runs, killed runs, samples, and one leaderboard."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Features, Value
from sklearn.metrics import roc_auc_score
from tiny_language_model import questions, save_bench, save_instructions

from cards.__main__ import command as cards
from cards.leaderboard import build_leaderboard
from cards.merge import read_sources
from hf_datasets.biology_instructions.tasks import NCRNA, TASKS
from probes.__main__ import command
from probes.language.answers_file import ANSWER_SCHEMA
from probes.language.choices import decide, first_integer
from probes.language.results import RULES
from probes.language.scoring import score
from probes.result import RESULT_SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]


def rows_of(path: Path) -> list[dict[str, Any]]:
    table = pq.read_table(path)
    if "prompt" in table.column_names:
        assert table.schema.equals(ANSWER_SCHEMA)
    else:
        assert table.schema.equals(RESULT_SCHEMA)
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def provenance_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pq.read_schema(path).metadata[b"genezoo"])
    return found


def value(rows: list[dict[str, Any]], metric: str, **more: Any) -> Any:
    """Return the one value of a metric."""
    wanted = {"metric": metric, "label": None, **more}
    (found,) = [one["value"] for one in rows if all(one[name] == wanted[name] for name in wanted)]
    return found


@pytest.mark.parametrize("options", ["text", "number"])
def test_loglikelihood_of_options(
    llama: Path, bench: Path, tmp_path: Path, capsys: Capture, options: str
) -> None:
    out = tmp_path / "r.parquet"
    asked = ["--model", str(llama), "--tasks", str(bench), "--out", str(out)]
    assert command([*asked, "--options", options]) == 0
    told = capsys.readouterr()
    rows, answers = rows_of(out), rows_of(tmp_path / "r.answers.parquet")
    assert (rows[0]["task_type"], rows[0]["metric"]) == ("multiple-choice", "accuracy")
    known = questions()
    assert [one["id"] for one in answers] == [one["id"] for one in known]
    right = []
    for row, question in zip(answers, known, strict=True):
        listed = options == "number"
        texts = [str(n + 1) for n in range(len(question["options"]))]
        texts = texts if listed else question["options"]
        assert row["option_bytes"] == [len(text.encode()) for text in texts]
        assert all((f"{text}\n" in row["prompt"]) == listed for text in question["options"])
        assert row["answer"] is None
        assert row["seconds"] is None
        chosen = decide(
            row["option_loglikelihoods"], row["option_bytes"], row["option_tokens"], "byte"
        )
        assert row["chosen"] == chosen
        assert row["label"] == str(question["answer"])
        right.append(chosen == question["answer"])
    assert value(rows, "accuracy") == pytest.approx(np.mean(right))
    assert value(rows, "chance") == pytest.approx(
        np.mean([1 / len(one["options"]) for one in known])
    )
    assert {row["protocol"] for row in rows} == {
        "log-likelihood" if options == "text" else "log-likelihood-number"
    }
    assert {row["task"] for row in rows} == {"small-bench/evaluation"}
    by_options = {row["label"]: row["n_test"] for row in rows if row["label"]}
    assert by_options == {
        "2 options": 3, "3 options": 3, "4 options": 2, "5 options": 2, "6 options": 2,
    }  # fmt: skip
    assert cards(["leaderboard", str(out), "--out", str(tmp_path / "board")]) == 0
    low, high = provenance_of(out)["quizzes"][0]["scores"]["accuracy"]["interval"]
    assert low < value(rows, "accuracy") + 1e-12
    assert f"[{low:.3f}, {high:.3f}]" in told.out
    assert "next: cards leaderboard" in told.err


def test_generation_as_published(chat_llama: Path, bench: Path, tmp_path: Path) -> None:
    def run(name: str, *more: str) -> list[dict[str, Any]]:
        asked = ["--model", str(chat_llama), "--tasks", str(bench), "--scoring", "generate"]
        assert command([*asked, "--out", str(tmp_path / name), *more, "--restart"]) == 0
        return rows_of((tmp_path / name).with_suffix(".answers.parquet"))

    first = run("a.parquet")
    provenance = provenance_of(tmp_path / "a.parquet")
    assert provenance["language_model"]["chat"] is True
    sizes = [len(one["options"]) for one in questions()]
    assert [one["chosen"] for one in first] == [
        first_integer(one["answer"], size) for one, size in zip(first, sizes, strict=True)
    ]
    assert all(one["answer_tokens"] <= 20 for one in first)
    texts = [one["answer"] for one in first]
    assert [one["answer"] for one in run("b.parquet", "--batch", "1")] == texts
    hot = ["--temperature", "2"]
    drawn = [one["answer"] for one in run("c.parquet", *hot)]
    assert [one["answer"] for one in run("d.parquet", *hot, "--seed", "1")] != drawn
    assert [one["answer"] for one in run("e.parquet", *hot)] == drawn


def test_a_killed_run_goes_on_to_the_same_bytes(
    llama: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = save_bench(tmp_path / "bench", questions(16))
    asked = [
        "--model", str(llama), "--tasks", str(bench), "--scoring", "generate", "--max-tokens",
        "24", "--batch", "2",
    ]  # fmt: skip
    out = tmp_path / "killed.parquet"
    process = subprocess.Popen(
        [sys.executable, "-m", "probes", *asked, "--out", str(out)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    kept = 0
    deadline = time.monotonic() + 120
    while kept < 4 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
        for path in own_cache.glob("answers/*.sqlite"):
            try:
                (kept,) = sqlite3.connect(path).execute("SELECT count(*) FROM answers").fetchone()
            except sqlite3.OperationalError:
                continue  # the table is not there yet, or is being written
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 4 <= kept < 16
    assert not out.exists()

    assert command([*asked, "--out", str(out)]) == 0
    monkeypatch.setenv("GENEZOO_CACHE", str(tmp_path / "another"))
    whole = tmp_path / "whole.parquet"
    assert command([*asked, "--out", str(whole)]) == 0
    assert out.read_bytes() == whole.read_bytes()
    beside = [path.with_suffix(".answers.parquet") for path in (out, whole)]
    assert beside[0].read_bytes() == beside[1].read_bytes()


def test_a_sample_is_said_to_be_one(
    llama: Path, bench: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "r.parquet"
    asked = ["--model", str(llama), "--tasks", str(bench), "--out", str(out), "--limit", "3"]
    assert command(asked) == 0
    assert "a sample of 3 of 12 questions (25.0%)" in capsys.readouterr().err
    rows = rows_of(out)
    assert {row["coverage"] for row in rows} == {0.25}
    assert {row["n_test"] for row in rows if row["label"] is None} == {3}
    first = [one["id"] for one in rows_of(tmp_path / "r.answers.parquet")]
    assert command([*asked, "--seed", "1"]) == 0
    assert [one["id"] for one in rows_of(tmp_path / "r.answers.parquet")] != first


def test_a_dry_run_tells_what_it_takes_and_writes_nothing(
    llama: Path, bench: Path, tmp_path: Path, capsys: Capture
) -> None:
    asked = ["--model", str(llama), "--tasks", str(bench), "--dry-run", "--batch", "1"]
    assert command(asked) == 0
    told = capsys.readouterr().err
    tokens = int(told.split("prompts; ")[1].split(" tokens")[0].replace(",", ""))
    command([*asked[:-3], "--out", str(tmp_path / "r.parquet")])
    kept = rows_of(tmp_path / "r.answers.parquet")
    expected = sum(
        sum(one["prompt_tokens"] + tokens - 1 for tokens in one["option_tokens"]) for one in kept
    )
    assert tokens == expected
    assert "prompts/s" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cache", "r.answers.parquet", "r.parquet",
    ]  # fmt: skip


@pytest.fixture
def in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ([], "--out is missing"),
        (["--out", "r.csv"], "not a Parquet file"),
        (["--out", "r.parquet", "--answers", "r.parquet"], "give two files"),
        (["--out", "r.parquet", "--limit", "0"], "--limit 0 is not possible"),
        (["--out", "r.parquet", "--temperature", "-1"], "--temperature -1"),
        (["--out", "r.parquet", "--price-in", "-1", "--dry-run"], "--price-in"),
        (["--out", "r.parquet", "--device", "cuda:99"], "--device cpu"),
        (["--out", "r.parquet", "--batch", "0"], "--batch 0"),
        (["--out", "r.parquet", "--chat", "on"], "no chat template"),
        (["--out", "r.parquet", "--endpoint", "nowhere"], "no address"),
    ],
)
@pytest.mark.usefixtures("in_own_folder")
def test_bad_settings_are_one_line(
    llama: Path, bench: Path, capsys: Capture, more: list[str], what: str
) -> None:
    assert command(["--model", str(llama), "--tasks", str(bench), *more]) == 2
    told = capsys.readouterr().err
    assert what in told
    assert len(told.splitlines()) == 1


def test_other_tables_are_refused(
    llama: Path, sample_folder: Path, bench: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = ["--out", str(tmp_path / "r.parquet")]
    assert command(["--model", str(llama), "--tasks", f"{sample_folder}/genes", *out]) == 2
    assert "no questions for a language model" in capsys.readouterr().err
    assert command(["--model", str(llama), "--tasks", f"{bench}/evaluation/x", *out]) == 2
    assert "is one task" in capsys.readouterr().err
    wrong = save_bench(
        tmp_path / "wrong", [{"id": "q", "question": "?", "options": ["a", "b"], "answer": 2}]
    )
    assert command(["--model", str(llama), "--tasks", str(wrong), *out]) == 2
    assert "question q of wrong/evaluation" in capsys.readouterr().err


# Instructions


INSTRUCTIONS = [
    {
        "id": f"emp-test-{n}",
        "task": "emp",
        "subtask": ("H3", "H4")[n % 2],
        "instruction": f"Is <dna>{'ACGT' * (1 + n % 3)}A{n}</dna> bound by the mark? Yes or no.",
        "output": "",
        "label": ("negative", "positive")[n // 2 % 2],
    }
    for n in range(24)
] + [
    {
        "id": f"ea-test-{n}",
        "task": "ea",
        "subtask": "",
        "instruction": f"How active is <dna>{'TTG' * (1 + n)}</dna> in hk and dev?",
        "output": "",
        "label": json.dumps({"hk": n / 3, "dev": -n / 7}),
    }
    for n in range(6)
]


@pytest.fixture
def instructions(tmp_path: Path) -> Path:
    """Instructions of two tasks, and the sequence table of one of them."""
    folder = save_instructions(tmp_path / "small-instructions", "dna", INSTRUCTIONS)
    columns: dict[str, Any] = {"id": [], "sequence": [], "split": [], "H3": [], "H4": []}
    for n in range(120):
        columns["id"].append(f"emp-train-{n}")
        columns["sequence"].append("ACGT")
        columns["split"].append("train")
        columns["H3"].append(n % 2)
        columns["H4"].append(n // 2 % 2)
    for one in INSTRUCTIONS[:24]:
        columns["id"].append(one["id"])
        columns["sequence"].append("ACGT")
        columns["split"].append("test")
        told = int(one["label"] == "positive")
        columns["H3"].append(told if one["subtask"] == "H3" else None)
        columns["H4"].append(told if one["subtask"] == "H4" else None)
    text = Value("string")
    yes_no = ClassLabel(names=["no", "yes"])
    features = Features({"id": text, "sequence": text, "split": text, "H3": yes_no, "H4": yes_no})
    datasets.Dataset.from_dict(columns, features=features).to_parquet(str(folder / "emp.parquet"))
    readme = (folder / "README.md").read_text().rstrip().removesuffix("---")
    (folder / "README.md").write_text(
        f"{readme}- config_name: emp\n  version: 1.0.0\n  data_files:\n"
        "  - {split: train, path: emp.parquet}\n---\n"
    )
    return folder


def test_instructions_are_read_by_both_rules(
    llama: Path, instructions: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "r.parquet"
    asked = ["--model", str(llama), "--tasks", f"{instructions}/dna", "--out", str(out)]
    assert command([*asked, "--max-tokens", "12"]) == 0
    rows, answers = rows_of(out), rows_of(tmp_path / "r.answers.parquet")
    assert {row["protocol"] for row in rows} == {"paper", "strict"}
    paths = {row["task"] for row in rows}
    name = instructions.name
    assert {f"{name}/emp/H3", f"{name}/emp/H4", f"{name}/ea/hk", f"{name}/ea/dev"} <= paths
    assert [one["id"] for one in answers] == [
        one["id"] for subtask in ("H3", "H4", "") for one in INSTRUCTIONS
        if one["subtask"] == subtask
    ]  # fmt: skip
    for rule in ("paper", "strict"):
        (share,) = {
            row["coverage"] for row in rows
            if row["protocol"] == rule and row["task"] == f"{name}/emp/H3"
        }  # fmt: skip
        read = [one[rule] is not None for one in answers if one["subtask"] == "H3"]
        assert share == pytest.approx(np.mean(read))
    # As published: one number over all data sets of a task.
    emp = [one for one in answers if one["task"] == "emp"]
    for rule in RULES:
        whole = score(
            TASKS["emp"], [one["answer"] for one in emp], [one["label"] for one in emp], rule
        )
        mcc = value(rows, "mcc", task=f"{name}/emp/pooled", protocol=rule)
        assert mcc == pytest.approx(whole.values["mcc"])
    assert not any(row["task"].startswith(f"{name}/ea/pooled") for row in rows)
    assert all(one["prompt"] and one["answer"] is not None for one in answers)
    assert "with an answer that can be read" in capsys.readouterr().out


def test_one_leaderboard_for_embeddings_and_answers(
    llama: Path, instructions: Path, tmp_path: Path
) -> None:
    task = f"{instructions}/emp/H3"
    answered, weighed = tmp_path / "answered.parquet", tmp_path / "weighed.parquet"
    model = ["--model", str(llama), "--tasks", task]
    assert command([*model, "--out", str(answered), "--max-tokens", "8"]) == 0
    assert command([*model, "--out", str(weighed), "--scoring", "log-likelihood"]) == 0

    rng = np.random.default_rng(0)
    table = pq.read_table(instructions / "emp.parquet").to_pydict()
    lines = ["id,x,y"]
    for n, (name, label) in enumerate(zip(table["id"], table["H3"], strict=True)):
        lines.append(f"{name},{rng.normal() + 2 * (label or 0)},{n % 5}")
    vectors, probed = tmp_path / "vectors.csv", tmp_path / "probed.parquet"
    vectors.write_text("\n".join(lines))
    assert command([str(vectors), "--tasks", task, "--out", str(probed)]) == 0

    path = f"{instructions.name}/emp/H3"
    by_file = {file: rows_of(file) for file in (answered, weighed, probed)}
    for rows in by_file.values():
        assert {(row["task"], row["task_type"], row["n_test"]) for row in rows} == {
            (path, "binary", 12)
        }
    # The same metrics as of an embedding, worked out here from what was kept.
    kept = rows_of(tmp_path / "weighed.answers.parquet")
    truth = [one["label"] == "positive" for one in kept]
    gap = [yes - no for no, yes in (one["option_loglikelihoods"] for one in kept)]
    assert value(by_file[weighed], "auroc") == pytest.approx(roc_auc_score(truth, gap))
    metrics = {row["metric"] for row in by_file[weighed]}
    assert metrics == {row["metric"] for row in by_file[probed]} - {"C"}
    assert {"mcc", "accuracy"} <= {row["metric"] for row in by_file[answered]}

    board = tmp_path / "board"
    assert cards(["leaderboard", *map(str, by_file), "--out", str(board)]) == 0
    pages = [page.read_text() for page in sorted(board.rglob("*.html"))]
    assert any(
        all(word in text for word in (path, llama.name, "vectors", "strict", "log-likelihood"))
        for text in pages
    )
    # Answers are decisions without a score, so they are compared by MCC, beside AUROC.
    shown = build_leaderboard(read_sources([*by_file]))
    assert {
        (row.trial.protocol, row.metric): {name: one.mean for name, one in row.scores.items()}
        for row in shown.rows
    } == {
        ("standard", "auroc"): {"vectors": pytest.approx(value(by_file[probed], "auroc"))},
        ("log-likelihood", "auroc"): {llama.name: value(by_file[weighed], "auroc")},
        ("paper", "mcc"): {llama.name: value(by_file[answered], "mcc", protocol="paper")},
        ("strict", "mcc"): {llama.name: value(by_file[answered], "mcc", protocol="strict")},
    }


def test_a_class_task_by_loglikelihood(llama: Path, tmp_path: Path) -> None:
    rows = [
        {
            "id": f"n{n}", "task": "ncrna", "subtask": "", "output": "",
            "instruction": f"Which family is <rna>{'ACGU' * (1 + n % 4)}{n}</rna> of?",
            "label": NCRNA[n % 13],
        }
        for n in range(26)
    ]  # fmt: skip
    folder = save_instructions(tmp_path / "bi", "rna", rows)
    out = tmp_path / "r.parquet"
    asked = ["--model", str(llama), "--tasks", str(folder), "--out", str(out)]
    assert command([*asked, "--scoring", "log-likelihood"]) == 0
    found, kept = rows_of(out), rows_of(tmp_path / "r.answers.parquet")
    right = [NCRNA[int(np.argmax(one["option_loglikelihoods"]))] == one["label"] for one in kept]
    assert value(found, "accuracy") == pytest.approx(np.mean(right))
    assert {row["task"] for row in found} == {"bi/ncrna"}


def test_numbers_cannot_be_weighed(llama: Path, instructions: Path, capsys: Capture) -> None:
    asked = ["--model", str(llama), "--scoring", "log-likelihood", "--dry-run", "--tasks"]
    assert command([*asked, f"{instructions}/dna/ea"]) == 2
    assert "use --scoring generate" in capsys.readouterr().err
    assert command([*asked, f"{instructions}/dna/emp/H5"]) == 2
    assert "no subtask 'H5'" in capsys.readouterr().err
    assert command([*asked, f"{instructions}/dna", "--split", "train"]) == 2
    assert "no split 'train'" in capsys.readouterr().err


def test_help_needs_no_heavy_library() -> None:
    code = (
        "import sys\nfrom probes.__main__ import main\n"
        "try:\n    main(['--model', 'x', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'datasets', 'lm_eval', 'sklearn', 'pyarrow', 'yaml'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--endpoint" in done.stdout
