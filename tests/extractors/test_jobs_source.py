"""How a job's input is cut: every row once and in order, whatever the format and the limits."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from row_files import FORMATS, rows_of, write_input

from extractors.inputs import Asked, open_input
from extractors.jobs.search import RowSearch
from extractors.jobs.source import Limits, open_source
from hf_datasets.errors import InputError

READS = ("text",)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("kind", FORMATS)
def test_shards_hold_the_rows_that_the_readers_of_whole_files_find(
    tmp_path: Path, kind: str, ending: str
) -> None:
    if kind == "parquet" and ending:
        pytest.skip("Parquet is not gzipped")
    for seed in range(4):
        path = write_input(tmp_path / f"{seed}.{kind}{ending}", 50 + seed, seed)
        expected = [
            pair
            for batch in open_input(str(path), READS, None, None).rows()
            for pair in zip(*batch, strict=True)
        ]
        assert len(expected) == 50 + seed
        source = open_source(Asked(str(path)), READS)
        for rows, characters in ((1, 10**9), (7, 10**9), (1000, 60), (9, 100), (1000, 10**9)):
            found, shards = rows_of(source, Limits(rows, characters))
            assert found == expected
            assert max(shard.rows for shard in shards) <= rows


def test_a_folder_is_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    for number, kind in enumerate(FORMATS):
        (tmp_path / f"{number % 2}").mkdir(exist_ok=True)
        write_input(tmp_path / f"{number % 2}/{number}.{kind}", 20, number)
    (tmp_path / ".hidden.csv").write_text("id,text\nx,y\n")
    source = open_source(Asked(str(tmp_path)), READS)
    found, shards = rows_of(source, Limits(8, 10**9))
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("[0-9].*"))
    assert [shard.file for shard in shards] == sorted(shard.file for shard in shards)
    assert len(found) == 100
    assert [entity.split("-")[0] for entity, _ in found[::20]] == [Path(n).name for n in names]


def test_large_row_groups_are_cut_and_small_ones_are_gathered(tmp_path: Path) -> None:
    table = pa.table({"id": [str(row) for row in range(100)], "text": ["A"] * 100})
    pq.write_table(table, tmp_path / "large.parquet", row_group_size=100)
    pq.write_table(table, tmp_path / "small.parquet", row_group_size=9)
    _, shards = rows_of(open_source(Asked(str(tmp_path)), READS), Limits(30, 10**9))
    assert [(s.file[0], s.start, s.stop) for s in shards] == [
        ("l", 0, 25), ("l", 25, 50), ("l", 50, 75), ("l", 75, 100),
        ("s", 0, 27), ("s", 27, 54), ("s", 54, 81), ("s", 81, 100),
    ]  # fmt: skip


def test_a_dataset_is_cut_by_rows(sample_folder: Path) -> None:
    source = open_source(Asked(str(sample_folder)), ("description",))
    whole = open_input(str(sample_folder), ("description",), None, None)
    expected = [pair for batch in whole.rows() for pair in zip(*batch, strict=True)]
    found, shards = rows_of(source, Limits(100, 10**9))
    assert found == expected
    assert len(shards) == -(-len(expected) // 100)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "id,text\na,b\nc\n", "a row of 1 fields that ends at byte 14, the header has 2"),
        ("a.csv", "id,words\na,b\n", "has none of the columns text"),
        ("a.fasta", "MKV\n", "text before any '>' header"),
        ("a.jsonl", '{"id": "a", "text": "b"}\n[]\n', "line 2 is not a JSON object"),
        ("a.csv", "", "is empty"),
        ("a.bin", "x", "holds no file that can be read"),
    ],
)
def test_what_cannot_be_read_is_named_before_work_begins(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        rows_of(open_source(Asked(str(tmp_path)), READS), Limits(10, 10))


@pytest.mark.parametrize("rows", [1, 2, 3, 100, 8191])
def test_the_search_finds_the_one_bad_row_in_few_trials(rows: int) -> None:
    generator = random.Random(rows)
    for bad in {0, rows - 1, generator.randrange(rows)}:
        search, trials = RowSearch(rows), 0
        while not search.over:
            start, stop = search.ask()
            search.tell(bad=start <= bad < stop)
            trials += 1
        assert search.found == bad
        assert trials <= rows.bit_length() + 2


def test_the_search_finds_nothing_where_no_single_row_is_bad() -> None:
    search = RowSearch(1000)
    while not search.over:
        start, stop = search.ask()
        search.tell(bad=start <= 3 and stop > 700)
    assert search.found is None
