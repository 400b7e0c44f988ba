"""`probe` from the outside: what it writes and prints, and that bad input costs one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Value

from probes.result import RESULT_SCHEMA, read_results

if TYPE_CHECKING:
    from numpy.typing import NDArray

Vectors = dict[str, "NDArray[np.float32]"]
MakeEmbeddings = Callable[..., str]
Probe = Callable[..., Any]
HEAVY = ("torch", "transformers", "datasets", "sklearn", "scipy", "scanpy", "pandas", "pyarrow")


@pytest.fixture
def emb(vectors: Vectors, make_embeddings: MakeEmbeddings) -> str:
    return make_embeddings(vectors)


@pytest.fixture
def out(tmp_path: Path) -> str:
    return str(tmp_path / "results.parquet")


def test_scores_are_written_shown_and_the_next_step_said(
    probe: Probe, emb: str, bench: str, out: str
) -> None:
    ran = probe(emb, "--tasks", bench, "--out", out)
    assert ran.status == 0
    head, *lines = ran.out.splitlines()
    assert head.split() == ["task", "metric", "model-a"]
    assert [line.split()[1] for line in lines] == ["auroc"] * 3 + ["spearman", "auroc"]
    assert all(line.endswith("]  100%") for line in lines)
    assert "scores: mean [95% interval over the folds, corrected" in ran.err
    assert f"note: {emb}: left out 1 of 6 features that are the same for all its" in ran.err
    table, (provenance,) = read_results([out])
    assert table.schema.equals(RESULT_SCHEMA)
    assert f"wrote {out} ({len(table):,} rows)" in ran.err
    assert ran.err.endswith(f"next: cards leaderboard {out} --out site\n")
    assert provenance["embeddings"][0]["model"] == "model-a"
    means = table.to_pylist()
    first = [row["value"] for row in means if row["metric"] == "auroc" and row["config"] == "two"]
    # Nadeau and Bengio: five folds of 24 pairs, 96 train; t with four degrees of freedom.
    half = 2.776445 * np.sqrt((1 / 5 + 24 / 96) * np.var(first, ddof=1))
    low, mean, high = np.mean(first) - half, np.mean(first), min(1, np.mean(first) + half)
    assert f"  {mean:.3f} [{low:.3f}, {high:.3f}]  100%" in lines[-1]


def test_several_models_are_to_be_compared_next(
    probe: Probe, vectors: Vectors, make_embeddings: MakeEmbeddings, bench: str, tmp_path: Path
) -> None:
    emb = make_embeddings(vectors)
    other = make_embeddings({name: -(vector**2) for name, vector in vectors.items()}, "model-b")
    out, scores = str(tmp_path / "r.parquet"), str(tmp_path / "p.parquet")
    ran = probe(emb, other, "--tasks", f"{bench}/one", "--out", out, "--predictions", scores)
    *_, compare, cards = ran.err.splitlines()
    assert cards == f"next: cards leaderboard {out} --out site"
    assert compare == f"next: probe compare {out} --predictions {scores}"
    verb, *arguments = compare.removeprefix("next: probe ").split()
    assert probe(verb, *arguments).status == 0


def test_a_rerun_gives_the_same_bytes(probe: Probe, emb: str, bench: str, out: str) -> None:
    command = (emb, "--tasks", bench, "--repeats", "2", "--out", out)
    assert probe(*command).status == 0
    first = Path(out).read_bytes()
    Path(out).write_bytes(b"earlier results")
    assert probe(*command, "--jobs", "1").status == 0
    assert Path(out).read_bytes() == first
    assert probe(*command, "--seed", "1").status == 0
    assert Path(out).read_bytes() != first


def test_a_foreign_table_of_vectors(
    probe: Probe, vectors: Vectors, bench: str, out: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.csv"
    rows = [",".join([name, *map(str, vector)]) for name, vector in vectors.items()]
    path.write_text("\n".join(["symbol,a,b,c,d,e,f", *rows]), encoding="utf-8")
    ran = probe(str(path), "--tasks", f"{bench}/one/binary", "--out", out)
    assert ran.status == 0
    table, _ = read_results([out])
    assert table["model"].unique().to_pylist() == ["mine"]


def test_options_reach_the_run(probe: Probe, emb: str, bench: str, out: str) -> None:
    ran = probe(
        *(emb, "--tasks", f"{bench}/two", "--tasks", f"{bench}/one/labels", "--derived"),
        *("--protocol", "paper", "--pair", "concat", "--folds", "3", "--seed", "5"),
        *("--out", out),
    )
    assert ran.status == 0
    table, (provenance,) = read_results([out])
    assert set(table["protocol"].to_pylist()) == {"paper"}
    assert set(table["probe"].to_pylist()) == {"logistic", "logistic(pair=concat)"}
    assert set(table["fold"].to_pylist()) == {0, 1, 2}
    assert len(set(table["task"].to_pylist())) == 5
    assert provenance["seed"] == 5


def test_a_split_by_a_column_may_be_written_as_two_words(
    probe: Probe, emb: str, make_dataset: Callable[..., str], vectors: Vectors, out: str
) -> None:
    features = {
        "symbol": Value("string"),
        "yes": ClassLabel(names=["no", "yes"]),
        "half": Value("int64"),
    }
    columns = {"symbol": list(vectors)[:20], "yes": [0, 1] * 10, "half": [0, 0, 1, 1] * 5}
    root = make_dataset({"t": (features, columns)})
    assert probe("--split", "column", "half", emb, "--tasks", root, "--out", out).status == 0
    table, _ = read_results([out])
    assert set(table["split"].to_pylist()) == {"column:half"}
    assert set(table["fold"].to_pylist()) == {0, 1}


def test_a_task_that_cannot_be_probed_ends_in_1_and_the_rest_is_done(
    probe: Probe, emb: str, make_dataset: Callable[..., str], vectors: Vectors, out: str
) -> None:
    yes_no = ClassLabel(names=["no", "yes"])
    features = {"symbol": Value("string"), "poor": yes_no, "few": yes_no, "fine": yes_no}
    columns = {
        "symbol": list(vectors)[:20],
        "poor": [1] * 20,
        "few": [0] + [1] * 19,
        "fine": [0, 1] * 10,
    }
    root = make_dataset({"t": (features, columns)})
    ran = probe(emb, "--tasks", root, "--out", out)
    assert ran.status == 1
    not_done = [line for line in ran.err.splitlines() if line.startswith("not done: ")]
    assert "bench/t/poor has the one class 'yes' for all 20" in not_done[0]
    assert "bench/t/few has fewer than two classes with 5 members" in not_done[1]
    table, _ = read_results([out])
    assert table["task"].unique().to_pylist() == ["bench/t/fine"]
    named = probe(emb, "--tasks", f"{root}/t/few", "--out", out)
    assert (named.status, named.err.count("\n")) == (2, 1)


def bad_inputs(emb: str, bench: str, out: str, folder: Path) -> dict[str, tuple[list[str], str]]:
    """Case → arguments, and what the one line must say."""
    usual = ["--tasks", bench, "--out", out]
    strangers = folder / "strangers.csv"
    strangers.write_text("symbol,x\nENSG1,1\nENSG2,2\n", encoding="utf-8")
    few = folder / "few.csv"
    few.write_text("symbol,x\nG000,1\nG001,2\n", encoding="utf-8")
    return {
        "no embedding": (usual, "the following arguments are required: EMB"),
        "no file": ([emb + "x", *usual], "no file"),
        "one file twice": ([emb, emb, *usual], "given twice"),
        "no dataset": ([emb, "--tasks", "nothing-here", "--out", out], "no dataset 'nothing-here'"),
        "no column": ([emb, "--tasks", f"{bench}/one/bina", "--out", out], "did you mean binary"),
        "no label": ([emb, "--tasks", f"{bench}/one/three/lo", "--out", out], "did you mean low"),
        "text column": (
            [emb, "--tasks", f"{bench}/genes/description", "--out", out],
            "column 'description'",
        ),
        "table without tasks": ([emb, "--tasks", f"{bench}/genes", "--out", out], "no task in"),
        "other names": ([str(strangers), *usual], "it has ENSG1, ENSG2, the tasks ask for G000"),
        "missing": ([str(few), *usual, "--missing", "error"], "lacks 118 of "),
        "too many folds": ([emb, *usual[:1], f"{bench}/one/number", "--out", out, "--folds", "121"],
                           "120 entities, fewer than 121 folds; use --folds 120"),
        "one fold": ([emb, *usual, "--folds", "1"], "--folds 1 is not possible"),
        "no repeat": ([emb, *usual, "--repeats", "0"], "--repeats 0 is not possible"),
        "negative seed": ([emb, *usual, "--seed", "-1"], "--seed -1 is not possible"),
        "no job": ([emb, *usual, "--jobs", "0"], "--jobs 0 is not possible"),
        "unknown protocol": ([emb, *usual, "--protocol", "papers"], "invalid choice: 'papers'"),
        "not Parquet": ([emb, "--tasks", bench, "--out", "results.csv"], "not a Parquet file"),
        "out is input": ([emb, "--tasks", bench, "--out", emb], "is one of the embeddings"),
        "out is a folder": (
            [emb, "--tasks", bench, "--out", str(folder / "folder.parquet")],
            "is a folder, not a file",
        ),
    }  # fmt: skip


CASES = list(bad_inputs("", "", "", Path("/tmp")))  # noqa: S108


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_line_and_touches_nothing(
    probe: Probe, emb: str, bench: str, tmp_path: Path, case: str
) -> None:
    out = str(tmp_path / "results.parquet")
    (tmp_path / "folder.parquet").mkdir()
    arguments, message = bad_inputs(emb, bench, out, tmp_path)[case]
    Path(out).write_bytes(b"earlier results")
    before = Path(emb).read_bytes()
    ran = probe(*arguments)
    assert ran.status == 2
    assert ran.err.startswith("probe: error: ")
    assert ran.err.count("\n") == 1
    assert message in ran.err
    assert ran.out == ""
    assert Path(out).read_bytes() == b"earlier results"
    assert Path(emb).read_bytes() == before
    assert not list(tmp_path.glob(".*.tmp"))


def test_help_is_light_and_quick() -> None:
    code = (
        "import sys\n"
        "from probes.__main__ import command\n"
        "try: command(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stderr.strip() == "[]"
    assert "--protocol" in ran.stdout


def test_as_a_program(emb: str, bench: str, out: str) -> None:
    """No warning, no traceback, no progress of `datasets`: only what we say."""
    command = [sys.executable, "-W", "error", "-m", "probes", emb, "--tasks", f"{bench}/one/binary"]
    ran = subprocess.run([*command, "--out", out], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 2
    words = [line.split()[0] for line in ran.stderr.splitlines() if line.strip()]
    said = ["scores:", "note:", "wrote", "next:"]
    assert [word for word in words if word != "probe:"] == said


def test_a_result_file_is_read_back_or_refused(
    probe: Probe, emb: str, bench: str, tmp_path: Path
) -> None:
    from hf_datasets.errors import InputError

    place = tmp_path / "day=1" / "r.parquet"  # not a column, though it looks like a partition
    assert probe(emb, "--tasks", f"{bench}/one/binary", "--out", str(place)).status == 0
    table, provenance = read_results([place, place])
    assert table.column_names == RESULT_SCHEMA.names
    assert len(provenance) == 2
    with pytest.raises(InputError, match="no result table"):
        read_results([emb])
    (tmp_path / "text.parquet").write_text("no", encoding="utf-8")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_results([tmp_path / "text.parquet"])
    pq.write_table(table.slice(0, 0), tmp_path / "empty.parquet")
    with pytest.raises(InputError, match="holds no result"):
        read_results([tmp_path / "empty.parquet"])
    with pytest.raises(InputError, match="no result file"):
        read_results([])
