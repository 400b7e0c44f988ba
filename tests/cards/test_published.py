"""Published tables: their names and metrics as ours, beside runs under their protocol only."""

from __future__ import annotations

import csv
import gzip
import math
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pytest

from cards.__main__ import command
from cards.duels import duel
from cards.leaderboard import build_leaderboard
from cards.merge import read_sources
from cards.notes import notes
from cards.published import left_out_note, marked, read_published
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeRows = Callable[..., list[dict[str, Any]]]
    Write = Callable[..., Path]

FOLDS = "task_name,task_group,model_name,fold,metric,score,task_type,Model family,Model\n"
TF = "gene-benchmark/regulatory-functions/transcription_factor"


def per_fold(path: Path, *lines: str) -> Path:
    path.write_text(FOLDS + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def scores(name: str = "TF vs non-TF", kind: str = "binary", metric: str = "roc_auc") -> list[str]:
    return [f"{name},group,gf,{fold},{metric},0.{80 + fold},{kind},ScRNA-seq,Geneformer"
            for fold in range(5)]  # fmt: skip


def paper_runs(make_rows: MakeRows, **columns: Any) -> list[dict[str, Any]]:
    families = {"regulatory-functions": {"transcription_factor": "binary"}}
    return make_rows("ours", families=families, folds=5, **({"protocol": "paper"} | columns))


def test_real_table_in_full(upstream: Path) -> None:
    path = upstream / "gene_benchmark/published_scores.csv.gz"
    source = read_published(path)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        given = list(csv.DictReader(text))
    assert len(source.table) == len(given) == 14265
    assert left_out_note(source) is None
    total = math.fsum(float(one["score"]) for one in given)
    assert math.fsum(source.table["value"].to_pylist()) == pytest.approx(total)
    rows = source.table.to_pylist()
    assert len({row["task"] for row in rows}) == len({one["task_name"] for one in given}) == 62
    assert len({row["model"] for row in rows}) == 9
    # By task type, what the paper calls roc_auc is three different things.
    assert {(row["task_type"], row["metric"]) for row in rows if "auroc" in row["metric"]} == {
        ("binary", "auroc"), ("multi-class", "auroc_weighted"), ("multi-label", "auroc_hard"),
    }  # fmt: skip
    board = build_leaderboard([source])
    (row,) = (one for one in board.rows if one.trial.task == TF)
    wanted = [float(one["score"]) for one in given
              if (one["task_name"], one["Model"], one["metric"]) ==
              ("TF vs non-TF", "Geneformer", "roc_auc")]  # fmt: skip
    assert row.scores["Geneformer"].mean == pytest.approx(fmean(wanted))
    assert {one.metric for one in board.rows} == {"auroc", "auroc_weighted", "auroc_hard"}


@pytest.mark.parametrize(
    ("name", "rows", "tasks"),
    [("biology_instructions_results.csv", 345, 22), ("proteinlmbench_results.csv", 18, 1)],
)
def test_real_tables_of_language_models(upstream: Path, name: str, rows: int, tasks: int) -> None:
    source = read_published(upstream / "biology_instructions" / name)
    found = source.table.to_pylist()
    assert len(found) == rows
    assert len({row["task"] for row in found}) == tasks
    assert all(-1 <= row["value"] <= 1 for row in found)
    by = {(row["model"], row["task"], row["metric"]): row["value"] for row in found}
    if tasks == 1:
        assert by["proteinlmbench-gpt4-turbo", "protein-lm-bench/evaluation", "accuracy"] == 0.5794
        assert "inference-time-minutes (18)" in (left_out_note(source) or "")
    else:
        assert by["gpt4o", "biology-instructions/aan/label", "mcc"] == pytest.approx(-0.0329)
        assert ("gpt4o", "biology-instructions/ea/hk", "pearson") in by
        assert ("gpt4o", "biology-instructions/emp/pooled", "mcc") in by
        assert left_out_note(source) is None
    assert build_leaderboard([source]).entries


def test_beside_runs_of_the_paper_protocol_only(
    make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    table = read_published(per_fold(tmp_path / "p.csv", *scores()))
    runs = write("r.parquet", paper_runs(make_rows), paper_runs(make_rows, protocol="standard"))
    board = build_leaderboard([*read_sources([runs]), table])
    seats = {row.trial.protocol: sorted(row.scores) for row in board.rows}
    assert seats == {"paper": ["Geneformer", "ours"], "standard": ["ours"]}
    (row,) = (one for one in board.rows if one.trial.protocol == "paper")
    assert row.scores["Geneformer"].mean == pytest.approx(0.82)
    assert row.trial.seeds == (0,)
    # Nothing is paired by fold, and nothing pretends to know how sure it is.
    assert row.intervals["Geneformer"] is None
    assert row.intervals["ours"] is not None
    assert not duel(board).tested.any()
    assert [marked(entry) for entry in board.entries if entry.info.published] == [
        "Geneformer (published)"
    ]
    texts = " ".join(note.text for note in notes(board))
    assert "no difference from them is tested" in texts
    assert "covers 0%" not in texts
    assert "different numbers of entities" not in texts


def test_another_split_is_another_trial(make_rows: MakeRows, write: Write, tmp_path: Path) -> None:
    table = read_published(per_fold(tmp_path / "p.csv", *scores()))
    runs = write("r.parquet", paper_runs(make_rows, split="family"))
    rows = build_leaderboard([*read_sources([runs]), table]).rows
    assert sorted(sorted(row.scores) for row in rows) == [["Geneformer"], ["ours"]]


def test_published_metric_is_the_headline(
    make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    name = "Chromosome"
    table = read_published(per_fold(tmp_path / "p.csv", *scores(name, "category")))
    families = {"genomic-properties": {"chromosome": "multi-class"}}
    mine = make_rows("ours", families=families, folds=5, protocol="paper")
    weighted = [row | {"metric": "auroc_weighted", "value": 0.7}
                for row in mine if row["metric"] == "auroc"]  # fmt: skip
    runs = write("r.parquet", mine, weighted)
    (row,) = build_leaderboard([*read_sources([runs]), table]).rows
    assert row.metric == "auroc_weighted"
    assert row.scores["ours"].mean == pytest.approx(0.7)
    (alone,) = build_leaderboard(read_sources([runs])).rows
    assert alone.metric == "auroc"


def test_unknown_names_are_counted_and_named(tmp_path: Path) -> None:
    path = per_fold(tmp_path / "p.csv", *scores(), *scores("No such task"), *scores(metric="kappa"))
    source = read_published(path)
    assert len(source.table) == 5
    note = left_out_note(source) or ""
    assert note.startswith("10 rows of p.csv have no counterpart here")
    assert "task No such task (5)" in note
    assert "kappa of binary task TF vs non-TF (5)" in note


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "is no table of published scores: it has a, b"),
        (FOLDS + "X,g,m,0,roc_auc,0.5,binary,LLM,M\n", "no score of a task that is known here"),
        (FOLDS + "TF vs non-TF,g,m,0,roc_auc,good,binary,LLM,M\n", "line 2 has the score 'good'"),
        (FOLDS + "TF vs non-TF,g,m,0,roc_auc,inf,binary,LLM,M\n", "line 2 has the score 'inf'"),
        (FOLDS + "TF vs non-TF,g,m,x,roc_auc,0.5,binary,LLM,M\n", "has the fold 'x'"),
        (FOLDS + "TF vs non-TF,g,,0,roc_auc,0.5,binary,LLM,\n", "has no model_name"),
        (
            FOLDS + 2 * "TF vs non-TF,g,m,0,roc_auc,0.{},binary,LLM,M\n".replace("{}", "5")
            + "TF vs non-TF,g,m,0,roc_auc,0.6,binary,LLM,M\n",
            "two scores for M",
        ),
    ],
)  # fmt: skip
def test_refusals(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_published(path)


def test_command(
    make_rows: MakeRows, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = write("r.parquet", paper_runs(make_rows))
    table = per_fold(tmp_path / "p.csv", *scores(), *scores("No such task"))
    out = tmp_path / "site"
    options = ["leaderboard", str(runs), "--out", str(out), "--with-published"]
    assert command([*options, str(table)]) == 0
    said = capsys.readouterr()
    assert "Geneformer (published)" in said.out
    assert "5 rows of p.csv have no counterpart here" in said.err
    assert command([*options, str(runs)]) == 2
    assert "is a result table of `probe`" in capsys.readouterr().err
