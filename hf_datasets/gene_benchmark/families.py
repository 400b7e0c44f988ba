"""Which genes belong together, so that a split can keep them on one side.

`gene_family` is one of a gene's HGNC groups. Groups overlap: joining all that share a gene chains
18,800 of 25,900 grouped genes into one family (October 2024). So every gene has one group: the
largest of those with at most 100 genes, or its smallest if all are larger. Of two genes that
share a group of at most 50, 91% then have the same family; with the smallest group it is 78%.
A gene without a group has no family: a family of its own.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hf_datasets.sources.hgnc import HgncGene

LARGEST_FAMILY = 100
"""Groups with more genes are classes of genes (`Zinc fingers`), not families."""


def gene_families(genes: Iterable[HgncGene]) -> dict[str, str]:
    """Return symbol → the name of its family, for the approved genes that are in a group."""
    approved = [gene for gene in genes if gene.status == "Approved"]
    sizes = Counter(group for gene in approved for group in gene.gene_group_ids)
    found = {}
    for gene in approved:
        groups = list(zip(gene.gene_group_ids, gene.gene_groups, strict=True))
        if not groups:
            continue
        fitting = [group for group in groups if sizes[group[0]] <= LARGEST_FAMILY]
        if fitting:
            _, name = max(fitting, key=lambda group: (sizes[group[0]], group[0]))
        else:
            _, name = min(groups, key=lambda group: (sizes[group[0]], group[0]))
        found[gene.symbol] = name
    return found
