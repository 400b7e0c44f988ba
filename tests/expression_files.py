"""Small expression checkpoints in upstream's exact layout, and files of cells for them."""

from __future__ import annotations

import json
import pickle  # noqa: TID251  dictionaries are written as upstream ships them
from typing import TYPE_CHECKING, Any

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForMaskedLM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

GENES = [f"ENSG{number:011d}" for number in range(60)]
SYMBOLS = [f"Gene-{place}a" for place in range(60)]
POSITIONS = {1: 20, 2: 24}
V1_FOLDER = "Geneformer-V1-10M"
V2_FOLDER = "Geneformer-V2-104M"


def plain(names: Sequence[str]) -> pd.Index:
    """Names as objects: this anndata cannot write the strings that pandas 3 makes by itself."""
    return pd.Index(names, dtype=object)


def counts(n_cells: int = 40, n_genes: int = 60, seed: int = 0) -> NDArray[np.float32]:
    """Counts of cells that express very different numbers of genes; cell 3 none."""
    rng = np.random.default_rng(seed)
    share = rng.uniform(0.05, 0.7, (n_cells, 1))
    values = rng.geometric(0.3, (n_cells, n_genes)) * (rng.random((n_cells, n_genes)) < share)
    values[3] = 0
    return values.astype(np.float32)


def write_cells(path: Path, values: NDArray[np.float32], names: Sequence[str]) -> Path:
    """Write an `.h5ad` of cells c0, c1, …"""
    anndata.AnnData(
        sp.csr_matrix(values),
        obs=pd.DataFrame(index=plain([f"c{row}" for row in range(len(values))])),
        var=pd.DataFrame(index=plain(names)),
    ).write_h5ad(path)
    return path


def write_pickle(path: Path, content: Any) -> None:
    """Write a dictionary as upstream does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=4))


def dictionaries(version: int) -> dict[str, dict[str, Any]]:
    """Return small dictionaries in upstream's types: specials int, genes int16 in V1."""
    special = ["<pad>", "<mask>"] if version == 1 else ["<pad>", "<mask>", "<cls>", "<eos>"]
    kind: Any = np.int16 if version == 1 else int
    known = GENES[:55]  # five genes of the files are unknown to the model
    tokens = {name: number for number, name in enumerate(special)}
    tokens |= {name: kind(len(special) + place) for place, name in enumerate(known)}
    medians = np.random.default_rng(9).lognormal(0.5, 0.8, len(GENES))
    return {
        "token_dictionary": tokens,
        "gene_median_dictionary": dict(zip(GENES, medians, strict=True)),
        "gene_name_id_dict": dict(zip(SYMBOLS[:50], GENES[:50], strict=True)),
        "ensembl_mapping_dict": {name: name for name in known},
    }


def save_geneformer(
    root: Path, version: int, *, bin_file: bool = False, subfolder: str | None = None
) -> Any:
    """Save a small random Geneformer as the repository's folder holds it; return the model.

    Names, metadata and what is left out are upstream's: no tied decoder, no pooler, and in V1
    the positions' buffer.
    """
    torch.manual_seed(version)
    content = dictionaries(version)
    config = BertConfig(
        vocab_size=len(content["token_dictionary"]),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
        hidden_act="relu",
        max_position_embeddings=POSITIONS[version],
        type_vocab_size=2,
        layer_norm_eps=1e-12,
        pad_token_id=0,
    )
    model = BertForMaskedLM(config)
    model.eval()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for parameter in model.parameters():  # upstream's weights are no zeros and ones, either
            parameter.add_(0.1 * torch.randn_like(parameter))
    folder = root / (subfolder or (V1_FOLDER if version == 1 else V2_FOLDER))
    folder.mkdir(parents=True)
    state = {
        name: tensor.contiguous()
        for name, tensor in model.state_dict().items()
        if not name.startswith("cls.predictions.decoder")
    }
    state.pop("bert.embeddings.position_ids", None)
    if version == 1:
        state["bert.embeddings.position_ids"] = torch.arange(POSITIONS[1])[None]
    if bin_file:
        torch.save(state, folder / "pytorch_model.bin")
    else:
        save_file(state, folder / "model.safetensors", {"format": "pt"})
    text = {**config.to_dict(), "architectures": ["BertForMaskedLM"]}
    (folder / "config.json").write_text(json.dumps(text))
    place = "gene_dictionaries_30m/{}_gc30M.pkl" if version == 1 else "{}_gc104M.pkl"
    for role, dictionary in content.items():
        write_pickle(root / "geneformer" / place.format(role), dictionary)
    return model
