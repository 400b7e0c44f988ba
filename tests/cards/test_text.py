"""Names, numbers and colours as they are shown."""

from __future__ import annotations

import itertools

import pytest

from cards import colours
from cards.names import cells_wide, counted, listed, number, percent, plain, text_table


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "0.123"), (-0.0001, "0.000"), (-0.25, "-0.250"), (1, "1.000")]
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


def test_percent_is_never_rounded_up() -> None:
    shares = [1.0, 0.9999, 0.29, 0.0]
    assert [percent(share) for share in shares] == ["100%", "99%", "29%", "0%"]


def test_counted() -> None:
    assert [counted(1, "family"), counted(2, "family"), counted(1200, "task")] == [
        "1 family", "2 families", "1,200 tasks",
    ]  # fmt: skip


def test_plain_writes_out_what_could_act_on_a_terminal() -> None:
    assert plain("a\x1b[31mb\nc\u202ed") == r"a\x1b[31mb\nc\u202ed"
    assert plain("\N{DNA DOUBLE HELIX}é漢") == "\N{DNA DOUBLE HELIX}é漢"


def test_plain_keeps_both_ends_of_a_long_name() -> None:
    short = plain("head" + "x" * 10_000 + "tail", 20)
    assert len(short) == 20
    assert short.startswith("head")
    assert short.endswith("tail")


def test_listed() -> None:
    assert listed("a") == "a"
    assert listed("ab") == "a and b"
    assert listed("abc") == "a, b and c"
    assert listed("abcdef") == "a, b, c, d and 2 more"
    assert listed("") == ""


def test_text_table_aligns_wide_characters() -> None:
    table = text_table(["", "model", "x"], [["1", "漢字", "0.1"], ["2", "e\u0301", "0.25"]])
    assert {cells_wide(line) for line in table.splitlines()} == {14}


@pytest.mark.parametrize("stops", [colours.LIGHT_STOPS, colours.DARK_STOPS])
def test_every_step_differs_in_lightness_and_text_on_it_is_legible(stops: tuple[str, ...]) -> None:
    ramp = colours.ramp(stops)
    shine = [colours.luminance(colour) for colour in ramp]
    falling = shine[0] > shine[-1]
    assert all((one > other) == falling for one, other in itertools.pairwise(shine))
    assert all(colours.contrast(colour, colours.ink(colour)) >= 4.5 for colour in ramp)


@pytest.mark.parametrize(
    ("value", "metric", "step"),
    [(0.5, "auroc", 0), (1.0, "auroc", 20), (0.75, "auroc", 10), (0.1, "auroc", 0),
     (0.5, "spearman", 10), (-3.0, "r2", 0), (7.0, "rmse", 20)],
)  # fmt: skip
def test_steps_of_the_scale(value: float, metric: str, step: int) -> None:
    assert colours.step(value, metric) == step
