"""What all plots share: paper-like settings, colours, text that fits, and files of equal bytes.

Figures are laid out in inches from the upper left, so that names of any length have their place
and a hundred models make a larger figure, not a smaller print.
"""

from __future__ import annotations

import contextlib
import csv
from functools import cache
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from cards.names import plain
from hf_datasets.errors import InputError
from hf_datasets.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

FONT = "DejaVu Sans"
INK, MUTED, LINE, FAINT = "#1c2227", "#5d676f", "#d5d9d7", "#eef0ee"
ACCENT = "#0072b2"
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31",
)  # fmt: skip
"""Those of Okabe & Ito (jfly.uni-koeln.de/color), told apart by colour-blind eyes, and one more."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
FORMATS = ("png", "svg")
DPI = 200
MARGIN = 0.15
"""Inches around every figure."""
TITLE, TEXT, SMALL = 10.0, 8.0, 7.0
"""Sizes of print, in points."""


class CannotDrawError(InputError):
    """One plot cannot be drawn from what was given; others may."""


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw and save with matplotlib's own settings, whatever the user's are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "font.family": FONT, "font.size": TEXT, "text.parse_math": False,
                "svg.hashsalt": "genezoo", "svg.fonttype": "path", "axes.linewidth": 0.6,
                "axes.edgecolor": MUTED, "axes.labelcolor": INK, "text.color": INK,
                "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelsize": SMALL,
                "ytick.labelsize": SMALL, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
                "xtick.major.size": 2.5, "ytick.major.size": 2.5, "axes.spines.top": False,
                "axes.spines.right": False, "axes.axisbelow": True, "lines.solid_capstyle": "butt",
            }
        )  # fmt: skip
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return axes at a place given in inches from the upper left."""
    wide, tall = figure.get_size_inches()
    return figure.add_axes((left / wide, 1 - (top + height) / tall, width / wide, height / tall))


def write(figure: Figure, left: float, top: float, text: str, **look: str | float) -> None:
    """Write text at a place given in inches from the upper left, its middle at `top`."""
    wide, tall = figure.get_size_inches()
    settings: dict[str, Any] = {"fontsize": TEXT, "va": "center"} | look
    figure.text(left / wide, 1 - top / tall, text, **settings)


def drawable(text: str, most: int) -> str:
    """Return `text` shortened and with every character that the font lacks as a box."""
    return "".join(char if char in "\n " or _has_glyph(char) else "□" for char in plain(text, most))


def inches(text: str, points: float = TEXT, weight: str = "normal") -> float:
    """Return the width of one line of text."""
    font = FontProperties(family=FONT, size=points, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / 72


@cache
def fit(text: str, room: float, points: float = TEXT, weight: str = "normal") -> str:
    """Return `text` as `drawable`, losing as much of its middle as it takes to be `room` wide."""
    most = 60
    short = drawable(text, most)
    while most > 3 and (wide := inches(short, points, weight)) > room:  # noqa: PLR2004
        most = min(len(short), most) - max(1, int(len(short) * (1 - room / wide)))
        short = drawable(text, max(most, 3))
    return short


def tick(value: float) -> str:
    """Write a number beside an axis: 0.5, 20, 3k, 1.5M, 1e-05."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size <= abs(value) < 1000 * size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def save(
    figure: Figure, rows: Sequence[dict[str, Any]], out: Path, formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Write the figure in each format, and the numbers behind it as CSV; return the paths.

    Parameters
    ----------
    figure
        Drawn within `style`, in which this must be called as well.
    rows
        The numbers, a dict a line, all with the same keys; None is an empty cell.
    out
        Folder and name without a suffix: `plots/heatmap` gives `plots/heatmap.png`, ….
    formats
        Some of FORMATS.

    """
    written = []
    for kind in formats:
        path = out.parent / f"{out.name}.{kind}"
        metadata = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata)
        written.append(path)
    path = out.parent / f"{out.name}.csv"
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as text:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return [*written, path]


@cache
def _has_glyph(char: str) -> bool:
    return bool(get_font(findfont(FONT)).get_char_index(ord(char)))
