"""The files of the Human Protein Atlas, each read into columns by gene symbol.

`proteinatlas.tsv` and `secretome_location.csv` have the symbol in `Gene`; the files converted by R
have the Ensembl id in `Gene`, the symbol in `Gene.name`, and dots in column names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hf_datasets.errors import InputError, nearest, shorten
from hf_datasets.sources.reading import header_and_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hf_datasets.sources.source import UsedFile

    Wanted = Callable[[str], bool]

_VALUES = re.compile(r".* RNA - .* \[\w+\]$")
_ENSEMBL = re.compile(r"ENSG\d{6,}")
_FILE_VERSION = re.compile(r"^v(\d+(?:\.\d+)?)[_.-]")
_GENE = frozenset({"Gene", "Gene name", "Gene synonym", "Gene description", "Ensembl"})
_UNITS = {"nTPM": "nTPM", "FPKM": "FPKM", "pg.L": "pg/L"}


def wanted_by_default(column: str) -> bool:
    """Say whether a column is anything but an expression value per tissue, cell or cell line."""
    return not _VALUES.match(column)


@dataclass
class Part:
    """What one file gives."""

    key: str
    version: str
    cells: dict[str, dict[str, str]] = field(default_factory=dict)
    """{column: {symbol: text}}."""
    genes: dict[tuple[str, str], None] = field(default_factory=dict)
    """(symbol, Ensembl id) of the rows, each once, in order."""
    repeats: dict[str, int] = field(default_factory=dict)
    """{column: rows whose symbol already had a value}."""
    conflicts: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(column, symbol, kept, dropped)."""
    left_out: list[str] = field(default_factory=list)

    def add(self, column: str, symbol: str, text: str) -> None:
        """Put one cell; of two rows with one symbol the first with a value is kept."""
        values = self.cells.setdefault(column, {})
        if symbol not in values:
            values[symbol] = text
            return
        self.repeats[column] = self.repeats.get(column, 0) + 1
        if values[symbol] != text:
            self.conflicts.append((column, symbol, values[symbol], text))


def spaced(column: str) -> str:
    """Return a column name as `proteinatlas.tsv` spells it, from R's dotted form.

    R writes a dot for every character that is no letter or digit, so ` - ` is three dots and
    ` [nTPM]` two and one. Names without dots are left as they are.
    """
    if " " in column or "." not in column:
        return column
    name, unit = column, ""
    for dotted, plain in _UNITS.items():
        if name.endswith(f"..{dotted}."):
            name, unit = name.removesuffix(f"..{dotted}."), f" [{plain}]"
    if bracket := re.fullmatch(r"(\w+)\.\.(.+)\.", name):
        name, unit = bracket[1], f" ({bracket[2].replace('.', ' ')})"
    words = name.replace("...", " - ", 1).replace(".", " ") + unit
    return words.replace("Conc  ", "Conc. ")


@dataclass(frozen=True)
class _Table:
    """A file with its columns found: rows come one at a time, for the wide ones are large."""

    file: UsedFile
    columns: tuple[str, ...]
    rows: Iterator[list[str]]
    symbol: int
    ensembl: int

    def genes(self, part: Part) -> Iterator[tuple[str, list[str]]]:
        """Yield (symbol, row) of every row with a symbol; note the genes and who is left out."""
        count = 0
        for row in self.rows:
            count += 1
            name = row[self.symbol]
            if not name or _ENSEMBL.search(name):
                part.left_out.append(name or row[self.ensembl])
            else:
                part.genes[name, row[self.ensembl]] = None
                yield name, row
        self.file.expect_rows(count)

    def at(self, column: str) -> int:
        """Return the position of a column; InputError with the choices if it is not there."""
        if column in self.columns:
            return self.columns.index(column)
        message = (
            f"no column {column!r} in {self.file.path} ({self.file.source}.{self.file.key})"
            f"{nearest(column, self.columns)} columns: {shorten(self.columns, 12) or 'none'}"
        )
        raise InputError(message)


def _table(file: UsedFile, delimiter: str = "\t") -> _Table:
    """Open a file. `Gene` is the Ensembl id where there is a `Gene name`, else the symbol."""
    rows = header_and_rows(file, delimiter, quoted=delimiter == ",")
    columns = tuple(spaced(name) for name in next(rows, []))
    found = _Table(file, columns, rows, 0, 0)
    symbol, ensembl = ("Gene name", "Gene") if "Gene name" in columns else ("Gene", "Ensembl")
    return replace(found, symbol=found.at(symbol), ensembl=found.at(ensembl))


def _version(file: UsedFile, columns: tuple[str, ...]) -> str:
    """Return the atlas version: by the file's name, else by a column that came or went."""
    if named := _FILE_VERSION.match(file.path.name):
        return named[1]
    if "RNA tissue category" in columns:
        return "18"
    return "23" if "RNA tissue cell type enrichment" in columns else "unknown"


def read_wide(file: UsedFile, wanted: Wanted) -> Part:
    """Read a table of one row a gene: every wanted column, cells as they are."""
    table = _table(file)
    part = Part(file.key, _version(file, table.columns))
    chosen = [
        (index, name)
        for index, name in enumerate(table.columns)
        if name not in _GENE and wanted(name)
    ]
    part.cells = {name: {} for _, name in chosen}
    for symbol, row in table.genes(part):
        for index, name in chosen:
            if row[index]:
                part.add(name, symbol, row[index])
    return part


def read_subcellular(file: UsedFile, wanted: Wanted) -> Part:
    """Read `subcellular_location.tsv`: main and additional locations make the atlas's column."""
    table = _table(file)
    part = Part(file.key, _version(file, table.columns))
    main, additional = table.at("Main location"), table.at("Additional location")
    for symbol, row in table.genes(part):
        cells = {
            "Subcellular location": ";".join(filter(None, (row[main], row[additional]))),
            "Subcellular main location": row[main],
            "Subcellular additional location": row[additional],
        }
        for name, text in cells.items():
            if text and wanted(name):
                part.add(name, symbol, text.replace(";", ", "))
    return part


def read_prognostics(file: UsedFile, wanted: Wanted) -> Part:
    """Read prognostics in long form, one row a gene and cancer, into a column a cancer.

    `unprognostic.favorable` with p 0.01 becomes `unprognostic (0.01)`, as the atlas writes it:
    the direction is told only where it is prognostic.
    """
    table = _table(file)
    part = Part(file.key, _version(file, table.columns))
    cancer, variable, p_value = table.at("Cancer"), table.at("variable"), table.at("p")
    for symbol, row in table.genes(part):
        name = f"Pathology prognostics - {row[cancer][:1].upper()}{row[cancer][1:]}"
        level, _, direction = row[variable].partition(".")
        if level not in {"prognostic", "unprognostic"} or not direction:
            message = (
                f"{file.path} has {row[variable]!r} for {symbol}; "
                "expected prognostic.favorable, unprognostic.unfavorable and the like"
            )
            raise InputError(message)
        if wanted(name):
            label = level if level == "unprognostic" else f"{level} {direction}"
            part.add(name, symbol, f"{label} ({row[p_value]})")
    return part


def read_tissues(file: UsedFile, wanted: Wanted) -> Part:
    """Read consensus expression, a column a tissue, as `Tissue RNA - liver [nTPM]`."""
    table = _table(file)
    part = Part(file.key, _version(file, table.columns))
    names = [f"Tissue RNA - {tissue} [nTPM]" for tissue in table.columns]
    chosen = [
        (index, name)
        for index, name in enumerate(names)
        if table.columns[index] not in _GENE and wanted(name)
    ]
    part.cells = {name: {} for _, name in chosen}
    for symbol, row in table.genes(part):
        for index, name in chosen:
            if row[index]:
                part.add(name, symbol, row[index])
    return part


def read_secretome_location(file: UsedFile, wanted: Wanted) -> Part:
    """Read `secretome_location.csv`, written by R: one row a gene, one annotation."""
    table = _table(file, ",")
    part = Part(file.key, _version(file, table.columns))
    where = table.at("Secretome location")
    for symbol, row in table.genes(part):
        if row[where] and wanted("Secretome location"):
            part.add("Secretome location", symbol, row[where])
    return part


READERS: Mapping[str, Callable[[UsedFile, Wanted], Part]] = {
    "proteinatlas": read_wide,
    "proteinatlas_v18": read_wide,
    "secretome_genes": read_wide,
    "subcellular": read_subcellular,
    "prognostics": read_prognostics,
    "tissues": read_tissues,
    "secretome_location": read_secretome_location,
}
"""Reader by key of the file."""
