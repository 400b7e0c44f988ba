"""How quick a large leaderboard is in a browser: first paint, sorting and filtering.

    python benchmarks/leaderboard_site.py [--models 100] [--tasks 400] [--rounds 5]

Simulated results of `--models` models on `--tasks` tasks in twelve families, five folds, seeded,
made into a site as `cards leaderboard` does and opened from file:// in a headless Chromium at
1280 x 800. First paint is what the browser says (First Contentful Paint), of a new browser context
each round. Sorting is from the click to the end of layout and paint: two animation frames later,
so about 16 ms of it are waiting; its own work is printed beside it. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from machine import describe_machine
from playwright.sync_api import sync_playwright

from cards.leaderboard import build_leaderboard
from cards.merge import read_sources
from cards.site.build import build_site
from probes.result import write_results

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FAMILIES, FOLDS = 12, 5
TYPES = ("binary", "multi-class", "multi-label", "regression")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PRESS = """button => new Promise(done => {
  const start = performance.now();
  button.click();
  document.body.offsetHeight;
  const worked = performance.now() - start;
  const painted = () => done([worked, performance.now() - start]);
  requestAnimationFrame(() => requestAnimationFrame(painted));
})"""
CHOOSE = """([select, value]) => new Promise(done => {
  const start = performance.now();
  const field = document.querySelector(select);
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  setTimeout(() => {
    document.body.offsetHeight;
    requestAnimationFrame(() => done(performance.now() - start));
  }, 1);
})"""


def simulated(models: int, tasks: int) -> list[dict[str, Any]]:
    """Return result rows: models of different skill on tasks of different difficulty."""
    rng = np.random.default_rng(0)
    skill, ease = rng.normal(0, 0.05, models), rng.uniform(0.6, 0.9, tasks)
    rows = []
    for model, task, fold in itertools.product(range(models), range(tasks), range(FOLDS)):
        kind = TYPES[task % len(TYPES)] if task % 10 == 0 else "binary"
        config = f"family-{task % FAMILIES}"
        value = float(np.clip(ease[task] + skill[model] + rng.normal(0, 0.03), 0, 1))
        rows.append(
            {
                "embedding": f"model-{model}.parquet", "model": f"model-{model}",
                "modality": ("text", "protein", "dna", "expression")[model % 4],
                "dataset": "simulated", "revision": "1.0.0", "config": config,
                "task": f"simulated/{config}/task_number_{task}", "task_type": kind,
                "label": None, "protocol": "standard", "split": "random", "probe": "logistic",
                "fraction": 1.0, "seed": 0, "repeat": 0, "fold": fold,
                "metric": "spearman" if kind == "regression" else "auroc", "value": value,
                "n_train": 800, "n_test": 200, "coverage": 1.0 if model % 3 else 0.97,
            }
        )  # fmt: skip
    return rows


def first_paint(browser: Browser, url: str) -> float:
    """Return the First Contentful Paint of a page in a new context, in ms."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(url)
    found: float = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    context.close()
    return found


def opened(browser: Browser, url: str) -> Page:
    """Return a page whose tables are ready."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(url)
    page.wait_for_function("document.getElementById('count').textContent !== ''")
    return page


def sorting(page: Page, table: str, rounds: int) -> tuple[float, float]:
    """Return ms of work, and ms until it is painted, of a click on a header."""
    buttons = page.locator(f"{table} thead th[data-column] button").element_handles()
    found = [buttons[at % len(buttons)].evaluate(PRESS) for at in range(rounds + 1)][1:]
    worked, painted = zip(*found, strict=True)
    return statistics.median(worked), statistics.median(painted)


def filtering(page: Page, rounds: int) -> float:
    """Return ms from choosing a family, or all again, until it is painted."""
    wanted = ["family-1", "", "family-2", ""]
    found = [
        page.evaluate(CHOOSE, ["#filter-family", wanted[at % len(wanted)]]) for at in range(rounds)
    ]
    return float(statistics.median(found))


def main() -> None:
    """Make the site and print what it takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chromium", type=Path, default=Path("/usr/bin/chromium"))
    parser.add_argument("--site", type=Path, help="keep the site here")
    asked = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "results.parquet"
        write_results(simulated(asked.models, asked.tasks), {}, results)
        site = asked.site or Path(scratch) / "site"
        start = time.process_time()
        board = build_leaderboard(read_sources([results]))
        middle = time.process_time()
        build_site(board, "Simulated", site)
        end = time.process_time()
        size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
        print(f"{asked.models} models, {asked.tasks} tasks")
        print(f"averaged in {middle - start:.1f} s, written in {end - middle:.1f} s of processor")
        print(f"site: {size / 1e6:.1f} MB, {sum(1 for _ in site.rglob('*.html'))} pages")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=asked.chromium, args=ARGUMENTS)
            show(browser, site.resolve(), asked.rounds)
            browser.close()


def show(browser: Browser, site: Path, rounds: int) -> None:
    """Print the times of the two large pages."""
    for name, table in (("index.html", "#overview"), ("tasks.html", "#matrix")):
        url = (site / name).as_uri()
        paint = statistics.median(first_paint(browser, url) for _ in range(rounds))
        page = opened(browser, url)
        worked, painted = sorting(page, table, rounds)
        print(f"{name}: first paint {paint:.0f} ms")
        print(f"{name}: sorting {worked:.0f} ms of work, painted after {painted:.0f} ms")
        print(f"{name}: filtering {filtering(page, rounds):.0f} ms")
        page.close()


if __name__ == "__main__":
    main()
