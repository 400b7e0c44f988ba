"""Under which symbol a gene of a source stands in our tables.

Every name of a source's file is looked up in HGNC. It becomes the approved symbol where that is
certain: the name is a former symbol of one gene, or the file gives the gene's Ensembl id. An alias
is not enough (Reactome's viral PB1 is no PBRM1), and no two names of a file become one: a task has
as many genes as its file has names. All other names stay as they are, and are reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hf_datasets.symbols import Found, ResolutionReport, one_to_one

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hf_datasets.symbols import SymbolTable


CODING = "protein-coding gene"
"""HGNC's locus group."""


@dataclass(frozen=True)
class SourceNames:
    """What became of the names of one file of a source."""

    symbols: Mapping[str, str]
    """Name in the source → symbol in our tables."""
    aliases: Mapping[str, str]
    """Name that stays → the one gene that has it as an alias."""
    report: ResolutionReport
    """What HGNC says of the names, by the names alone."""

    @property
    def renamed(self) -> dict[str, str]:
        """Name in the source → symbol, where they differ."""
        return {name: symbol for name, symbol in self.symbols.items() if name != symbol}

    def record(self) -> dict[str, Any]:
        """Return what the built dataset says about it."""
        return {
            "names": len(self.symbols),
            "by_hgnc": self.report.counts,
            "renamed": self.renamed,
            "aliases_kept": dict(self.aliases),
            "ambiguous": {name: list(found) for name, found in self.report.ambiguous.items()},
            "withdrawn": list(self.report.withdrawn),
            "unknown": list(self.report.unknown),
        }


def resolve_names(
    table: SymbolTable,
    names: set[str],
    ensembl: Mapping[str, tuple[str, ...]],
    *,
    mixed: bool = False,
) -> SourceNames:
    """Look up all names of a file.

    Parameters
    ----------
    table
        All names that HGNC knows.
    names
        The names as the file has them.
    ensembl
        Name → Ensembl ids, where the file has them.
    mixed
        Whether names of other organisms are among them. Then only former symbols of
        protein-coding genes are taken: Reactome's TRS1 is of a virus, no tRNA gene.

    """
    _, report = table.resolve_all(names)
    certain: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for name in sorted(names):
        found = table.resolve(name)
        symbol = _by_ensembl(table, ensembl.get(name, ()))
        if found.found is Found.APPROVED:
            symbol = found.symbol
        elif symbol is None and found.found is Found.PREVIOUS:
            coding = table.genes[found.symbol or ""].locus_group == CODING
            symbol = found.symbol if coding or not mixed else None
        elif symbol is None and found.symbol is not None:
            aliases[name] = found.symbol
        certain[name] = symbol or name
    return SourceNames(one_to_one(certain), aliases, report)


def _by_ensembl(table: SymbolTable, identifiers: tuple[str, ...]) -> str | None:
    """Return the approved symbol of a single Ensembl id, if HGNC has it."""
    return table.resolve(identifiers[0]).symbol if len(identifiers) == 1 else None
