"""Where files are found, in which order, and what is recorded of them."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hf_datasets.errors import InputError
from hf_datasets.files import file_digest
from hf_datasets.sources import SOURCES, Source, SourceFile, SourceUnavailable, download
from hf_datasets.sources.fetch import locate, parse_given
from hf_datasets.sources.partial import Received
from hf_datasets.sources.source import used

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = Source(
    name="toy",
    title="Toy",
    version="1",
    licence="CC0-1.0",
    citation="-",
    homepage="http://127.0.0.1:9/",
    files=(
        SourceFile("main", "http://127.0.0.1:9/main.tsv.gz", ("main.tsv*", "main_*.tsv"), 7, 900),
        SourceFile("extra", "", ("extra.txt",), optional=True),
        SourceFile("big", "http://127.0.0.1:9/big", ("big",), optional=True, download=False),
    ),
)


class Internet:
    """Stands in for `download`: hands out what `pages` holds and counts."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.log: list[str] = []

    def __call__(
        self,
        url: str,
        path: Path,
        **_: object,
    ) -> Received:
        self.log.append(url)
        if url not in self.pages:
            message = "the server answers 404 Not Found"
            raise download.DownloadError(message)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.pages[url])
        known = Received(url, file_digest(path), path.stat().st_size, "2023-03-01")
        import json

        path.with_name(path.name + ".json").write_text(json.dumps(dataclasses.asdict(known)))
        return known


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    fake = Internet()
    monkeypatch.setattr("hf_datasets.sources.cache.download", fake)
    return fake


def test_a_folder_gives_the_best_name(tmp_path: Path) -> None:
    place = tmp_path / "dir" / "toy"
    place.mkdir(parents=True)
    (place / "main_2.tsv").write_text("worse")
    (place / "main.tsv.gz").write_text("better")
    os.utime(place / "main.tsv.gz", (1_700_000_000, 1_700_000_000))
    files = locate(SOURCE, given={}, folder=tmp_path / "dir", download=False, cache=tmp_path)
    assert files.keys() == {"main"}
    file = files["main"]
    assert file.path == place / "main.tsv.gz"
    assert (file.min_rows, file.max_bytes) == (7, 900)
    assert file.record() == {
        "source": "toy",
        "key": "main",
        "name": "main.tsv.gz",
        "sha256": file_digest(file.path),
        "size": 6,
        "date": "2023-11-14",
    }


def test_what_is_given_goes_before_the_folder(tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "main.tsv").write_text("folder")
    mine, extra = tmp_path / "anything.dat", tmp_path / "extra.txt"
    mine.write_text("given")
    extra.write_text("x")
    files = locate(
        SOURCE,
        given={"toy": mine, "toy.extra": extra, "other": tmp_path / "none"},
        folder=tmp_path,
        download=False,
        cache=tmp_path,
    )
    assert files["main"].path == mine
    assert files["extra"].path == extra
    by_name = locate(SOURCE, given={"toy": extra}, folder=tmp_path, download=False, cache=tmp_path)
    assert by_name["extra"].path == extra
    assert by_name["main"].path == tmp_path / "toy" / "main.tsv"


def test_a_given_folder_stands_for_the_sources_own(tmp_path: Path) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "main.tsv").write_text("a")
    (place / "extra.txt").write_text("b")
    files = locate(SOURCE, given={"toy": place}, folder=None, download=False, cache=tmp_path)
    assert files.keys() == {"main", "extra"}


def test_a_given_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file .*nowhere for --source toy") as caught:
        locate(
            SOURCE, given={"toy": tmp_path / "nowhere"}, folder=None, download=True, cache=tmp_path
        )
    assert not isinstance(caught.value, SourceUnavailable)


def test_a_missing_file_says_what_where_from_and_how(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        locate(SOURCE, given={}, folder=tmp_path, download=False, cache=tmp_path)
    assert str(caught.value) == (
        "source toy (Toy) lacks main: it is not at hand; get it from "
        "http://127.0.0.1:9/main.tsv.gz and give --source toy.main=FILE"
    )
    with pytest.raises(SourceUnavailable, match=r"--source toy\.extra=FILE"):
        used({}, SOURCE, "extra")


def test_downloads_are_kept_under_names_of_our_own(tmp_path: Path, internet: Internet) -> None:
    url = SOURCE.files[0].url
    internet.pages[url] = b"data"
    files = locate(SOURCE, given={}, folder=None, download=True, cache=tmp_path)
    again = locate(SOURCE, given={}, folder=None, download=False, cache=tmp_path)
    assert files == again
    assert internet.log == [url]
    assert files["main"].path.parent == tmp_path / "toy"
    assert files["main"].path.name.startswith("main-")
    assert files["main"].path.name.endswith(".tsv.gz")
    assert (files["main"].name, files["main"].date) == (url, "2023-03-01")


def test_a_file_not_downloaded_unasked_comes_when_asked_for(
    tmp_path: Path, internet: Internet
) -> None:
    internet.pages[SOURCE.file("big").url] = b"genome"
    files = locate(SOURCE, given={}, folder=None, download=True, cache=tmp_path, only=["big"])
    assert files.keys() == {"big"}


def test_an_optional_file_that_cannot_be_had_is_told(
    tmp_path: Path, internet: Internet, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (
        SOURCE.files[0],
        SourceFile("more", "http://127.0.0.1:9/more", (), optional=True),
    )
    toy = dataclasses.replace(SOURCE, files=(first, second))
    internet.pages[first.url] = b"data"
    assert locate(toy, given={}, folder=None, download=True, cache=tmp_path).keys() == {"main"}
    assert "without: source toy (Toy) lacks more: the server answers 404" in capsys.readouterr().err


def test_optional_files_are_not_fetched_beside_a_given_one(
    tmp_path: Path, internet: Internet
) -> None:
    path = tmp_path / "v18_proteinatlas.tsv.zip"
    path.write_bytes(b"x")
    hpa = SOURCES["hpa"]
    files = locate(hpa, given={"hpa": path}, folder=None, download=True, cache=tmp_path)
    assert files.keys() == {"proteinatlas_v18"}
    assert internet.log == []


def test_a_gtf_is_not_fetched_beside_the_gene_table(tmp_path: Path, internet: Internet) -> None:
    (tmp_path / "ensembl").mkdir()
    (tmp_path / "ensembl" / "grch38_genes.tsv").write_text("x")
    ensembl = SOURCES["ensembl"]
    files = locate(ensembl, given={}, folder=tmp_path, download=True, cache=tmp_path / "cache")
    assert files.keys() == {"genes"}
    assert internet.log == []


def test_a_folder_of_parts_is_listed_and_fetched(tmp_path: Path, internet: Internet) -> None:
    targets = SOURCES["open_targets"]
    url = targets.files[0].url
    index = (
        '<html><a href="../">up</a><a href="part-00000-a.snappy.parquet">'
        '<a href="part-00001-b.snappy.parquet"><a href="../../part-9.parquet">'
        '<a href="http://x/part-3.parquet"><a href="_SUCCESS"></html>'
    )
    internet.pages = {
        url: index.encode(),
        f"{url}part-00000-a.snappy.parquet": b"one",
        f"{url}part-00001-b.snappy.parquet": b"twos",
    }
    files = locate(targets, given={}, folder=None, download=True, cache=tmp_path)
    file = files["associations"]
    assert sorted(path.name for path in file.path.glob("*.parquet")) == [
        "part-00000-a.snappy.parquet",
        "part-00001-b.snappy.parquet",
    ]
    assert (file.size, file.name, file.date) == (7, url, "2023-03-01")
    assert locate(targets, given={}, folder=None, download=False, cache=tmp_path) == files
    (file.path / "part-00000-a.snappy.parquet").unlink()
    with pytest.raises(SourceUnavailable):
        locate(targets, given={}, folder=None, download=False, cache=tmp_path)
    internet.pages[url] = b"<html>moved</html>"
    with pytest.raises(SourceUnavailable, match="lists 0 files"):
        locate(targets, given={}, folder=None, download=True, cache=tmp_path / "new")


def test_a_local_folder_of_parts(tmp_path: Path) -> None:
    place = tmp_path / "open_targets" / "association_overall_direct"
    place.mkdir(parents=True)
    (place / "part-0.parquet").write_bytes(b"12345")
    files = locate(
        SOURCES["open_targets"], given={}, folder=tmp_path, download=False, cache=tmp_path
    )
    assert (files["associations"].path, files["associations"].size) == (place, 5)
    given = locate(
        SOURCES["open_targets"],
        given={"open_targets": place},
        folder=None,
        download=False,
        cache=tmp_path,
    )
    assert given["associations"].sha256 == files["associations"].sha256


def test_parse_given(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("x")
    words = [f"hpa={path}", f"hpa.subcellular={path}"]
    assert parse_given(words) == {"hpa": path, "hpa.subcellular": path}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["hpa"], "is no NAME=FILE"),
        (["=f"], "is no NAME=FILE"),
        (["hap=f"], "unknown source 'hap'; did you mean hpa"),
        (["hpa.subcelular=f"], "unknown file of source hpa 'subcelular'; did you mean subcellular"),
        (["hpa=/nowhere/f"], "no file /nowhere/f for --source hpa"),
        (["hpa=/", "hpa=/"], "given twice"),
    ],
)
def test_parse_given_errors(words: list[str], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        parse_given(words)


STREAMED = {"uniprot-sprot", "refseq", "pmc", "abstract-pairs"}
"""Read piece by piece, never held."""


@pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))
def test_every_source_is_described(source: Source) -> None:
    keys = [file.key for file in source.files]
    assert len(keys) == len(set(keys))
    assert all((source.title, source.version, source.licence, source.citation))
    assert source.homepage.startswith("http")
    for file in source.files:
        assert file.url.startswith(("https://", "http://humantfs")) or file.optional
        assert file.local
        assert file.max_bytes <= (6_000_000_000 if source.name not in STREAMED else 10**11)


def test_the_registry_is_cheap() -> None:
    code = (
        "import sys, hf_datasets.sources as s; assert len(s.SOURCES) >= 10;"
        "print([m for m in ('pyarrow', 'datasets', 'numpy', 'pandas', 'huggingface_hub', 'tqdm')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
