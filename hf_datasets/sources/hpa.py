"""The Human Protein Atlas: every column of its gene table that a task is made from.

https://v23.proteinatlas.org/about/download. Read in all forms that are about: `proteinatlas.tsv`
of v23 and v18, and the v21.1 files converted by R (dotted column names). See `hpa_files`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hf_datasets.sources.hpa_files import READERS, wanted_by_default
from hf_datasets.sources.source import Source, SourceFile, unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from hf_datasets.sources.hpa_files import Part
    from hf_datasets.sources.source import UsedFile

SOURCE = Source(
    name="hpa",
    title="The Human Protein Atlas",
    version="23",
    licence="CC-BY-SA-4.0 (up to v22: CC-BY-SA-3.0)",
    citation="Uhlén et al., Tissue-based map of the human proteome, Science 347:1260419 (2015)",
    homepage="https://v23.proteinatlas.org",
    files=(
        SourceFile(
            key="proteinatlas",
            url="https://v23.proteinatlas.org/download/proteinatlas.tsv.zip",
            local=("proteinatlas.tsv*", "v23*proteinatlas.tsv*"),
            min_rows=19_000,
            max_bytes=500_000_000,
            optional=True,
        ),
        SourceFile(
            key="proteinatlas_v18",
            url="https://v18.proteinatlas.org/download/proteinatlas.tsv.zip",
            local=("v18*proteinatlas.tsv*",),
            min_rows=19_000,
            max_bytes=100_000_000,
            optional=True,
            download=False,
        ),
        SourceFile(
            key="secretome_genes",
            url="",
            local=("*all_columns_secretome_genes.tsv*",),
            min_rows=2_500,
            optional=True,
        ),
        SourceFile(
            key="subcellular",
            url="https://v23.proteinatlas.org/download/subcellular_location.tsv.zip",
            local=("*subcellular_location.tsv*",),
            min_rows=12_000,
            optional=True,
            download=False,
        ),
        SourceFile(
            key="prognostics",
            url="",
            local=("*pathology_prognostics.tsv*",),
            min_rows=250_000,
            optional=True,
        ),
        SourceFile(
            key="tissues",
            url="",
            local=("*rna_tissue_consensus_wide.tsv*",),
            min_rows=19_000,
            optional=True,
        ),
        SourceFile(
            key="secretome_location",
            url="",
            local=("secretome_location.csv*",),
            min_rows=2_500,
            optional=True,
        ),
    ),
)

EXCERPT = "secretome_genes"
"""All columns, but of some genes only: a file of all genes goes before it."""
_SEPARATOR = re.compile(r"\s*(?:,|;|<br\s*/?>)\s*")
_BRACKET = re.compile(r"\s*\([^()]*\)\s*$")


@dataclass(frozen=True)
class Origin:
    """Where a column of the table was taken from, and what stood in the way."""

    key: str
    """Key of the file."""
    version: str
    """Version of the atlas that the file comes from."""
    rows: int
    """Rows of the file with a value: more than `genes` where symbols occur twice."""
    genes: int
    """Symbols with a value."""
    others: tuple[tuple[str, int], ...]
    """The files passed over, each with its number of genes."""


@dataclass(frozen=True)
class HpaTable:
    """Columns of the atlas by gene symbol, as text; empty cells are left out."""

    columns: tuple[str, ...]
    """Names as `proteinatlas.tsv` spells them, with spaces, in the order of the files."""
    cells: dict[str, dict[str, str]]
    """{column: {symbol: raw text}}; see `split_values`, `prognostic` and `cluster`."""
    version: str
    """Versions of the atlas that the columns come from, `18 + 21.1`."""
    origins: dict[str, Origin]
    """{column: the file it was taken from}."""
    ensembl: dict[str, tuple[str, ...]]
    """{symbol: its Ensembl ids in the files used}: leads to today's symbol."""
    conflicts: tuple[tuple[str, str, str, str], ...]
    """(column, symbol, kept, dropped): two rows of a file share a symbol and disagree."""
    left_out: tuple[str, ...]
    """Names that are Ensembl ids, not symbols."""


def read_columns(files: Mapping[str, UsedFile], columns: Collection[str] | None = None) -> HpaTable:
    """Return the wanted columns of the atlas, each from the file with most genes in it.

    `columns`: names as in `proteinatlas.tsv`; None takes all but the expression values per
    tissue, cell and cell line (hundreds of columns of numbers). A column comes from one file:
    the one in which most genes have a value, of equal ones the first in `SOURCE.files` (the
    newest). The excerpt of secretome genes serves only where no other file has the column.
    SourceUnavailable if there is no file at all.
    """
    wanted = wanted_by_default if columns is None else frozenset(columns).__contains__
    parts: list[Part] = [
        READERS[file.key](files[file.key], wanted) for file in SOURCE.files if file.key in files
    ]
    if not parts:
        raise unavailable(SOURCE, SOURCE.files[0], "no file of the atlas is at hand")
    cells: dict[str, dict[str, str]] = {}
    origins: dict[str, Origin] = {}
    for name in dict.fromkeys(name for part in parts for name in part.cells):
        holders = [part for part in parts if part.cells.get(name)]
        if holders:
            whole = [part for part in holders if part.key != EXCERPT] or holders
            best = max(whole, key=lambda part: len(part.cells[name]))
            cells[name] = best.cells[name]
            others = [(part.key, len(part.cells[name])) for part in holders if part is not best]
            genes = len(cells[name])
            repeated = best.repeats.get(name, 0)
            origins[name] = Origin(best.key, best.version, genes + repeated, genes, tuple(others))
    ensembl: dict[str, dict[str, None]] = {}
    for part in parts:
        for symbol, identifier in part.genes:
            ensembl.setdefault(symbol, {})[identifier] = None
    return HpaTable(
        columns=tuple(cells),
        cells=cells,
        version=" + ".join(sorted({origin.version for origin in origins.values()}, key=_number)),
        origins=origins,
        ensembl={symbol: tuple(identifiers) for symbol, identifiers in ensembl.items()},
        conflicts=tuple(
            conflict
            for part in parts
            for conflict in part.conflicts
            if conflict[0] in origins and origins[conflict[0]].key == part.key
        ),
        left_out=tuple(sorted({name for part in parts for name in part.left_out})),
    )


def _number(version: str) -> float:
    return float(version) if version.replace(".", "", 1).isdigit() else 0.0


def split_values(cell: str) -> tuple[str, ...]:
    """Return the values of a multi-value cell, each once, in order.

    Separators are `, ` and, by version and column, `,`, `;` or `<br>`; no term holds one.
    """
    return tuple(dict.fromkeys(part for part in _SEPARATOR.split(cell.strip()) if part))


def prognostic(cell: str) -> str:
    """Return a prognostic cell without its p-value: `unprognostic (2.39e-3)` is `unprognostic`."""
    return _BRACKET.sub("", cell.replace(";", "")).strip()


def cluster(cell: str) -> str:
    """Return the name of an expression cluster without the stray `;` that some cells carry."""
    return cell.replace(";", "").strip()
