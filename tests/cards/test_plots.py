"""The plot: the same bytes for the same results, from one number to a large board."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest

from cards.leaderboard import build_leaderboard
from cards.merge import read_sources
from cards.plots.canvas import drawable
from cards.plots.leaderboard import leaderboard_png

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeRows = Callable[..., list[dict[str, Any]]]
    Write = Callable[..., Path]


def plot(results: Path, out: Path, title: str = "Leaderboard") -> bytes:
    leaderboard_png(build_leaderboard(read_sources([results])), title, out)
    return out.read_bytes()


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def chunks(png: bytes) -> set[bytes]:
    found, at = set(), 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        found.add(png[at + 4 : at + 8])
        at += length + 12
    return found


def test_bytes_are_the_same_and_hold_no_text(
    make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    path = write("r.parquet", make_rows("a"), make_rows("b"))
    one, other = plot(path, tmp_path / "1.png"), plot(path, tmp_path / "2.png")
    assert one == other
    assert not chunks(one) & {b"tEXt", b"iTXt", b"zTXt", b"tIME"}


def test_one_number(make_rows: MakeRows, write: Write, tmp_path: Path) -> None:
    rows = make_rows("a", families={"f": {"t": "binary"}}, folds=1, repeats=1)
    width, height = size(plot(write("r.parquet", rows), tmp_path / "p.png"))
    assert 600 < width < 2000
    assert 300 < height < 1000


def test_thirty_models(make_rows: MakeRows, write: Write, tmp_path: Path) -> None:
    families = {f"f{i}": {f"t{j}": "binary" for j in range(2)} for i in range(3)}
    rows = [make_rows(f"m{i}", families=families, folds=1, repeats=1) for i in range(30)]
    width, height = size(plot(write("r.parquet", *rows), tmp_path / "p.png"))
    assert max(width, height) < 8000


def test_scores_far_below_chance_and_no_scores(
    make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    families = {"f": {"t": "binary", "r": "regression"}}
    rows = [
        make_rows("low", families=families, value=-9.0),
        make_rows("none", families=families, value=None),
        make_rows("other", families={"g": {"u": "binary"}}),
    ]
    assert size(plot(write("r.parquet", *rows), tmp_path / "p.png"))


HOSTILE = ["$x^{", r"\frac", "漢字\U0001fae8", "\u202etxt", "x" * 10_000, "<b>&", "", "\x00\x1b\n"]


def test_hostile_names(make_rows: MakeRows, write: Write, tmp_path: Path) -> None:
    rows = [make_rows(name, families={name: {name: "binary"}}) for name in HOSTILE]
    assert size(plot(write("r.parquet", *rows), tmp_path / "p.png", title="$" + "t" * 999))


@pytest.mark.parametrize("text", HOSTILE)
def test_drawable_is_short_and_printable(text: str) -> None:
    short = drawable(text, 20)
    assert len(short) <= 20
    assert short.isprintable()
