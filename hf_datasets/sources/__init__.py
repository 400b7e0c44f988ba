"""The upstream databases that datasets are built from: one file each, and how files are had.

Cheap to import: `publish list` and `--help` read this registry.
"""

from __future__ import annotations

from hf_datasets.sources import (
    abstract_pairs,
    aparent,
    beacon,
    biology_instructions,
    deepaai,
    deepcrispr,
    deepfri,
    deepsol,
    deepstarr,
    ensembl,
    enzyme,
    flip,
    gene2vec,
    genecorpus,
    gue,
    hgnc,
    hpa,
    humantfs,
    ncbi_gene,
    npinter,
    nrc,
    open_targets,
    optimus,
    pmc,
    protein_lm_bench,
    pubmed,
    reactome,
    refseq,
    sifts,
    sirna,
    tape,
    targetfinder,
    toehold,
    uniprot,
    uniprot_sprot,
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
        uniprot_sprot.SOURCE,
        sifts.SOURCE,
        refseq.SOURCE,
        pubmed.SOURCE,
        pmc.SOURCE,
        enzyme.SOURCE,
        abstract_pairs.SOURCE,
        aparent.SOURCE,
        beacon.SOURCE,
        biology_instructions.SOURCE,
        deepaai.SOURCE,
        deepcrispr.SOURCE,
        deepfri.SOURCE,
        deepsol.SOURCE,
        deepstarr.SOURCE,
        flip.SOURCE,
        gue.SOURCE,
        npinter.SOURCE,
        nrc.SOURCE,
        optimus.SOURCE,
        protein_lm_bench.SOURCE,
        sirna.SOURCE,
        tape.SOURCE,
        targetfinder.SOURCE,
        toehold.SOURCE,
    )
}
"""Every source by its short name, which is also its subfolder of `--sources DIR`."""

__all__ = ["SOURCES", "Source", "SourceFile", "SourceUnavailable", "UsedFile"]
