"""What goes in: rows of (id, value) streamed from a table, a FASTA file or a dataset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from extractors.vectors import ID_COLUMNS, VectorTable
from hf_datasets.errors import InputError, choose, nearest, shorten
from hf_datasets.files import file_digest
from hf_datasets.reference import OpenedDataset, Reference, open_dataset, parse_reference
from hf_datasets.tables import (
    BATCH_ROWS,
    FORMATS,
    column_names,
    open_lines,
    plain_suffix,
    read_columns,
    require_file,
    table_format,
)
from hf_datasets.task import table_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.tables import TableFile

FASTA = {".fa", ".fasta", ".faa", ".fna", ".ffn"}
LISTS = {".txt", ".list"}
SUFFIXES = FASTA | LISTS | FORMATS.keys()
INPUT_CONFIG = "genes"
"""The table of a dataset that holds what can be embedded, if it has one of that name."""

Rows: TypeAlias = "tuple[list[str], list[Any]]"
"""Some rows: their ids and their values, None for a null.

A value is a text, or else has a length and `encode()`, the bytes that tell it from others.
"""


@dataclass(frozen=True)
class Missing:
    """Stands for a value that is not to be had, and says why: its row fails with the reason."""

    reason: str

    def __len__(self) -> int:
        """Return 0: there is nothing to read."""
        return 0

    def encode(self) -> bytes:
        """Return bytes that no text has."""
        return b"\xff" + self.reason.encode()


@dataclass(frozen=True)
class Asked:
    """What a user said about the input."""

    source: str | None
    """File, folder or dataset; None for the vocabulary of a model that has one."""
    column: str | None = None
    """Column of values; None is the model's usual one."""
    id_column: str | None = None
    """Column of names; None is the usual one."""
    genes: str | None = None
    """Dataset in which symbols are looked up."""
    hgnc: Path | None = None
    """HGNC's complete set, for symbols that the dataset has under another name."""
    counts: str | None = None
    """Matrix of counts in a file of cells, such as X, raw.X or layers/counts."""
    allow_normalized: bool = False
    """Whether cells may hold values that are no raw counts."""
    gene_ids: str | None = None
    """How rows that are genes are named: ensembl or symbol; None is the model's usual way."""


LOOK_UP = "to look symbols up add --genes gene-benchmark (or another dataset with such columns)"


class Input(ABC):
    """A stream of rows that can be read again and again, in the same order."""

    @abstractmethod
    def rows(self) -> Iterator[Rows]:
        """Yield the rows in batches of bounded size."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what it is, for the provenance; no path, it would differ by machine."""

    def values(self) -> Iterator[str]:
        """Yield every value that is there."""
        for _, values in self.rows():
            yield from (value for value in values if not isinstance(value, Missing | None))


class TableInput(Input):
    """Two columns of a CSV, TSV, JSON lines or Parquet file; the ids alone if no value is read."""

    def __init__(self, path: Path, id_column: str, column: str | None) -> None:
        self._path, self._id, self._column = path, id_column, column

    def rows(self) -> Iterator[Rows]:
        """Yield ids and values; ids stay text whatever the file calls them."""
        wanted = [self._id] if self._column is None else [self._id, self._column]
        for batch in read_columns(self._path, wanted):
            ids = [entity or "" for entity in batch[0]]
            yield ids, batch[-1] if self._column is not None else [None] * len(ids)

    def describe(self) -> dict[str, Any]:
        """Return file name, digest and columns."""
        return {
            "file": self._path.name,
            "sha256": file_digest(self._path),
            "id": self._id,
            "column": self._column,
        }


class ListInput(Input):
    """A text file of names, one a line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self) -> Iterator[Rows]:
        """Yield names without values; empty lines are none. InputError for a line of several."""
        ids: list[str] = []
        with open_lines(self._path) as lines:
            for number, line in enumerate(lines, 1):
                if len(line.split()) > 1:
                    message = (
                        f"{self._path} line {number} holds more than one name; give one a line, "
                        "or a table (.csv, .tsv)"
                    )
                    raise InputError(message)
                ids.extend(line.split())
                if len(ids) >= BATCH_ROWS:
                    yield ids, [None] * len(ids)
                    ids = []
        if ids:
            yield ids, [None] * len(ids)

    def describe(self) -> dict[str, Any]:
        """Return file name and digest."""
        return {"file": self._path.name, "sha256": file_digest(self._path)}


class FastaInput(Input):
    """A FASTA file: the first word of a header is the id, the lines below it the sequence."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self) -> Iterator[Rows]:
        """Yield ids and sequences, white space removed."""
        ids: list[str] = []
        values: list[str | None] = []
        for entity, sequence in self._records():
            ids.append(entity)
            values.append(sequence)
            if len(ids) >= BATCH_ROWS:
                yield ids, values
                ids, values = [], []
        if ids:
            yield ids, values

    def _records(self) -> Iterator[tuple[str, str]]:
        entity: str | None = None
        pieces: list[str] = []
        with open_lines(self._path) as lines:
            for number, line in enumerate(lines, 1):
                if line.startswith(">"):
                    if entity is not None:
                        yield entity, "".join(pieces)
                    entity, pieces = next(iter(line[1:].split()), ""), []
                elif line.strip():
                    if entity is None:
                        message = (
                            f"{self._path} line {number} comes before any '>' header: "
                            "no FASTA record; give FASTA, or a table with --column"
                        )
                        raise InputError(message)
                    pieces.append("".join(line.split()))
        if entity is not None:
            yield entity, "".join(pieces)

    def describe(self) -> dict[str, Any]:
        """Return file name and digest."""
        return {"file": self._path.name, "sha256": file_digest(self._path)}


class DatasetInput(Input):
    """Two columns of one table of a dataset; the ids alone if no value is read."""

    def __init__(self, opened: OpenedDataset, config: str, key: str, column: str | None) -> None:
        self._opened, self._config, self._id, self._column = opened, config, key, column
        self._table = opened.table(config)

    def rows(self) -> Iterator[Rows]:
        """Yield ids and values from the memory-mapped table."""
        yield from self.stretch(0, len(self))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._table)

    def stretch(self, start: int, stop: int) -> Iterator[Rows]:
        """Yield ids and values of the rows from `start` to `stop`."""
        wanted = [self._id] if self._column is None else [self._id, self._column]
        rows = self._table.select(range(start, stop)).select_columns(wanted)
        for batch in rows.with_format("arrow").iter(BATCH_ROWS):
            ids = [str(entity or "") for entity in batch.column(0).to_pylist()]
            yield ids, batch.column(1).to_pylist() if self._column else [None] * len(ids)

    def describe(self) -> dict[str, Any]:
        """Return dataset, revision, config and columns."""
        return {
            "dataset": self._opened.name,
            "revision": self._opened.revision,
            "config": self._config,
            "id": self._id,
            "column": self._column,
        }


class VectorInput(Input):
    """The ids of a table of vectors."""

    def __init__(self, path: Path, table: VectorTable) -> None:
        self._path, self.table = path, table

    def rows(self) -> Iterator[Rows]:
        """Yield ids without values."""
        for start in range(0, len(self.table.ids), BATCH_ROWS):
            ids = self.table.ids[start : start + BATCH_ROWS]
            yield ids, [None] * len(ids)

    def describe(self) -> dict[str, Any]:
        """Return file name and digest."""
        return {"file": self._path.name, "sha256": file_digest(self._path)}


def open_input(
    source: str, reads: tuple[str, ...], column: str | None, id_column: str | None
) -> Input:
    """Open what `--input` names: a file by its suffix, or a dataset path.

    `reads` are the columns a model can take, best first; without any, only ids are read.

    Raises
    ------
    InputError
        No such file, dataset or column; an unknown format; an empty file.

    """
    if "://" in source:
        message = f"{source} is read in shards, into a folder of them: give --out DIR/"
        raise InputError(message)
    path = Path(source).expanduser()
    if path.is_file() or (not path.is_dir() and plain_suffix(path) in SUFFIXES):
        require_file(path)
        if plain_suffix(path) in LISTS:
            return _open_list(path, reads)
        if plain_suffix(path) in FASTA:
            if column is not None or id_column is not None:
                message = f"{path} is FASTA: it has no columns; leave out --column and --id"
                raise InputError(message)
            return FastaInput(path)
        if table_format(path) is None:
            known = ", ".join(sorted(SUFFIXES))
            message = f"unknown format {plain_suffix(path)!r} of {path}; choices: {known}"
            raise InputError(message)
        return TableInput(path, *table_columns(path, reads, column, id_column))
    return open_dataset_input(parse_reference(source), reads, column, id_column)


def table_columns(
    path: TableFile, reads: tuple[str, ...], column: str | None, id_column: str | None
) -> tuple[str, str | None]:
    """Return the columns of a table that hold names and values, None where none are read."""
    names = column_names(path)
    key = _pick(str(path), names, id_column, ID_COLUMNS, "--id")
    return key, _pick_value(str(path), names, column, reads)


def _open_list(path: Path, reads: tuple[str, ...]) -> ListInput:
    if reads:
        message = f"{path} is a list of names, the model reads {reads[0]}; {LOOK_UP}"
        raise InputError(message)
    return ListInput(path)


def open_dataset_input(
    reference: Reference, reads: tuple[str, ...], column: str | None, id_column: str | None
) -> DatasetInput:
    """Open a table of a dataset, `genes` unless another is named; errors as `open_input`."""
    opened = open_dataset(reference)
    configs = opened.configs()
    config, inside = (*reference.parts, None, None)[:2]
    if config is None:
        if INPUT_CONFIG not in configs and len(configs) > 1:
            message = f"{reference.name} has several configs; name one: {reference.name}/CONFIG of "
            raise InputError(message + shorten(configs, 12))
        config = INPUT_CONFIG if INPUT_CONFIG in configs else configs[0]
    choose(config, dict.fromkeys(configs), f"config of {reference.name}")
    names = list(opened.features(config))
    where = f"{reference.name}/{config}"
    known = table_key(dict.fromkeys(names)) or ID_COLUMNS
    key = _pick(where, names, id_column, known, "--id")
    return DatasetInput(opened, config, key, _pick_value(where, names, column or inside, reads))


def _pick_value(
    where: str, names: list[str], column: str | None, reads: tuple[str, ...]
) -> str | None:
    if not reads and column is None:
        return None
    return _pick(where, names, column, reads, "--column")


def _pick(
    where: str, names: list[str], asked: str | None, usual: tuple[str, ...], option: str
) -> str:
    """Return the asked column, or the first usual one that is there."""
    if asked is not None:
        if asked in names:
            return asked
        message = f"no column {asked!r} in {where}{nearest(asked, names)} columns: "
        raise InputError(message + shorten(names, 12))
    for name in usual:
        if name in names:
            return name
    wanted = ", ".join(filter(None, usual))
    message = f"{where} has none of the columns {wanted}; name one with {option}; columns: "
    message += shorten(names, 12)
    raise InputError(f"{message}; {LOOK_UP}" if option == "--column" else message)
