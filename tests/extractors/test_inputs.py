"""Readers: every format gives the same rows, symbols stay symbols, bad files are named."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.inputs import Input, open_input
from extractors.survey import Survey
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

READS = ("description", "text")
ROWS = [
    ("TP53", "tumor protein"),
    ("NA", "a, quoted"),
    ("MARCH1", "null"),
    ("1-Mar", 'say "x"'),
    ("NAN", ""),
]


def all_rows(source: Input) -> list[tuple[str, str | None]]:
    return [pair for ids, values in source.rows() for pair in zip(ids, values, strict=True)]


def write(folder: Path, name: str) -> Path:
    path = folder / name
    plain = name.removesuffix(".gz")
    if plain.endswith(".csv"):
        quoted = (text.replace('"', '""') for _, text in ROWS)
        body = "".join(
            f'{symbol},"{text}"\n' for (symbol, _), text in zip(ROWS, quoted, strict=True)
        )
        content = ("symbol,text\n" + body).encode()
    elif plain.endswith(".tsv"):
        content = ("symbol\ttext\n" + "".join(f"{a}\t{b}\n" for a, b in ROWS)).encode()
    else:
        content = "".join(json.dumps({"symbol": a, "text": b}) + "\n" for a, b in ROWS).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".csv.gz", ".tsv.gz", ".jsonl.gz"])
def test_text_formats_give_the_same_rows(tmp_path: Path, ending: str) -> None:
    assert all_rows(open_input(str(write(tmp_path, f"genes{ending}")), READS, None, None)) == ROWS


def test_parquet_gives_the_same_rows(tmp_path: Path) -> None:
    table = pa.table(
        {"symbol": [a for a, _ in ROWS], "text": pa.array([b for _, b in ROWS]).dictionary_encode()}
    )
    pq.write_table(table, tmp_path / "genes.parquet")
    source = open_input(str(tmp_path / "genes.parquet"), READS, None, None)
    assert all_rows(source) == ROWS


def test_fasta_joins_lines_and_takes_the_first_word(tmp_path: Path) -> None:
    (tmp_path / "p.fasta.gz").write_bytes(
        gzip.compress(b">sp|P1 first protein\nMKV\nLAA\n\n>P2\n>P3 x\nM K\r\n")
    )
    source = open_input(str(tmp_path / "p.fasta.gz"), ("sequence",), None, None)
    assert all_rows(source) == [("sp|P1", "MKVLAA"), ("P2", ""), ("P3", "MK")]


def test_columns_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("who,what,text\na,b,c\n")
    path = str(tmp_path / "t.csv")
    assert all_rows(open_input(path, READS, "what", "who")) == [("a", "b")]
    with pytest.raises(InputError, match="none of the columns symbol, id, .*name one with --id"):
        open_input(path, READS, None, None)
    with pytest.raises(InputError, match="no column 'wat' in .*did you mean what"):
        open_input(path, READS, "wat", "who")
    with pytest.raises(InputError, match="none of the columns prose; name one with --column"):
        open_input(path, ("prose",), None, "who")


def test_a_dataset_is_read_by_its_path() -> None:
    source = open_input("gene-benchmark-sample", READS, None, None)
    rows = dict(all_rows(source))
    assert rows["TP53"] == "TP53: tumor protein p53"
    assert source.describe()["config"] == "genes"
    assert source.describe()["revision"].startswith("sha256:")
    names = dict(all_rows(open_input("gene-benchmark-sample/genes/name", READS, None, None)))
    assert names["TP53"] == "tumor protein p53"
    alone = all_rows(open_input("gene-benchmark-sample/localization", (), None, None))
    assert ("TP53", None) in alone
    with pytest.raises(InputError, match="unknown config of gene-benchmark-sample 'gene'; did you"):
        open_input("gene-benchmark-sample/gene", READS, None, None)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("e.csv", b"", "is empty"),
        ("e.tsv", b" \n", "is empty"),
        ("e.fasta", b"", "is empty"),
        ("h.csv", b"symbol,text\n", "has no rows"),
        ("b.csv", b"symbol,text\n\x00\x01\x02", "is a binary file"),
        ("b.fasta", b"\x7fELF\x00\x00", "is a binary file"),
        ("l.csv", "symbol,text\nA,caf\xe9\n".encode("latin-1"), "not UTF-8"),
        ("n.fasta", b"MKVL\nMKV\n", "no FASTA record"),
        ("r.csv", b"symbol,text\nA,b,c\n", "line 2 has 3 fields, the header has 2"),
        ("q.csv", b'symbol,text\nA,"b\n', "not valid CSV"),
        ("d.csv", b"symbol,symbol,text\nA,b,c\n", "more than once"),
        ("j.jsonl", b'{"symbol": "A", "text": "b"}\n{oops\n', "line 2 is not JSON"),
        ("a.jsonl", b"[1]\n", "not a JSON object"),
        ("t.jsonl", b'{"symbol": "A", "text": ["b"]}\n', "holds a list, not text"),
        ("p.parquet", b"PAR1 not really", "not a readable Parquet"),
        ("z.csv.gz", gzip.compress(b"symbol,text\nA,b\n", mtime=0)[:-9], "damaged gzip"),
        ("t.xlsx", b"PK\x03\x04", "unknown format '.xlsx'"),
        ("i.csv", b"symbol,text\nA,b\n ,c\n", "row 2 has an empty id"),
        ("two.csv", b"symbol,text\nA,b\nB,c\nA,d\nB,e\n", "2 ids occur more than once: A, B"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        Survey(open_input(str(path), READS, None, None), tmp_path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "genes.csv").write_text("symbol,text\nA,b\n")
    with pytest.raises(InputError, match=r"no file .*gene\.csv; did you mean genes\.csv\?"):
        open_input(str(tmp_path / "gene.csv"), READS, None, None)
    with pytest.raises(
        InputError, match="no dataset 'gene-benchmark-simple'.*did you mean gene-benchmark-sample"
    ):
        open_input("gene-benchmark-simple", READS, None, None)


cells = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)


@settings(deadline=None)
@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=20))
def test_whatever_python_writes_as_csv_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    import csv

    path = tmp_path_factory.mktemp("wild") / "wild.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerow(["id", "text"])
        writer.writerows(rows)
    assert all_rows(open_input(str(path), READS, None, None)) == rows


@settings(deadline=None)
@given(
    ids=st.lists(
        st.text(st.characters(blacklist_categories=["Cs", "Zs", "Cc"]), min_size=1), min_size=1
    )
)
def test_the_survey_finds_duplicates_and_only_them(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str]
) -> None:
    class Plain(Input):
        def rows(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
            yield ids, [None] * len(ids)

        def describe(self) -> dict[str, object]:
            return {}

    blank = any(not entity.strip() for entity in ids)
    folder = tmp_path_factory.mktemp("survey")
    if len(set(ids)) < len(ids) or blank:
        with pytest.raises(InputError):
            Survey(Plain(), folder)
    else:
        assert Survey(Plain(), folder).n_rows == len(ids)
