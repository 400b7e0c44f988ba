"""Open Targets: how strongly the evidence links a gene to a disease.

https://platform.opentargets.org/downloads: direct associations overall, a folder of Parquet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.errors import InputError, shorten
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from hf_datasets.sources.source import UsedFile

SOURCE = Source(
    name="open_targets",
    title="Open Targets Platform",
    version="23.09",
    licence="CC0-1.0",
    citation="Ochoa et al., The next-generation Open Targets Platform, NAR 51:D1353 (2023)",
    homepage="https://platform.opentargets.org",
    files=(
        SourceFile(
            key="associations",
            url="https://ftp.ebi.ac.uk/pub/databases/opentargets/platform/23.09/output/etl/"
            "parquet/associationByOverallDirect/",
            # The folder's name up to 2024, then its new spellings; or one file.
            local=(
                "associationByOverallDirect",
                "association*verall*irect",
                "association*verall*irect*.parquet",
            ),
            min_rows=1_000_000,
            max_bytes=1_000_000_000,
            listing=r"part-[\w.-]+\.parquet",
        ),
    ),
)
_COLUMNS = ["targetId", "diseaseId", "score"]


def read_associations(files: Mapping[str, UsedFile]) -> list[tuple[str, str, float]]:
    """Return (Ensembl id, disease id, score from 0 to 1) in the order of the files' names.

    Columns are read by name, so that old and new releases are alike. InputError if one of them
    is missing, of another type or null, or a score lies outside of 0 to 1.
    """
    file = used(files, SOURCE, "associations")
    paths = [file.path]
    if file.path.is_dir():
        paths = sorted(file.path.rglob("*.parquet"))
    if not paths:
        message = f"{file.path} holds no .parquet file; give the folder of associations"
        raise InputError(message)
    associations = [row for path in paths for row in _read(path)]
    file.expect_rows(len(associations), "associations")
    return associations


def _read(path: Path) -> list[tuple[str, str, float]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as parquet:
            names = parquet.schema_arrow.names
            if missing := [name for name in _COLUMNS if name not in names]:
                message = f"no column {missing[0]!r} in {path} columns: {shorten(names, 12)}"
                raise InputError(message)
            table = parquet.read(columns=_COLUMNS)
        genes = table["targetId"].cast(pa.string())
        diseases = table["diseaseId"].cast(pa.string())
        scores = table["score"].cast(pa.float64())
    except pa.ArrowException as error:
        message = f"{path} is not a readable Parquet file of associations: {error}"
        raise InputError(message) from error
    if any(column.null_count for column in (genes, diseases, scores)):
        message = f"{path} has nulls among {', '.join(_COLUMNS)}; fetch it again"
        raise InputError(message)
    inside = pc.and_(pc.greater_equal(scores, 0), pc.less_equal(scores, 1))
    if not pc.all(inside, min_count=0).as_py():
        message = f"{path} has scores outside of 0 to 1; fetch it again"
        raise InputError(message)
    return list(zip(_shared(genes), _shared(diseases), scores.to_pylist(), strict=True))


def _shared(column: pa.ChunkedArray) -> list[str]:
    """Return the texts of a column, equal ones as one object: millions of rows, few ids."""
    encoded = column.combine_chunks().dictionary_encode()
    values: list[str] = encoded.dictionary.to_pylist()
    return [values[index] for index in encoded.indices.to_pylist()]
