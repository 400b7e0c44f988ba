"""The page as text: one file, nothing loaded, nothing unescaped, always the same bytes."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from cards.leaderboard import build_leaderboard
from cards.merge import read_sources
from cards.names import number
from cards.page import render_page
from hf_datasets import __version__

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeRows = Callable[..., list[dict[str, Any]]]
    Write = Callable[..., Path]


class Outline(HTMLParser):
    """Collects tags with attributes, and checks that every element is closed in order."""

    VOID = frozenset({"meta", "link", "input", "br", "wbr", "path", "circle", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page_of(*paths: Path, title: str = "Leaderboard") -> str:
    return render_page(build_leaderboard(read_sources(paths)), title)


@pytest.fixture
def page(make_rows: MakeRows, write: Write) -> str:
    return page_of(write("r.parquet", make_rows("a"), make_rows("b", coverage=0.9)))


def test_elements_are_closed_and_ids_are_unique(page: str) -> None:
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_nothing_is_loaded_and_no_style_or_script_is_in_an_attribute(page: str) -> None:
    outline = Outline()
    outline.feed(page)
    for tag, attributes in outline.tags:
        assert tag not in {"img", "iframe", "object", "embed", "base", "form"}
        assert "src" not in attributes
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        target = attributes.get("href") or "#"
        assert target.startswith(("#", "data:,"))
    assert "@import" not in page
    assert "url(" not in page


def test_the_policy_allows_exactly_our_style_and_script(page: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert "unsafe-inline" not in policy[1]
    for tag in ("style", "script"):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"


def test_the_same_results_give_the_same_bytes(make_rows: MakeRows, write: Write) -> None:
    path = write("r.parquet", make_rows("a"), make_rows("b"))
    assert page_of(path) == page_of(path)


def test_every_mean_is_on_the_page(make_rows: MakeRows, write: Write) -> None:
    path = write("r.parquet", make_rows("a"), make_rows("b"))
    board = build_leaderboard(read_sources([path]))
    page = render_page(board, "t")
    for one in board.families:
        for mean in one.means.values():
            assert f'data-value="{mean.mean}"' in page
            assert number(mean.mean) in page
    for row in board.rows:
        assert all(f'data-value="{score.mean}"' in page for score in row.scores.values())


def test_version_coverage_and_provenance_are_said(page: str) -> None:
    assert f"genezoo {__version__}" in page
    assert "90% covered" in page
    assert "made&#34;: &#34;by a test" in page


@pytest.mark.parametrize("dataset", ["gene-benchmark-sample", "org/x-sample", "data/x-sample/"])
def test_a_sample_says_that_it_is_one(make_rows: MakeRows, write: Write, dataset: str) -> None:
    words = "For trying out, not for reporting."
    assert words in page_of(write("s.parquet", make_rows("a", dataset=dataset)))
    assert words not in page_of(write("r.parquet", make_rows("a")))


def test_condition_of_a_split_family_is_in_its_header(make_rows: MakeRows, write: Write) -> None:
    families = {"f": {"t": "binary"}}
    rows = [make_rows(m, families=families, revision=r) for m, r in (("a", "1"), ("b", "2"))]
    page = page_of(write("r.parquet", *rows))
    for text in ("1\N{NO-BREAK SPACE}task, revision 1<", "Kept apart", "No overall mean"):
        assert text in page
    assert page.count(", revision 2</span>") == 3


def test_provenance_of_any_shape_is_shown(make_rows: MakeRows, write: Write) -> None:
    odd: dict[str, Any] = {"embeddings": ["x", {"model": 3, "provenance": [1]}, None], "n": 1.5}
    page = page_of(write("r.parquet", make_rows("a"), provenance=odd))
    assert "&#34;n&#34;: 1.5" in page


def test_model_revision_is_read_from_the_provenance(make_rows: MakeRows, write: Write) -> None:
    record = {
        "model": "a",
        "source": "a.parquet",
        "sha256": "ab" * 32,
        "provenance": {"encoder": {"revision": None, "weights": ["sha256:" + "cd" * 32]}},
    }
    page = page_of(write("r.parquet", make_rows("a"), provenance={"embeddings": [record]}))
    assert "<code>abababababab</code>" in page
    assert "weights cdcdcdcdcdcd" in page
