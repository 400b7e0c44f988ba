"""Writing a leaderboard site: pages, assets, tables and the plot in one folder."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from cards.colours import scale_css
from cards.duels import duel
from cards.site.folder import write_site
from cards.site.pages import Pages
from cards.site.payload import data_script, write_tables
from cards.site.space import README, space_readme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cards.leaderboard import Leaderboard
    from cards.site.facts import Dataset

HERE = Path(__file__).parent.parent
ASSETS = HERE / "templates" / "site" / "assets"
VENDOR = HERE / "vendor"
PLOT = "leaderboard.png"


def build_site(board: Leaderboard, title: str, out: Path, datasets: Sequence[Dataset] = ()) -> None:
    """Write the site into the folder `out`, whole or not at all; equal boards give equal bytes.

    Parameters
    ----------
    board
        What to show.
    title
        Heading of the site and of the plot.
    out
        A folder that does not exist, is empty, or holds an earlier site, which is replaced.
    datasets
        What `cards.site.facts.read_dataset` read of the datasets on the board.

    Raises
    ------
    InputError
        `out` is a file or holds other things, or cannot be written.

    """

    def fill(folder: Path) -> None:
        _fill(folder, board, title, datasets)

    write_site(out, fill)


def _fill(folder: Path, board: Leaderboard, title: str, datasets: Sequence[Dataset]) -> None:
    from cards.plots.leaderboard import leaderboard_png

    shutil.copytree(ASSETS, folder / "assets")
    shutil.copytree(VENDOR, folder / "vendor", ignore=shutil.ignore_patterns("__pycache__"))
    style = (ASSETS / "site.css").read_text(encoding="utf-8")
    _write(folder / "assets/site.css", f"{style}\n{scale_css()}\n")
    _write(folder / "assets/data.js", data_script(board))
    leaderboard_png(board, title, folder / PLOT)
    write_tables(board, folder)
    pages = Pages(board, duel(board), title, datasets)
    _write(folder / "index.html", pages.overview(_png_size(folder / PLOT)))
    _write(folder / "tasks.html", pages.tasks())
    _write(folder / "about.html", pages.about())
    for name, text in (*pages.task_pages(), *pages.model_pages()):
        _write(folder / name, text)
    _write(folder / README, space_readme(board, title))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _png_size(path: Path) -> tuple[int, int]:
    """Return width and height of a PNG: pages that know them do not jump while it loads."""
    with path.open("rb") as stream:
        width, height = struct.unpack(">II", stream.read(24)[16:])
    return width, height
