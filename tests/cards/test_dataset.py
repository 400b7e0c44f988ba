"""`cards dataset`: the card of any dataset folder, what stays in it, and what stays text."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from datasets import ClassLabel, Dataset, Features, List, Value
from markdown_it import MarkdownIt

from cards.__main__ import command
from cards.dataset import write_dataset_card
from hf_datasets.publishing.markdown import plain
from hf_datasets.publishing.sections import sections

if TYPE_CHECKING:
    from pathlib import Path

BIDI = "\u202e"
HOSTILE = (
    "<script>alert(1)</script>",
    'a | b "c" `d` \\ *e* _f_ [g](javascript:alert(1)) ~~h~~ $i$',
    f"turned {BIDI}around",
    "x" * 10_000,
    "</summary><img src=x onerror=alert(1)>",
    "<!-- end of tasks -->\n## not a heading",
)
TAGS = {
    "h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "ul", "li", "a",
    "img", "details", "summary", "br", "strong",
}  # fmt: skip
ATTRIBUTES = {"href", "src", "alt", "class", "style", "width"}


class Page(HTMLParser):
    """Tags, attributes and text of a rendered card."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, set[str | None]] = {}
        self.rows: list[int] = []
        self.text = ""
        self.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value)
        if tag == "tr":
            self.rows.append(0)
        if tag in {"td", "th"}:
            self.rows[-1] += 1

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def sample(sample_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sample_folder, tmp_path / "gene-benchmark-sample")


def card(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stranger(folder: Path, column: str = "kind", names: tuple[str, ...] = ("p", "q", "r")) -> Path:
    """Write tables with three real splits, one of them in two shards, as anybody would."""
    features = Features({
        "id": Value("string"), "sequence": Value("string"), column: ClassLabel(names=list(names)),
        "labels": List(ClassLabel(names=["u", "v"])), "stability": Value("float32"),
        "note": Value("string"),
    })  # fmt: skip
    (folder / "data").mkdir(parents=True)
    at = 0
    for split, rows, shards in (("train", 24, 2), ("validation", 6, 1), ("test", 9, 1)):
        for shard in range(shards):
            numbers = range(at, at + rows // shards)
            at += rows // shards
            Dataset.from_dict(
                {
                    "id": [f"s{n}" for n in numbers],
                    "sequence": [f"MKV{'ACDE'[n % 4] * n}" for n in numbers],
                    column: [None if n % 7 == 0 else n % len(names) for n in numbers],
                    "labels": [[0, 1][: n % 3] for n in numbers],
                    "stability": [n / 3 for n in numbers],
                    "note": [f"{n}" for n in numbers],
                },
                features=features,
            ).to_parquet(folder / f"data/{split}-{shard:05}-of-{shards:05}.parquet")
    return folder


def test_the_card_of_a_build(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It answers what a reader asks, and `datasets` sees the tables it saw before."""
    before = {c: datasets.load_dataset(str(sample), c)["train"][:] for c in ("genes", "gene2gene")}
    assert command(["dataset", str(sample)]) == 0
    out = capsys.readouterr()
    assert "next: publish push" in out.err
    text = card(sample)
    for line in (
        "| tasks | 11 (5 binary, 3 multi-class, 2 multi-label, 1 regression) |",
        "| `localization/secreted` | binary | 517 | no, yes | 15.1% yes | cc0-1.0 |",
        "| `protein-properties/protein_length` | regression | 508 |  | 91 to 34350, median 497.5 |",
        "| `gene2gene` | `symbol_a`, `symbol_b` | train | 238 |",
        'load_dataset("FOLDER", "localization", revision="v1.0.0")',
        "probe emb.parquet --tasks FOLDER@v1.0.0/localization --out results.parquet",
        "All of it: cc0-1.0.",
        "`publish check`: 0 errors, ",
        "@misc{gene-benchmark-sample,",
        "Written by hand as facts, and checked against HGNC",
        "- Persons: none; a row is about genes",
    ):
        assert line in text
    for path in sample.rglob("*.parquet"):
        assert pq.read_table(path).num_rows
        assert path.relative_to(sample).as_posix() in text
    plots = sorted(path.stem for path in (sample / "assets/labels").glob("*.png"))
    configs = [entry["config_name"] for entry in yaml.safe_load(text.split("---")[1])["configs"]]
    assert plots == sorted(set(configs) - {"genes"})
    assert '<img src="assets/labels/localization.png" width="' in text
    numbers = (sample / "assets/labels/localization.csv").read_text()
    assert "secreted,binary,517,yes,,,78," in numbers
    assert {c: datasets.load_dataset(str(sample), c)["train"][:] for c in before} == before

    written = contents(sample)
    assert command(["dataset", str(sample)]) == 0
    assert contents(sample) == written, "a second run changes no byte"


def test_what_people_wrote_stays(sample: Path) -> None:
    write_dataset_card(sample, check=False)
    once = card(sample)
    mine = "\n## Contact\n\nMe, at any hour.\n\n"
    edited = once.replace("<!-- end of load -->\n", f"<!-- end of load -->\n{mine}")
    edited = edited.replace("license: cc0-1.0\n", "license: cc0-1.0\ndoi: 10.1/x  # mine\n")
    edited = f"{edited}\nLast words.\n"
    (sample / "README.md").write_text(edited, encoding="utf-8")
    write_dataset_card(sample, check=False)
    assert card(sample) == edited
    spoilt = edited.replace("## Tasks\n", "## Tasks, by hand\n")
    (sample / "README.md").write_text(spoilt, encoding="utf-8")
    write_dataset_card(sample, check=False)
    assert card(sample) == edited, "what stands in a section is written anew"


def test_a_build_again_keeps_what_people_wrote(tmp_path: Path) -> None:
    from hf_datasets.__main__ import command as publish

    words = ["build", "gene-benchmark-sample", "--out", str(tmp_path / "built")]
    assert publish(words) == 0
    readme = tmp_path / "built/README.md"
    edited = readme.read_text().replace(
        "<!-- end of tasks -->\n", "<!-- end of tasks -->\n\nBeware of chromosome 8.\n"
    )
    edited = edited.replace("license:", "doi: 10.1/x\nlicense:")
    readme.write_text(edited)
    write_dataset_card(tmp_path / "built", check=False)
    assert publish(words) == 0
    again = readme.read_text()
    assert "Beware of chromosome 8." in again
    assert yaml.safe_load(again.split("---")[1])["doi"] == "10.1/x"
    assert "labels" not in sections(again), "plots are not there any more"


def test_a_strangers_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Real splits in shards, a README without a head, its own BibTeX: text and tables stay."""
    folder = stranger(tmp_path / "their-benchmark")
    (folder / "README.md").write_text("# Theirs\n\nStability of `proteins`.\n", encoding="utf-8")
    (folder / "CITATION.bib").write_text("@article{theirs, title={A}}\n```\n# no heading\n")
    before = datasets.load_dataset(str(folder))
    before = {split: table[:] for split, table in before.items()}
    assert command(["dataset", str(folder)]) == 0
    assert "README.md names the tables now: default" in capsys.readouterr().err
    text = card(folder)
    assert "\n# Theirs\n\nStability of `proteins`.\n" in text
    for line in (
        "| `default` | `id` | train | 24 | 6 columns | 4 files, ",
        "| `default` | `id` | validation | 6 |",
        "| `default/kind` | multi-class | 33 | p, q, r |",
        "| licence | not stated |",
        "@article{theirs, title={A}}",
        'alt="How the labels of default are distributed">',
    ):
        assert line in text
    assert Page(text).text.count("no heading") == 1
    assert "h1" in Page(text).tags
    after = datasets.load_dataset(str(folder))
    assert {split: table[:] for split, table in after.items()} == before
    written = contents(folder)
    assert command(["dataset", str(folder)]) == 0
    assert contents(folder) == written


@pytest.mark.parametrize("odd", HOSTILE)
def test_hostile_names_stay_text(tmp_path: Path, odd: str) -> None:
    folder = stranger(tmp_path / "odd", names=(odd, "q", "r"))
    head = {"pretty_name": odd, "license": "other"}
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(head)}---\n", encoding="utf-8")
    source = {"title": odd, "version": odd, "licence": odd, "citation": odd, "homepage": odd}
    record = {
        "missing": {f"odd/default/{odd}": odd},
        "sources": {odd: {**source, "files": [{"name": odd, "sha256": "0" * 64, "size": 1}]}},
        "tasks": {
            f"odd/default/{odd}": {"source": odd, "size": 1, "published_size": 2, "published": odd}
        },
        "stamp": {odd: odd},
        "citation": 7,
    }
    (folder / "build.json").write_text(json.dumps(record), encoding="utf-8")
    write_dataset_card(folder, check=False)
    text = card(folder)
    body = text.split("---\n", 2)[2]
    page = Page(body)
    assert page.tags <= TAGS
    assert set(page.attributes) <= ATTRIBUTES
    assert all(str(link).startswith("assets/labels/") for link in page.attributes.get("src", ()))
    assert all(str(one).startswith("assets/labels/") for one in page.attributes.get("href", ()))
    assert BIDI not in body
    assert len(body) < 40_000
    known = set(sections(body))
    assert {"summary", "tasks", "missing", "provenance", "citation", "content"} <= known
    shown = odd if len(odd) < 40 and BIDI not in odd else odd[:6]
    assert " ".join(shown.split()) in page.text
    write_dataset_card(folder, check=False)
    assert card(folder) == text


@pytest.mark.parametrize("odd", HOSTILE)
def test_text_in_a_table_keeps_to_its_cell(odd: str) -> None:
    page = Page(f"| a | b |\n|---|---|\n| {plain(odd)} | x |\n")
    assert page.rows == [2, 2]
    assert page.tags == {"table", "thead", "tbody", "tr", "th", "td"}


def test_hostile_column_names(tmp_path: Path) -> None:
    folder = stranger(tmp_path / "odd", column="<b>|`x`|</b>")
    write_dataset_card(folder, check=False)
    page = Page(card(folder).split("---\n", 2)[2])
    assert page.tags <= TAGS
    assert "default/<b>|`x`|</b>" in page.text


def test_what_a_check_finds_is_on_the_card(sample: Path) -> None:
    path = sample / "localization/train-00000-of-00001.parquet"
    table = datasets.load_dataset("parquet", data_files=str(path), split="train")
    doubled: Any = datasets.concatenate_datasets([table, table.select([0])])
    doubled.to_parquet(path)
    done = write_dataset_card(sample)
    assert done.findings is not None
    assert any(finding.severity == "error" for finding in done.findings)
    assert "`publish check`: 1 errors" in card(sample)
    assert "| error | `localization` |" in card(sample)
    limits = json.loads((sample / "croissant.json").read_text())["rai:dataLimitations"]
    assert any("localization" in limit for limit in limits)
    write_dataset_card(sample, check=False)
    assert "findings" not in sections(card(sample)), "old findings do not stay"


def test_labels_that_cannot_be_drawn_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stranger(tmp_path / "broken")
    for path in folder.rglob("*.parquet"):
        table = pq.read_table(path)
        numbers = [float("inf")] * len(table)
        at = table.column_names.index("stability")
        schema = table.schema
        changed = table.set_column(at, schema.field(at), pa.array(numbers, pa.float32()))
        pq.write_table(changed.replace_schema_metadata(schema.metadata), path)
    assert command(["dataset", str(folder)]) == 1
    assert "not drawn: default/stability: " in capsys.readouterr().err
    assert "`default/kind`" in card(folder)


def test_plots_of_tables_that_are_gone_go(sample: Path) -> None:
    write_dataset_card(sample, check=False)
    (sample / "assets/labels/mine.png").write_bytes(b"mine")
    text = card(sample)
    files = "  data_files:\n  - split: train\n    path: gene2gene/train-00000-of-00001.parquet\n"
    entry = f"- config_name: gene2gene\n  version: 1.0.0\n{files}"
    assert entry in text
    (sample / "README.md").write_text(text.replace(entry, ""), encoding="utf-8")
    shutil.rmtree(sample / "gene2gene")
    write_dataset_card(sample, check=False)
    left = {path.name for path in (sample / "assets/labels").iterdir()}
    assert "mine.png" in left
    assert "localization.png" in left
    assert not {name for name in left if name.startswith("gene2gene")}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (None, "no folder"),
        ("", "cannot read dataset"),
        ("---\nconfigs: 3\n---\n", "is no list of entries"),
    ],
)
def test_words_that_do_not_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: str | None, said: str
) -> None:
    folder = tmp_path / "empty"
    if make is not None:
        folder.mkdir()
        (folder / "README.md").write_text(make, encoding="utf-8")
    assert command(["dataset", str(folder)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("cards: error: ")
    assert said in line
