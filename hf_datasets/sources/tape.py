"""TAPE: stability and fluorescence of protein variants.

https://github.com/songlab-cal/tape, raw data: a `.tar.gz` per task with
`fluorescence_train.json`, `…_valid.json` and `…_test.json`, each a JSON list of records with
`primary` and `log_fluorescence` or `stability_score` (a number in a list). The LMDB files hold
pickles and are not read.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hf_datasets.errors import InputError
from hf_datasets.sources.archives import member_lines
from hf_datasets.sources.labelled import Labelled, number_of
from hf_datasets.sources.source import Source, SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_URL = "https://s3.amazonaws.com/songlabdata/proteindata/data_raw_pytorch/"
_SPLITS = {"train": "train", "validation": "valid", "test": "test"}
_VALUES = {"fluorescence": "log_fluorescence", "stability": "stability_score"}
SOURCE = Source(
    name="tape",
    title="TAPE",
    version="2019",
    licence="BSD-3-Clause (code; the data are those of its sources)",
    citation="Rao et al., TAPE, NeurIPS 2019; Rocklin et al. 2017; Sarkisyan et al. 2016",
    homepage="https://github.com/songlab-cal/tape",
    files=(
        *(
            SourceFile(
                key=task,
                url=f"{_URL}{task}.tar.gz",
                local=(f"{task}*.tar.gz",),
                max_bytes=500_000_000,
                optional=True,
            )
            for task in _VALUES
        ),
        *(
            SourceFile(
                key=f"{task}-{split}",
                url="",
                local=(f"{task}_{name}.json*", f"{task}/{task}_{name}.json*"),
                max_bytes=500_000_000,
                optional=True,
            )
            for task in _VALUES
            for split, name in _SPLITS.items()
        ),
    ),
)


def keys(task: str) -> tuple[str, ...]:
    """Return the keys of a task's files: the archive, or one a split."""
    return task, *(f"{task}-{split}" for split in _SPLITS)


def read(files: Mapping[str, UsedFile], task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield the records of a task, from a file of a split or else from the archive."""
    for split, name in _SPLITS.items():
        file = files.get(f"{task}-{split}") or files.get(task)
        if file is None:
            continue
        for number, record in enumerate(_records(file, f"{task}_{name}.json"), 1):
            place = f"{task} {split} record {number}"
            sequence, cell = record.get("primary"), record.get(_VALUES[task])
            if isinstance(cell, list):
                cell = cell[0] if len(cell) == 1 else None
            if not isinstance(sequence, str) or isinstance(cell, bool | None):
                problems.add(f"record without primary or {_VALUES[task]}", place)
                continue
            value = number_of(str(cell), problems, place)
            if value is not None:
                yield Labelled(split, number, (sequence,), value)


def _records(file: UsedFile, name: str) -> list[dict[str, object]]:
    with member_lines(file, name) as lines:
        try:
            records = json.load(lines)
        except json.JSONDecodeError as error:
            message = f"{name} in {file.path} is not JSON: {error}; give TAPE's raw data"
            raise InputError(message) from error
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        message = f"{name} in {file.path} is no list of records; give TAPE's raw data"
        raise InputError(message)
    return records
