"""Geneformer's dictionaries: its tokens, the genes' medians, and other names of genes.

They come as pickles, which are read without running them. V1 has 25,424 genes and two special
tokens, V2 has 20,271 and four. Source: https://huggingface.co/ctheodoris/Geneformer, Apache-2.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.cells.genes import VERSION, Naming
from extractors.expression.dictionary_files import (
    FOLDER,
    LAYOUTS,
    MAPPING,
    MEDIANS,
    SYMBOLS,
    TOKENS,
)
from hf_datasets.errors import InputError, shorten
from hf_datasets.files import file_digest
from hf_datasets.sources.restricted_pickle import NUMPY_NUMBERS, load_pickle
from hf_datasets.sources.source import UsedFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MAX_BYTES = 100_000_000
SPECIAL = "<"
"""What special tokens begin with."""


@dataclass(frozen=True, eq=False)
class GeneDictionaries:
    """What one version of Geneformer knows of genes."""

    tokens: Mapping[str, int]
    """Ensembl id to token, genes only, in the order of the tokens."""
    special: Mapping[str, int]
    """`<pad>`, `<mask>`, and in V2 `<cls>` and `<eos>`."""
    medians: NDArray[np.float64]
    """Shape (size,): the median of each token's gene over the corpus; NaN for special tokens."""
    symbols: Mapping[str, str]
    """Symbol to Ensembl id; empty where upstream's file is not at hand."""
    mapping: Mapping[str, str]
    """Any other name of a gene to its Ensembl id, as upstream replaces it; may be empty."""
    files: Mapping[str, str]
    """Name to sha256 of the files that were read."""

    @property
    def size(self) -> int:
        """Return how many tokens there are, special ones included."""
        return len(self.medians)

    @cached_property
    def namings(self) -> tuple[Naming, ...]:
        """Return the ways in which a file may name its genes.

        An Ensembl id goes through upstream's mapping if that holds it; one mapped outside of the
        vocabulary is unknown.
        """
        known = dict(self.tokens)
        names: dict[str, int] = {}
        for name, target in self.mapping.items():
            token = self.tokens.get(target)
            key = VERSION.sub("", name).upper()
            if token is not None:
                known[key] = token
                names[name] = token
            else:
                known.pop(key, None)
        for symbol, target in self.symbols.items():
            if target in self.tokens:
                names.setdefault(symbol, self.tokens[target])
        ids = Naming("Ensembl ids", known, is_ensembl=True)
        return (ids, Naming("symbols", names)) if names else (ids,)

    def names(self, kind: str) -> dict[str, int]:
        """Return the name of each gene to its token, by `ensembl` or `symbol`.

        A gene without a symbol is left out. InputError when no symbols are at hand.
        """
        if kind == "ensembl":
            return dict(self.tokens)
        if not self.symbols:
            message = (
                f"no symbols are at hand: {SYMBOLS} is missing beside the model; "
                "add it, or take --gene-ids ensembl"
            )
            raise InputError(message)
        found: dict[int, str] = {}
        for symbol, target in self.symbols.items():
            if target in self.tokens:
                found.setdefault(self.tokens[target], symbol)
        return {symbol: token for token, symbol in sorted(found.items())}


def read_dictionaries(version: int, folders: Sequence[Path]) -> GeneDictionaries:
    """Read the dictionaries of V1 or V2, in whichever of upstream's layouts they lie.

    `folders` are looked through in order, each with its folder `geneformer`.

    Raises
    ------
    InputError
        Tokens or medians are missing, damaged, or of the other version.

    """
    layouts = LAYOUTS[version]
    places = [place for folder in folders for place in (folder, folder / FOLDER)]
    for place in places:
        for layout in layouts:
            tokens, medians, symbols, mapping = (
                place / layout.format(role) for role in (TOKENS, MEDIANS, SYMBOLS, MAPPING)
            )
            if tokens.is_file() and medians.is_file():
                optional = [path for path in (symbols, mapping) if path.is_file()]
                return _read(tokens, medians, *optional)
    wanted = " and ".join(layouts[0].format(role) for role in (TOKENS, MEDIANS))
    message = (
        f"no dictionaries of Geneformer V{version} in {shorten(folders)}: put upstream's "
        f"{wanted} (folder {FOLDER} of ctheodoris/Geneformer) beside the model"
    )
    raise InputError(message)


def _read(tokens: Path, medians: Path, *others: Path) -> GeneDictionaries:
    ids = {str(name): int(token) for name, token in _load(tokens).items()}
    if sorted(ids.values()) != list(range(len(ids))):
        message = f"{tokens} does not number its {len(ids):,} tokens from 0: it is damaged"
        raise InputError(message)
    genes = dict(sorted(ids.items(), key=lambda item: item[1]))
    special = {name: genes.pop(name) for name in list(genes) if name.startswith(SPECIAL)}
    known = _load(medians)
    lacking = [name for name in genes if not float(known.get(name, 0)) > 0]
    if lacking:
        message = (
            f"{medians} has no median above zero for {len(lacking):,} genes of {tokens.name} "
            f"({shorten(lacking, 3)}); they are of different versions"
        )
        raise InputError(message)
    table = np.full(len(ids), np.nan)
    table[list(genes.values())] = [float(known[name]) for name in genes]
    names = {path.name.split("_gc")[0].removesuffix(".pkl"): _load(path) for path in others}
    return GeneDictionaries(
        tokens=genes,
        special=special,
        medians=table,
        symbols=names.get(SYMBOLS, {}),
        mapping=names.get(MAPPING, {}),
        files={path.name: f"sha256:{file_digest(path)}" for path in (tokens, medians, *others)},
    )


def _load(path: Path) -> dict[Any, Any]:
    """Return the dictionary in a pickle; InputError when it holds anything else."""
    size = path.stat().st_size
    file = UsedFile("geneformer", path.stem, path, path.name, "", size, "", max_bytes=MAX_BYTES)
    found = load_pickle(file, NUMPY_NUMBERS)
    if not isinstance(found, dict):
        message = f"{path} holds no dictionary; get upstream's file"
        raise InputError(message)
    return found
