"""Gene vectors as their authors publish them: Gene2vec, GenePT, UCE, CellPLM.

Sources: Du et al. 2019, 10.1186/s12864-018-5370-x; Chen and Zou 2024, 10.1038/s41551-024-01284-6;
Rosen et al. 2023, 10.1101/2023.11.28.568918; Wen et al. 2023, 10.1101/2023.10.03.560734.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.vectors import VectorTable, checked, read_vector_table, read_word2vec
from hf_datasets.errors import InputError, shorten
from hf_datasets.files import cache_folder
from hf_datasets.sources.download import DownloadError, download
from hf_datasets.sources.restricted_pickle import NUMPY_NUMBERS, read_pickle
from hf_datasets.tables import open_lines, require_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from extractors.model import ModelRecord

HEADER_FIELDS = 2
LARGEST = 4_000_000_000
"""Bytes of the largest file that is downloaded."""


def fetch_table(record: ModelRecord) -> Path:
    """Return the upstream's file from the cache, downloading it first.

    InputError, with where to get it, for one that cannot be downloaded, or is not the file that
    its record describes by size and digest.
    """
    where = record.download
    if where is None:
        message = f"model {record.name} is its input; give --input TABLE of vectors"
        raise InputError(message)
    by_hand = f"get {where.file} from {where.page} and give it as --input"
    if not where.url:
        message = f"the vectors of {record.name} cannot be downloaded directly: {by_hand}"
        raise InputError(message)
    path = cache_folder() / "vectors" / record.name / where.file
    try:
        download(where.url, path, max_bytes=where.size or LARGEST, label=record.name)
    except DownloadError as error:
        message = f"cannot get the vectors of {record.name}: {error}; {by_hand}"
        raise InputError(message) from error
    if where.md5 is not None:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "md5").hexdigest()
        if found != where.md5:
            message = f"{path} is not the published file (md5 {found}, not {where.md5}); delete it"
            raise InputError(message)
    return path


def read_gene2vec(path: Path) -> VectorTable:
    """Read Gene2vec's text, with its header or without: a symbol and 200 numbers a line.

    InputError for another length, or fewer rows than the header says.
    """
    ids, vectors = read_word2vec(path)
    if vectors.shape[1] != 200:  # noqa: PLR2004  the name of the upstream's file says so
        message = f"{path} has vectors of {vectors.shape[1]} numbers, Gene2vec's have 200"
        raise InputError(message)
    with open_lines(path) as lines:
        head = next(lines).split()
    if len(head) == HEADER_FIELDS and head[0] != str(len(ids)):
        message = f"{path} has {len(ids):,} rows, its header says {head[0]}; fetch it again"
        raise InputError(message)
    return checked(path, ids, vectors)


def read_genept(path: Path, member: str, dim: int) -> VectorTable:
    """Read GenePT: the zip of Zenodo, the pickle in it called `member`, or a Parquet table.

    A gene that its authors had no text for has a vector of zeros: its row fails.
    The pickle is read without being run. It takes its own size in memory, and once more.
    """
    require_file(path)
    if path.suffix == ".parquet":
        table = read_vector_table(path)
    else:
        content = read_pickle(_genept_bytes(path, member), f"{member} of {path}", NUMPY_ARRAYS)
        table = _from_dict(path, content)
    if table.vectors.shape[1] != dim:
        message = f"{path} has vectors of {table.vectors.shape[1]} numbers, expected {dim}"
        raise InputError(message)
    nothing = np.flatnonzero(~table.vectors.any(axis=1))
    reason = "a vector of zeros: its authors had no text for it"
    return replace(table, failed={table.ids[row]: reason for row in nothing})


def _genept_bytes(path: Path, member: str) -> bytes:
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        # The name of one of the files ends with a dot.
        found = [name for name in names if name.rpartition("/")[2].rstrip(".") == member]
        if len(found) != 1:
            message = f"{path} holds {shorten(names)}; expected one {member}, give that file"
            raise InputError(message)
        try:
            return archive.read(found[0])
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            message = f"{path} is damaged ({error}); fetch it again"
            raise InputError(message) from error


class _Array:
    """Stands in for a numpy array in a pickle: one row of numbers, taken as float32."""

    values: NDArray[np.float32]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take shape, type and bytes from numpy's state."""
        _, shape, number, _, data = state
        raw = data.encode("latin-1") if isinstance(data, str) else data
        self.values = np.frombuffer(raw, np.dtype(number.order + number.kind)).astype(np.float32)
        if self.values.shape != tuple(shape):
            message = f"an array of shape {shape} with {len(self.values)} numbers"
            raise ValueError(message)


def _reconstruct(*_: object) -> _Array:
    return _Array()


NUMPY_ARRAYS = {
    **NUMPY_NUMBERS,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
}
"""What a pickle of numpy arrays may ask for, and what stands in for it."""


def _from_dict(path: Path, content: Any) -> VectorTable:  # noqa: ANN401  what was in the file
    """Return a dict of symbol to vector (list, array or tensor) as a table."""
    if not isinstance(content, dict) or not content:
        message = f"{path} holds a {type(content).__name__}; expected symbol → vector"
        raise InputError(message)
    ids = list(content)
    if strange := [entity for entity in ids if not isinstance(entity, str)]:
        message = f"{path} has the key {strange[0]!r}; expected gene symbols"
        raise InputError(message)
    try:
        rows = [
            np.asarray(vector.values if isinstance(vector, _Array) else vector, dtype=np.float32)
            for vector in content.values()
        ]
        vectors = np.stack(rows)
    except (ValueError, TypeError) as error:
        message = f"{path} does not hold one vector of the same length for each gene ({error})"
        raise InputError(message) from error
    if vectors.ndim != 2:  # noqa: PLR2004  genes and numbers
        message = f"{path} holds arrays of {vectors.ndim - 1} dimensions; expected vectors"
        raise InputError(message)
    return checked(path, ids, vectors)


def _load_torch(path: Path) -> Any:  # noqa: ANN401  what is in the file
    try:
        from extractors.weights import load_torch
    except ModuleNotFoundError as error:
        message = f"reading {path} needs {error.name}; pip install 'genezoo[text]'"
        raise InputError(message) from error
    require_file(path)
    return load_torch(path)


def read_uce(path: Path) -> VectorTable:
    """Read UCE's dict of symbol to ESM-2 vector (5,120 numbers); symbols stay as written."""
    return _from_dict(path, _load_torch(path))


def read_cellplm(path: Path) -> VectorTable:
    """Read CellPLM's gene embeddings: `*.best.ckpt`, names from `*.config.json` beside it."""
    stem = path.name.removesuffix(".best.ckpt")
    names = path.with_name(f"{stem}.config.json")
    require_file(names)
    try:
        ids = [str(gene) for gene in json.loads(names.read_text(encoding="utf-8"))["gene_list"]]
    except (ValueError, KeyError, TypeError) as error:
        message = f"{names} has no gene_list ({error!r}); give the two files of one release"
        raise InputError(message) from error
    content = _load_torch(path)
    state = content.get("model_state_dict", content) if isinstance(content, dict) else {}
    found = [name for name in state if name.endswith("feat_enc.emb")]
    if len(found) != 1 or len(state[found[0]]) != len(ids):
        shape = tuple(state[found[0]].shape) if found else "none"
        message = (
            f"{path} has no embedding of the {len(ids):,} genes of {names.name} "
            f"(feat_enc.emb: {shape}); give the two files of one release"
        )
        raise InputError(message)
    return checked(path, ids, state[found[0]].float().numpy())
