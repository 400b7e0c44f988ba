"""The page in a real Chromium: sorting, filtering, narrow screens, and names that want out."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cards.leaderboard import Leaderboard, build_leaderboard
from cards.merge import read_sources
from cards.page import render_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    MakeRows = Callable[..., list[dict[str, Any]]]
    Write = Callable[..., Path]

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '" onmouseover="alert(3)" x=\'',
    "<img src=x onerror=alert(4)>",
    "{{ 7 * 7 }} {% raw %} &amp; &lt;",
    "\u202eright\u200fto left\u2066",
    "\N{DNA DOUBLE HELIX}\U0001f468\u200d\U0001f52c 漢字",
    "long_" * 2000,
]


@dataclass
class Visit:
    """An open page and what went wrong on it."""

    page: Page
    troubles: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def texts(self, selector: str) -> list[str]:
        """Return the whole text of all that match, also what is clipped or hidden."""
        found: list[str] = self.page.eval_on_selector_all(
            selector, "all => all.map(one => one.textContent)"
        )
        return found

    def shown(self, selector: str) -> int:
        """Return how many of the matching elements are visible."""
        return self.page.locator(selector).filter(visible=True).count()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Of this module, not of the session: while it is open an event loop runs in this thread,
    # and tests elsewhere that start one of their own would fail.
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"no {CHROMIUM}; install Debian's chromium")
        pytest.skip(f"no {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Visit]]:
    visits: list[Visit] = []

    def open_page(html: str, width: int = 1280, scheme: str = "light") -> Visit:
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        page = browser.new_page(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        one = Visit(page)
        visits.append(one)
        page.on("console", lambda message: one.troubles.append(message.text))
        page.on("pageerror", lambda error: one.troubles.append(str(error)))
        page.on("request", lambda request: one.requests.append(request.url))

        def dismiss(dialog: Any) -> None:
            one.troubles.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        page.on("dialog", dismiss)
        page.goto(path.as_uri())
        return one

    yield open_page
    for one in visits:
        troubles, requests = list(one.troubles), list(one.requests)
        one.page.close()
        assert troubles == []
        assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
        assert len([url for url in requests if url.startswith("file:")]) == 1


@pytest.fixture
def board(make_rows: MakeRows, write: Write) -> Leaderboard:
    rows = [
        make_rows("minilm", skill=0.7),
        make_rows("esm2-650m", skill=0.8, coverage=0.95),
        make_rows("geneformer-v2-104m", skill=0.75),
        # Lacks two families: its cells are empty and must sort last.
        make_rows("narrow", families={"pairs": {"interacts": "binary"}}),
    ]
    return build_leaderboard(read_sources([write("r.parquet", *rows)]))


MODELS = "#overview tbody th .model > .name"
HEAT = "table.heat[data-metric=auroc]"


def column(visit: Visit, table: str, index: int) -> list[float | None]:
    """Read the values of a column from top to bottom, None for an empty cell."""
    values = visit.page.eval_on_selector_all(
        f"{table} tbody tr", f"all => all.map(row => row.cells[{index}].dataset.value)"
    )
    return [float(value) if value else None for value in values]


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("how", ["click", "keyboard"])
def test_sorting(visit: Callable[..., Visit], board: Leaderboard, width: int, how: str) -> None:
    here = visit(render_page(board, "Leaderboard"), width)
    family = next(f for f in board.families if f.config == "localization")
    header = here.page.locator("#overview thead th", has_text="localization")
    button = header.get_by_role("button")
    index = header.evaluate("cell => cell.cellIndex")
    assert header.get_attribute("aria-sort") == "none"

    def press() -> None:
        if how == "click":
            button.click()
        else:
            button.focus()
            here.page.keyboard.press("Enter")

    means = sorted(mean.mean for mean in family.means.values())
    press()
    assert header.get_attribute("aria-sort") == "descending"
    assert column(here, "#overview", index) == [*means[::-1], None]
    press()
    assert header.get_attribute("aria-sort") == "ascending"
    assert column(here, "#overview", index) == [*means, None]
    names = [name for name, _ in sorted(family.means.items(), key=lambda item: item[1].mean)]
    assert here.texts(MODELS) == [*names, "narrow"]
    assert here.page.locator("#overview th[aria-sort$=ending]").count() == 1
    assert "ascending" in here.texts("#status")[0]
    here.page.locator("#overview thead th").get_by_role("button", name="Model").press("Space")
    assert here.texts(MODELS) == ["esm2-650m", "geneformer-v2-104m", "minilm", "narrow"]


def test_sorting_tasks_by_a_model(visit: Callable[..., Visit], board: Leaderboard) -> None:
    here = visit(render_page(board, "Leaderboard"))
    rows = [row for row in board.rows if row.metric == "auroc"]
    here.page.locator(f"{HEAT} thead th", has_text="minilm").get_by_role("button").click()
    scores = sorted((row.scores["minilm"].mean or 0 for row in rows), reverse=True)
    place = 1 + [entry.name for entry in board.entries].index("minilm")
    assert column(here, HEAT, place) == scores
    shown = here.page.eval_on_selector_all(
        f"{HEAT} tbody tr", f"all => all.map(row => row.cells[{place}].innerText)"
    )
    assert shown == [f"{score:.3f}" for score in scores]


def test_filtering(visit: Callable[..., Visit], board: Leaderboard) -> None:
    here = visit(render_page(board, "Leaderboard"))
    here.page.get_by_label("Filter models").fill("  ESM2 650 ")
    assert here.shown("#overview tbody tr") == 1
    assert here.shown(f"{HEAT} tbody tr:first-child td") == 1
    assert here.texts("#count-models") == ["1 of 4"]
    here.page.get_by_label("Filter models").fill("")
    assert here.shown("#overview tbody tr") == 4
    here.page.get_by_label("Filter tasks").fill("localization")
    assert here.shown(f"{HEAT} tbody tr") == 2
    assert here.shown("details.task") == 2
    here.page.get_by_label("Filter tasks").fill("nothing like it")
    assert here.shown("details.task") == 0
    assert here.texts("#count-tasks") == ["0 of 6"]


def test_a_link_opens_the_details_of_its_task(
    visit: Callable[..., Visit], board: Leaderboard
) -> None:
    here = visit(render_page(board, "Leaderboard"))
    assert here.page.locator("details.task[open]").count() == 0
    here.page.get_by_role("link", name="chromosome").click()
    (summary,) = here.texts("details.task[open] > summary > .name")
    assert summary == "gene-benchmark/genomics/chromosome"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_page_is_wider_than_its_window(
    visit: Callable[..., Visit], board: Leaderboard, width: int, scheme: str
) -> None:
    here = visit(render_page(board, "Leaderboard"), width, scheme)
    here.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert here.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert here.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (
        scheme == "dark"
    )
    legible = here.page.evaluate(LEGIBLE)
    assert legible
    assert min(legible) >= 4.5


LEGIBLE = """() => {
  const texts = document.querySelectorAll("p, dd, dt, td, th, .more, .part, summary");
  return [...texts].map(one => {
  const shine = text => {
    const parts = text.match(/[\\d.]+/g).slice(0, 3).map(part => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05;
  };
  let behind = one;
  while (/, 0\\)$|transparent/.test(getComputedStyle(behind).backgroundColor)) {
    behind = behind.parentElement;
  }
  const a = shine(getComputedStyle(one).color);
  const b = shine(getComputedStyle(behind).backgroundColor);
  return Math.max(a, b) / Math.min(a, b);
})}"""
"""WCAG contrast of every text with the first background behind it that is not transparent."""


def test_hostile_names_stay_text(
    visit: Callable[..., Visit], make_rows: MakeRows, write: Write
) -> None:
    rows = [
        row
        for place, name in enumerate(HOSTILE)
        for row in make_rows(
            name,
            families={name: {name: "multi-label", "t": "regression"}},
            labels=HOSTILE,
            folds=1,
            repeats=1,
            dataset=HOSTILE[place - 1],
            modality=name,
            protocol=name,
            probe=name,
            split=name,
            revision=name,
            embedding=name,
        )
    ]
    rows += [row | {"metric": name} for row in rows[:1] for name in HOSTILE]
    provenance = dict.fromkeys(HOSTILE, HOSTILE)
    path = write("r.parquet", rows, provenance=provenance)
    board = build_leaderboard(read_sources([path]))
    title = HOSTILE[1]
    here = visit(render_page(board, title))
    here.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    here.page.mouse.move(100, 100)
    assert here.page.evaluate("document.scripts.length") == 1
    assert here.page.evaluate("document.querySelectorAll('img, [onmouseover]').length") == 0
    assert here.page.title() == title
    assert here.texts("h1") == [title]
    assert here.texts(MODELS) == [entry.name for entry in board.entries]
    assert here.texts("details.task > summary > .name") == [row.trial.task for row in board.rows]
    assert set(here.texts("details.task details tbody th .name")) == set(HOSTILE)
    assert set(HOSTILE) <= set(here.texts("details.task thead th .name"))
    (text,) = here.texts("pre")
    assert json.loads(text) == provenance
    here.page.locator("#overview thead th").get_by_role("button", name="Model").click()
    assert sorted(here.texts(MODELS)) == sorted(HOSTILE)
    here.page.get_by_label("Filter models").fill("alert(1)")
    assert here.shown("#overview tbody tr") == 1
    for width in (1280, 360):
        here.page.set_viewport_size({"width": width, "height": 800})
        assert here.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
