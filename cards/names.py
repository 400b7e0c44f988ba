"""How names and numbers are written: on the page, in the plot and on the terminal."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""Marks that can turn the text around them; a name must not turn what stands beside it."""
METRIC_NAMES = {
    "auroc": "AUROC",
    "auroc_weighted": "AUROC, weighted",
    "average_precision": "average precision",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "mcc": "MCC",
    "f1": "F1",
    "f1_macro": "F1, macro",
    "f1_weighted": "F1, weighted",
    "subset_accuracy": "subset accuracy",
    "average_precision_weighted": "average precision, weighted",
    "precision": "precision",
    "precision_macro": "precision, macro",
    "precision_weighted": "precision, weighted",
    "recall": "recall",
    "recall_macro": "recall, macro",
    "recall_weighted": "recall, weighted",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
    "hamming_loss": "Hamming loss",
    "auroc_hard": "AUROC of hard decisions",
    "v_measure": "V-measure",
    "r2": "R²",
    "spearman": "Spearman \N{GREEK SMALL LETTER RHO}",
    "pearson": "Pearson r",
    "rmse": "RMSE",
    "mae": "MAE",
    "C": "C (chosen)",
}
DASH = "\N{EN DASH}"
"""What stands where there is no number."""


def metric_name(metric: str) -> str:
    """Return a metric's name as people write it; an unknown one as it is."""
    return METRIC_NAMES.get(metric, metric)


def plain(text: str, most: int = 60) -> str:
    r"""Return `text` as one safe line of at most `most` characters.

    Control characters and marks of writing direction are written out (`\x1b`), and a long name
    loses its middle: a task's path tells most at its end.
    """
    safe = "".join(
        char if char.isprintable() or _joins(char) else char.encode("unicode_escape").decode()
        for char in text
    )
    if len(safe) <= most:
        return safe
    head = (most - 1) // 2
    return f"{safe[:head]}…{safe[len(safe) - (most - 1 - head) :]}"


def _joins(char: str) -> bool:
    # Joiners and variation selectors belong to emoji and to several scripts.
    return unicodedata.category(char) in {"Cf", "Mn"} and char not in BIDI_CONTROLS


def cells_wide(text: str) -> int:
    """Return how many terminal columns `text` takes: wide characters take two, marks none."""
    wide = 0
    for char in text:
        if unicodedata.category(char) not in {"Mn", "Me", "Cf"}:
            wide += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return wide


def number(value: float | None) -> str:
    """Write a score with three decimals, a dash for none; never a negative zero."""
    if value is None:
        return DASH
    text = f"{value:.3f}"
    return "0.000" if text == "-0.000" else text


def percent(share: float | None) -> str:
    """Write a share in whole per cent, rounded down: 100 % only for all of it."""
    return DASH if share is None else f"{int(share * 100 + 1e-9)}%"


def counted(count: int, noun: str) -> str:
    """Write a count with its noun: 1 family, 3 families."""
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("y"):
        return f"{count:,} {noun[:-1]}ies"
    return f"{count:,} {noun}es" if noun.endswith("s") else f"{count:,} {noun}s"


def listed(names: Iterable[str], most: int = 4) -> str:
    """Join names for a sentence, each as a safe line: at most `most`, then how many more."""
    safe = [plain(name) for name in names]
    if len(safe) > most:
        return f"{', '.join(safe[:most])} and {len(safe) - most} more"
    return " and ".join([", ".join(safe[:-1]), safe[-1]]) if len(safe) > 1 else "".join(safe)


def text_table(header: list[str], rows: list[list[str]]) -> str:
    """Lay out cells in aligned columns: the first two to the left, the others to the right."""
    lines = [header, *rows]
    widths = [max(cells_wide(line[index]) for line in lines) for index in range(len(header))]
    return "\n".join(
        "  ".join(
            _pad(cell, width, left=index == 1)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _pad(text: str, width: int, *, left: bool) -> str:
    space = " " * (width - cells_wide(text))
    return text + space if left else space + text
