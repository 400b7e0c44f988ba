"""Tables of vectors that people have, by every format, and what is wrong with bad ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from extractors.__main__ import command
from extractors.store import load_embeddings
from extractors.vectors import read_vector_table
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

IDS = ["TP53", "NA", "NAN", "SEPT1"]
VECTORS = np.array([[1.5, -2, 0], [0, 0.25, 1e-3], [3, 2, 1], [-1, -1, 7]], dtype=np.float32)


def write(folder: Path, name: str) -> Path:
    path = folder / name
    lines = [
        " ".join([entity, *map(str, row)])
        for entity, row in zip(IDS, VECTORS.tolist(), strict=True)
    ]
    if name == "plain.txt":
        path.write_text("\n".join(line + " " for line in lines))
    elif name == "header.txt":
        path.write_text("4 3\n" + "\n".join(lines))
    elif name == "tabs.txt":
        path.write_text("\n".join(line.replace(" ", "\t", 1) for line in lines))
    elif name.endswith("sv"):
        comma = "," if name.endswith(".csv") else "\t"
        head = comma.join([{"pandas.csv": ""}.get(name, "symbol"), "0", "1", "2"])
        path.write_text("\n".join([head, *(line.replace(" ", comma) for line in lines)]))
    elif name == "wide.parquet":
        columns = {str(number): VECTORS[:, number] for number in range(3)}
        pq.write_table(pa.table({"__index_level_0__": IDS} | columns), path)
    else:
        pq.write_table(pa.table({"gene": IDS, "vector": VECTORS.tolist()}), path)
    return path


NAMES = [
    "plain.txt",
    "header.txt",
    "tabs.txt",
    "t.csv",
    "pandas.csv",
    "t.tsv",
    "wide.parquet",
    "list.parquet",
]


@pytest.mark.parametrize("name", NAMES)
def test_every_format_gives_the_same_vectors(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name)
    table = read_vector_table(path)
    assert table.ids == IDS
    assert np.abs(table.vectors - VECTORS).max() == 0
    out = tmp_path / "out.parquet"
    assert command(["--model", "precomputed", "--input", str(path), "--out", str(out)]) == 0
    taken = load_embeddings(str(out))
    assert taken.ids == IDS
    assert (taken.vectors == VECTORS).all()
    direct = load_embeddings(str(path))
    assert (direct.vectors == VECTORS).all()
    assert direct.model == path.name.split(".")[0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nan.csv", "symbol,a,b\nA,1,nan\n", "NaN or infinite values in 1 vectors: A"),
        ("inf.txt", "A 1 inf\n", "NaN or infinite"),
        ("dim.txt", "A 1 2\nB 1 2 3\n", "different dimensions: 'A' has 2, 'B' has 3"),
        ("dup.csv", "symbol,a\nA,1\nA,2\n", "1 duplicate ids: A"),
        ("empty-id.csv", "symbol,a\n,1\n", "empty id in row 1"),
        ("text.csv", "symbol,a,what\nA,1,kinase\n", "column 'what' of .* is not numeric"),
        ("none.csv", "symbol\nA\n", "only the column 'symbol'"),
        ("rows.csv", "symbol,a\n", "a header and no rows"),
        ("noid.csv", "x,y\n1,2\n", "no id column .*name it with --id"),
        ("words.txt", "A kinase\n", "line 1 is not"),
        ("void.txt", "\n", "is empty"),
        ("only.txt", "3 2\n", "holds no vector"),
    ],
)
def test_a_bad_table_is_named_with_what_is_wrong(
    tmp_path: Path, name: str, content: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_text(content)
    if name == "words.txt":
        path.write_text("A 1 2\nB kinase 3\n")
        message = "line 2 is not"
    with pytest.raises(InputError, match=message):
        read_vector_table(path)
    out = tmp_path / "out.parquet"
    assert command(["--model", "precomputed", "--input", str(path), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("extract: error: ")
    assert error.count("\n") == 1
    assert not out.exists()


def test_different_dimensions_in_a_list_column(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"id": ["A", "B"], "embedding": [[1.0, 2.0], [3.0]]}), tmp_path / "x.parquet"
    )
    with pytest.raises(InputError, match="different dimensions"):
        load_embeddings(str(tmp_path / "x.parquet"))


def test_a_foreign_embedding_table_with_nan_or_doubles_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(
        pa.table({"id": ["A", "B"], "embedding": [[1.0, 2.0], [3.0, float("nan")]]}), path
    )
    with pytest.raises(InputError, match="NaN or infinite values in 1 vectors: B"):
        load_embeddings(str(path))
    pq.write_table(pa.table({"id": ["A", "A"], "embedding": [[1.0, 2.0], [3.0, 4.0]]}), path)
    with pytest.raises(InputError, match="1 duplicate ids: A"):
        load_embeddings(str(path))
