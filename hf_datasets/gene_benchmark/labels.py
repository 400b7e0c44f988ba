"""How labels come out of the sources: one small function for each shape of source.

Each takes what differs between sibling tasks and returns a reader (see `record.ReadLabels`).
A gene without an entry in its source is not in the task; nothing is filled in.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.gene_benchmark.record import Key, Labels, ReadLabels, Value
    from hf_datasets.gene_benchmark.upstream import Upstream

ENSEMBL_ID = re.compile(r"ENSG\d{11}")
HLA_GROUP = 588
"""HGNC's gene group "Histocompatibility complex"."""


def _cells(upstream: Upstream, column: str) -> Iterator[tuple[Key, str]]:
    """Yield the filled cells of a column of the Human Protein Atlas.

    Genes that have only an Ensembl id for a symbol are left out, as gene-benchmark does.
    """
    for symbol, cell in upstream.hpa_column(column).items():
        if cell.strip() and not ENSEMBL_ID.fullmatch(symbol):
            yield (symbol,), cell.strip()


def hpa_class(column: str) -> ReadLabels:
    """Read one class a gene; the stray `;` of some cluster cells is dropped."""

    def read(upstream: Upstream) -> Labels:
        from hf_datasets.sources.hpa import cluster

        found = ((key, cluster(cell)) for key, cell in _cells(upstream, column))
        return {key: label for key, label in found if label}

    return read


def hpa_yes_no(column: str) -> ReadLabels:
    """Read `Yes` or `No` a gene, in lower case as everywhere in our tables."""

    def read(upstream: Upstream) -> Labels:
        return {key: cell.lower() for key, cell in _cells(upstream, column)}

    return read


def hpa_prognosis(column: str) -> ReadLabels:
    """Read one class a gene; the p-value in brackets is dropped: `unprognostic (2.39e-3)`."""

    def read(upstream: Upstream) -> Labels:
        from hf_datasets.sources.hpa import prognostic

        found = ((key, prognostic(cell)) for key, cell in _cells(upstream, column))
        return {key: label for key, label in found if label}

    return read


def hpa_labels(column: str) -> ReadLabels:
    """Read any number of labels a gene; a gene without any is not in the task."""

    def read(upstream: Upstream) -> Labels:
        from hf_datasets.sources.hpa import split_values

        found = ((key, _labels(split_values(cell))) for key, cell in _cells(upstream, column))
        return {key: labels for key, labels in found if labels}

    return read


def hpa_number(column: str) -> ReadLabels:
    """Read a number a gene."""

    def read(upstream: Upstream) -> Labels:
        return {key: float(cell) for key, cell in _cells(upstream, column)}

    return read


def _labels(names: object) -> tuple[str, ...]:
    return tuple(sorted(set(names)))  # type: ignore[call-overload]


def uniprot_keywords(category: str) -> ReadLabels:
    """Read the keywords of one category; a gene that has none of it is not in the task."""

    def read(upstream: Upstream) -> Labels:
        found: dict[str, set[str]] = defaultdict(set)
        for symbol, keyword, categories in upstream.keywords:
            if category in categories:
                found[symbol].add(keyword)
        return {(symbol,): _labels(keywords) for symbol, keywords in found.items()}

    return read


def reactome_pathways(upstream: Upstream) -> Labels:
    """Read the top-level pathways of every gene that Reactome has in one."""
    members, _ = upstream.pathways
    return {(symbol,): _labels(tops) for symbol, tops in members.items() if tops}


def transcription_factor(upstream: Upstream) -> Labels:
    """Read the verdict of Lambert 2018 on every candidate that it looked at."""
    return {
        (symbol.strip(),): "yes" if is_factor else "no" for _, symbol, is_factor in upstream.factors
    }


def gene_lists(file: str) -> ReadLabels:
    """Read two lists of Ensembl ids from a file of Genecorpus; a list's name is its class.

    An id without an approved symbol, and a gene in both lists, are left out and reported.
    """

    def read(upstream: Upstream) -> Labels:
        lists = upstream.gene_list(file)
        ids = {ensembl_id for members in lists.values() for ensembl_id in members}
        symbols = upstream.ensembl_symbols(ids, file)
        found: dict[Key, set[Value]] = defaultdict(set)
        for name, members in lists.items():
            for ensembl_id in members:
                if ensembl_id in symbols:
                    found[(symbols[ensembl_id],)].add(name)
        return _not_torn(upstream, found, f"{file}: gene in both lists")

    return read


def _not_torn(upstream: Upstream, found: Mapping[Key, set[Value]], what: str) -> Labels:
    """Return the keys that have one label; those with several are left out and reported."""
    upstream.leave_out(what, [" ".join(key) for key, labels in found.items() if len(labels) > 1])
    return {key: next(iter(labels)) for key, labels in found.items() if len(labels) == 1}


def hla_class(upstream: Upstream) -> Labels:
    """Read the class of the HLA genes of HGNC's group, by their names: HLA-DRA is of class II."""
    return {
        (gene.symbol,): "class II" if gene.symbol.startswith("HLA-D") else "class I"
        for gene in upstream.genes
        if HLA_GROUP in gene.gene_group_ids and gene.symbol.startswith("HLA-")
    }


def gene_pairs(upstream: Upstream) -> Labels:
    """Read the pairs of Gene2vec, each once whichever gene comes first.

    A pair that is given with both labels is left out and reported.
    """
    found: dict[Key, set[Value]] = defaultdict(set)
    for one, other, related in upstream.pairs:
        found[tuple(sorted((one, other)))].add("yes" if related else "no")
    return _not_torn(upstream, found, "gene2vec: pair given with both labels")


def disease_scores(upstream: Upstream) -> Labels:
    """Read the score of every gene with every disease; the mean where two ids are one symbol."""
    scores: dict[Key, list[float]] = defaultdict(list)
    rows = upstream.associations
    symbols = upstream.ensembl_symbols({ensembl_id for ensembl_id, _, _ in rows}, "open_targets")
    for ensembl_id, disease, score in rows:
        if symbol := symbols.get(ensembl_id):
            scores[(symbol, disease)].append(score)
    return {key: sum(values) / len(values) for key, values in scores.items()}
