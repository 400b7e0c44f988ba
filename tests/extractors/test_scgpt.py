"""scGPT from upstream's folder, through the command, against PyTorch's own transformer."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from expression_files import counts, write_cells
from torch import nn

from extractors.__main__ import command
from extractors.encoders.scgpt import ScGpt
from extractors.expression.value_bins import cell_generator
from extractors.inputs import Asked
from extractors.model import Settings
from extractors.registry import model_record
from extractors.store import read_provenance

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

WIDTH, HEADS, INNER, LAYERS, BINS, LONGEST = 32, 4, 48, 3, 51, 25
NAMES = [f"C{place}orf{place}" for place in range(60)]
KNOWN = NAMES[:55]
SPECIAL = ["<pad>", "<cls>", "<eoc>"]


class GeneEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(KNOWN) + 3, WIDTH)
        self.enc_norm = nn.LayerNorm(WIDTH)

    def forward(self, genes: torch.Tensor) -> Any:
        return self.enc_norm(self.embedding(genes))


class ValueEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(1, WIDTH)
        self.linear2 = nn.Linear(WIDTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, values: torch.Tensor) -> Any:
        values = torch.clamp(values[:, None], max=512)
        return self.norm(self.linear2(torch.relu(self.linear1(values))))


class Published(nn.Module):
    """The parts by upstream's names, the transformer PyTorch's own."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = GeneEncoder()
        self.value_encoder = ValueEncoder()
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, dropout=0.2, batch_first=True)
        self.transformer_encoder = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.decoder = nn.ModuleDict({"fc": nn.Linear(WIDTH, 1)})
        self.mvc_decoder = nn.ModuleDict({"gene2query": nn.Linear(WIDTH, WIDTH)})
        self.flag_encoder = nn.Embedding(2, WIDTH)

    def forward(self, genes: torch.Tensor, values: torch.Tensor, layers: int = LAYERS) -> Any:
        x = (self.encoder(genes) + self.value_encoder(values))[None]
        for layer in self.transformer_encoder.layers[:layers]:
            x = layer(x)
        return x[0]


FUSED = {
    "plain": lambda name: name,
    "flash": lambda name: name.replace("self_attn.in_proj_", "self_attn.Wqkv."),
    "wrapped": lambda name: name.replace("self_attn.in_proj_", "self_attn._impl.Wqkv.").replace(
        "self_attn.out_proj", "self_attn._impl.out_proj"
    ),
}
"""The three ways in which upstream's versions name what goes through attention."""


def save(folder: Path, naming: str = "flash") -> tuple[Published, dict[str, int]]:
    """Write a small random checkpoint; return the model and the vocabulary."""
    torch.manual_seed(4)
    model = Published().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    folder.mkdir(parents=True, exist_ok=True)
    rename: Any = FUSED[naming]
    state = {rename(name): tensor for name, tensor in model.state_dict().items()}
    torch.save(state, folder / "best_model.pt")
    args = {
        "embsize": WIDTH, "nheads": HEADS, "d_hid": INNER, "nlayers": LAYERS, "n_layers_cls": 3,
        "dropout": 0.2, "pad_token": "<pad>", "pad_value": -2, "mask_value": -1, "n_bins": BINS,
        "max_seq_len": LONGEST, "input_emb_style": "continuous", "fast_transformer": True,
    }  # fmt: skip
    (folder / "args.json").write_text(json.dumps(args))
    # As upstream's: file order is not id order, and specials follow the genes.
    vocabulary = {name: number for number, name in enumerate([*KNOWN, *SPECIAL])}
    (folder / "vocab.json").write_text(json.dumps(dict(reversed(vocabulary.items()))))
    return model, vocabulary


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Published, dict[str, int]]:
    root = tmp_path_factory.mktemp("scgpt")
    model, vocabulary = save(root)
    write_cells(root / "cells.h5ad", counts(), NAMES)
    return root, model, vocabulary


World = tuple["Path", Published, dict[str, int]]


def run(root: Path, out: str, *more: str, source: str | None = "cells.h5ad") -> Any:
    """Run the command; return the table, and the exit status in its place when it is not 0 or 1."""
    model = () if "--model" in more else ("--model", "scgpt-human")
    words = [*model, "--checkpoint", str(root), "--out", str(root / out)]
    if source is not None:
        words += ["--input", str(root / source)]
    status = command([*words, *more])
    return pq.read_table(root / out) if status in {0, 1} else status


def matrix(table: Any) -> NDArray[np.float32]:
    kept = table.filter(table["embedding"].is_valid())
    found: NDArray[np.float32] = np.array(kept["embedding"].to_pylist(), np.float32)
    return found


def published_input(name: str, row: NDArray[np.float32], seed: int) -> tuple[list[int], list[int]]:
    """Genes and bins of a cell by the published rule, with the draws that we document."""
    pairs = [(gene, count) for gene, count in enumerate(row[: len(KNOWN)].tolist()) if count]
    generator = cell_generator(seed, name)
    draws = generator.random(len(pairs))
    edges = np.quantile([count for _, count in pairs], np.linspace(0, 1, BINS - 1)).tolist()
    bins = []
    for (_, count), draw in zip(pairs, draws.tolist(), strict=True):
        left = sum(edge <= count for edge in edges)
        right = sum(edge < count for edge in edges)
        bins.append(math.ceil(draw * (right - left) + left))
    kept = range(len(pairs))
    if len(pairs) > LONGEST - 1:
        kept = np.sort(generator.choice(len(pairs), LONGEST - 1, replace=False)).tolist()
    return [pairs[place][0] for place in kept], [bins[place] for place in kept]


def hidden(
    world: World, name: str, row: NDArray[np.float32], *, seed: int = 0, layers: int = LAYERS
) -> tuple[list[int], torch.Tensor]:
    _, model, vocabulary = world
    genes, bins = published_input(name, row, seed)
    with torch.inference_mode():
        vectors = model(
            torch.tensor([vocabulary["<cls>"], *genes]),
            torch.tensor([-2.0, *map(float, bins)]),
            layers,
        )
    return genes, vectors


def good_cells() -> list[tuple[str, NDArray[np.float32]]]:
    return [(f"c{n}", row) for n, row in enumerate(counts()) if row[: len(KNOWN)].any()]


@pytest.mark.parametrize(
    ("words", "seed"), [((), 0), (("--pooling", "mean"), 0), (("--seed", "7"), 7)]
)
def test_cell_vectors_agree_with_pytorchs_transformer(
    world: World, words: tuple[str, ...], seed: int
) -> None:
    table = run(world[0], f"cells{'-'.join(words)}.parquet", *words)
    expected = []
    for name, row in good_cells():
        _, vectors = hidden(world, name, row, seed=seed)
        cell = (
            vectors[1:].mean(0) if words[:1] == ("--pooling",) else vectors[0] / vectors[0].norm()
        )
        expected.append(cell.numpy())
    assert np.abs(matrix(table) - np.stack(expected)).max() < 1e-5
    lengths = (counts()[:, : len(KNOWN)] > 0).sum(axis=1)
    assert table["n_tokens"].to_pylist() == lengths.tolist()
    assert table["truncated"].to_pylist() == (lengths > LONGEST - 1).tolist()
    assert (lengths > LONGEST - 1).any()
    encoder = read_provenance(table.schema)["encoder"]
    assert (encoder["n_bins"], encoder["seed"], encoder["layer"]) == (BINS, seed, LAYERS)


@pytest.mark.parametrize("naming", FUSED)
def test_all_namings_of_attention_load_alike(tmp_path: Path, naming: str, world: World) -> None:
    save(tmp_path, naming)
    write_cells(tmp_path / "cells.h5ad", counts(), NAMES)
    table = run(tmp_path, "cells.parquet", "--layers", "2")
    expected = [hidden(world, name, row, layers=2)[1][0] for name, row in good_cells()]
    wanted = torch.nn.functional.normalize(torch.stack(expected), dim=-1).numpy()
    assert np.abs(matrix(table) - wanted).max() < 1e-5


def test_a_cell_does_not_see_its_batch_nor_its_place(world: World) -> None:
    record, settings = model_record("scgpt-human"), Settings(checkpoint=str(world[0]))
    encoder = ScGpt.load(record, settings)
    source = encoder.open_input(record, settings, Asked(source=str(world[0] / "cells.h5ad")))
    ids, cells = next(iter(source.rows()))
    packed = np.asarray(encoder.encode(encoder.tokenize(ids, cells)).layers[0])
    encoder.budget = 30
    turned = encoder.encode(encoder.tokenize(ids[::-1], cells[::-1])).layers[0]
    alone = [
        encoder.encode(encoder.tokenize([name], [cell])).layers[0][0]
        for name, cell in zip(ids, cells, strict=True)
    ]
    assert np.abs(packed - np.asarray(turned)[::-1]).max() < 1e-5
    assert np.abs(packed - np.stack(alone)).max() < 1e-5


def test_contextual_gene_vectors_are_means_over_cells(world: World) -> None:
    found: dict[str, list[NDArray[np.float64]]] = {}
    for name, row in good_cells():
        genes, vectors = hidden(world, name, row)
        for gene, vector in zip(genes, vectors[1:], strict=True):
            found.setdefault(KNOWN[gene], []).append(vector.double().numpy())
    table = run(world[0], "genes.parquet", "--entity", "gene")
    ids = table["id"].to_pylist()
    assert ids == [name for name in KNOWN if name in found]
    assert table["n_tokens"].to_pylist() == [len(found[name]) for name in ids]
    expected = np.stack([np.mean(found[name], axis=0) for name in ids])
    assert np.abs(matrix(table) - expected).max() < 1e-5


@pytest.mark.parametrize("name", ["scgpt-human", "scgpt-blood"])
def test_gene_vectors_of_the_vocabulary_with_and_without_layer_norm(
    world: World, name: str
) -> None:
    root, model, _ = world
    normed = run(root, f"{name}-normed.parquet", "--model", name, source=None)
    raw = run(root, f"{name}-raw.parquet", "--model", f"{name}-raw", source=None)
    assert normed["id"].to_pylist() == raw["id"].to_pylist() == KNOWN
    with torch.inference_mode():
        expected = model.encoder(torch.arange(len(KNOWN))).numpy()
    assert np.abs(matrix(normed) - expected).max() < 1e-6
    table = model.encoder.embedding.weight.detach().numpy()
    assert np.array_equal(matrix(raw), table[: len(KNOWN)])
    kinds = [read_provenance(t.schema)["encoder"]["rows"] for t in (normed, raw)]
    assert kinds == ["genes, embedding and layer norm", "genes, embedding"]


def test_what_is_no_such_checkpoint_is_refused_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path)

    def refused(*more: str) -> str:
        assert run(tmp_path, "o.parquet", *more, source=None) == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return said

    assert "--gene-ids ensembl is not to be had" in refused("--gene-ids", "ensembl")
    state = torch.load(tmp_path / "best_model.pt", weights_only=True)  # noqa: TID251
    torch.save({**state, "dsbn.bns.0.weight": torch.ones(2)}, tmp_path / "best_model.pt")
    assert "1 tensors that this architecture has no place for: dsbn.bns.0.weight" in refused()
    del state["transformer_encoder.layers.1.norm2.bias"]
    torch.save(state, tmp_path / "best_model.pt")
    assert "no tensor 'transformer_encoder.layers.1.norm2.bias'" in refused()
    args = json.loads((tmp_path / "args.json").read_text())
    (tmp_path / "args.json").write_text(json.dumps({**args, "input_emb_style": "category"}))
    assert "input_emb_style 'category': a variant of scGPT that we do not run" in refused()
    (tmp_path / "args.json").write_text("{}")
    assert "has no embsize, nheads, d_hid, nlayers" in refused()
    (tmp_path / "vocab.json").write_text(json.dumps({"A": 1, "B": 3}))
    assert "does not number its 5 names from 0" in refused()
    (tmp_path / "vocab.json").unlink()
    assert "is no checkpoint of scGPT: it lacks vocab.json" in refused()

    status = command(["--model", "scgpt-blood", "--out", str(tmp_path / "o.parquet")])
    assert status == 2
    assert "scgpt-blood is not on the Hub; get its folder of args.json" in capsys.readouterr().err
