"""Geneformer from upstream's layout, through the command, against transformers' own BERT."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from expression_files import (
    GENES,
    POSITIONS,
    SYMBOLS,
    V1_FOLDER,
    V2_FOLDER,
    counts,
    dictionaries,
    save_geneformer,
    write_cells,
)

from extractors.__main__ import command
from extractors.encoders.geneformer import GeneformerV1, GeneformerV2
from extractors.expression import means
from extractors.model import Settings
from extractors.registry import model_record
from extractors.store import read_provenance
from extractors.zoo.expression import RECORDS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from transformers import BertForMaskedLM

    from extractors.model import ModelRecord

MODELS = {1: "geneformer-v1-10m", 2: "geneformer-v2-104m"}
KNOWN = 55
"""Genes of the files that the small models know: the first."""


@pytest.fixture(scope="module", params=[1, 2], ids=["V1", "V2"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, Path, BertForMaskedLM, NDArray[np.float32]]:
    """A version, the folder of its repository and cells, the model, and the cells' counts."""
    root = tmp_path_factory.mktemp(f"v{request.param}")
    model = save_geneformer(root, request.param)
    values = counts()
    write_cells(root / "cells.h5ad", values, GENES)
    return request.param, root, model, values


World = tuple[int, "Path", "BertForMaskedLM", "NDArray[np.float32]"]


def run(root: Path, version: int, out: str, *more: str, source: str | None = "cells.h5ad") -> Any:
    """Run the command; return the table, and the exit status in its place when it is not 0 or 1."""
    words = ["--model", MODELS[version], "--checkpoint", str(root), "--out", str(root / out)]
    if source is not None:
        words += ["--input", str(root / source)]
    status = command([*words, *more])
    return pq.read_table(root / out) if status in {0, 1} else status


def matrix(table: Any) -> NDArray[np.float32]:
    """Return the vectors of the rows that did not fail."""
    kept = table.filter(table["embedding"].is_valid())
    found: NDArray[np.float32] = np.array(kept["embedding"].to_pylist(), np.float32)
    return found


def ranked(version: int, row: NDArray[np.float32]) -> list[int]:
    """Upstream's tokens of a cell, written as a plain loop, special ones left out."""
    content = dictionaries(version)
    tokens, medians = content["token_dictionary"], content["gene_median_dictionary"]
    pairs = [
        (-float(count) / float(medians[name]), int(tokens[name]))
        for name, count in zip(GENES, row.tolist(), strict=True)
        if count and name in tokens
    ]
    return [token for _, token in sorted(pairs)]


def hidden(
    version: int, model: BertForMaskedLM, row: NDArray[np.float32], layer: int
) -> tuple[list[int], torch.Tensor]:
    """Return a cell's genes as read, and transformers' vectors of the whole sequence."""
    room = POSITIONS[version] - (2 if version == 2 else 0)
    genes = ranked(version, row)[:room]
    sequence = [2, *genes, 3] if version == 2 else genes
    with torch.inference_mode():
        output = model.bert(torch.tensor([sequence]), output_hidden_states=True)
    return genes, output.hidden_states[layer][0]


@pytest.mark.parametrize("pooling", [None, "mean", "cls"])
def test_cell_vectors_agree_with_transformers(world: World, pooling: str | None) -> None:
    version, root, model, values = world
    if version == 1 and pooling == "cls":
        assert run(root, version, "none.parquet", "--pooling", "cls") == 2
        return
    more = () if pooling is None else ("--pooling", pooling)
    table = run(root, version, f"cells-{pooling}.parquet", *more)
    assert table["id"].to_pylist() == [f"c{row}" for row in range(40)]
    assert table["error"].to_pylist()[3] == "no gene of this cell is known to the model"
    assert table["error"].null_count == values[:, :KNOWN].any(axis=1).sum()
    by_cls = pooling == "cls" or (pooling is None and version == 2)
    expected = []
    for row in values[values[:, :KNOWN].any(axis=1)]:
        genes, vectors = hidden(version, model, row, -2)
        own = vectors[1:-1] if version == 2 else vectors
        assert len(own) == len(genes)
        expected.append((vectors[0] if by_cls else own.mean(0)).numpy())
    assert np.abs(matrix(table) - np.stack(expected)).max() < 1e-5
    lengths = [len(ranked(version, row)) for row in values]
    room = POSITIONS[version] - (2 if version == 2 else 0)
    assert table["n_tokens"].to_pylist() == lengths
    assert table["truncated"].to_pylist() == [length > room for length in lengths]
    assert any(length > room for length in lengths)


def test_the_layer_is_recorded_as_an_absolute_number(world: World) -> None:
    version, root, model, values = world
    usual = run(root, version, "usual.parquet")
    encoder = read_provenance(usual.schema)["encoder"]
    assert encoder["layer"] == 2, "upstream's emb_layer=-1 is the second to last of 3"
    assert encoder["pooling"] == ("mean" if version == 1 else "cls")
    assert len(encoder["dictionaries"]) == 4
    assert encoder["ties"] == "by token"
    strict = run(root, version, "strict.parquet", "--long", "error")
    room = POSITIONS[version] - (2 if version == 2 else 0)
    long = [length for length in strict["n_tokens"].to_pylist() if length > room]
    said = [
        text for text in strict["error"].to_pylist() if "tokens, the model takes" in (text or "")
    ]
    assert len(said) == len(long) > 0
    last = run(root, version, "last.parquet", "--layers", "-1")
    assert read_provenance(last.schema)["encoder"]["layer"] == 3
    vectors = hidden(version, model, values[0], -1)[1]
    expected = vectors.mean(0) if version == 1 else vectors[0]
    assert np.abs(matrix(last)[0] - expected.numpy()).max() < 1e-5


def test_a_cell_does_not_see_the_cells_beside_it(world: World) -> None:
    """Alone, in batches of another size, and packed with all others: the same vector."""
    version, root, _, _ = world
    encoder_class = GeneformerV1 if version == 1 else GeneformerV2
    encoder = encoder_class.load(model_record(MODELS[version]), Settings(checkpoint=str(root)))
    from extractors.inputs import Asked

    source = encoder.open_input(
        model_record(MODELS[version]),
        Settings(checkpoint=str(root)),
        Asked(source=str(root / "cells.h5ad")),
    )
    ids, cells = next(iter(source.rows()))
    packed = encoder.encode(encoder.tokenize(ids, cells)).layers[0]
    encoder.budget = 30
    small = encoder.encode(encoder.tokenize(ids, cells)).layers[0]
    alone = [
        encoder.encode(encoder.tokenize([name], [cell])).layers[0][0]
        for name, cell in zip(ids, cells, strict=True)
    ]
    assert np.abs(np.asarray(packed) - np.asarray(small)).max() < 1e-5
    assert np.abs(np.asarray(packed) - np.stack(alone)).max() < 1e-5


def contextual(world: World) -> dict[str, tuple[NDArray[np.float64], int]]:
    """Return each gene's mean over the cells that read it, by plain loops, and their number."""
    version, _, model, values = world
    names = {int(t): name for name, t in dictionaries(version)["token_dictionary"].items()}
    found: dict[str, list[NDArray[np.float64]]] = {}
    for row in values[values[:, :KNOWN].any(axis=1)]:
        genes, vectors = hidden(version, model, row, -2)
        own = vectors[1:-1] if version == 2 else vectors
        for gene, vector in zip(genes, own, strict=True):
            found.setdefault(names[gene], []).append(vector.double().numpy())
    return {name: (np.mean(vectors, axis=0), len(vectors)) for name, vectors in found.items()}


def test_contextual_gene_vectors_are_means_over_cells(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    version, root, _, _ = world
    expected = contextual(world)
    table = run(root, version, "genes.parquet", "--entity", "gene")
    ids = table["id"].to_pylist()
    assert set(ids) == set(expected)
    assert ids == sorted(ids), "the order of the vocabulary"
    assert not any(name.startswith("<") for name in ids)
    assert table["n_tokens"].to_pylist() == [expected[name][1] for name in ids]
    assert np.abs(matrix(table) - np.stack([expected[name][0] for name in ids])).max() < 1e-5
    assert "2 cells hold no gene that the model knows" in capsys.readouterr().err
    encoder = read_provenance(table.schema)["encoder"]
    assert (encoder["rows"], encoder["pooling"]) == ("genes, means over cells", None)

    named = run(root, version, "named.parquet", "--entity", "gene", "--gene-ids", "symbol")
    kept = [SYMBOLS[GENES.index(name)] for name in ids if GENES.index(name) < 50]
    assert named["id"].to_pylist() == kept
    assert "have no symbol and are left out" in capsys.readouterr().err


def test_averaging_goes_on_after_an_interruption_to_the_same_bytes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, root, _, _ = world
    from extractors.encoders import expression

    monkeypatch.setattr(expression, "CELLS_AT_ONCE", 7)
    monkeypatch.setattr(means, "SAVE_SECONDS", 0.0)
    words = ("--entity", "gene", "--layers", "2")
    run(root, version, "whole.parquet", *words)
    whole = (root / "whole.parquet").read_bytes()
    add, done = means.GeneSums.add, []

    def failing(self: means.GeneSums, *arguments: Any) -> None:
        done.append(self.cells_done)
        if len(done) == 4:
            raise KeyboardInterrupt
        add(self, *arguments)

    monkeypatch.setattr(means.GeneSums, "add", failing)
    assert run(root, version, "cut.parquet", *words) == 130
    assert not (root / "cut.parquet").exists()
    run(root, version, "cut.parquet", *words)
    assert (root / "cut.parquet").read_bytes() == whole
    assert done[4] == done[3] > 0, "what was averaged was not done again"
    assert not (root / "cut.parquet.parts").exists()


@pytest.mark.parametrize("record", [one for one in RECORDS if one.subfolder], ids=lambda r: r.name)
def test_every_registered_geneformer_loads_from_its_folder(
    tmp_path: Path, record: ModelRecord
) -> None:
    """The 12-layer V1 was only ever published as a torch file."""
    version = 1 if "-v1-" in record.name else 2
    bin_file = record.name == "geneformer-v1-12l"
    model = save_geneformer(tmp_path, version, bin_file=bin_file, subfolder=record.subfolder)
    values = counts()[:6]
    write_cells(tmp_path / "cells.h5ad", values, GENES)
    more = ("--model", record.name, "--pooling", "mean")
    table = run(tmp_path, version, "out.parquet", *more)
    expected = []
    for row in values[values[:, :KNOWN].any(axis=1)]:
        _, vectors = hidden(version, model, row, -2)
        expected.append((vectors[1:-1] if version == 2 else vectors).mean(0).numpy())
    assert np.abs(matrix(table) - np.stack(expected)).max() < 1e-5


def test_gene_vectors_of_the_vocabulary_are_the_token_table(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    version, root, model, _ = world
    table = run(root, version, "vocabulary.parquet", source=None)
    assert table["id"].to_pylist() == GENES[:KNOWN], "no special tokens, none of the file's others"
    special = 2 if version == 1 else 4
    weight = model.bert.embeddings.word_embeddings.weight.detach().numpy()
    assert np.array_equal(matrix(table), weight[special:])
    assert read_provenance(table.schema)["encoder"]["rows"] == "genes, token table"

    named = run(root, version, "symbols.parquet", "--gene-ids", "symbol", source=None)
    assert named["id"].to_pylist() == SYMBOLS[:50]
    assert "5 of 55 genes have no symbol" in capsys.readouterr().err

    (root / "mine.csv").write_text(f"gene\n{SYMBOLS[7]}\n{GENES[9]}.4\nNOPE1\n<mask>\n")
    mine = run(root, version, "mine.parquet", source="mine.csv")
    assert np.array_equal(matrix(mine), weight[[special + 7, special + 9]])
    errors = mine["error"].to_pylist()
    assert errors == [None, None, *["the model does not know this gene"] * 2]


@pytest.mark.parametrize(
    ("words", "source", "reason"),
    [
        (("--entity", "cell"), None, "--entity cell needs cells"),
        (("--pooling", "mean"), None, "--pooling mean is for cells"),
        (("--layers", "0"), None, "--layers is for cells"),
        (("--genes", "gene-benchmark"), "cells.h5ad", "--genes means nothing for a model that"),
        (("--counts", "X"), None, "--counts means nothing for genes without cells"),
        (("--gene-ids", "symbol"), "cells.h5ad", "--gene-ids means nothing for cells"),
        (("--column", "x"), "cells.h5ad", "--column means nothing for cells"),
        (("--pooling", "none"), "cells.h5ad", "--entity gene averages each gene"),
        (("--max-tokens", "500"), "cells.h5ad", "is more than the"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    world: World,
    words: tuple[str, ...],
    source: str | None,
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    version, root, _, _ = world
    assert run(root, version, "refused.parquet", *words, source=source) == 2
    said = capsys.readouterr().err
    assert reason in said
    assert "Traceback" not in said


def test_a_checkpoint_of_pickled_tensors_and_one_of_the_other_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_geneformer(tmp_path / "bin", 1, bin_file=True)
    save_geneformer(tmp_path / "safe", 1)
    tables = [run(tmp_path / kind, 1, "v.parquet", source=None) for kind in ("bin", "safe")]
    assert np.array_equal(matrix(tables[0]), matrix(tables[1]))

    save_geneformer(tmp_path / "two", 2)
    shutil.copytree(tmp_path / "safe/geneformer", tmp_path / "two/geneformer", dirs_exist_ok=True)
    (tmp_path / "two" / V2_FOLDER).rename(tmp_path / "two" / V1_FOLDER)
    assert run(tmp_path / "two", 1, "v.parquet", source=None) == 2
    assert "59 tokens, the dictionaries of Geneformer V1 have 57" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["zheng68k.h5ad", "10x_v3_filtered_feature_bc_matrix.h5"])
def test_real_cells_with_the_real_dictionaries_of_v1(
    tmp_path: Path, upstream: Path, name: str
) -> None:
    """A tiny network of the real vocabulary; the tokens are what upstream would make."""
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=25_426, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=16, hidden_act="relu", max_position_embeddings=2048,
    )  # fmt: skip
    model = BertForMaskedLM(config)
    model.eval()  # type: ignore[no-untyped-call]
    model.save_pretrained(tmp_path / V1_FOLDER)
    (tmp_path / "geneformer").mkdir()
    for role in ("token_dictionary", "gene_median_dictionary", "gene_name_id_dict"):
        path = upstream / "geneformer" / f"{role}.pkl"
        shutil.copyfile(path, tmp_path / "geneformer" / path.name)
    words = ["--model", "geneformer", "--checkpoint", str(tmp_path)]
    words += ["--input", str(upstream / "singlecell" / name)]
    assert command([*words, "--out", str(tmp_path / "c.parquet")]) in {0, 1}
    table = pq.read_table(tmp_path / "c.parquet")
    assert len(table) == (165 if name.startswith("zheng") else 1107)
    assert table["error"].null_count > 0.9 * len(table)

    import scanpy

    from extractors.expression.dictionaries import read_dictionaries

    known = read_dictionaries(1, [upstream / "geneformer"])
    path = upstream / "singlecell" / name
    adata = scanpy.read_h5ad(path) if path.suffix == ".h5ad" else scanpy.read_10x_h5(path)
    labels = adata.var.get("gene_ids", adata.var_names.to_series()).tolist()
    ids = [label if label in known.tokens else known.symbols.get(label, "") for label in labels]
    for row in (0, 50, 164):
        cell = adata.X[row].toarray()[0].tolist()
        pairs: dict[int, float] = {}
        for gene, count in zip(ids, cell, strict=True):
            if gene in known.tokens and count:
                pairs[known.tokens[gene]] = pairs.get(known.tokens[gene], 0) + count
        order = sorted(pairs, key=lambda token: (-pairs[token] / known.medians[token], token))
        with torch.inference_mode():
            found = model.bert(torch.tensor([order[:2048]]), output_hidden_states=True)
        expected = found.hidden_states[-2][0].mean(0).numpy()
        assert np.abs(np.array(table["embedding"][row].as_py()) - expected).max() < 1e-5
        assert table["n_tokens"][row].as_py() == len(order)


def test_records_are_whole() -> None:
    for name in ("geneformer-v1-10m", "geneformer-v1-12l", "geneformer-v2-104m"):
        record = model_record(name)
        assert record.subfolder
        assert record.revision
        assert len(record.revision) == 40
        assert all(path.startswith("geneformer/") for path in record.files)
        assert not any(set("*?[") & set(path) for path in record.files), "exact names of pickles"
    assert json.dumps(model_record("geneformer").summary)
