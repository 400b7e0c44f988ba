from __future__ import annotations

import dataclasses
import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from hf_datasets.errors import InputError
from hf_datasets.sources.reading import header_and_rows, open_bytes, open_lines, read_columns

if TYPE_CHECKING:
    from hf_datasets.sources.conftest import MakeFile

    from hf_datasets.sources import UsedFile


def drain(file: UsedFile) -> None:
    with open_bytes(file) as stream:
        while stream.read(1 << 16):
            pass


TABLE = "symbol\tn\nNA\t1\nNAN\t2\nMARCH1\t3\nSEPT1\t\n"


@pytest.mark.parametrize("packed", ["", "gzip", "zip"])
def test_symbols_that_look_like_nulls_and_dates_stay_text(make_file: MakeFile, packed: str) -> None:
    (file,) = make_file("hgnc", "genes", TABLE, packed=packed).values()
    rows = read_columns(file, ("n", "symbol"))
    assert rows == [("1", "NA"), ("2", "NAN"), ("3", "MARCH1"), ("", "SEPT1")]


@pytest.mark.parametrize("packed", ["", "gzip", "zip"])
def test_what_unpacks_to_more_than_its_bound_is_refused(make_file: MakeFile, packed: str) -> None:
    (file,) = make_file("hgnc", "genes", b"\0" * 5_000_000, packed=packed).values()
    small = dataclasses.replace(file, max_bytes=1_000_000)
    with pytest.raises(InputError, match="more than 1,000,000 bytes"):
        drain(small)


def test_a_zip_that_lies_about_its_size_is_refused(make_file: MakeFile) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("f", b"a" * 3_000_000)
    data = stream.getvalue().replace(
        (3_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little")
    )
    (file,) = make_file("hgnc", "genes", data).values()
    small = dataclasses.replace(file, max_bytes=1_000_000)
    with pytest.raises(InputError):
        drain(small)


def test_a_zip_with_a_path_trick_writes_nothing(make_file: MakeFile) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../../../tmp/genezoo-evil", TABLE)
    (file,) = make_file("hgnc", "genes", stream.getvalue()).values()
    before = sorted(file.path.parent.iterdir())
    assert len(read_columns(file, ("symbol",))) == 4
    assert sorted(file.path.parent.iterdir()) == before


def test_a_zip_of_several_files_is_refused(make_file: MakeFile) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.tsv", "x")
        archive.writestr("b.tsv", "y")
    (file,) = make_file("hgnc", "genes", stream.getvalue()).values()
    with pytest.raises(InputError, match=r"holds a\.tsv, b\.tsv"), open_lines(file) as lines:
        lines.read()


@pytest.mark.parametrize("packed", ["gzip", "zip"])
def test_a_cut_file_is_one_line(make_file: MakeFile, packed: str) -> None:
    (file,) = make_file("hgnc", "genes", TABLE * 1000, packed=packed).values()
    file.path.write_bytes(file.path.read_bytes()[:-30])
    with pytest.raises(InputError, match="damaged.*fetch it again"):
        list(header_and_rows(file, "\t", quoted=False))


def test_a_missing_column_names_the_nearest(make_file: MakeFile) -> None:
    (file,) = make_file("hgnc", "genes", TABLE).values()
    with pytest.raises(
        InputError, match="no column 'symbols'.*did you mean symbol.*columns: symbol, n"
    ):
        read_columns(file, ("symbols",))


def test_a_ragged_row_names_its_line(make_file: MakeFile) -> None:
    (file,) = make_file("hgnc", "genes", TABLE + "X\n").values()
    with pytest.raises(InputError, match="line 6 has 1 fields, the header has 2"):
        read_columns(file, ("symbol",))


def test_too_few_rows_say_found_and_expected(make_file: MakeFile) -> None:
    (file,) = make_file("hgnc", "genes", TABLE).values()
    with pytest.raises(InputError, match="has 4 rows, expected at least 40,000"):
        read_columns(dataclasses.replace(file, min_rows=40_000), ("symbol",))


def test_text_that_is_not_utf8_is_one_line(make_file: MakeFile) -> None:
    (file,) = make_file("hgnc", "genes", b"symbol\tn\n\xff\t1\n").values()
    with pytest.raises(InputError, match="not UTF-8"):
        read_columns(file, ("symbol",))
