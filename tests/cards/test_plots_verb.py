"""`cards plots`: figures of equal bytes, numbers that are those of the results, reasons said."""

from __future__ import annotations

import csv
import struct
import sys
import time
import xml.etree.ElementTree as ET
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from cards.__main__ import command
from cards.leaderboard import build_leaderboard
from cards.merge import read_sources
from cards.plots.heatmap import draw_heatmap
from cards.plots.learning import learning_panels
from cards.plots.projection import draw_projection
from extractors.store import embedding_schema, load_embeddings
from hf_datasets.errors import InputError
from probes.__main__ import command as probe
from probes.similarity import compare_embeddings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import datasets

    MakeRows = Callable[..., list[dict[str, Any]]]
    Write = Callable[..., Path]

FROM_RESULTS = ("heatmap", "profile", "critical-difference")
HOSTILE = (
    "$x^{", r"\frac", "漢字\U0001fae8", "\u202etxt", "x" * 10_000, "<b>&--", "", "\x00\x1b\n",
    'a,b"c',
)  # fmt: skip


def size(path: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height


def table(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(1 << 20)
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def write_embeddings(path: Path, ids: Sequence[str], seed: int, name: str) -> Path:
    vectors = np.random.default_rng(seed).normal(size=(len(ids), 16)).astype(np.float32)
    columns = {
        "id": list(ids), "embedding": list(vectors), "n_tokens": [1] * len(ids),
        "truncated": [False] * len(ids), "error": [None] * len(ids),
    }  # fmt: skip
    schema = embedding_schema(16, "float32", {"model": name, "name": name, "modality": "text"})
    pq.write_table(pa.table(columns, schema), path)
    return path


@pytest.fixture
def sample_results(make_rows: MakeRows, write: Write) -> Path:
    """Results of one model at one fraction."""
    return write("r.parquet", make_rows("a"))


@pytest.fixture
def embeddings(tmp_path: Path, sample_tables: dict[str, datasets.Dataset]) -> list[Path]:
    """Two models' vectors of the sample's genes."""
    ids = list(sample_tables["genes"]["symbol"])
    return [write_embeddings(tmp_path / f"{name}.parquet", ids, seed, name)
            for seed, name in enumerate(("one", "other"))]  # fmt: skip


def test_same_bytes_and_the_numbers_of_the_board(
    make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    path = write("r.parquet", *(make_rows(name) for name in "abc"))
    for out in ("1", "2"):
        assert command(["plots", str(path), "--out", str(tmp_path / out)]) == 0
    names = sorted(one.name for one in (tmp_path / "1").iterdir())
    assert names == sorted(f"{n}.{k}" for n in FROM_RESULTS for k in ("png", "svg", "csv"))
    for name in names:
        one, other = (tmp_path / out / name for out in ("1", "2"))
        assert one.read_bytes() == other.read_bytes(), name
        if name.endswith(".svg"):
            ET.parse(one)  # noqa: S314  our own file
            assert b"<dc:date>" not in one.read_bytes()
    board = build_leaderboard(read_sources([path]))
    cells = {(row["model"], row["task"]): row for row in table(tmp_path / "1/heatmap.csv")}
    for row in board.rows:
        for model, score in row.scores.items():
            cell = cells[model, row.trial.task]
            assert float(cell["score"]) == score.mean
            assert (float(cell["low"]), float(cell["high"])) == row.intervals[model]
    rows = table(tmp_path / "1/profile.csv")
    means = {(one["model"], one["family"], one["metric"]): one for one in rows}
    for family in board.families:
        for model, mean in family.means.items():
            assert float(means[model, family.config, family.metric]["mean"]) == mean.mean
    assert board.standing is not None
    ranks = {row["model"]: row for row in table(tmp_path / "1/critical-difference.csv")}
    assert {m: float(r["average_rank"]) for m, r in ranks.items()} == board.standing.ranks


def test_large_board_is_readable_in_seconds(
    make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    families = {f"family-{i}": {f"t{j}": "binary" for j in range(25)} for i in range(16)}
    rows = [
        [row for row in make_rows(f"model-{i}", families=families, folds=1, repeats=1)
         if row["metric"] == "auroc"]
        for i in range(100)
    ]  # fmt: skip
    board = build_leaderboard(read_sources([write("r.parquet", *rows)]))
    start = time.process_time()
    draw_heatmap(board, tmp_path / "heatmap")
    assert time.process_time() - start < 30
    width, height = size(tmp_path / "heatmap.png")
    assert width < 8000 > height
    # A bitmap inside: forty thousand paths would choke a browser.
    assert (tmp_path / "heatmap.svg").stat().st_size < 4_000_000
    assert len(table(tmp_path / "heatmap.csv")) == 100 * (400 + 16)


def test_hostile_names_are_short_in_figures_and_whole_in_the_csv(
    make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    path = write("r.parquet", *(make_rows(n, families={n: {n: "binary"}}) for n in HOSTILE))
    assert command(["plots", str(path), "--out", str(tmp_path), "--only", "heatmap,profile"]) == 0
    width, height = size(tmp_path / "heatmap.png")
    assert width < 4000 > height
    assert {row["model"] for row in table(tmp_path / "heatmap.csv")} == set(HOSTILE)
    ET.parse(tmp_path / "heatmap.svg")  # noqa: S314  our own file


def test_learning_curves_average_what_all_models_share(
    make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    families = {"f": {"t": "binary", "u": "binary"}}
    sizes = {0.1: 20, 1.0: 200}
    rows = [
        make_rows(model, families=families, fraction=fraction, n_train=n, skill=0.5 + fraction / 5)
        for model in "ab" for fraction, n in sizes.items()
    ]  # fmt: skip
    rows.append(make_rows("a", families={"f": {"v": "binary"}}))
    path = write("r.parquet", *rows)
    (panel,), _ = learning_panels([path])
    assert (panel.tasks, panel.total) == (2, 3)
    for model, points in panel.curves.items():
        for point in points:
            values = [
                row["value"] for row in pq.read_table(path).to_pylist()
                if (row["model"], row["fraction"]) == (model, point.fraction)
                and (row["metric"], row["label"]) == ("auroc", None) and row["task"][-1] in "tu"
            ]  # fmt: skip
            assert point.mean == pytest.approx(fmean(values))
            assert point.n_train == sizes[point.fraction]
            assert point.interval is not None
            assert point.interval[0] < point.mean < point.interval[1]
    assert command(["plots", str(path), "--out", str(tmp_path), "--only", "learning-curves"]) == 0
    assert len(table(tmp_path / "learning-curves.csv")) == 4


def test_from_real_runs(
    embeddings: list[Path], sample_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, predictions = tmp_path / "r.parquet", tmp_path / "p.parquet"
    task = f"{sample_folder}/protein-properties/enzyme"
    files = list(map(str, embeddings))
    options = ["--tasks", task, "--out", str(results), "--predictions", str(predictions)]
    assert probe([*files, *options, "--fractions", "0.5,1"]) == 0
    out = tmp_path / "plots"
    given = [str(results), "--predictions", str(predictions), "--embeddings", *files]
    given += ["--task", task, "--projection", "pca", "--out", str(out)]
    capsys.readouterr()
    assert command(["plots", *given]) == 0
    said = capsys.readouterr()
    assert "skipped critical-difference: average ranks need" in said.err
    assert {one.stem for one in out.iterdir()} == {
        "heatmap", "profile", "learning-curves", "roc", "similarity", "projection",
    }  # fmt: skip
    # The curves' areas are those of scikit-learn, fold by fold.
    found = pq.read_table(predictions).to_pylist()
    for model in ("one", "other"):
        mine = [row for row in found if row["model"] == model]
        areas = [
            roc_auc_score([r["truth"] for r in part], [r["score"] for r in part])
            for fold in range(5) if (part := [row for row in mine if row["fold"] == fold])
        ]  # fmt: skip
        curve = [row for row in table(out / "roc.csv") if row["model"] == model]
        assert float(curve[0]["auroc"]) == pytest.approx(fmean(areas))
        points = [(float(r["false_positive_rate"]), float(r["true_positive_rate"])) for r in curve]
        assert np.trapezoid([y for _, y in points], [x for x, _ in points]) == pytest.approx(
            fmean(areas), abs=0.01
        )
    (pair,) = compare_embeddings([load_embeddings(one) for one in files]).pairs
    (row,) = table(out / "similarity.csv")
    assert float(row["cka_debiased"]) == pair.cka_debiased
    dots = table(out / "projection.csv")
    assert {row["label"] for row in dots} == {"no", "yes"}
    # PCA keeps the largest spread: that of the first singular value.
    one = load_embeddings(files[0])
    drawn = [row for row in dots if row["model"] == "one"]
    vectors = one.vectors[[one.ids.index(row["id"]) for row in drawn]].astype(np.float64)
    values = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    assert np.linalg.norm([float(row["x"]) for row in drawn]) == pytest.approx(values[0], rel=1e-4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--only heatmp", "unknown plot 'heatmp'; did you mean heatmap?"),
        ("--format pdf", "unknown format 'pdf'"),
        ("--only ,", "names no plot"),
        ("--only roc", "cannot draw roc: it needs --predictions"),
        ("--only learning-curves", "cannot draw learning-curves: the results are of one fraction"),
        ("--only similarity", "cannot draw similarity: it needs two --embeddings"),
        ("--only projection", "cannot draw projection: it needs --embeddings"),
    ],
)
def test_refusals(
    sample_results: Path, capsys: pytest.CaptureFixture[str], options: str, said: str
) -> None:
    out = sample_results.parent / "o"
    assert command(["plots", str(sample_results), "--out", str(out), *options.split()]) == 2
    assert said in capsys.readouterr().err


def test_only_controls(
    make_rows: MakeRows, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("r.parquet", make_rows("a", protocol="standard+shuffled"))
    assert command(["plots", str(path), "--out", str(tmp_path)]) == 2
    assert "skipped heatmap: there are only controls" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("localization", "stands for 2 tasks; name one of them"),
        ("gene2gene/interacts", "is about pairs, which are no points"),
        ("localization/nothing", "no column 'nothing'"),
    ],
)
def test_tasks_that_colour_nothing(
    embeddings: list[Path], sample_folder: Path, tmp_path: Path, task: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        draw_projection([load_embeddings(str(embeddings[0]))], f"{sample_folder}/{task}", tmp_path)


@pytest.mark.parametrize("shape", [(16, 0.0), (1, 1.0)])
def test_vectors_without_a_plane(
    shape: tuple[int, float], sample_folder: Path, sample_tables: dict[str, datasets.Dataset],
    tmp_path: Path,
) -> None:  # fmt: skip
    width, spread = shape
    genes = list(sample_tables["genes"]["symbol"])[:40]
    lines = [",".join([gene, *[str(at * spread)] * width]) for at, gene in enumerate(genes)]
    header = ",".join(["id", *(f"d{at}" for at in range(width))])
    path = tmp_path / "v.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="all the same, or have one dimension"):
        draw_projection(
            [load_embeddings(str(path))], f"{sample_folder}/localization/secreted", tmp_path
        )


def test_umap_is_an_extra(
    embeddings: list[Path], sample_folder: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "umap", None)
    given = ["--embeddings", str(embeddings[0]), "--task", f"{sample_folder}/localization/secreted"]
    given += ["--out", str(tmp_path / "o"), "--only", "projection"]
    assert command(["plots", *given]) == 2
    assert "pip install 'genezoo[plots]'" in capsys.readouterr().err


@pytest.mark.parametrize("projection", ["umap", "tsne"])
def test_neighbours_stay_neighbours(
    projection: str, sample_folder: Path, sample_tables: dict[str, datasets.Dataset], tmp_path: Path
) -> None:
    if projection == "umap":
        pytest.importorskip("umap", exc_type=ImportError)
    genes = list(sample_tables["genes"]["symbol"])[:120]
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 16)) * 10
    group = np.arange(len(genes)) % 3
    vectors = (centres[group] + rng.normal(size=(len(genes), 16))).astype(np.float32)
    path = tmp_path / "v.csv"
    lines = [",".join([gene, *map(str, row)]) for gene, row in zip(genes, vectors, strict=True)]
    header = ",".join(["id", *(f"d{at}" for at in range(16))])
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    given = ["--embeddings", str(path), "--task", f"{sample_folder}/localization/secreted"]
    given += ["--projection", projection, "--only", "projection", "--format", "svg"]
    for out in ("1", "2"):
        assert command(["plots", *given, "--out", str(tmp_path / out)]) == 0
    one, other = ((tmp_path / out / "projection.svg").read_bytes() for out in ("1", "2"))
    assert one == other
    rows = table(tmp_path / "1/projection.csv")
    places = np.array([[float(row["x"]), float(row["y"])] for row in rows])
    mine = np.array([group[genes.index(row["id"])] for row in rows])
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(len(rows)) * 1e9
    assert (mine[apart.argmin(axis=1)] == mine).mean() > 0.95
