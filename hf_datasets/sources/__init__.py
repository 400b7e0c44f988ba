"""The upstream databases that datasets are built from: one file each, and how files are had.

Cheap to import: `publish list` and `--help` read this registry.
"""

from __future__ import annotations

from hf_datasets.sources import (
    ensembl,
    gene2vec,
    genecorpus,
    hgnc,
    hpa,
    humantfs,
    ncbi_gene,
    open_targets,
    reactome,
    uniprot,
)
from hf_datasets.sources.source import Source, SourceFile, SourceUnavailable, UsedFile

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        hpa.SOURCE,
        humantfs.SOURCE,
        genecorpus.SOURCE,
        gene2vec.SOURCE,
        reactome.SOURCE,
        uniprot.SOURCE,
        hgnc.SOURCE,
        open_targets.SOURCE,
        ncbi_gene.SOURCE,
        ensembl.SOURCE,
    )
}
"""Every source by its short name, which is also its subfolder of `--sources DIR`."""

__all__ = ["SOURCES", "Source", "SourceFile", "SourceUnavailable", "UsedFile"]
