"""Symbols as an input for any model: a dataset says what the gene's protein, DNA or text is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extractors.inputs import Input, Missing, open_dataset_input, open_input
from hf_datasets.command import say
from hf_datasets.errors import shorten
from hf_datasets.files import cache_folder
from hf_datasets.reference import parse_reference
from hf_datasets.sources import SOURCES, SourceUnavailable
from hf_datasets.sources.fetch import locate
from hf_datasets.symbols import Found, Resolution, SymbolTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from extractors.inputs import Asked, Rows
    from hf_datasets.sources.source import UsedFile


class SymbolInput(Input):
    """Names of genes from a list or a table, with a column of a dataset's `genes` as values.

    A name that the dataset does not have is looked up among HGNC's previous symbols, aliases and
    ids, where HGNC's complete set was given or lies in the cache. Rows keep the user's name. A
    gene that is not found, or has no value, becomes a row with an error that says which.
    """

    def __init__(self, asked: Asked, reads: tuple[str, ...]) -> None:
        assert asked.source is not None  # noqa: S101  the caller has looked
        assert asked.genes is not None  # noqa: S101
        self._names = open_input(asked.source, (), None, asked.id_column)
        table = open_dataset_input(parse_reference(asked.genes), reads, asked.column, None)
        self._table = table.describe()
        self._values: dict[str, Any] = {
            symbol: value for ids, values in table.rows() for symbol, value in _pairs(ids, values)
        }
        names = [name for ids, _ in self._names.rows() for name in ids]
        unknown = [name for name in names if name.strip() not in self._values]
        self._hgnc = _hgnc_files(asked) if unknown else {}
        self._resolved = self._resolve(unknown)
        self._report(names, unknown)

    def rows(self) -> Iterator[Rows]:
        """Yield the names as they were given, and what the dataset has for their genes."""
        for ids, _ in self._names.rows():
            yield ids, [self._value(name) for name in ids]

    def describe(self) -> dict[str, Any]:
        """Return the list of names, the dataset, and HGNC's digest if it was needed."""
        hgnc = {key: file.sha256 for key, file in self._hgnc.items()}
        return {**self._names.describe(), "genes": self._table, "hgnc": hgnc or None}

    def _resolve(self, unknown: Iterable[str]) -> dict[str, Resolution]:
        if not self._hgnc:
            return {}
        from hf_datasets.sources.hgnc import read_genes

        symbols = SymbolTable(read_genes(self._hgnc))
        return {name: symbols.resolve(name) for name in unknown}

    def _value(self, name: str) -> Any:  # noqa: ANN401  text
        symbol, where = name.strip(), f"{self._table['dataset']}/{self._table['config']}"
        if symbol not in self._values:
            found = self._resolved.get(name)
            if found is None:
                return Missing(f"{symbol} is not in {where}")
            if found.symbol is None:
                several = f": {', '.join(found.candidates)}" if found.candidates else ""
                return Missing(f"{symbol} is not in {where}; in HGNC it is {found.found}{several}")
            if found.symbol not in self._values:
                return Missing(f"{symbol}, now {found.symbol}, is not in {where}")
            symbol = found.symbol
        return self._values[symbol] or Missing(
            f"{symbol} has no {self._table['column']} in {where}"
        )

    def _report(self, names: list[str], unknown: list[str]) -> None:
        """Say how many names were found, by which way, and name those that were not."""
        renamed = [name for name in unknown if self._by_other_name(name)]
        lost = [name for name in unknown if not self._by_other_name(name)]
        missing = sum(isinstance(self._value(name), Missing) for name in names) - len(lost)
        where = f"{self._table['dataset']}/{self._table['config']}"
        say(f"{len(names) - len(lost):,} of {len(names):,} names are in {where}")
        if renamed:
            say(f"  {len(renamed):,} of them by another name (HGNC): {shorten(renamed)}")
        if missing:
            say(f"  {missing:,} of them have no {self._table['column']} there")
        if lost:
            say(f"  {len(lost):,} are not: {shorten(lost)}")
            if not self._hgnc:
                say("  HGNC's complete set (--hgnc FILE) would find previous names and aliases")

    def _by_other_name(self, name: str) -> bool:
        found = self._resolved.get(name)
        known = found is not None and found.found not in {Found.AMBIGUOUS, Found.UNKNOWN}
        return known and found is not None and found.symbol in self._values


def _pairs(ids: list[str], values: list[Any]) -> Iterator[tuple[str, Any]]:
    return zip(ids, values, strict=True)


def _hgnc_files(asked: Asked) -> dict[str, UsedFile]:
    """Return HGNC's files: the given one, or those in the cache of sources; none if not there."""
    given = {"hgnc.genes": asked.hgnc} if asked.hgnc is not None else {}
    cache = cache_folder() / "sources"
    try:
        return locate(SOURCES["hgnc"], given=given, folder=None, download=False, cache=cache)
    except SourceUnavailable:
        return {}
