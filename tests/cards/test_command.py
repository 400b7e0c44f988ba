"""`cards leaderboard`: what it writes, prints and refuses."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cards.__main__ import command
from cards.leaderboard import build_leaderboard
from cards.merge import read_sources
from cards.names import number

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeRows = Callable[..., list[dict[str, Any]]]
    Write = Callable[..., Path]

HEAVY = ("torch", "transformers", "datasets", "sklearn", "pandas", "matplotlib", "pyarrow", "numpy")


@pytest.fixture
def results(make_rows: MakeRows, write: Write) -> Path:
    return write("r.parquet", make_rows("minilm"), make_rows("esm2", coverage=0.9))


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run the command; assert that it ends with status 2 and one line; return the line."""
    assert command(["leaderboard", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("cards: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_site_plot_and_table(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "site"
    assert command(["leaderboard", str(results), "--out", str(out), "--title", "Mine"]) == 0
    captured = capsys.readouterr()
    assert "<title>Mine</title>" in (out / "index.html").read_text(encoding="utf-8")
    assert (out / "leaderboard.png").read_bytes().startswith(b"\x89PNG")
    lines = captured.out.splitlines()
    assert lines[-2:] == [f"site: {out / 'index.html'}", f"plot: {out / 'leaderboard.png'}"]
    board = build_leaderboard(read_sources([results]))
    for line, entry in zip(lines[1:], board.entries, strict=False):
        assert line.split()[:2] == [str(entry.rank), entry.name]
        expected = [number(entry.overall.mean if entry.overall else None)]
        expected += [number(family.means[entry.name].mean) for family in board.families]
        assert re.findall(r"(?<!± )-?\d\.\d{3}", line) == expected
        assert line.endswith("90%" if entry.name == "esm2" else "100%")
    told = captured.err.splitlines()
    assert told[-3].startswith(f"wrote {out} (a site of 2 models and ")
    assert [line.split()[0] for line in told[-2:]] == ["next:", "next:"]
    assert any(line.startswith("note: unequal coverage") for line in told)


@pytest.mark.parametrize("out", ["site", "site/", "site.v2", "old.html/"])
def test_a_folder_of_any_name_becomes_a_site(
    make_rows: MakeRows, write: Write, tmp_path: Path, out: str
) -> None:
    results = write("r.parquet", make_rows("a", families={"f": {"t": "binary"}}))
    for _ in range(2):
        assert command(["leaderboard", str(results), "--out", f"{tmp_path}/{out}"]) == 0
    names = {path.name for path in (tmp_path / out).iterdir()}
    assert names == {
        "README.md", "about.html", "assets", "index.html", "leaderboard.png", "manifest.json",
        "models", "scores.csv", "scores.parquet", "tasks", "tasks.html", "vendor",
    }  # fmt: skip


def test_a_page_is_refused(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, results, "--out", tmp_path / "board.html")
    assert f"give a folder, as --out {tmp_path / 'board'}" in line
    assert not (tmp_path / "board.html").exists()


def test_hostile_names_do_not_reach_the_terminal(
    make_rows: MakeRows, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "\x1b[2J\u202e" + "y" * 10_000
    rows = make_rows(name, families={name: {name: "binary"}}), make_rows("b", coverage=0.5)
    path = write("r.parquet", *rows)
    assert command(["leaderboard", str(path), "--out", str(tmp_path / "site")]) == 0
    captured = capsys.readouterr()
    assert not set("\x1b\u202e") & set(captured.out + captured.err)
    assert max(map(len, (captured.out + captured.err).splitlines())) < 1000


def test_a_missing_file(capsys: pytest.CaptureFixture[str], results: Path, tmp_path: Path) -> None:
    line = refused(capsys, tmp_path / "s.parquet", "--out", tmp_path / "x")
    assert "no file" in line
    assert "did you mean r.parquet?" in line
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("content", [b"", b"PAR1 no parquet PAR1", b"model,value\na,1\n"])
def test_no_parquet(capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.parquet"
    path.write_bytes(content)
    assert str(path) in refused(capsys, path, "--out", tmp_path / "x")


def test_another_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "emb.parquet"
    pq.write_table(pa.table({"id": ["a"], "embedding": [[1.0]]}), path)
    assert "is no result table" in refused(capsys, path, "--out", tmp_path / "x")


def test_a_table_without_rows(
    capsys: pytest.CaptureFixture[str], write: Write, tmp_path: Path
) -> None:
    assert "holds no result" in refused(capsys, write("r.parquet"), "--out", tmp_path / "x")


def test_contradicting_files(
    capsys: pytest.CaptureFixture[str], make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    one, two = write("1.parquet", make_rows("m")), write("2.parquet", make_rows("m", value=0.5))
    line = refused(capsys, one, two, "--out", tmp_path / "x")
    assert "1.parquet" in line
    assert "2.parquet" in line


def test_places_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], results: Path, tmp_path: Path
) -> None:
    assert "is a file" in refused(capsys, results, "--out", results)
    assert "cannot write" in refused(capsys, results, "--out", results / "x")
    assert "not written by `cards leaderboard`" in refused(capsys, results, "--out", tmp_path)
    assert results.is_file()
    line = refused(capsys, results, "--out", tmp_path / "s", "--tasks-from", tmp_path / "none")
    assert "no such folder" in line
    line = refused(capsys, results, "--out", tmp_path / "s", "--push", "no-name")
    assert "a Space is named org/name" in line
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("arguments", [[], ["leaderboard"], ["leaderboard", "r"], ["leaderbord"]])
def test_usage_errors_are_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        command(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--help"], ["leaderboard", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str], root: Path) -> None:
    code = (
        "import sys\nfrom cards.__main__ import command\n"
        f"try: command({arguments!r})\nexcept SystemExit as end: assert not end.code\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr, end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.startswith("usage: cards")
    assert done.stderr == ""
