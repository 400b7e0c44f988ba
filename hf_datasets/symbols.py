"""From any name of a gene to its approved symbol, by HGNC: never by a guess.

A name is, in this order, an approved symbol; a previous symbol or an alias; or an HGNC,
Ensembl, Entrez or UniProt id. A name that leads to several genes is ambiguous and stays so.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hf_datasets.sources.hgnc import HgncGene

ENSEMBL_VERSION = re.compile(r"(ENSG\d+)\.\d+")


class Found(StrEnum):
    """How a name was resolved, or why it was not."""

    APPROVED = "approved"
    PREVIOUS = "previous"
    ALIAS = "alias"
    HGNC = "hgnc"
    ENSEMBL = "ensembl"
    ENTREZ = "entrez"
    UNIPROT = "uniprot"
    AMBIGUOUS = "ambiguous"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Resolution:
    """What one name stands for."""

    name: str
    """The name as given."""
    found: Found
    """How it was resolved, or why not."""
    symbol: str | None = None
    """The approved symbol, None unless exactly one gene has this name."""
    candidates: tuple[str, ...] = ()
    """Approved symbols of all genes with this name, sorted, if there are several."""


@dataclass(frozen=True)
class ResolutionReport:
    """What became of a set of names."""

    counts: dict[str, int]
    """How found → number of distinct names."""
    ambiguous: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Name → approved symbols of the genes that have it."""
    withdrawn: tuple[str, ...] = ()
    """Names of withdrawn entries that nothing replaced."""
    unknown: tuple[str, ...] = ()
    """Names that HGNC does not have."""
    merged: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Approved symbol → the names that lead to it, where there are several."""


class SymbolTable:
    """All names of the genes of an HGNC complete set."""

    def __init__(self, genes: Iterable[HgncGene]) -> None:
        self._genes: dict[str, HgncGene] = {}
        self._withdrawn: set[str] = set()
        self._names: dict[str, dict[str, Found]] = defaultdict(dict)
        self._ids: dict[str, dict[str, Found]] = defaultdict(dict)
        gone = []
        for gene in genes:
            if gene.status == "Approved":
                self._add(gene)
            else:
                gone.append(gene)
        for gene in gone:
            self._withdraw(gene)

    def _add(self, gene: HgncGene) -> None:
        self._genes[gene.symbol] = gene
        # A gene's own previous symbol may be listed as its alias too: the first note stays.
        for name in gene.previous_symbols:
            self._names[name].setdefault(gene.symbol, Found.PREVIOUS)
        for name in gene.alias_symbols:
            self._names[name].setdefault(gene.symbol, Found.ALIAS)
        ids = [
            (gene.hgnc_id, Found.HGNC),
            (gene.ensembl_gene_id, Found.ENSEMBL),
            (gene.entrez_id, Found.ENTREZ),
            *((accession, Found.UNIPROT) for accession in gene.uniprot_ids),
        ]
        for name, found in ids:
            if name:
                self._ids[name].setdefault(gene.symbol, found)

    def _withdraw(self, gene: HgncGene) -> None:
        """Note a withdrawn entry: its names lead to the genes that took its place, if any."""
        names = [name for name in (gene.symbol, gene.hgnc_id) if name]
        self._withdrawn.update(names)
        for name in names:
            for symbol in gene.merged_into:
                if symbol in self._genes:
                    self._names[name][symbol] = Found.PREVIOUS

    def __len__(self) -> int:
        """Return the number of approved genes."""
        return len(self._genes)

    def __contains__(self, symbol: object) -> bool:
        """Whether this is an approved symbol."""
        return symbol in self._genes

    @property
    def genes(self) -> Mapping[str, HgncGene]:
        """Approved symbol → gene."""
        return self._genes

    def resolve(self, name: str) -> Resolution:
        """Return what a name stands for; upper and lower case matter, outer white space not."""
        bare = name.strip()
        if bare in self._genes:
            return Resolution(name, Found.APPROVED, bare)
        versionless = ENSEMBL_VERSION.fullmatch(bare)
        key = versionless[1] if versionless else bare
        owners = self._names.get(bare) or self._ids.get(key) or {}
        if bare in self._withdrawn and Found.PREVIOUS not in owners.values():
            # As an alias of another gene it is somebody else's name, not its successor.
            return Resolution(name, Found.WITHDRAWN, candidates=tuple(sorted(owners)))
        if len(owners) == 1:
            ((symbol, found),) = owners.items()
            return Resolution(name, found, symbol)
        if owners:
            return Resolution(name, Found.AMBIGUOUS, candidates=tuple(sorted(owners)))
        return Resolution(name, Found.UNKNOWN)

    def resolve_all(self, names: Iterable[str]) -> tuple[dict[str, str], ResolutionReport]:
        """Return name → approved symbol for the names that have one, and a report on all.

        The mapping and the report's lists are sorted by name.
        """
        results = [self.resolve(name) for name in sorted(set(names))]
        mapping = {result.name: result.symbol for result in results if result.symbol is not None}
        several = defaultdict(list)
        for name, symbol in mapping.items():
            several[symbol].append(name)
        counts = Counter(result.found for result in results)
        report = ResolutionReport(
            counts={found.value: counts[found] for found in Found if counts[found]},
            ambiguous={
                result.name: result.candidates
                for result in results
                if result.found is Found.AMBIGUOUS
            },
            withdrawn=_names(results, Found.WITHDRAWN),
            unknown=_names(results, Found.UNKNOWN),
            merged={
                symbol: tuple(named) for symbol, named in sorted(several.items()) if len(named) > 1
            },
        )
        return mapping, report


def _names(results: Iterable[Resolution], found: Found) -> tuple[str, ...]:
    return tuple(result.name for result in results if result.found is found)


def one_to_one(mapping: Mapping[str, str]) -> dict[str, str]:
    """Return name → symbol so that no two names become one: a count does not change by it.

    Where several names lead to one gene, all of them stay as they are: the approved one is
    among them as itself.
    """
    claims = Counter(mapping.values())
    return {name: symbol if claims[symbol] == 1 else name for name, symbol in mapping.items()}
