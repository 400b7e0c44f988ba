"""Published tables of gene vectors, in small files of their upstream's format."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import pickle  # noqa: TID251  writes what is then read without it
import threading
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from extractors.__main__ import command
from extractors.gene_tables import fetch_table
from extractors.registry import model_record
from extractors.store import load_embeddings
from extractors.zoo.vectors import RECORDS
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GENES = ["TP53", "NA", "NAN", "MARCH1", "MT-ND1"]


def table(dim: int, seed: int = 0) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    generator = np.random.default_rng(seed)
    return {gene: generator.standard_normal(dim) for gene in GENES}


def extract(folder: Path, model: str, file: Path, status: int = 0) -> Any:
    out = folder / "out.parquet"
    words = ["--model", model, "--input", str(file), "--out", str(out), "--restart"]
    assert command(words) == status
    return load_embeddings(str(out))


def gene2vec(path: Path, *, header: bool) -> Path:
    """Write upstream's file: w2v with a header and a blank at the end, its twin with a tab."""
    lines = []
    for gene, row in table(200).items():
        numbers = " ".join(f"{number:.6f}" for number in row)
        lines.append(f"{gene} {numbers} " if header else f"{gene}\t{numbers} ")
    path.write_text("\n".join([f"{len(GENES)} 200", *lines] if header else lines) + "\n")
    return path


@pytest.mark.parametrize("header", [True, False])
def test_gene2vec_in_both_layouts(tmp_path: Path, header: bool) -> None:
    found = extract(tmp_path, "gene2vec", gene2vec(tmp_path / "gene2vec.txt", header=header))
    assert found.ids == GENES
    assert found.modality == "vectors"
    assert np.abs(found.vectors - np.stack(list(table(200).values()))).max() < 1e-6
    assert found.provenance["licence"] == "MIT"


def write_genept(
    folder: Path, content: Any, member: str = "GenePT_gene_embedding_ada_text.pickle"
) -> Path:
    """Write the zip of Zenodo: a folder, several files, one of them named with a dot at the end."""
    path = folder / "GenePT_emebdding_v2.zip"
    with zipfile.ZipFile(path, "w") as archive:
        inside = "GenePT_emebdding_v2"
        archive.writestr(f"{inside}/NCBI_summary_of_genes.json", "{}")
        archive.writestr(f"{inside}/{member}", pickle.dumps(content, protocol=4))
    return path


@pytest.mark.parametrize("kind", ["float64", "float32", "list"])
def test_genept_of_zenodo_with_rows_that_say_nothing(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = table(1536)
    vectors["NAN"] = np.zeros(1536)
    content = {
        gene: row.tolist() if kind == "list" else row.astype(kind) for gene, row in vectors.items()
    }
    found = extract(tmp_path, "genept-ada", write_genept(tmp_path, content), status=1)
    assert found.ids == [gene for gene in GENES if gene != "NAN"]
    assert found.failed == {"NAN": "a vector of zeros: its authors had no text for it"}
    expected = np.stack([row for gene, row in vectors.items() if gene != "NAN"])
    assert np.abs(found.vectors - expected).max() < 1e-6
    assert "1 rows failed" in capsys.readouterr().err


def test_genepts_second_table_has_a_dot_at_the_end_of_its_name(tmp_path: Path) -> None:
    member = "GenePT_gene_protein_embedding_model_3_text.pickle."
    vectors = table(3072)
    found = extract(tmp_path, "genept", write_genept(tmp_path, vectors, member))
    assert np.abs(found.vectors - np.stack(list(vectors.values()))).max() < 1e-6
    plain = tmp_path / "unpacked.pickle"
    plain.write_bytes(pickle.dumps(vectors, protocol=2))
    again = extract(tmp_path, "genept-large", plain)
    assert (again.vectors == found.vectors).all()


def test_genept_as_parquet(tmp_path: Path) -> None:
    vectors = table(1536)
    path = tmp_path / "embedding_original_ada_text.parquet"
    rows = {"gene": GENES, "embedding": [row.tolist() for row in vectors.values()]}
    pq.write_table(pa.table(rows), path)
    found = extract(tmp_path, "genept-ada", path)
    assert np.abs(found.vectors - np.stack(list(vectors.values()))).max() < 1e-6


def test_uces_dict_of_tensors(tmp_path: Path) -> None:
    vectors = {gene: torch.tensor(row).float() for gene, row in table(5120).items()}
    path = tmp_path / "Homo_sapiens.GRCh38.gene_symbol_to_embedding_ESM2.pt"
    torch.save(vectors, path)
    found = extract(tmp_path, "uce-genes", path)
    assert found.ids == GENES
    assert (found.vectors == torch.stack(list(vectors.values())).numpy()).all()


def write_cellplm(folder: Path, genes: list[str]) -> Path:
    embedding = torch.randn(len(GENES), 1024, generator=torch.Generator().manual_seed(0))
    state = {"embedder.feat_enc.emb": embedding, "encoder.weight": torch.zeros(3)}
    torch.save({"model_state_dict": state, "epoch": 3}, folder / "20230926_85M.best.ckpt")
    config = {"gene_list": genes, "enc_hid": 1024}
    (folder / "20230926_85M.config.json").write_text(json.dumps(config))
    return folder / "20230926_85M.best.ckpt"


def test_cellplms_embedding_and_its_gene_list(tmp_path: Path) -> None:
    names = [f"ENSG{number:011d}" for number in range(len(GENES))]
    path = write_cellplm(tmp_path, names)
    found = extract(tmp_path, "cellplm-genes", path)
    assert found.ids == names
    state = torch.load(path, weights_only=True)["model_state_dict"]  # noqa: TID251
    assert (found.vectors == state["embedder.feat_enc.emb"].numpy()).all()


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, ("touch /tmp/genezoo-was-here",)


PICKLED = {
    "code": {"TP53": Evil()},
    "objects": {"TP53": np.array([{}], dtype=object)},
    "width": table(7),
    "keys": {1: np.ones(1536)},
    "ragged": {"A": [1.0, 2.0], "B": [1.0]},
}


def bad_file(folder: Path, what: str) -> tuple[str, Path]:
    """Return a model and a file that is not what it reads."""
    path = folder / "file.txt"
    if what in PICKLED:
        return "genept-ada", write_genept(folder, PICKLED[what])
    if what == "other member":
        return "genept-large", write_genept(folder, table(1536))
    if what == "list":
        torch.save([torch.ones(5120)], path)
        return "uce-genes", path
    if what == "lengths":
        return "cellplm-genes", write_cellplm(folder, ["ENSG1"])
    if what == "short":
        path.write_text("TP53 1 2 3\n")
    if what == "cut":
        lines = gene2vec(path, header=True).read_text().splitlines()
        path.write_text("\n".join(lines[:-1]) + "\n")
    return "gene2vec", path


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("short", "has vectors of 3 numbers, Gene2vec's have 200"),
        ("cut", "has 4 rows, its header says 5"),
        ("code", "is no plain pickle (it asks for posix.system); it was not run"),
        ("objects", "is no plain pickle"),
        ("width", "has vectors of 7 numbers, expected 1536"),
        ("keys", "has the key 1; expected gene symbols"),
        ("ragged", "one vector of the same length for each gene"),
        ("other member", "expected one GenePT_gene_protein_embedding_model_3_text.pickle"),
        ("list", "holds a list; expected symbol → vector"),
        ("lengths", "no embedding of the 1 genes"),
        ("missing", "file.txt"),
    ],
)
def test_a_file_that_is_something_else_is_refused(
    tmp_path: Path, what: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model, path = bad_file(tmp_path, what)
    out = tmp_path / "out.parquet"
    assert command(["--model", model, "--input", str(path), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A web server of a folder `files`."""
    (tmp_path / "files").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path / "files"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{service.server_port}"
        service.shutdown()
        thread.join()


def test_without_input_the_published_file_is_fetched_and_checked(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENEZOO_CACHE", str(tmp_path / "cache"))
    file = gene2vec(tmp_path / "files" / "g2v.txt", header=True)
    known = model_record("gene2vec")
    assert known.download is not None
    digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    there = replace(known.download, url=f"{server}/g2v.txt", size=file.stat().st_size, md5=digest)
    got = fetch_table(replace(known, download=there))
    assert got.read_bytes() == file.read_bytes()
    other = replace(there, url=f"{server}/g2v.txt", md5="0" * 32)
    with pytest.raises(InputError, match="is not the published file"):
        fetch_table(replace(known, download=other))
    gone = replace(there, url=f"{server}/gone.txt", file="gone.txt")
    with pytest.raises(InputError, match=r"404 .*get gone\.txt from https://github\.com"):
        fetch_table(replace(known, download=gone))


def test_a_file_to_be_fetched_by_hand_is_named_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["--model", "uce-genes", "--out", str(tmp_path / "out.parquet")]) == 2
    error = capsys.readouterr().err
    assert "cannot be downloaded directly: get protein_embeddings/Homo_sapiens" in error
    assert "figshare.com" in error
    assert "--input" in error


def test_every_table_says_where_it_comes_from() -> None:
    for record in RECORDS:
        assert record.download is not None
        assert record.download.page.startswith("https://")
        assert record.dim
        assert record.licence
