"""Published tables of gene vectors: read from the upstream's file, given or downloaded."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from extractors.encoders.precomputed import Precomputed
from extractors.gene_tables import (
    fetch_table,
    read_cellplm,
    read_gene2vec,
    read_genept,
    read_uce,
)
from extractors.inputs import VectorInput

if TYPE_CHECKING:
    from extractors.inputs import Asked
    from extractors.model import ModelRecord, Settings
    from extractors.vectors import VectorTable


class PublishedTable(Precomputed):
    """A table that `--input` names, or that is downloaded without it."""

    @classmethod
    def open_input(cls, record: ModelRecord, settings: Settings, asked: Asked) -> VectorInput:
        """Read the table; its genes are the rows."""
        del settings
        path = Path(asked.source).expanduser() if asked.source else fetch_table(record)
        return VectorInput(path, cls.read(path))

    @staticmethod
    @abstractmethod
    def read(path: Path) -> VectorTable:
        """Return the vectors in the upstream's file."""


class Gene2vec(PublishedTable):
    """Gene2vec's word2vec text."""

    read = staticmethod(read_gene2vec)


class GenePTAda(PublishedTable):
    """GenePT with ada-002."""

    @staticmethod
    def read(path: Path) -> VectorTable:
        """Return the vectors in the upstream's file."""
        return read_genept(path, "GenePT_gene_embedding_ada_text.pickle", 1536)


class GenePTLarge(PublishedTable):
    """GenePT with text-embedding-3-large."""

    @staticmethod
    def read(path: Path) -> VectorTable:
        """Return the vectors in the upstream's file."""
        return read_genept(path, "GenePT_gene_protein_embedding_model_3_text.pickle", 3072)


class UCE(PublishedTable):
    """UCE's table of ESM-2 vectors."""

    read = staticmethod(read_uce)


class CellPLM(PublishedTable):
    """CellPLM's gene embeddings."""

    read = staticmethod(read_cellplm)
