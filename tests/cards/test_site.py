"""The site as files: nothing is loaded from elsewhere, nothing unescaped, always the same bytes."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from cards.leaderboard import build_leaderboard
from cards.merge import Source, read_sources
from cards.names import number
from cards.site.build import build_site
from cards.site.facts import read_dataset
from cards.site.payload import data_script, score_table
from cards.site.slugs import model_page, slug, task_page
from hf_datasets import __version__
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeRows = Callable[..., list[dict[str, Any]]]
    Write = Callable[..., Path]

DIGESTS = {
    "hyparquet-writer.js": "8b6e1ec60b115f6edaa8067c808cb7454b3ce0417356882535b17300b1e86b3a",
    "tanstack-table-core.js": "a0d1d4531c0c4ae7cdaec01f217c724aa969cacaff7f7d8971c334ac97500379",
    "uplot.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "uplot.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
}
"""sha256 of the vendored libraries."""
POLICY = (
    "default-src 'none'; style-src 'self' file:; script-src 'self' file:; "
    "img-src 'self' file: data:; base-uri 'none'; form-action 'none'"
)
HOSTILE = [
    "<script>alert(1)</script>",
    '"; x="',
    "\u202eright\u200fto left",
    "../../etc",
    "l_" * 5000,
]


class Outline(HTMLParser):
    """Collects tags with attributes, and checks that every element is closed in order."""

    VOID = frozenset({"meta", "link", "input", "br", "wbr", "path", "circle", "rect", "img"})

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


def site_of(out: Path, *paths: Path, title: str = "Leaderboard") -> dict[str, str]:
    """Write a site; return the text of its pages by path."""
    build_site(build_leaderboard(read_sources(paths)), title, out)
    return {
        path.relative_to(out).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(out.rglob("*.html"))
    }


def bytes_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def check_page(name: str, text: str, files: set[str]) -> None:
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    policies = [a["content"] for _, a in outline.tags if a.get("http-equiv")]
    assert policies == [POLICY]
    for tag, attributes in outline.tags:
        assert tag not in {"iframe", "object", "embed", "base", "form", "style"}
        assert "style" not in attributes
        assert not any(attribute.startswith("on") for attribute in attributes)
        if tag == "script":
            assert attributes.get("src") or attributes["type"] == "application/json"
        for attribute in ("href", "src"):
            target = urldefrag(attributes.get(attribute) or "").url
            if target and target != "data:,":
                place = (Path(name).parent / target).as_posix()
                assert re.sub(r"^\w+/\.\./", "", place) in files, target


@pytest.mark.parametrize("names", [["a", "b"], HOSTILE])
def test_every_page_is_well_formed_loads_nothing_and_links_to_what_is_there(
    make_rows: MakeRows, write: Write, tmp_path: Path, names: list[str]
) -> None:
    families = {names[0]: {names[1]: "multi-label", "r": "regression"}}
    rows = [make_rows(name, families=families, coverage=0.9, labels=names) for name in names]
    pages = site_of(tmp_path / "site", write("r.parquet", *rows), title=names[0])
    files = set(bytes_of(tmp_path / "site"))
    assert len(pages) == 3 + 2 + len(names)
    for name, text in pages.items():
        assert re.fullmatch(r"(?:(?:models|tasks)/)?[a-z0-9-]{1,60}\.html", name)
        check_page(name, text, files)


def test_the_same_results_give_the_same_bytes(
    make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    path = write("r.parquet", make_rows("a"), make_rows("b"))
    for name in ("1", "2"):
        site_of(tmp_path / name, path)
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "2")


def test_every_number_is_in_the_pages_without_a_script(
    make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    path = write("r.parquet", make_rows("a"), make_rows("b"))
    pages = site_of(tmp_path / "site", path)
    board = build_leaderboard(read_sources([path]))
    for family in board.families:
        for model, mean in family.means.items():
            assert number(mean.mean) in pages["index.html"]
            assert mean.interval
            interval = "\N{EN DASH}".join(map(number, mean.interval))
            assert interval in pages["index.html"]
            assert interval in pages[model_page(model)]
    for row in board.rows:
        for score in row.scores.values():
            assert number(score.mean) in pages["tasks.html"]
            assert number(score.mean) in pages[task_page(row.trial.task)]
    assert f"genezoo {__version__}" in pages["index.html"]
    assert "made&#34;: &#34;by a test" in pages["about.html"]


def test_vendored_libraries_are_what_they_say(
    root: Path, make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    folder = root / "cards/vendor"
    code = sorted(path for path in folder.iterdir() if path.suffix in {".js", ".css"})
    assert {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in code} == DIGESTS
    readme = (folder / "README.md").read_text(encoding="utf-8")
    site_of(tmp_path / "site", write("r.parquet", make_rows("a")))
    for one in code:
        assert f"`{one.name}`" in readme
        text = one.read_text(encoding="utf-8")
        assert not re.search(r"\beval\(|new Function|\bimport\(", text)
        licence = tmp_path / "site/vendor" / f"{one.stem}.LICENSE"
        assert "Permission is hereby granted, free of charge" in licence.read_text(encoding="utf-8")


def test_tables_to_download(make_rows: MakeRows, write: Write, tmp_path: Path) -> None:
    path = write("r.parquet", make_rows("=cmd"), make_rows("b", coverage=0.9))
    site_of(tmp_path / "site", path)
    board = build_leaderboard(read_sources([path]))
    table = pq.read_table(tmp_path / "site/scores.parquet")
    assert table.equals(score_table(board))
    found = {(row["model"], row["task"]): row["score"] for row in table.to_pylist()}
    assert found == {(m, r.trial.task): s.mean for r in board.rows for m, s in r.scores.items()}
    with (tmp_path / "site/scores.csv").open(encoding="utf-8", newline="") as stream:
        assert {row["model"] for row in csv.DictReader(stream)} == {"'=cmd", "b"}


def test_data_for_the_browser_is_one_assignment(make_rows: MakeRows, write: Write) -> None:
    rows = [make_rows(name) for name in HOSTILE]
    script = data_script(build_leaderboard(read_sources([write("r.parquet", *rows)])))
    start, _, rest = script.partition(" = ")
    assert start == "var leaderboardData"
    assert rest.endswith("};\n")
    names = [model["name"] for model in json.loads(rest[:-2])["models"]]
    assert sorted(names) == sorted(HOSTILE)


def test_slugs_tell_names_apart() -> None:
    names = ["a b", "a-b", "A B", "", "\u202e", "é", "e", "x" * 10_000, "x" * 10_001, "../.."]
    found = [slug(name) for name in names]
    assert len(set(found)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]{1,51}", one) for one in found)


@pytest.mark.parametrize("dataset", ["gene-benchmark-sample", "org/x-sample", "data/x-sample/"])
def test_a_sample_says_that_it_is_one(
    make_rows: MakeRows, write: Write, tmp_path: Path, dataset: str
) -> None:
    words = "For trying out, not for reporting."
    sample = site_of(tmp_path / "s", write("s.parquet", make_rows("a", dataset=dataset)))
    assert words in sample["index.html"]
    real = site_of(tmp_path / "r", write("r.parquet", make_rows("a")))
    assert words not in real["index.html"]


def test_a_task_scored_under_two_conditions_has_one_page_of_two_parts(
    make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    families = {"f": {"t": "binary"}}
    rows = [make_rows(m, families=families, revision=r) for m, r in (("a", "1"), ("b", "2"))]
    pages = site_of(tmp_path / "site", write("r.parquet", *rows))
    text = pages[task_page("gene-benchmark/f/t")]
    assert text.count('<h2 class="variant">') == 2
    assert "Kept apart" in pages["index.html"]
    assert "no overall mean" in pages["index.html"]


def test_published_scores_are_marked_and_never_mixed_with_probed_ones(
    make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    families = {"f": {"t": "binary", "u": "binary"}}
    (own,) = read_sources([write("own.parquet", make_rows("a", families=families))])
    (theirs,) = read_sources([
        write("p.parquet", *(make_rows(m, families=families, skill=0.6) for m in ("a", "z")))
    ])  # fmt: skip
    published = Source("paper", theirs.table, {}, published=True)
    board = build_leaderboard([own, published])
    marked = {entry.name: entry.info.published for entry in board.entries}
    assert marked == {"a": False, "a (published)": True, "z": True}
    build_site(board, "t", tmp_path / "site")
    index = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert index.count('class="badge"') == 2
    page = (tmp_path / "site" / model_page("z")).read_text(encoding="utf-8")
    assert 'class="badge"' in page
    assert "no command makes them again" in page
    assert "Against the other models" in page
    data = json.loads(data_script(board).partition(" = ")[2].rstrip(";\n"))
    values = np.frombuffer(base64.b64decode(data["values"]), "<f4").reshape(-1, 3)
    starts = np.cumsum([0, *(row["rounds"] for row in data["rows"])])
    for place, row in enumerate(board.rows):
        for column, entry in enumerate(board.entries):
            if score := row.scores.get(entry.name):
                mine = values[starts[place] : starts[place + 1], column]
                assert np.nanmean(mine) == pytest.approx(score.mean, abs=1e-6)


def test_an_older_site_is_replaced_and_other_folders_are_not(
    make_rows: MakeRows, write: Write, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    site_of(out, write("old.parquet", make_rows("old"), make_rows("kept")))
    site_of(out, write("new.parquet", make_rows("new"), make_rows("kept")))
    assert not (out / model_page("old")).exists()
    assert (out / model_page("new")).exists()
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == set(bytes_of(out)) - {"manifest.json"}
    (out / "models/mine.txt").write_text("notes")
    with pytest.raises(InputError, match=r"holds models/mine\.txt, not written by"):
        site_of(out, write("again.parquet", make_rows("a")))
    assert (out / "models/mine.txt").read_text() == "notes"
    assert list(tmp_path.glob(".site*")) == []


def test_the_readme_makes_a_static_space(make_rows: MakeRows, write: Write, tmp_path: Path) -> None:
    title = 'a: "b"\n---\nsdk: docker <script>'
    site_of(tmp_path / "site", write("r.parquet", make_rows("a")), title=title)
    _, head, body = (tmp_path / "site/README.md").read_text(encoding="utf-8").split("---\n", 2)
    settings = yaml.safe_load(head)
    assert settings["sdk"] == "static"
    assert settings["app_file"] == "index.html"
    assert settings["title"].startswith('a: "b"')
    assert "<script>" not in body


def facts_page(sample: tuple[Path, Path], out: Path, tasks_from: Path | None) -> str:
    _, results = sample
    datasets = [read_dataset(tasks_from)] if tasks_from else []
    build_site(build_leaderboard(read_sources([results])), "t", out, datasets)
    path = task_page("gene-benchmark-sample/localization/subcellular_location")
    return (out / path).read_text(encoding="utf-8")


def test_facts_of_a_task_come_from_its_dataset(sample: tuple[Path, Path], tmp_path: Path) -> None:
    folder, _ = sample
    text = facts_page(sample, tmp_path / "1", folder)
    (path,) = folder.glob("localization/*.parquet")
    rows = pq.read_table(path)["subcellular_location"]
    used = [label for labels in rows.to_pylist() for label in labels or []]
    features = json.loads(pq.read_schema(path).metadata[b"huggingface"])["info"]["features"]
    names = features["subcellular_location"]["feature"]["names"]
    for place, name in enumerate(names):
        size = f'<bdi class="name">{name}</bdi></th><td>{used.count(place)}</td>'
        assert size in text
    assert "cc0-1.0" in text
    assert "no leak found in description" in text or "Leak:" in text
    without = facts_page(sample, tmp_path / "2", None)
    assert "unknown: <code>--tasks-from</code>" in without
    assert ">517<" in without


def test_what_publish_check_prints_serves_as_well(
    sample: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from hf_datasets.__main__ import command

    folder, _ = sample
    assert command(["check", str(folder), "--json"]) == 0
    report = tmp_path / "check.json"
    report.write_text(capsys.readouterr().out, encoding="utf-8")
    text = facts_page(sample, tmp_path / "1", report)
    assert "Nucleus" in text
    assert "no leak found in description" in text
    report.write_text("[1]")
    with pytest.raises(InputError, match="neither the folder of a dataset"):
        read_dataset(report)
    with pytest.raises(InputError, match="no such folder"):
        read_dataset(tmp_path / "none")


def test_the_commands_on_a_models_page_make_its_scores_again(
    sample: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from extractors.__main__ import command as extract
    from probes.__main__ import command as probe

    folder, results = sample
    build_site(build_leaderboard(read_sources([results])), "t", tmp_path / "site")
    text = (tmp_path / "site" / model_page("random")).read_text(encoding="utf-8")
    (block,) = re.findall(r'aria-label="Commands">(.*?)</pre>', text, re.DOTALL)
    lines = block.replace("\\\n", " ").splitlines()
    again = tmp_path / "again"
    again.mkdir()
    (again / folder.name).symlink_to(folder)
    monkeypatch.chdir(again)
    for line in lines:
        name, *words = shlex.split(line)
        assert {"extract": extract, "probe": probe}[name](words) == 0
    once, twice = (pq.read_table(path).to_pylist() for path in (results, "results.parquet"))
    assert [row for row in once if row["model"] == "random"] == twice
